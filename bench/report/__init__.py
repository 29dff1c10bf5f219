"""Records -> figures and pages."""
