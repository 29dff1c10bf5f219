"""Text tokens attend to the named emotions alone."""

import torch

from bench.model.small_models import naming, trained


@torch.no_grad()
def test_with_one_emotion_every_token_gets_its_value() -> None:
    """A softmax over one key is 1, so what is found is the emotion's value, whatever the query."""
    variant = trained("cross_attention")
    tokens = torch.randn(1, 4, 32)
    values = variant.attention.in_proj_weight[64:] @ variant.emotion[2] + variant.attention.in_proj_bias[64:]
    found = variant.attention.out_proj(values)
    expected = tokens + torch.tanh(variant.gate) * found
    assert torch.allclose(variant.fuse_text(tokens, naming([0, 0, 1, 0, 0, 0, 0, 0])), expected, atol=1e-5)


@torch.no_grad()
def test_an_emotion_that_is_not_named_is_not_looked_at() -> None:
    variant, tokens, text = trained("cross_attention"), torch.randn(1, 4, 32), naming([1, 0, 1, 0, 0, 0, 0, 0])
    before = variant.fuse_text(tokens, text)
    variant.emotion[[1, 3, 4, 5, 6, 7]] = 100.0
    assert torch.allclose(variant.fuse_text(tokens, text), before)
