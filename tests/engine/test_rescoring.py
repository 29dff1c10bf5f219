"""DSL and QB-Norm against their formulas, written out slowly, and against examples that can be checked by head."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from helpers.records import counts_by_sorting
from hypothesis import given
from hypothesis import strategies as st

from bench.engine import score_matrix
from bench.engine.evaluate import Ranks, Scores, rank
from bench.engine.rescoring import dsl, qbnorm, rescore
from bench.engine.score_matrix import ScoreMatrix

SEED, SIZE, TILE = st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 4)


def cosines(seed: int, rows: int, columns: int) -> np.ndarray:
    """Any numbers from -1 to 1; no two so close that rounding would decide their order."""
    return np.random.default_rng([seed, rows]).uniform(-1, 1, (rows, columns)).astype(np.float32)


def matrix_of(scores: np.ndarray, captions: list[str] | None = None) -> ScoreMatrix:
    """A score matrix that is known beforehand: the text features are its rows."""
    text = torch.from_numpy(scores.astype(np.float32))
    names = captions or [str(i) for i in range(len(scores))]
    return ScoreMatrix(lambda text, video: text @ video.T, text, torch.eye(len(scores)), names)


def lists(counts: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {kind: values.tolist() for kind, values in counts.items()}


def after_qbnorm(scores: np.ndarray, bank: np.ndarray) -> dict[str, list[int]]:
    matrix = matrix_of(scores)
    return lists(qbnorm(matrix, rank(matrix, {})[0]["t2v"], torch.from_numpy(bank.astype(np.float32))))


def slow_dsl(scores: np.ndarray) -> dict[str, np.ndarray]:
    """The rescored matrices, queries by candidates, element by element."""
    exact = scores.astype(float)
    t2v, v2t = np.empty_like(exact), np.empty_like(exact)
    for i, j in np.ndindex(*exact.shape):
        peak = np.exp(100 * exact[i, j])
        t2v[i, j] = exact[i, j] * peak / sum(np.exp(100 * score) for score in exact[:, j])
        v2t[j, i] = exact[i, j] * peak / sum(np.exp(100 * score) for score in exact[i])
    return {"t2v": t2v, "v2t": v2t}


@given(SEED, SIZE, TILE)
def test_dsl_agrees_with_its_formula(seed: int, n: int, tile: int) -> None:
    scores = cosines(seed, n, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_matrix, "TILE", tile)
        after = dsl(matrix_of(scores))
    for way, rescored in slow_dsl(scores).items():
        assert lists(after[way]) == counts_by_sorting(rescored)


def exact_dsl(scores: np.ndarray) -> dict[str, np.ndarray]:
    """The rescored matrices, queries by candidates, with 60 digits and exponents without end."""
    with localcontext(prec=60, Emin=-(10**9), Emax=10**9):
        exact = np.array([[Decimal(float(score)) for score in row] for row in scores], object)
        peaks = np.array([[(100 * score).exp() for score in row] for row in exact], object)
        return {"t2v": exact * peaks / peaks.sum(axis=0), "v2t": (exact * peaks / peaks.sum(axis=1)[:, None]).T}


@pytest.mark.parametrize("scale", [1, 20, 1000])
@pytest.mark.parametrize("tile", [7, 4096])
def test_dsl_of_scores_without_a_bound_ties_no_two_that_differ(
    monkeypatch: pytest.MonkeyPatch, scale: int, tile: int
) -> None:
    monkeypatch.setattr(score_matrix, "TILE", tile)
    scores = scale * cosines(0, 24, 24)
    after = dsl(matrix_of(scores))
    for way, rescored in exact_dsl(scores).items():
        assert lists(after[way]) == counts_by_sorting(rescored)
        assert not after[way]["equal"].any()


def test_dsl_ranks_a_score_of_zero_between_the_signs() -> None:
    scores = np.array([[0.0, 0.5, -0.5], [0.3, 0.0, 0.2], [-0.1, -0.2, 0.0]])
    assert dsl(matrix_of(scores))["t2v"]["greater"].tolist() == [1, 2, 0]


@given(SEED, SIZE, SIZE, TILE)
def test_qbnorm_agrees_with_its_formula(seed: int, n: int, banked: int, tile: int) -> None:
    scores, bank = cosines(seed, n, n), cosines(seed + 1, banked, n)
    sums = np.exp(20 * bank.astype(float)).sum(axis=0)
    hubs = {int(np.argmax(row)) for row in bank}
    rescored = np.array([np.exp(20 * row.astype(float)) / sums if np.argmax(row) in hubs else row for row in scores])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_matrix, "TILE", tile)
        assert after_qbnorm(scores, bank) == counts_by_sorting(rescored)


def test_dsl_finds_the_clip_that_a_hub_had_taken() -> None:
    """Clip 0 suits all captions best; but for caption 1 it does so less than for caption 0."""
    scores = np.array([[0.9, 0.1], [0.8, 0.7]])
    assert rank(matrix_of(scores), {})[0]["t2v"]["greater"].tolist() == [0, 1]
    assert dsl(matrix_of(scores))["t2v"]["greater"].tolist() == [0, 0]


def test_dsl_on_one_axis_alone_would_move_only_one_direction() -> None:
    """Erratum 6: what is divided by a clip's sum orders the captions of that clip as before."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.1, 0.5, (30, 30)).astype(np.float32)
    plain, after = rank(matrix_of(scores), {})[0], dsl(matrix_of(scores))
    for way, other in (("t2v", "v2t"), ("v2t", "t2v")):
        of_one_way = slow_dsl(scores)[way].T  # candidates by queries: read in the other direction
        assert counts_by_sorting(of_one_way) == lists(plain[other])
        assert lists(after[other]) != lists(plain[other])


