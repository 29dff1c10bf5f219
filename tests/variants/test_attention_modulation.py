"""Scores that are 1 on average, by the formula of the docstring written out token by token."""

import math

import torch

from bench.model.small_models import captions, make, naming


@torch.no_grad()
def test_a_token_is_scaled_by_its_share_of_the_attention() -> None:
    variant = make("attention_modulation")
    variant.gate.fill_(0.7)
    text, tokens = naming([0, 1, 0, 0, 0, 0, 0, 0]), torch.randn(1, 4, 32)
    normed = [(token - token.mean()) / (token.var(correction=0) + 1e-5).sqrt() for token in tokens[0]]
    keys = [variant.key.weight @ token for token in normed]
    weights = [math.exp(float(variant.query.weight[1] @ key) / 8) for key in keys]  # 8 is the root of the width 64
    scores = [4 * weight / sum(weights) for weight in weights]
    expected = torch.stack([t * (1 + math.tanh(0.7) * (s - 1)) for t, s in zip(tokens[0], scores, strict=True)])
    assert torch.allclose(variant.fuse_text(tokens, text)[0], expected, atol=1e-5)


@torch.no_grad()
def test_padding_takes_no_part_in_the_attention() -> None:
    variant = make("attention_modulation")
    variant.gate.fill_(0.7)
    text, tokens = captions([3, 5], seed=4), torch.randn(2, 10, 32)
    other = tokens.clone()
    other[0, 5:] = 9.0
    assert torch.allclose(variant.fuse_text(tokens, text)[0, :5], variant.fuse_text(other, text)[0, :5])
