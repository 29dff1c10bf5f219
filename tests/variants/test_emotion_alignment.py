"""The loss, held against the sums of its formula written out."""

import math
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from helpers.emotion_alignment import EMOTIONS, features, loss, rank
from torch import Tensor

from bench.errors import UsageError
from bench.model.small_models import make, naming


def by_hand(emotions: list[list[int]], texts: Tensor, videos: Tensor, weight: float, temperature: float) -> float:
    """Anchor by anchor, positive by positive."""
    texts, videos = texts.detach(), videos.detach()
    sets = [{name for name, count in enumerate(row) if count} for row in emotions]
    total = 0.0
    for one, other in ((texts, videos), (videos, texts)):
        for i, anchor in enumerate(sets):
            if not anchor:
                continue
            scores = [float(one[i] @ candidate) / temperature for candidate in other]
            log_sum = math.log(sum(math.exp(score) for score in scores))
            likeness = [len(anchor & named) / len(anchor | named) for named in sets]
            total -= sum(
                share / sum(likeness) * (score - log_sum) for share, score in zip(likeness, scores, strict=True)
            )
    return weight * total / 2 / sum(map(bool, sets))


def test_it_is_the_sum_of_its_formula() -> None:
    texts, videos = features(4)
    found = loss(naming(*EMOTIONS), texts, videos, weight=0.7, temperature=0.2)
    assert found.item() == pytest.approx(by_hand(EMOTIONS, texts, videos, 0.7, 0.2), rel=1e-5)


def test_a_batch_without_emotion_is_no_loss() -> None:
    assert loss(naming([0] * 8, [0] * 8), *features(2)).item() == 0


def test_pairs_without_emotion_are_pushed_but_never_pulled() -> None:
    """Pair 2 has none: as a rival it gets a gradient, but more likeness to the others only costs."""
    texts, videos = features(4)
    loss(naming(*EMOTIONS), texts, videos).backward()
    closer = (videos + 0.01 * torch.eye(4)[2][:, None] * texts[0]).detach()
    before, after = (loss(naming(*EMOTIONS), texts.detach(), v) for v in (videos.detach(), closer))
    assert after > before


@pytest.mark.parametrize("wrong", [{"weight": -5}, {"weight": "nan"}, {"temperature": 0}])
def test_a_weight_or_temperature_that_cannot_be_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="the weight must not be below 0, and the temperature must be above 0"):
        make("emotion_alignment", **wrong)


@pytest.mark.slow
def test_the_mean_over_two_ranks_is_the_loss_of_the_whole_batch(tmp_path: Path) -> None:
    mp.spawn(rank, args=(f"file://{tmp_path}/meet", str(tmp_path)), nprocs=2)
    halves = [torch.load(tmp_path / f"{number}.pt") for number in range(2)]
    texts, videos = features(4)
    whole = loss(naming(*EMOTIONS), texts, videos)
    whole.backward()
    assert sum(half["loss"] for half in halves).item() / 2 == pytest.approx(whole.item(), rel=1e-5)
    for side, leaf in (("text", texts), ("video", videos)):
        assert leaf.grad is not None
        assert torch.allclose(torch.cat([half[side] for half in halves]), leaf.grad, atol=1e-6)
