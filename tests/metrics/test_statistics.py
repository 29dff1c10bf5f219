"""Intervals and tests, against scipy, statsmodels and values worked out elsewhere."""

from itertools import product
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, binomtest, bootstrap, permutation_test
from statsmodels.stats import contingency_tables
from statsmodels.stats.multitest import multipletests

from bench.metrics.statistics import (
    _medians,
    bootstrap_interval,
    detectable,
    holm,
    mcnemar,
    mean_rank_interval,
    wilson,
)
from bench.metrics.statistics import sign_flip as sign_flip_of


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


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_bootstrap_interval_is_near_scipys(statistic: Any):
    values = np.random.default_rng(0).geometric(0.1, size=200).astype(float)
    scipys = bootstrap(
        (values,), getattr(np, statistic), method="percentile", n_resamples=5000, rng=1
    ).confidence_interval
    assert bootstrap_interval(values, statistic, seed=0) == pytest.approx(tuple(scipys), abs=0.6)  # of about 10


def test_bootstrap_interval_is_the_same_for_the_same_seed():
    values = np.arange(50.0)
    assert bootstrap_interval(values, "mean", seed=3) == bootstrap_interval(values, "mean", seed=3)


def test_bootstrap_interval_depends_on_the_seed():
    values = np.arange(50.0)
    assert bootstrap_interval(values, "mean", seed=3) != bootstrap_interval(values, "mean", seed=4)


def test_bootstrap_interval_of_one_query_is_its_value():
    assert bootstrap_interval([7.0], "median", seed=0) == (7.0, 7.0)


def test_bootstrap_draws_anew_in_every_block(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bench.metrics.statistics._BLOCK", 500)  # ten resamples of 50 at once
    low, high = bootstrap_interval(np.arange(50.0), "mean", seed=0)
    assert low == pytest.approx(20.5, abs=1) and high == pytest.approx(28.5, abs=1)  # 24.5 ± 1.96 * 14.4 / sqrt(50)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(0, 99))
def test_the_bootstraps_median_is_numpys(values: list[int], seed: int):
    ordered = np.sort(np.array(values, dtype=float))
    times = np.random.default_rng(seed).integers(0, 3, (5, len(values)))
    times[:, 0] += 1
    expected = [np.median(np.repeat(ordered, row)) for row in times]
    assert _medians(ordered, times.astype(float)).tolist() == expected


def test_clusters_are_drawn_whole():
    # two clusters of values 0 and 1: a resample is 0, 1/2 or 1 and nothing between; single queries would be near 1/2
    values, clusters = np.repeat([0.0, 1.0], 50), ["a"] * 50 + ["b"] * 50
    assert bootstrap_interval(values, "mean", 0, clusters) == (0.0, 1.0)


def test_clusters_of_one_query_each_change_nothing():
    values = geometric(0, 60)
    assert bootstrap_interval(values, "median", 0, [f"q{i:02}" for i in range(60)]) == bootstrap_interval(
        values, "median", 0
    )


def test_clusters_of_another_number_of_queries_are_an_error():
    with pytest.raises(ValueError, match="3 clusters of 2 queries"):
        bootstrap_interval([1, 2], "mean", 0, [0, 0, 1])


def test_mean_rank_interval_is_the_studentised_bootstrap_of_the_log_mean():
    # Efron and Tibshirani (1993), algorithm 12.1, one resample after another, by the delta method's standard error
    ranks = np.random.default_rng(3).geometric(0.1, 40).astype(float)

    def error(values: np.ndarray) -> float:
        return values.std(ddof=1) / len(values) ** 0.5 / values.mean()

    rng = np.random.default_rng(1)
    drawn = [rng.choice(ranks, 40) for _ in range(4000)]
    away = [np.log(values.mean() / ranks.mean()) / error(values) for values in drawn]
    far, near = np.quantile(away, [0.005, 0.975])
    low, high = mean_rank_interval(ranks, 240, seed=0)
    assert low == pytest.approx(ranks.mean() * np.exp(-near * error(ranks)), rel=0.04)
    assert high == pytest.approx(ranks.mean() * np.exp(-far * error(ranks)), rel=0.08)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.booleans())
def test_mean_rank_interval_holds_the_mean_and_only_ranks_that_can_be(ranks: list[int], clustered: bool):
    low, high = mean_rank_interval(ranks, 50, 0, [rank % 3 for rank in ranks] if clustered else None)
    assert 1 <= low <= np.mean(ranks) <= high <= 50


def test_where_all_rank_first_the_mean_rank_ends_where_those_that_may_not_would_rank_last():
    # of 100 queries up to 3.6994 % may not rank first (Wilson); were those all 240th: 1 + 0.036994 * 239
    assert mean_rank_interval([1] * 100, 240, 0) == (1, pytest.approx(9.8416, abs=1e-3))


