"""One run, from its config to its record: train, evaluate, reopen, doctor."""
