"""CLIP-ViP, the variant contract, the registry of variants, losses, checkpoints."""
