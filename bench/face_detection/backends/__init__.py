"""The face backends that are built in: one module each."""
