"""Do intervals cover, and is p uniform where nothing differs? Simulated studies whose truth is known."""

import numpy as np
import pytest
from scipy.stats import binom, kstest

from bench.metrics.statistics import (
    bootstrap_interval,
    hierarchical_interval,
    holm,
    mcnemar,
    paired_difference,
    sign_flip,
    wilson,
)

pytestmark = pytest.mark.slow

STUDIES = 1000


def covered(intervals: list[tuple[float, float]], truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


@pytest.mark.parametrize("n", [34, 240, 1000])
def test_wilson_covers_on_average_over_all_shares(n: int):
    # exact, from the binomial: single shares swing around 95 %, as they must for counts
    shares = np.linspace(0.02, 0.98, 97)
    bounds = np.array([wilson(hits, n) for hits in range(n + 1)])
    inside = (bounds[:, 0] <= shares[:, None]) & (shares[:, None] <= bounds[:, 1])  # (shares, n + 1)
    coverage = (inside * binom.pmf(np.arange(n + 1), n, shares[:, None])).sum(axis=1)
    assert coverage.mean() == pytest.approx(0.95, abs=0.006) and coverage.min() > 0.9


def test_the_bootstrap_of_mean_rank_covers():
    rng = np.random.default_rng(0)
    found = [bootstrap_interval(rng.geometric(0.1, 240), "mean", seed) for seed in range(STUDIES)]
    assert covered(found, 10) == pytest.approx(0.95, abs=0.02)


def test_the_bootstrap_of_median_rank_covers():
    rng = np.random.default_rng(1)
    found = [bootstrap_interval(rng.geometric(0.1, 240), "median", seed) for seed in range(STUDIES)]
    assert covered(found, 7) >= 0.93  # ranks are whole, so the interval is a little wide


def test_clusters_are_needed_where_queries_share_a_caption():
    rng = np.random.default_rng(2)
    clusters = np.repeat(np.arange(60), 4)
    alone, together = [], []
    for seed in range(STUDIES):
        values = np.repeat(rng.normal(size=60), 4) + 0.3 * rng.normal(size=240)
        alone.append(bootstrap_interval(values, "mean", seed))
        together.append(bootstrap_interval(values, "mean", seed, clusters))
    assert covered(together, 0) == pytest.approx(0.94, abs=0.025)
    assert covered(alone, 0) < 0.8


@pytest.mark.parametrize(("n", "win", "loss"), [(34, 0.2, 0.1), (34, 0.05, 0.05), (240, 0.15, 0.1), (1000, 0.03, 0.02)])
def test_the_interval_of_a_paired_difference_covers(n: int, win: float, loss: float):
    rng = np.random.default_rng(3)
    found = []
    for _ in range(STUDIES):
        drawn = rng.random(n)
        one, other = (drawn < win) | (drawn > 0.6), ((drawn >= win) & (drawn < win + loss)) | (drawn > 0.6)
        interval = paired_difference(one.astype(float), other.astype(float))
        found.append((interval["low"], interval["high"]))
    assert 0.93 <= covered(found, 100 * (win - loss)) <= 0.99


@pytest.mark.parametrize(("seeds", "spread"), [(3, 0.1), (3, 0.3), (5, 0.3)])
def test_the_hierarchical_interval_covers_over_seeds_and_queries(seeds: int, spread: float):
    """As its docstring says: near 90 % with three seeds that spread much, above 95 % where they spread little."""
    rng = np.random.default_rng(4)
    found, of_queries = [], []
    for study in range(STUDIES // 2):
        query = rng.normal(size=240)
        one, other = (
            query + spread * rng.normal(size=(seeds, 1)) + rng.normal(size=(seeds, 240)) for _ in ("one", "other")
        )
        found.append(hierarchical_interval(one, other, study))
        of_queries.append(hierarchical_interval([one.mean(axis=0)], [other.mean(axis=0)], study))
    assert covered(found, 0) >= 0.87
    assert covered(of_queries, 0) < 0.8  # what asks of other queries alone promises too much


@pytest.mark.parametrize("n", [34, 240])
def test_sign_flip_is_uniform_under_the_null(n: int):
    rng = np.random.default_rng(5)
    found = [sign_flip(np.log(rng.geometric(0.1, n)), np.log(rng.geometric(0.1, n))) for _ in range(STUDIES)]
    assert kstest(found, "uniform").pvalue > 0.001


def test_sign_flip_of_clusters_is_uniform_under_the_null():
    rng = np.random.default_rng(6)
    clusters = np.repeat(np.arange(60), 4)
    together, alone = [], []
    for _ in range(STUDIES):
        one, other = (np.repeat(rng.normal(size=60), 4) for _ in ("one", "other"))
        together.append(sign_flip(one, other, clusters))
        alone.append(sign_flip(one, other))
    assert kstest(together, "uniform").pvalue > 0.001
    assert np.mean(np.array(alone) < 0.05) > 0.2  # four copies of a query are no four queries


def test_mcnemar_errs_no_more_often_than_it_says():
    rng = np.random.default_rng(7)
    for level in (0.01, 0.05, 0.2):
        found = [mcnemar(wins, 12 - wins) <= level for wins in rng.binomial(12, 0.5, 4000).tolist()]
        assert np.mean(found) <= level + 0.01


def test_holm_errs_in_one_table_of_twenty():
    # twelve variants that are all like the baseline, which they share, so that their tests hang together
    rng = np.random.default_rng(8)
    wrong = []
    for _ in range(STUDIES // 2):
        baseline = np.log(rng.geometric(0.1, 100))
        ps = [sign_flip(np.log(rng.geometric(0.1, 100)), baseline) for _ in range(12)]
        wrong.append(holm(ps).min() < 0.05)
    assert np.mean(wrong) <= 0.05 + 2 * (0.05 * 0.95 / len(wrong)) ** 0.5
