"""Many runs from one file: the plan, and what carries it out."""
