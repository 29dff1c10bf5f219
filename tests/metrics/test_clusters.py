"""Shares of clusters of queries: by hand, against the linearized variance, and in simulated studies (slow)."""

import numpy as np
import pytest
from scipy.stats import norm, t
from statsmodels.regression.linear_model import OLS

from bench.metrics.statistics import (
    effective_number,
    mean_rank_interval,
    paired_difference,
    share_interval,
    sign_flip,
    wilson,
)

STUDIES = 1000


def reduced(number: float, clusters: int) -> float:
    """By the square of z by t."""
    return float(number * (norm.isf(0.025) / t.isf(0.025, clusters - 1)) ** 2)


def test_copies_of_a_query_are_worth_one_query():
    values = np.repeat([1.0, 0.0, 0.0, 1.0, 1.0], 7)
    alone = effective_number(values[::7], np.arange(5))
    assert effective_number(values, np.repeat(np.arange(5), 7)) == pytest.approx(alone)


def test_queries_of_their_own_are_worth_their_number_but_for_the_last_cluster_s_freedom():
    values = np.array([1.0, 0.0] * 50)
    assert effective_number(values, np.arange(100)) == pytest.approx(reduced(99, 100))  # (k - 1)/k of n: k/(k - 1)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_no_query_differs_it_is_the_number_of_clusters(value: float):
    assert effective_number(np.full(60, value), np.repeat(np.arange(20), 3)) == pytest.approx(reduced(20, 20))


def test_queries_that_balance_within_a_cluster_are_worth_no_more_than_their_number():
    assert effective_number([1, 0] * 30, np.repeat(np.arange(30), 2)) == pytest.approx(reduced(60, 30))


def test_one_cluster_is_worth_one_query():
    assert effective_number([1, 0, 1], [0, 0, 0]) == 1


def test_the_design_effect_is_that_of_a_regression_on_nothing_with_clustered_errors():
    rng = np.random.default_rng(0)
    clusters = np.sort(rng.integers(40, size=300))
    values = (rng.random(300) < rng.beta(1, 1, 40)[clusters]).astype(float)
    k = len(np.unique(clusters))
    model = OLS(values, np.ones(300)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": True, "df_correction": False}
    )
    clustered = float(model.bse[0]) ** 2 * (300 - 1) / 299  # statsmodels: k/(k - 1) times (n - 1)/(n - 1)
    effect = clustered / (values.mean() * (1 - values.mean()) / 300)
    assert effective_number(values, clusters) == pytest.approx(reduced(300 / effect, k), rel=1e-6)


def test_without_clusters_it_is_wilson_s_interval():
    values = np.array([1.0, 0.5, 0.0, 0.0])
    assert share_interval(values) == wilson(1.5, 4)


def test_the_interval_of_clusters_is_wilson_s_of_the_number_they_are_worth():
    values, clusters = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0]), np.array([0, 0, 1, 1, 2, 2])
    n = effective_number(values, clusters)
    assert share_interval(values, clusters) == wilson(n / 2, n)
    assert share_interval(values, clusters)[0] < share_interval(values)[0]


def test_a_paired_difference_of_copies_is_that_of_single_queries():
    one, other = np.array([1, 1, 0, 1, 0, 1.0]), np.array([0, 1, 0, 0, 1, 0.0])
    copied = paired_difference(np.repeat(one, 5), np.repeat(other, 5), np.repeat(np.arange(6), 5))
    single = paired_difference(one, other, np.arange(6))
    assert copied == single
    assert paired_difference(one, other).value == single.value


def test_the_mean_rank_of_perfect_queries_ends_by_their_videos():
    ranks, clusters = np.ones(100), np.repeat(np.arange(10), 10)
    by_query = mean_rank_interval(ranks, 50, 0, clusters)
    by_video = mean_rank_interval(ranks, 50, 0, clusters, by_video=True)
    assert by_query[0] == by_video[0] == 1
    assert by_video[1] == pytest.approx(1 + share_interval(ranks > 1, clusters)[1] * 49)
    assert by_video[1] > by_query[1]


