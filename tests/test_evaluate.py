"""Ranks by counting, against hand-made cases and against slow sorting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.errors import BenchError
from bench.evaluate import count_ranks, twin_wins
from bench.metrics.ranking import ranks


def test_expected_rank_splits_ties() -> None:
    similarity = np.array([[0.5, 0.5, 0.1], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32)
    counts = count_ranks(similarity)["t2v"]  # caption 0 ties with one rival
    assert ranks(counts["greater"], counts["equal"]).tolist() == [1.5, 1, 1]


def test_the_two_directions_are_rows_and_columns() -> None:
    similarity = np.array([[1.0, 2.0], [0.0, 3.0]], dtype=np.float32)
    counts = count_ranks(similarity)
    assert counts["t2v"]["greater"].tolist() == [1, 0]
    assert counts["v2t"]["greater"].tolist() == [0, 0]


def test_a_score_that_is_no_number_is_an_error() -> None:
    similarity = np.eye(3, dtype=np.float32)
    similarity[1, 2] = np.nan
    with pytest.raises(BenchError, match="1 queries have scores that are no numbers"):
        count_ranks(similarity)


def test_a_twin_is_won_lost_or_level() -> None:
    similarity = np.array([[2.0, 1.0, 0], [5.0, 4.0, 0], [1.0, 0, 1.0]], dtype=np.float32)
    assert twin_wins(similarity, {0: 1, 1: 0, 2: 0}) == {0: 1.0, 1: 0.0, 2: 0.5}


@given(arrays(np.float32, st.integers(1, 12).map(lambda n: (n, n)), elements=st.integers(-3, 3).map(np.float32)))
def test_counting_agrees_with_sorting(similarity: np.ndarray) -> None:
    """Among all orders that sorting may give tied rivals, the best and the worst place of the true one."""
    for way, scores in (("t2v", similarity), ("v2t", similarity.T)):
        counts = count_ranks(similarity)[way]
        for query, row in enumerate(scores):
            descending = sorted(row, reverse=True)
            best = descending.index(row[query]) + 1
            worst = len(row) - descending[::-1].index(row[query])
            assert counts["greater"][query] + 1 == best
            assert counts["greater"][query] + 1 + counts["equal"][query] == worst
