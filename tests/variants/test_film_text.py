"""Scale and shift, from the mean over the caption's emotions."""

import torch

from bench.model.small_models import make, naming


@torch.no_grad()
def test_tokens_are_scaled_and_shifted_feature_by_feature() -> None:
    variant = make("film_text")
    variant.film.weight.copy_(torch.randn(8, 64))
    tokens = torch.randn(1, 4, 32)
    scale, shift = ((variant.film.weight[0] + variant.film.weight[7]) / 2).split(32)  # joy and anticipation
    fused = variant.fuse_text(tokens, naming([1, 0, 0, 0, 0, 0, 0, 4]))
    assert torch.allclose(fused, tokens * (1 + scale) + shift, atol=1e-6)
