"""Smallest effects that are found, against analytic power and against the test itself."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, norm
from statsmodels.stats.power import NormalIndPower, TTestIndPower, TTestPower

from bench.compare.asked import Paired
from bench.metrics.power import least_told_apart, needed_effects
from bench.metrics.seeds import mean_over_seeds


def smallest(one: np.ndarray, other: np.ndarray, clusters: np.ndarray, **settings: float) -> float:
    given = {"seeds": 1, "spread": 0.0, "alpha": 0.05, "studies": 4000, **settings}
    found = needed_effects(one, other, clusters, rng=np.random.default_rng(0), **given)  # type: ignore[arg-type]
    return float(np.quantile(found, 0.8, method="higher"))


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 12])
def test_of_one_seed_it_is_the_power_of_the_paired_t_test(alpha: float) -> None:
    one, other = np.random.default_rng(1).normal(size=(2, 1, 300))
    needed = TTestPower().solve_power(nobs=300, alpha=alpha, power=0.8)  # in standard deviations
    found = smallest(one, other, np.arange(300), alpha=alpha)
    assert found == pytest.approx(needed * (one - other).std(ddof=1), rel=0.05)


def test_of_wins_against_twins_it_is_that_of_as_many_pairs() -> None:
    one, other = (np.random.default_rng(2).random((2, 1, 400)) < [[[0.7]], [[0.5]]]).astype(float)
    of_pairs = (one - other).reshape(-1, 2).mean(axis=1)
    needed = TTestPower().solve_power(nobs=200, alpha=0.05, power=0.8) * of_pairs.std(ddof=1)
    assert smallest(one, other, np.arange(400) // 2) == pytest.approx(needed, rel=0.05)


@pytest.mark.parametrize(("seeds", "off"), [(3, 0.15), (5, 0.06), (20, 0.05)])
def test_where_only_seeds_differ_it_is_the_power_of_the_t_test_over_seeds(seeds: int, off: float) -> None:
    """With few seeds Welch's test, with its own degrees of freedom, is a little weaker than the one of statsmodels."""
    values = np.zeros((2, 50)) + np.random.default_rng(3).normal(size=50)  # nothing peculiar to a seed
    needed = TTestIndPower().solve_power(nobs1=seeds, alpha=0.05, power=0.8)
    found = smallest(values, values, np.arange(50), seeds=seeds, spread=0.5)
    assert 0.5 * needed * 0.97 <= found <= 0.5 * needed * (1 + off)


def test_more_seeds_find_smaller_effects() -> None:
    one, other = np.random.default_rng(4).normal(size=(2, 3, 100))
    found = [smallest(one, other, np.arange(100), seeds=seeds, spread=0.2) for seeds in (3, 5, 20)]
    assert found == sorted(found, reverse=True)


def test_a_single_cluster_finds_nothing() -> None:
    one, other = np.random.default_rng(5).normal(size=(2, 1, 9))
    assert smallest(one, other, np.zeros(9, np.int64)) == np.inf


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (3, 0.03), (3, 0.1), (5, 0.1)])
def test_the_test_of_verdicts_finds_it_in_four_of_five_studies(seeds: int, spread: float) -> None:
    """Wins against twins of a population that is known, judged as `bench compare` judges them."""
    rng = np.random.default_rng([seeds, int(100 * spread)])
    clusters = np.arange(200) // 2
    hard = rng.normal(size=200)

    def draw(share: float, hard: np.ndarray) -> np.ndarray:
        own = norm.cdf(norm.ppf(share) + hard) + spread * rng.normal(size=(seeds, 1))
        return (rng.random((seeds, 200)) < own).astype(float)

    recorded = draw(0.6, hard), draw(0.6, hard)
    found = smallest(*recorded, clusters, seeds=seeds, spread=spread, alpha=0.01)
    won = []
    for _ in range(400):
        drawn = rng.integers(100, size=100)
        again = hard.reshape(-1, 2)[drawn].reshape(-1)
        values = Paired(draw(0.6, again) + found, draw(0.6, again), clusters)
        won.append(values.p < 0.01 and values.difference.value > 0)
    assert np.mean(won) == pytest.approx(0.8, abs=0.1)  # the recorded studies are one draw of many


def test_what_t_can_detect_is_the_noncentral_t_s() -> None:
    one, other = np.random.default_rng(6).normal(size=(2, 40))
    for alpha in (0.05, 0.01):
        needed = TTestPower().solve_power(nobs=40, alpha=alpha, power=0.8) * (one - other).std(ddof=1)
        assert mean_over_seeds([one], [other]).detectable(alpha) == pytest.approx(needed, rel=0.01)


def test_what_no_test_can_tell_is_where_six_wins_without_a_loss_are_rare() -> None:
    """McNemar's p of 6 to 0 is 0.031, of 5 to 0 0.0625; n · d differing queries, all of them won."""
    least = brentq(lambda d: binom.sf(5, 1000, d) - 0.8, 1e-6, 0.5)
    assert least_told_apart(1000, 0.5)[0] == pytest.approx(100 * least, abs=0.01) == pytest.approx(0.79, abs=0.005)


@pytest.mark.parametrize(("n", "share"), [(1000, 0.5), (1000, 0.23), (59_800, 0.3)])
def test_what_a_printed_table_tells_is_the_power_of_two_independent_samples(n: int, share: float) -> None:
    effect = NormalIndPower().solve_power(nobs1=n, alpha=0.05, power=0.8)  # in standard deviations of one query
    found = least_told_apart(n, share)[1]
    assert found == pytest.approx(100 * effect * (share * (1 - share)) ** 0.5, rel=0.001)


def test_of_few_queries_nothing_is_told() -> None:
    assert least_told_apart(5, 0.5) == (100.0, 100.0)
