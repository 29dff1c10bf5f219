"""How large must a true effect be for a test to find it? Studies drawn from values that were measured."""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bench.metrics.statistics import ALPHA, POWER, cluster_labels, detectable


def needed_effects(
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    clusters: NDArray[np.int64],
    *,
    seeds: int,
    spread: float,
    alpha: float,
    studies: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # (studies,)
    """Of each of many studies without a true effect: what the difference must be raised by to be found above 0.

    So the share of them at or below an effect is the power of the test at that effect, and their 80 % quantile the
    smallest effect that is found with 80 % power.
    one, other: (S, n) and (T, n) values of two families, of the same queries.  clusters: (n,), of queries that rise and
    fall together.  seeds: of each side in a study.  spread: the standard deviation of a seed's mean.  alpha: the level.
    A study draws clusters and seeds of both sides with replacement, after each seed's mean is taken off; to each seed
    it adds a mean of its own, normal with that spread, for two or three seeds cannot be drawn from. The effect is
    added to every query. The test is that of verdicts: p of the sign-flip test, by its normal approximation, and with
    several seeds also that of t over seeds and queries, must be below alpha.
    """
    from scipy.stats import norm, t

    of = cluster_labels(clusters, one.shape[1])
    sizes = np.bincount(of).astype(np.float64)
    k = len(sizes)
    times = np.stack([np.bincount(drawn, minlength=k) for drawn in rng.integers(k, size=(studies, k))])  # (studies, k)
    n = times @ sizes
    difference = np.zeros((studies, k))  # of the clusters' sums
    of_seeds = []
    for sign, side in ((1.0, one), (-1.0, other)):
        centred = side - side.mean(axis=1, keepdims=True)
        sums = np.stack([np.bincount(of, weights=row, minlength=k) for row in centred])  # (S, k)
        picked = rng.integers(len(sums), size=(studies, seeds))
        own = spread * rng.normal(size=(studies, seeds))
        share = np.stack([(picked == seed).mean(axis=1) for seed in range(len(sums))], axis=1)  # (studies, S)
        difference += sign * (share @ sums + own.mean(axis=1, keepdims=True) * sizes)
        of_seeds.append(np.take_along_axis(times @ sums.T / n[:, None], picked, axis=1) + own)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return (times * values).sum(axis=1)

    mean = total(difference) / n
    # by sign flips: (D + d n)² = z² sum (D_c + d n_c)², for the larger d
    z = norm.isf(alpha / 2)
    squared, linear = n**2 - z**2 * (times @ sizes**2), n**2 * mean - z**2 * total(difference * sizes)
    constant = (n * mean) ** 2 - z**2 * total(difference**2)
    root = np.sqrt(np.maximum(0, linear**2 - squared * constant))
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(squared > 0, (root - linear) / squared, np.inf)
    if seeds == 1:
        return needed
    of_queries = total((difference - mean[:, None] * sizes) ** 2) * k / (k - 1) / n**2
    variances = np.array([side.var(axis=1, ddof=1) / seeds for side in of_seeds])  # (2, studies)
    freedom = variances.sum(axis=0) ** 2 / np.maximum((variances**2).sum(axis=0) / (seeds - 1), np.finfo(float).tiny)
    half = t.isf(alpha / 2, k - 1) ** 2 * of_queries
    half += t.isf(alpha / 2, np.maximum(freedom, 1)) ** 2 * variances.sum(axis=0)
    return np.maximum(needed, np.sqrt(half) - mean)


def least_told_apart(n: int, share: float, power: float = POWER, alpha: float = ALPHA) -> tuple[float, float]:
    """Between what limits the smallest difference of two recalls lies that n queries can show, in points.

    share: one of the recalls, in [0, 1].
    First: where every query that differs is a win of the same side, the least that McNemar's exact test finds with this
    power, whoever is compared. Second: of recalls taken as those of two independent samples, by the normal
    approximation, which needs no more than a printed table; two systems that are asked the same queries are right on
    the same ones more often than that, so a test query by query can do better.
    Source: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions (2003), chapter 4.
    """
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    apart = 100 * z * (2 * share * (1 - share) / n) ** 0.5
    least = detectable(n, 0.0, power, alpha)
    return (100.0 if least is None else least, max(apart, least or 100.0))
