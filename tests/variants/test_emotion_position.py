"""What is added depends on the emotion and on the place, and on nothing else."""

import torch

from bench.model.small_models import make, naming


@torch.no_grad()
def test_a_token_gets_the_mean_vector_of_its_place() -> None:
    variant = make("emotion_position", init_std=1.0)
    added = variant.fuse_text(torch.zeros(1, 4, 32), naming([0, 2, 0, 0, 0, 0, 1, 0]))  # trust and anger
    for place in range(4):
        assert torch.allclose(added[0, place], (variant.emotion[1, place] + variant.emotion[6, place]) / 2)


@torch.no_grad()
def test_one_emotion_adds_something_else_at_every_place() -> None:
    added = make("emotion_position", init_std=1.0).fuse_text(torch.zeros(1, 4, 32), naming([1, 0, 0, 0, 0, 0, 0, 0]))
    assert len({tuple(row) for row in added[0].tolist()}) == 4
