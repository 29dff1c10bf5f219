"""What a trained model does: the probe, and explanations of single queries."""
