"""Ranks by counting, against hand-made cases and against slow sorting; in tiles, against the whole matrix."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.engine import score_matrix
from bench.engine.evaluate import BATCH, Ranks, best_clips, rank, rows_of, share_of
from bench.engine.score_matrix import ScoreMatrix
from bench.errors import BenchError
from bench.metrics.ranking import ranks


def cosine(text: torch.Tensor, video: torch.Tensor) -> torch.Tensor:
    return text @ video.T


def small_tiles(patch: pytest.MonkeyPatch, tile: int = 3, band: int = 2) -> None:
    patch.setattr(score_matrix, "TILE", tile)
    patch.setattr(score_matrix, "BAND", band)


def whole(scores: np.ndarray, captions: list[str] | None = None) -> ScoreMatrix:
    """A score matrix that is known beforehand: the text features are its rows."""
    n = len(scores)
    text = torch.from_numpy(scores.astype(np.float32))
    return ScoreMatrix(cosine, text, torch.eye(n), captions or [str(i) for i in range(n)])


def as_lists(counted: Ranks) -> dict[str, dict[str, list[int]]]:
    return {way: {kind: values.tolist() for kind, values in counts.items()} for way, counts in counted.items()}


def test_expected_rank_splits_ties() -> None:
    similarity = np.array([[0.5, 0.5, 0.1], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32)
    counts = rank(whole(similarity), {})[0]["t2v"]  # caption 0 ties with one rival
    assert ranks(counts["greater"], counts["equal"]).tolist() == [1.5, 1, 1]


def test_the_two_directions_are_rows_and_columns() -> None:
    similarity = np.array([[1.0, 2.0], [0.0, 3.0]], dtype=np.float32)
    counts = rank(whole(similarity), {})[0]
    assert counts["t2v"]["greater"].tolist() == [1, 0]
    assert counts["v2t"]["greater"].tolist() == [0, 0]


@pytest.mark.parametrize(("query", "clip"), list(product(range(0, 7, 2), repeat=2)))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_an_error_in_any_tile(
    monkeypatch: pytest.MonkeyPatch, query: int, clip: int, value: float
) -> None:
    small_tiles(monkeypatch)
    scores = np.eye(7, dtype=np.float32)
    scores[query, clip] = value
    matrix = ScoreMatrix(lambda text, clips: text[:, clips], torch.from_numpy(scores), torch.arange(7), [*"abcdefg"])
    with pytest.raises(BenchError, match=rf"1 queries .* \(the first is query {query}\)"):
        rank(matrix, {})


def test_a_twin_is_won_lost_or_level() -> None:
    matrix = whole(np.array([[2.0, 1.0, 0], [5.0, 4.0, 0], [1.0, 0, 1.0]]))
    assert rank(matrix, {0: 1, 1: 0, 2: 0})[1] == {0: 1.0, 1: 0.0, 2: 0.5}


def test_a_query_that_ranks_first_has_won_against_its_twin_in_whatever_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins as a run has them, real features: single scores and counts come from the same products."""
    small_tiles(monkeypatch)
    torch.manual_seed(0)
    text, video = torch.randn(10, 32), torch.randn(10, 32)
    video[5] = video[0]  # twin clips that cannot be told apart
    counted, wins = rank(ScoreMatrix(cosine, text, video, [str(i) for i in range(10)]), {i: i ^ 1 for i in range(10)})
    similarity = cosine(text, video).numpy()
    for query, won in wins.items():
        assert won == (similarity[query, query] > similarity[query, query ^ 1])
        if counted["t2v"]["greater"][query] + counted["t2v"]["equal"][query] == 0:
            assert won == 1


@given(arrays(np.float32, st.integers(1, 12).map(lambda n: (n, n)), elements=st.integers(-3, 3).map(np.float32)))
def test_counting_agrees_with_sorting(similarity: np.ndarray) -> None:
    """Among all orders that sorting may give tied rivals, the best and the worst place of the true one."""
    for way, scores in (("t2v", similarity), ("v2t", similarity.T)):
        counts = rank(whole(similarity), {})[0][way]
        for query, row in enumerate(scores):
            descending = sorted(row, reverse=True)
            best = descending.index(row[query]) + 1
            worst = len(row) - descending[::-1].index(row[query])
            assert counts["greater"][query] + 1 == best
            assert counts["greater"][query] + 1 + counts["equal"][query] == worst


