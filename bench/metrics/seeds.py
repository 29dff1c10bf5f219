"""Means over seeds and queries: how sure is a mean when another seed, and other queries, would have changed it?

Few seeds say little of their spread, and a bootstrap of two or three of them does not know that: its 95 % interval
covers 53, 78 and 90 % with 2, 3 and 5 seeds that differ more than queries do. Student's t does know it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.metrics.statistics import LEVEL, POWER, cluster_labels

_LEAST_P = 1e-12


@dataclass(frozen=True)
class MeanOverSeeds:
    """A mean, or a difference of two, with what the choice of seeds and that of queries add to its variance.

    parts: (variance, degrees of freedom) of each; none where there is a single cluster of queries, without a spread.
    """

    value: float
    parts: tuple[tuple[float, float], ...]

    def half_width(self, level: float) -> float:
        """Of the interval: the root of the sum of t² times variance, t of each part's own degrees of freedom.

        Source: Burdick and Graybill, Confidence Intervals on Variance Components (1992), section 3.2, after Howe,
        Approximate confidence limits on the mean of X + Y, Journal of the American Statistical Association 69 (1974).
        """
        from scipy.stats import t

        return float(sum(t.isf((1 - level) / 2, freedom) ** 2 * variance for variance, freedom in self.parts) ** 0.5)

    def interval(self, level: float = LEVEL) -> tuple[float, float] | None:
        """None where there is nothing to take it from."""
        half = self.half_width(level)
        return (self.value - half, self.value + half) if self.parts else None

    def detectable(self, alpha: float, power: float = POWER) -> float:
        """The smallest true value that a two-sided test at level alpha finds with this power, 0 without a spread.

        The distance to p = alpha, and on to where the power's share of all draws lies, each by t: for the quantile of
        the noncentral t, of which it is an approximation.
        """
        return self.half_width(1 - alpha) + self.half_width(2 * power - 1)

    @property
    def p(self) -> float:
        """Two-sided p that the true mean is 0: the interval of level 1 - p ends there. No less than 1e-12."""
        from scipy.optimize import brentq

        size = abs(self.value)
        if not self.parts or size == 0:
            return 1.0
        if self.half_width(1 - _LEAST_P) <= size:
            return _LEAST_P
        return float(brentq(lambda p: self.half_width(1 - p) - size, _LEAST_P, 1.0, xtol=1e-13))


def mean_over_seeds(one: ArrayLike, other: ArrayLike | None = None, clusters: ArrayLike | None = None) -> MeanOverSeeds:
    """mean(one) - mean(other) over seeds and queries.

    one: (S, n), a row for each seed.  other: (T, n), the same queries under other seeds; None stands for 0.
    clusters: (n,) labels of queries that rise and fall together; None: each for itself.
    The seeds' part is the variance of their means, of both sides, with Welch's degrees of freedom; the queries' part
    that of each query's difference, averaged over seeds. What is peculiar to one query under one seed stands in both,
    which errs on the wide side. One seed says nothing of others: then there is the queries' part alone.
    In simulations the interval covers 94 to 100 % with 2, 3 or 5 seeds, however much seeds spread (docs/statistics.md).
    Source: Welch, The generalization of Student's problem when several different population variances are involved,
    Biometrika 34 (1947).
    """
    return weighted_over_seeds([(1.0, one)] + ([(-1.0, other)] if other is not None else []), clusters)


def weighted_over_seeds(sides: Sequence[tuple[float, ArrayLike]], clusters: ArrayLike | None = None) -> MeanOverSeeds:
    """The sum of each weight times the mean of its values, over seeds and queries: as `mean_over_seeds`, of any sides.

    sides: (weight, (S, n) values) each, all of the same queries.
    """
    weighted = [weight * np.asarray(values, dtype=np.float64) for weight, values in sides]
    n = weighted[0].shape[1]
    total = np.sum([side.mean(axis=0) for side in weighted], axis=0)
    value = float(total.mean())
    of = cluster_labels(clusters, n)
    k = int(of.max()) + 1
    if k < 2:
        return MeanOverSeeds(value, ())
    parts = [(_of_clusters(total - value, of) * k / (k - 1) / n**2, k - 1.0)]
    seeds = [(float(side.mean(axis=1).var(ddof=1)) / len(side), len(side) - 1.0) for side in weighted if len(side) > 1]
    if spread := sum(variance for variance, _ in seeds):
        parts.append((spread, spread**2 / sum(variance**2 / freedom for variance, freedom in seeds)))
    return MeanOverSeeds(value, tuple(parts))


def share_of_way(
    run: ArrayLike, floor: ArrayLike, ceiling: ArrayLike, clusters: ArrayLike | None = None
) -> MeanOverSeeds | None:
    """(run - floor) / (ceiling - floor) of means over seeds and queries: 0 at the floor, 1 at the ceiling.

    run, floor, ceiling: (S, n) each, of the same queries; S may differ.  None where the ceiling does not lie above the
    floor by more than its 95 % interval: then there is no way to speak of.
    By the delta method: with h the share, run - h ceiling - (1 - h) floor has the mean 0, and its spread by the way is
    that of h. The sides are taken as if their seeds had nothing in common; where they have, as a baseline and its own
    ceiling, the interval is too wide rather than too narrow.
    In simulations it covers 94 to 100 % with 1 (of queries), 2, 3 or 5 seeds (docs/statistics.md).
    Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), section 2.7.2, for the delta method.
    """
    way = mean_over_seeds(ceiling, floor, clusters)
    if not way.value > way.half_width(LEVEL):
        return None
    h = mean_over_seeds(run, floor, clusters).value / way.value
    left = weighted_over_seeds([(1.0, run), (-h, ceiling), (h - 1, floor)], clusters)
    return MeanOverSeeds(h, tuple((variance / way.value**2, freedom) for variance, freedom in left.parts))


def _of_clusters(values: NDArray[np.float64], of: NDArray[np.int64]) -> float:
    """The sum of the squares of the clusters' sums."""
    return float((np.bincount(of, weights=values) ** 2).sum())
