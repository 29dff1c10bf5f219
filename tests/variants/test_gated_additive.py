"""The gate: shut at the start, and then a factor on what additive_text adds."""

import torch

from bench.model.small_models import make, naming

TEXT = naming([0, 3, 0, 0, 1, 0, 0, 0])  # trust and sadness


@torch.no_grad()
def test_an_open_gate_adds_tanh_of_it_times_the_mean() -> None:
    variant = make("gated_additive", init_std=1.0)
    variant.gate.fill_(0.5)
    mean = (variant.emotion.weight[1] + variant.emotion.weight[4]) / 2
    expected = torch.tanh(torch.tensor(0.5)) * mean
    assert torch.allclose(variant.fuse_text(torch.zeros(1, 4, 32), TEXT), expected.expand(1, 4, 32))


def test_the_gate_hears_the_loss_though_it_is_shut() -> None:
    variant = make("gated_additive").train()
    variant.fuse_text(torch.ones(1, 4, 32), TEXT).square().sum().backward()
    assert variant.gate.grad is not None and variant.gate.grad != 0