# --- simulated: videos differ, their captions fare alike ------------------------------------------------------------


def sizes_of(kind: str, k: int, rng: np.random.Generator) -> np.ndarray:
    """20 captions each, or as many as an emotional subset has of a video: mostly one or two."""
    return np.full(k, 20) if kind == "all" else np.clip(rng.geometric(0.5, k), 1, 20)


def skills(share: float, alike: float, k: int, rng: np.random.Generator) -> np.ndarray:
    """(k,) each video's chance of a hit; `alike` is the correlation of two captions of a video."""
    spread = (1 - alike) / alike
    return rng.beta(share * spread, (1 - share) * spread, k)


def covered(intervals: list[tuple[float, float]], truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


@pytest.mark.slow
@pytest.mark.parametrize("alike", [0.1, 0.4, 0.8])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.35, 0.5])
@pytest.mark.parametrize("kind", ["all", "subset"])
@pytest.mark.parametrize("k", [20, 34, 100, 500])
def test_the_interval_of_a_share_of_clusters_covers(k: int, kind: str, share: float, alike: float):
    rng = np.random.default_rng([k, int(100 * share), int(10 * alike), len(kind)])
    together, alone = [], []
    for _ in range(STUDIES):
        of = np.repeat(np.arange(k), sizes_of(kind, k, rng))
        values = (rng.random(len(of)) < skills(share, alike, k, rng)[of]).astype(float)
        together.append(share_interval(values, of))
        alone.append(share_interval(values))
    least = 0.92 if k * share > 10 else 0.9 if k * share > 2.5 else 0.83  # the docs say so
    assert covered(together, share) >= least - 2 * (least * (1 - least) / STUDIES) ** 0.5
    if kind == "all" and alike >= 0.4:
        assert covered(alone, share) < 0.65  # twenty captions are no twenty queries


@pytest.mark.slow
@pytest.mark.parametrize("alike", [0.1, 0.5])
@pytest.mark.parametrize("k", [34, 100, 500])
def test_the_interval_of_a_paired_difference_of_clusters_covers(k: int, alike: float):
    rng = np.random.default_rng([k, int(10 * alike)])
    found = []
    for _ in range(STUDIES):
        of = np.repeat(np.arange(k), 20)
        drawn = rng.random((2, len(of)))
        one, other = (drawn[i] < skills(share, alike, k, rng)[of] for i, share in enumerate((0.4, 0.35)))
        interval = paired_difference(one.astype(float), other.astype(float), of)
        found.append((interval.low, interval.high))
    assert 0.93 <= covered(found, 5.0) <= 0.975


@pytest.mark.slow
@pytest.mark.parametrize("k", [34, 100, 500])
def test_the_mean_rank_of_clusters_is_covered(k: int):
    rng = np.random.default_rng(k)
    population = np.clip(np.ceil(rng.lognormal(0.5, 1.2, 400_000)), 1, 1000)
    truth = np.clip(np.ceil(population[:200_000] * rng.lognormal(0, 0.7, 200_000)), 1, 1000).mean()
    found = []
    for seed in range(STUDIES // 4):
        of = np.repeat(np.arange(k), 20)
        own = rng.choice(population, k)[of] * rng.lognormal(0, 0.7, len(of))
        ranks = np.clip(np.ceil(own), 1, 1000)
        found.append(mean_rank_interval(ranks, 1000, seed, of, by_video=True))
    assert covered(found, float(truth)) >= 0.91


@pytest.mark.slow
def test_the_sign_flip_of_videos_errs_no_more_often_than_it_says():
    rng = np.random.default_rng(6)
    of = np.repeat(np.arange(100), 20)
    together, alone = [], []
    for _ in range(STUDIES // 2):
        one, other = (np.log(rng.geometric(0.1, 100))[of] + rng.normal(size=2000) for _ in range(2))
        together.append(sign_flip(one, other, of))
        alone.append(sign_flip(one, other))
    assert np.mean(np.array(together) < 0.05) < 0.05 + 2 * (0.05 * 0.95 / len(together)) ** 0.5
    assert np.mean(np.array(alone) < 0.05) > 0.3
