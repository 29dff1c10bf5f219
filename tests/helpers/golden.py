"""The shape of the golden checkpoints, which were made with the original model's code (see shared/README.md)."""

from transformers import CLIPConfig

GOLDEN_FRAMES = 4


def golden_config() -> CLIPConfig:
    """Text 2 layers x 32, vision 3 layers x 48, 4 heads each, 32 px, patch 8, projection 24."""
    return CLIPConfig(
        text_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "vocab_size": 300,
            "max_position_embeddings": 16,
            "bos_token_id": 298,
            "eos_token_id": 299,
            "pad_token_id": 299,
        },
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_attention_heads": 4,
            "num_hidden_layers": 3,
            "image_size": 32,
            "patch_size": 8,
        },
        projection_dim=24,
    )
