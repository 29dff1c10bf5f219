"""How large must a true effect be for a test to find it? Studies drawn from values that were measured."""

import numpy as np
from numpy.typing import NDArray

from bench.metrics.statistics import cluster_labels


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
