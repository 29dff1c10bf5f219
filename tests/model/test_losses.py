"""The loss, by hand."""

import math

import pytest
import torch

from bench.model.losses import contrastive_loss


def dot(text: torch.Tensor, video: torch.Tensor) -> torch.Tensor:
    return text @ video.T


def test_equal_features_give_the_loss_of_guessing_in_both_directions() -> None:
    ones = torch.ones(4, 2) / math.sqrt(2)
    assert contrastive_loss(ones, ones, torch.tensor(10.0), dot).item() == pytest.approx(2 * math.log(4))


def test_the_loss_is_the_sum_of_both_directions() -> None:
    text = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    video = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    t2v = (math.log(2) + math.log(2)) / 2  # each row: equal scores
    v2t = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1))) / 2
    assert contrastive_loss(text, video, torch.tensor(1.0), dot).item() == pytest.approx(t2v + v2t)


def test_right_pairs_far_apart_from_the_others_give_no_loss() -> None:
    eye = torch.eye(3)
    assert contrastive_loss(eye, eye, torch.tensor(100.0), dot).item() == pytest.approx(0, abs=1e-6)