@given(
    arrays(np.float32, st.integers(1, 12).map(lambda n: (n, n)), elements=st.integers(-3, 3).map(np.float32)),
    st.integers(1, 13),
    st.integers(1, 13),
)
def test_the_size_of_tiles_changes_no_rank(similarity: np.ndarray, tile: int, band: int) -> None:
    expected = as_lists(rank(whole(similarity), {})[0])
    with pytest.MonkeyPatch.context() as patch:
        small_tiles(patch, tile, band)
        assert as_lists(rank(whole(similarity), {})[0]) == expected


@pytest.mark.parametrize("noise", [0.0, 1e-6], ids=["exact", "every product rounds otherwise"])
def test_identical_captions_tie_exactly_across_tiles(monkeypatch: pytest.MonkeyPatch, noise: float) -> None:
    """Seven captions, three of them the same, in three tiles: each clip of theirs has two equal rivals."""
    small_tiles(monkeypatch)
    generator = torch.Generator().manual_seed(0)
    captions = ["same", "a", "b", "same", "c", "d", "same"]
    features = {caption: torch.randn(32, generator=generator) for caption in captions}
    text = torch.stack([features[caption] for caption in captions])

    def rounded(text: torch.Tensor, video: torch.Tensor) -> torch.Tensor:
        return text @ video.T + noise * torch.randn(len(text), len(video), generator=generator)

    counted, _ = rank(ScoreMatrix(rounded, text, text + torch.randn(7, 32, generator=generator), captions), {})
    assert counted["v2t"]["equal"].tolist() == [2, 0, 0, 2, 0, 0, 2]
    assert counted["t2v"]["equal"].tolist() == [0] * 7


def test_the_scorer_sees_each_caption_of_a_tile_once_and_never_more_than_a_tile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_tiles(monkeypatch, tile=4)
    seen = []

    def watched(text: torch.Tensor, video: torch.Tensor) -> torch.Tensor:
        seen.append((len(text), len(video)))
        return text @ video.T

    captions = ["a", "a", "b", "c", "d", "e"]
    rank(ScoreMatrix(watched, torch.randn(6, 8), torch.randn(6, 8), captions), {})
    assert sorted(set(seen)) == [(1, 2), (2, 2), (2, 4), (3, 2), (3, 4)]
    assert len(seen) == 1 + 2 + 4  # one look at the shape, the diagonal for the true scores, then all


def test_true_scores_are_ranked_in_float32_whatever_the_scorer_computes_in() -> None:
    matrix = ScoreMatrix(lambda t, v: (t @ v.T).half(), torch.eye(3), torch.eye(3), ["a", "b", "c"])
    assert matrix.true.dtype == np.float32
    assert rank(matrix, {})[0]["t2v"]["greater"].tolist() == [0, 0, 0]


@given(
    arrays(np.float32, st.integers(1, 12).map(lambda n: (n, n)), elements=st.integers(-3, 3).map(np.float32)),
    st.integers(1, 12),
)
def test_the_best_clips_are_those_of_a_stable_sort(similarity: np.ndarray, k: int) -> None:
    expected = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    with pytest.MonkeyPatch.context() as patch:
        small_tiles(patch)
        assert best_clips(whole(similarity), k).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "wrong",
    [lambda t, v: v @ t.T, lambda t, v: (t * v[: len(t)]).sum(dim=1), lambda t, v: (t @ v.T)[None]],
    ids=["transposed", "of pairs", "one dimension more"],
)
def test_a_similarity_of_another_shape_is_an_error(wrong: Callable) -> None:
    """A transposed one would pass in silence: there are as many clips as captions."""
    with pytest.raises(BenchError, match="must give a row for every caption and a column for every clip"):
        ScoreMatrix(wrong, torch.eye(3), torch.eye(3), ["a", "b", "c"])


@given(n=st.integers(1, 3 * BATCH), world=st.integers(1, 8))
def test_however_many_processes_share_the_clips_every_clip_comes_back_once(n: int, world: int) -> None:
    """Processes have equal shares, for they are gathered; what is gathered stands in the order of the processes."""
    shares = [share_of(n, number, world) for number in range(world)]
    assert len({len(share) for share in shares}) == 1
    gathered = np.concatenate(shares)
    assert len(gathered) - n < world  # as few as can be are encoded twice
    features = 10 * gathered  # of clip 7 it is 70, whoever encoded it
    assert features[rows_of(gathered, n)].tolist() == list(range(0, 10 * n, 10))


@given(n=st.integers(2, 50), world=st.integers(1, 8), data=st.data())
def test_a_clip_that_no_process_encoded_is_an_error(n: int, world: int, data: st.DataObject) -> None:
    gathered = np.concatenate([share_of(n, number, world) for number in range(world)])
    lost = data.draw(st.integers(0, n - 1))
    with pytest.raises(BenchError, match="a clip was lost"):
        rows_of(gathered[gathered != lost], n)