def test_qbnorm_helps_where_a_clip_is_a_hub() -> None:
    """Both captions rank clip 0 first; the bank knows it as everybody's favourite, so clip 1 is found again."""
    scores, bank = np.array([[0.9, 0.1], [0.8, 0.7]]), np.array([[0.8, 0.2], [0.8, 0.1]])
    assert rank(matrix_of(scores), {})[0]["t2v"]["greater"].tolist() == [0, 1]
    assert after_qbnorm(scores, bank)["greater"] == [0, 0]


def test_qbnorm_leaves_a_caption_alone_whose_best_clip_is_nobody_elses() -> None:
    """Clip 2 draws the whole bank. Caption 0 has another best, which clip 1 would pass if it were normalized."""
    scores = np.array([[0.9, 0.8, 0.1], [0.1, 0.9, 0.2], [0.1, 0.2, 0.9]])
    bank = np.array([[0.5, 0.1, 0.8], [0.6, 0.1, 0.9]])
    assert after_qbnorm(scores, bank)["greater"] == [0, 0, 1]
    assert (np.exp(20 * scores) / np.exp(20 * bank).sum(axis=0))[0].argmax() == 1


@pytest.mark.parametrize("tile", [2, 4096])
def test_identical_captions_still_tie_exactly(monkeypatch: pytest.MonkeyPatch, tile: int) -> None:
    monkeypatch.setattr(score_matrix, "TILE", tile)
    torch.manual_seed(0)
    captions = ["same", "a", "same", "b", "c", "same", "d"]
    features = {caption: torch.randn(32) / 6 for caption in captions}
    text = torch.stack([features[caption] for caption in captions])
    matrix = ScoreMatrix(lambda t, v: t @ v.T, text, text + torch.randn(7, 32) / 6, captions)
    after = dsl(matrix)
    assert after["v2t"]["equal"].tolist() == [2, 0, 2, 0, 0, 2, 0]
    assert after["t2v"]["equal"].tolist() == [0] * 7


def test_both_are_rescored_and_qbnorm_in_one_direction_only() -> None:
    matrix = matrix_of(np.eye(4))
    after: dict[str, Ranks] = rescore(Scores(matrix, *rank(matrix, {})), torch.eye(4))
    assert {name: list(ways) for name, ways in after.items()} == {"dsl": ["t2v", "v2t"], "qbnorm": ["t2v"]}
    assert after["qbnorm"]["t2v"]["greater"].tolist() == [0, 0, 0, 0]
