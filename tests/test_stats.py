"""Ranks, recalls and intervals, against sorting, scipy and values worked out elsewhere."""

from itertools import product
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import counts_by_sorting
from scipy.stats import binomtest, bootstrap, permutation_test

from bench.errors import BenchError
from bench.stats import bootstrap_interval, hits, points, ranks, sign_flip, summarize, wilson

counts = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=40)


def split(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    greater, equal = np.array(pairs).T
    return greater, equal


def both(greater: list[int], equal: list[int]) -> dict[str, dict[str, list[int]]]:
    return {way: {"greater": greater, "equal": equal} for way in ("t2v", "v2t")}


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


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(11, 34, 19.1, 49.2), (494, 1000, 46.3, 52.5)],  # the report's R@1 in its emotion and in all queries
)
def test_wilson_gives_the_known_intervals(count: int, n: int, low: float, high: float):
    assert [round(100 * bound, 1) for bound in wilson(count, n)] == [low, high]


@settings(deadline=None)
@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.9, 0.95]))
def test_wilson_equals_scipy(case: tuple[int, int], level: float):
    scipys = binomtest(*case).proportion_ci(level, method="wilson")
    assert wilson(*case, level) == pytest.approx((scipys.low, scipys.high), abs=1e-12)


@settings(deadline=None)
@given(st.integers(1, 99))
def test_wilson_of_fractional_hits_lies_between_its_neighbours(count: int):
    below, between, above = wilson(count, 100), wilson(count + 0.5, 100), wilson(count + 1, 100)
    assert below[0] < between[0] < above[0]
    assert below[1] < between[1] < above[1] or count == 99


@pytest.mark.parametrize("case", [(0, 0), (5, 4), (-1, 4)])
def test_wilson_of_impossible_counts_is_an_error(case: tuple[float, int]):
    with pytest.raises(ValueError, match="hits of"):
        wilson(*case)


@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_bootstrap_interval_is_near_scipys(statistic: Any):
    values = np.random.default_rng(0).geometric(0.1, size=200).astype(float)
    scipys = bootstrap((values,), statistic, method="percentile", n_resamples=5000, rng=1).confidence_interval
    assert bootstrap_interval(values, statistic, seed=0) == pytest.approx(tuple(scipys), abs=0.6)  # of about 10


def test_bootstrap_interval_is_the_same_for_the_same_seed():
    values = np.arange(50.0)
    assert bootstrap_interval(values, np.mean, seed=3) == bootstrap_interval(values, np.mean, seed=3)


def test_bootstrap_interval_depends_on_the_seed():
    values = np.arange(50.0)
    assert bootstrap_interval(values, np.mean, seed=3) != bootstrap_interval(values, np.mean, seed=4)


def test_bootstrap_interval_of_one_query_is_its_value():
    assert bootstrap_interval([7.0], np.median, seed=0) == (7.0, 7.0)


def test_bootstrap_draws_anew_in_every_block(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bench.stats._BLOCK", 500)  # ten resamples of 50 at once
    low, high = bootstrap_interval(np.arange(50.0), np.mean, seed=0)
    assert low == pytest.approx(20.5, abs=1) and high == pytest.approx(28.5, abs=1)  # 24.5 ± 1.96 * 14.4 / sqrt(50)


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


few_pairs = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=9)
many_pairs = st.lists(st.tuples(st.integers(1, 99), st.integers(1, 99)), min_size=1, max_size=60)


def geometric(seed: int, n: int, share: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).geometric(share, n).astype(float)


def log_ratio(one: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:
    return np.log(one).sum(axis) - np.log(other).sum(axis)


@settings(deadline=None)
@given(few_pairs)
def test_sign_flip_equals_trying_every_flip(pairs: list[tuple[int, int]]):
    differences = [log(one / other) for one, other in pairs]
    observed = abs(sum(differences))
    sums = [
        sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in product((1, -1), repeat=len(pairs))
    ]
    assert sign_flip(*split(pairs)) == pytest.approx(np.mean([abs(total) >= observed - 1e-9 for total in sums]))


@pytest.mark.parametrize("seed", range(3))
def test_exact_sign_flip_equals_scipys(seed: int):
    one, other = geometric(seed, 10), geometric(seed + 100, 10, 0.2)
    scipys = permutation_test((one, other), log_ratio, permutation_type="samples", vectorized=True, n_resamples=np.inf)
    assert sign_flip(one, other) == pytest.approx(scipys.pvalue, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_drawn_sign_flip_is_near_scipys(seed: int):
    one, other = geometric(seed, 200), geometric(seed + 100, 200, 0.11)
    scipys = permutation_test((one, other), log_ratio, permutation_type="samples", n_resamples=20_000, rng=1)
    assert sign_flip(one, other) == pytest.approx(scipys.pvalue, abs=0.02)  # four standard errors of 10 000 flips


def test_sign_flip_of_unmixed_differences_is_two_flips_of_all():
    one = np.arange(1.0, 15)  # 14 differences of one sign: only to keep all signs, or to turn all, reaches their sum
    assert sign_flip(one, one + 1) == 2 / 2**14


def test_drawn_sign_flip_is_never_zero():
    assert sign_flip(np.ones(300), np.full(300, 2.0)) == pytest.approx(1 / 10_001)


def test_runs_with_equal_ranks_have_a_sign_flip_p_of_1():
    assert sign_flip([3, 1, 7.5], [3, 1, 7.5]) == 1


def test_queries_with_equal_ranks_leave_the_sign_flip_exact():
    one, other = np.ones(1000), np.ones(1000)
    other[:6] = 2
    assert sign_flip(one, other) == 2 / 2**6


def test_flips_level_with_the_observed_one_count():
    # differences log 2, log 2, -log 2, -log 2: the sum is 0, which every flip reaches; and 2 of 8 flips reach 3 log 2
    assert (sign_flip([2, 2, 1, 1], [1, 1, 2, 2]), sign_flip([2, 2, 2], [1, 1, 1])) == (1, 0.25)


@settings(deadline=None, max_examples=30)
@given(many_pairs)
def test_sign_flip_does_not_depend_on_which_run_is_first(pairs: list[tuple[int, int]]):
    one, other = split(pairs)
    assert sign_flip(one, other) == sign_flip(other, one)


def test_sign_flip_draws_anew_in_every_block(monkeypatch: pytest.MonkeyPatch):
    one, other = geometric(0, 200), geometric(1, 200)
    whole = sign_flip(one, other)
    monkeypatch.setattr("bench.stats._BLOCK", 1300)  # six flips of the differing queries at once
    assert sign_flip(one, other) == pytest.approx(whole, abs=0.03) and sign_flip(one, other) != whole


def test_under_the_null_sign_flip_is_as_small_as_it_says():
    found = np.array([sign_flip(geometric(seed, 60), geometric(seed + 10**6, 60)) for seed in range(4000)])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert np.mean(found <= level) == pytest.approx(level, abs=4 * (level * (1 - level) / 4000) ** 0.5)
