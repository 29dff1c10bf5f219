"""The loss, by hand."""

import math

import pytest
import torch
from torch import Tensor

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


def features(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def slow_loss(text: Tensor, video: Tensor, scale: Tensor, swapped: Tensor, rows: list[int]) -> Tensor:
    """The loss with swapped captions from its definition, number by number."""
    n, total = len(text), torch.zeros((), dtype=torch.float64)
    for pair in range(n):
        captions = [scale * (text[other] @ video[pair]) for other in range(n)]
        captions += [scale * (swapped[place] @ video[pair]) for place, row in enumerate(rows) if row == pair]
        videos = [scale * (text[pair] @ video[other]) for other in range(n)]
        for rivals in (captions, videos):
            total = total - torch.log(rivals[pair].exp() / torch.stack(rivals).exp().sum()) / n
    return total


def test_a_swapped_caption_is_a_rival_of_its_own_clip_alone() -> None:
    given = (
        features(5, 4, seed=1),
        features(5, 4, seed=2),
        torch.tensor(1.5, requires_grad=True),
        features(2, 4, seed=3),
    )
    text, video, scale, swapped = given
    found = contrastive_loss(text, video, scale, dot, (swapped, torch.tensor([3, 0])))
    slow = slow_loss(text, video, scale, swapped, [3, 0])
    assert found.item() == pytest.approx(slow.item(), rel=1e-9)
    for one, other in zip(torch.autograd.grad(found, given), torch.autograd.grad(slow, given), strict=True):
        assert torch.allclose(one, other, atol=1e-9)
        assert other.any()


def test_a_swapped_caption_that_scores_as_its_own_doubles_the_odds_against_it() -> None:
    ones = torch.ones(4, 2)
    swapped = torch.ones(1, 2), torch.tensor([2])
    wanted = math.log(4) + (3 * math.log(4) + math.log(5)) / 4
    assert contrastive_loss(ones, ones, torch.tensor(1.0), dot, swapped).item() == pytest.approx(wanted)