def test_mean_rank_interval_draws_clusters_whole():
    once = np.random.default_rng(0).geometric(0.2, 60)
    four_times, labels = np.repeat(once, 4), np.repeat(np.arange(60), 4)
    assert mean_rank_interval(four_times, 240, 0, labels) == pytest.approx(mean_rank_interval(once, 240, 0))


@pytest.mark.parametrize(
    ("wins", "losses", "p"), [(6, 0, 0.0312), (10, 2, 0.0386), (9, 1, 0.0215), (8, 0, 0.0078), (5, 0, 0.0625)]
)
def test_mcnemar_gives_the_known_values(wins: int, losses: int, p: float):
    assert mcnemar(wins, losses) == pytest.approx(p, abs=0.00006)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 60), min_size=4, max_size=4))
def test_mcnemar_equals_statsmodels(table: list[int]):
    both, wins, losses, none = table
    expected = contingency_tables.mcnemar([[both, wins], [losses, none]], exact=True).pvalue
    assert mcnemar(wins, losses) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_holm_equals_statsmodels(seed: int):
    ps = np.random.default_rng(seed).random(12) ** 3  # some small, as in a table with effects
    assert holm(ps).tolist() == pytest.approx(multipletests(ps, method="holm")[1].tolist())


def test_holm_keeps_the_order_of_its_tests():
    assert holm([0.04, 0.01, 0.03]).tolist() == pytest.approx([0.06, 0.03, 0.06])


@pytest.mark.parametrize("n", [12, 34])
def test_without_losses_the_smallest_difference_is_that_which_reaches_six_wins(n: int):
    least = brentq(lambda d: binom.sf(5, n, d) - 0.8, 0.01, 0.99)  # P(at least 6 wins) = 0.8
    assert detectable(n, 0.0) == pytest.approx(100 * least, abs=0.01)


@pytest.mark.parametrize(("n", "discordant"), [(34, 0.3), (200, 0.2), (1000, 0.1)])
def test_the_detectable_difference_is_found_in_four_of_five_simulations(n: int, discordant: float):
    difference = detectable(n, discordant)
    assert difference is not None
    psi = max(discordant, difference / 100)
    rng = np.random.default_rng(0)
    differing = rng.binomial(n, psi, 2000)
    won = rng.binomial(differing, (psi + difference / 100) / (2 * psi))
    found = [mcnemar(int(w), int(d - w)) < 0.05 and w > d / 2 for w, d in zip(won, differing, strict=True)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)  # four standard errors


def test_more_queries_find_smaller_differences():
    found = [detectable(n, 0.2) or 0 for n in (20, 34, 100, 1000)]
    assert found == sorted(found, reverse=True)


def test_fewer_than_six_queries_find_nothing():
    assert detectable(5, 0.5) is None and detectable(6, 0.5) is not None


few_pairs = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=9)
many_pairs = st.lists(st.tuples(st.integers(1, 99), st.integers(1, 99)), min_size=1, max_size=60)


def geometric(seed: int, n: int, share: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).geometric(share, n).astype(float)


def sign_flip(one: Any, other: Any, clusters: Any = None) -> float:
    """Of log-ranks, as the suite uses it."""
    return sign_flip_of(np.log(one), np.log(other), clusters)


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
    assert sign_flip(*zip(*pairs, strict=True)) == pytest.approx(
        np.mean([abs(total) >= observed - 1e-9 for total in sums])
    )


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
    one, other = np.array(pairs).T
    assert sign_flip(one, other) == sign_flip(other, one)


def test_sign_flip_draws_anew_in_every_block(monkeypatch: pytest.MonkeyPatch):
    one, other = geometric(0, 200), geometric(1, 200)
    whole = sign_flip(one, other)
    monkeypatch.setattr("bench.metrics.statistics._BLOCK", 1300)  # six flips of the differing queries at once
    assert sign_flip(one, other) == pytest.approx(whole, abs=0.03) and sign_flip(one, other) != whole


def test_under_the_null_sign_flip_is_as_small_as_it_says():
    found = np.array([sign_flip(geometric(seed, 60), geometric(seed + 10**6, 60)) for seed in range(4000)])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert np.mean(found <= level) == pytest.approx(level, abs=4 * (level * (1 - level) / 4000) ** 0.5)


def test_a_clusters_queries_flip_together():
    # six queries in two clusters: four flips of two sums, and the two that keep or turn both reach the observed sum
    assert sign_flip([2] * 6, [1] * 6, [0, 0, 0, 1, 1, 1]) == 0.5


def test_clusters_of_one_query_each_leave_the_sign_flip():
    one, other = geometric(0, 12), geometric(1, 12)
    assert sign_flip(one, other, range(12)) == sign_flip(one, other)
