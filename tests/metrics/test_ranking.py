"""Ranks and recalls, against sorting and values worked out elsewhere."""

from typing import Any

import numpy as np
import pytest
from helpers.records import counts_by_sorting
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.metrics.ranking import count_rivals, hits, log_ranks, points, ranks, wins
from bench.metrics.ranking import summarize as summarize_with_captions

counts = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=40)


def split(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    greater, equal = np.array(pairs).T
    return greater, equal


def summarize(counts: dict, subsets: dict, twin_wins: Any = None) -> dict[str, dict[str, Any]]:
    """As if all captions differed."""
    captions = [str(query) for query in range(len(counts["t2v"]["greater"]))]
    return summarize_with_captions(counts, subsets, captions, twin_wins)


def both(greater: list[int], equal: list[int]) -> dict[str, dict[str, list[int]]]:
    return {way: {"greater": greater, "equal": equal} for way in ("t2v", "v2t")}


def test_rivals_above_and_level_are_counted_in_rows_or_in_columns():
    scores = np.array([[0.5, 0.5, 0.1], [0.9, 0.3, 0.4]])
    above, level = count_rivals(scores, np.array([0.5, 0.3]))
    assert (above.tolist(), level.tolist()) == ([0, 2], [2, 1])  # the true one is level with itself
    above, level = count_rivals(scores, scores[0], axis=0)
    assert (above.tolist(), level.tolist()) == ([1, 0, 1], [1, 1, 1])


def test_a_win_is_one_a_tie_a_half():
    assert wins([2.0, 1.0, 0.0], [1.0, 1.0, 1.0]).tolist() == [1, 0.5, 0]


@pytest.mark.parametrize(("ties", "expected"), [("optimistic", 3.0), ("expected", 3.5), ("pessimistic", 4.0)])
def test_one_tie_behind_two_better_rivals(ties: Any, expected: float):
    assert ranks([2], [1], ties) == [expected]


@settings(deadline=None)
@given(counts)
def test_optimistic_expected_and_pessimistic_ranks_are_in_that_order(pairs: list[tuple[int, int]]):
    low, middle, high = (ranks(*split(pairs), ties) for ties in ("optimistic", "expected", "pessimistic"))
    assert (low <= middle).all() and (middle <= high).all()


def test_a_tie_for_first_place_is_half_a_hit_at_1():
    assert hits([0], [1], 1) == [0.5]


@settings(deadline=None)
@given(st.integers(0, 5), st.integers(0, 4), st.integers(1, 12))
def test_hits_are_the_share_of_tie_orders_that_put_the_true_one_among_the_first_k(greater: int, equal: int, k: int):
    positions = [greater + before + 1 for before in range(equal + 1)]  # all are equally likely
    assert hits([greater], [equal], k)[0] == pytest.approx(np.mean([position <= k for position in positions]))


@settings(deadline=None)
@given(counts)
def test_recall_does_not_fall_as_k_grows(pairs: list[tuple[int, int]]):
    values = points(*split(pairs))
    assert 0 <= values["R@1"] <= values["R@5"] <= values["R@10"] <= 100


@settings(deadline=None)
@given(counts, st.randoms(use_true_random=False))
def test_metrics_do_not_depend_on_the_order_of_queries(pairs: list[tuple[int, int]], random: Any):
    shuffled = random.sample(pairs, len(pairs))
    assert points(*split(shuffled)) == pytest.approx(points(*split(pairs)))


@settings(deadline=None)
@given(counts, st.data())
def test_a_better_rank_never_worsens_a_metric(pairs: list[tuple[int, int]], data: Any):
    query = data.draw(st.integers(0, len(pairs) - 1))
    better = list(pairs)
    better[query] = (data.draw(st.integers(0, pairs[query][0])), pairs[query][1])
    before, after = points(*split(pairs)), points(*split(better))
    assert all(after[name] >= before[name] - 1e-9 for name in ("R@1", "R@5", "R@10"))
    assert all(after[name] <= before[name] + 1e-9 for name in ("MdR", "MnR"))


@settings(deadline=None)
@given(st.integers(2, 12), st.integers(0, 1000))
def test_metrics_from_counts_equal_metrics_from_a_sorted_matrix(n: int, seed: int):
    similarity = np.random.default_rng(seed).normal(size=(n, n))  # no ties
    places = [1 + int(np.flatnonzero(np.argsort(-row, kind="stable") == i)[0]) for i, row in enumerate(similarity)]
    expected = {f"R@{k}": 100 * np.mean(np.array(places) <= k) for k in (1, 5, 10)}
    expected |= {"MdR": np.median(places), "MnR": np.mean(places)}
    assert points(*counts_by_sorting(similarity).values()) == pytest.approx(expected)


def test_ties_do_not_change_the_denominator():
    # FACTS erratum 1: each tie used to add a query. Here 2 of 4 queries tie for first place, and R@1 is 2 x 0.5 of 4.
    assert points([0, 0, 9, 9], [1, 1, 0, 0])["R@1"] == 25.0


def test_a_subset_restricts_the_queries_by_index():
    metrics = summarize(both([0, 7, 0, 3], [0, 0, 0, 0]), {"emotion": [3, 1]})
    assert metrics["emotion"]["n"] == 2
    assert {name: entry["value"] for name, entry in metrics["emotion"]["t2v"].items()} == {
        "R@1": 0.0,
        "R@5": 50.0,
        "R@10": 100.0,
        "MdR": 6.0,
        "MnR": 6.0,
    }


def test_directions_are_kept_apart():
    ways = {"t2v": {"greater": [0, 0], "equal": [0, 0]}, "v2t": {"greater": [1, 1], "equal": [0, 0]}}
    metrics = summarize(ways, {})
    assert (metrics["all"]["t2v"]["MnR"]["value"], metrics["all"]["v2t"]["MnR"]["value"]) == (1.0, 2.0)


def test_an_empty_subset_has_no_numbers():
    metrics = summarize(both([0, 1], [0, 0]), {"disgust": []})
    assert metrics["disgust"]["n"] == 0
    assert metrics["disgust"]["v2t"]["MdR"] == {"value": None, "low": None, "high": None}


def test_the_reports_emotion_row_comes_back_from_ranks():
    # baseline, 7k, T2V of the report: R@1 11/34, R@5 21/34, R@10 25/34
    greater = [0] * 11 + [2] * 10 + [7] * 4 + [50] * 9
    found = summarize(both(greater, [0] * 34), {})["all"]["t2v"]
    assert [found[f"R@{k}"]["value"] for k in (1, 5, 10)] == [32.3529, 61.7647, 73.5294]


@pytest.fixture
def twins() -> dict[str, Any]:
    return summarize(both([0] * 6, [0] * 6), {"few": [0, 5], "none": [4, 5]}, {0: 1.0, 1: 0.0, 2: 0.5, 3: 1.0})


def test_twin_accuracy_counts_queries_with_a_twin_only(twins: dict[str, Any]):
    assert (twins["all"]["t2v"]["TwinAcc"]["value"], twins["all"]["t2v"]["TwinAcc"]["n"]) == (62.5, 4)


def test_twin_accuracy_of_a_subset_has_an_n_of_its_own(twins: dict[str, Any]):
    assert (twins["few"]["t2v"]["TwinAcc"]["value"], twins["few"]["t2v"]["TwinAcc"]["n"]) == (100.0, 1)


def test_a_subset_without_twins_has_no_twin_accuracy(twins: dict[str, Any]):
    assert "TwinAcc" not in twins["none"]["t2v"]


@settings(deadline=None)
@given(counts)
def test_intervals_hold_their_values(pairs: list[tuple[int, int]]):
    greater, equal = split(pairs)
    entries = summarize(both(greater.tolist(), equal.tolist()), {}, {0: 0.5})["all"]["t2v"].values()
    assert all(entry["low"] <= entry["value"] <= entry["high"] for entry in entries)


def test_a_subset_called_all_is_an_error():
    with pytest.raises(BenchError, match="Rename it"):
        summarize(both([0], [0]), {"all": [0]})


def test_log_ranks_are_of_expected_ranks():
    assert log_ranks([0, 1], [0, 2]).tolist() == pytest.approx([0, 1.0986], abs=1e-4)  # ln 1, ln 3


def test_queries_of_one_caption_widen_the_interval_of_t2v_alone():
    rng = np.random.default_rng(0)
    greater = np.repeat(rng.geometric(0.1, 30), 4).tolist()  # what shares a caption shares its rank
    captions = [str(query // 4) for query in range(120)]
    alone = summarize(both(greater, [0] * 120), {})["all"]
    together = summarize_with_captions(both(greater, [0] * 120), {}, captions)["all"]

    def width(entry: dict[str, float]) -> float:
        return entry["high"] - entry["low"]

    assert width(together["t2v"]["MnR"]) == pytest.approx(2 * width(alone["t2v"]["MnR"]), rel=0.2)
    assert together["v2t"] == alone["v2t"]
