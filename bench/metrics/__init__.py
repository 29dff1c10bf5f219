"""What is measured: where the true answer ranks, and what the ranking has to do with emotion."""
