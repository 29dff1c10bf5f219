"""Intervals and tests: is a number more than luck, and could this many queries have shown a difference at all?

Nothing here knows of retrieval: values of queries come in, as `bench.metrics.ranking` makes them, and no model is
needed. Where several queries share a caption they rise and fall together; `clusters` names what a query shares, and
resampling draws whole clusters. Everything random has a seed: the same values, the same interval, the same p.
"""

from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
ALPHA = 0.05  # below it, p counts as a difference
POWER = 0.8
MIN_QUERIES = 20  # below it a share's interval is over 40 points wide, and no claim is made
RESAMPLES = 1000
FLIPS = 10_000
_EXACT = 14  # differing clusters up to which all 2^14 flips are tried
_ROUNDING = 1e-12  # of the differences' sum: flips this close to the observed one are level with it
_BLOCK = 2_000_000  # values drawn at once: 16 MB, whatever the number of queries


def wilson(hits: float, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval for hits/n, as shares in [0, 1]; hits may be fractional (ties). ValueError if n < 1.

    It keeps its coverage for few queries and for shares near 0 and 1, where p ± 2 standard errors does not.
    Source: Wilson, Probable inference, JASA 22 (1927); Brown, Cai and DasGupta, Statistical Science 16 (2001).
    """
    if n < 1 or not 0 <= hits <= n:
        raise ValueError(f"{hits} hits of {n} queries")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = hits / n
    centre = share + z * z / (2 * n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    scale = 1 + z * z / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def bootstrap_interval(
    values: ArrayLike,
    statistic: Literal["mean", "median"],
    seed: int,
    clusters: ArrayLike | None = None,
    level: float = LEVEL,
) -> tuple[float, float]:
    """Percentile interval of the mean or the median over 1000 resamples of clusters of queries.

    values: (n,), n >= 1.  clusters: (n,) labels; queries with one label are drawn together; None: each for itself.
    Source: Efron, Bootstrap methods, Annals of Statistics 7 (1979); for clusters Davison and Hinkley, Bootstrap Methods
    and their Application (1997), section 3.8.
    """
    values = np.asarray(values, dtype=np.float64)
    of = _labels(clusters, len(values))
    order = np.argsort(values, kind="stable")
    rng = np.random.default_rng(seed)
    drawn = []
    for size in _blocks(RESAMPLES, len(values)):
        times = _draw(rng, int(of.max()) + 1, size)[:, of]  # (resamples, n): how often each query was drawn
        if statistic == "mean":
            drawn.append(times @ values / times.sum(axis=1))
        else:
            drawn.append(_medians(values[order], times[:, order]))
    return _percentiles(np.concatenate(drawn), level)


def hierarchical_interval(
    one: ArrayLike, other: ArrayLike | None, seed: int, clusters: ArrayLike | None = None, level: float = LEVEL
) -> tuple[float, float]:
    """Percentile interval of mean(one) - mean(other) over 1000 resamples of seeds and, in each, of queries.

    one: (S, n), a row for each seed.  other: (T, n), the same queries under other seeds; None stands for 0.
    clusters: as in `bootstrap_interval`.  Both sides see the same drawn queries, so it is a paired interval; seeds are
    drawn apart. Of S seeds S - 1 are drawn: as many as S would make the variance over seeds too small by 1/S, which
    with three seeds is a third. One seed says nothing of others: the interval is then of queries alone.
    In simulations it covers 89 % (three seeds) and 92 % (five) where seeds spread more than queries do, and up to 99 %
    where they spread little, for what is peculiar to one query under one seed counts twice.
    Source: Davison and Hinkley (1997), section 3.8; Rao and Wu, Resampling inference with complex survey data, JASA 83
    (1988), for S - 1.
    """
    sides = [(1.0, np.asarray(one, dtype=np.float64))]
    if other is not None:
        sides.append((-1.0, np.asarray(other, dtype=np.float64)))
    n = sides[0][1].shape[1]
    of = _labels(clusters, n)
    rng = np.random.default_rng(seed)
    drawn = []
    for size in _blocks(RESAMPLES, n):
        times = _draw(rng, int(of.max()) + 1, size)[:, of]  # (resamples, n)
        total = np.zeros(size)
        for sign, rows in sides:
            seeds = len(rows)
            taken = _draw(rng, seeds, size, max(1, seeds - 1))  # (resamples, S)
            total += sign * np.einsum("rs,sr->r", taken, rows @ times.T) / taken.sum(axis=1)
        drawn.append(total / times.sum(axis=1))
    return _percentiles(np.concatenate(drawn), level)


def sign_flip(one: ArrayLike, other: ArrayLike, clusters: ArrayLike | None = None) -> float:
    """Two-sided p of the paired sign-flip test: were the two runs alike, how often would they differ so?

    Had both runs the same skill, the difference one - other of each cluster of queries could as well have the other
    sign. p is the share of flips whose sum is as far from 0 as the observed one, ties counted in. With up to 14
    differing clusters all flips are tried; with more, 10 000 are drawn, and p is (hits + 1)/(flips + 1).
    one, other: (n,) values of the same queries in the same order; `log_ranks` in this suite.  clusters: (n,) labels;
    None: each query for itself.  ValueError if no pairs.
    Source: Fisher, The Design of Experiments (1935), chapter 3; Phipson and Smyth, Permutation p-values should never
    be zero, Statistical Applications in Genetics and Molecular Biology 9 (2010).
    """
    one, other = _paired(one, other)
    differences = np.bincount(_labels(clusters, len(one)), weights=one - other)
    differences = differences[differences != 0]  # their flips change nothing
    least = abs(differences.sum()) - _ROUNDING * np.abs(differences).sum()
    if len(differences) <= _EXACT:
        sums = np.zeros(1)
        for difference in differences:
            sums = np.concatenate([sums + difference, sums - difference])
        return float((np.abs(sums) >= least).mean())
    rng = np.random.default_rng(0)
    hits = 0
    for flips in _blocks(FLIPS, len(differences)):
        size = flips * len(differences)
        drawn = np.frombuffer(rng.bytes(-(-size // 8)), dtype=np.uint8)
        kept = np.unpackbits(drawn, count=size).reshape(flips, -1)  # 1: the sign stays, 0: it flips
        hits += int((np.abs(2 * (kept @ differences) - differences.sum()) >= least).sum())
    return (hits + 1) / (FLIPS + 1)


def mcnemar(wins: int, losses: int) -> float:
    """Two-sided p of McNemar's exact test, from how many queries one run alone and the other alone has right.

    p = min(1, 2 P(X <= min(wins, losses))) with X binomial(wins + losses, 1/2). Queries that both have right, or both
    wrong, say nothing. 6-0 is the least significant table without losses: p = 0.031.
    Source: McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947), in its exact form.
    """
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def paired_difference(one: ArrayLike, other: ArrayLike, level: float = LEVEL) -> dict[str, float]:
    """Difference of two recalls in points, with its interval: {"value", "low", "high"}, rounded to four decimals.

    one, other: (n,) hits in [0, 1] of the same queries in the same order.  ValueError if no pairs.
    The interval is Agresti and Min's: Wald's after half a query is added to each cell of the 2 x 2 table, so it has a
    width even where no query differs. Written in differences, half of +1, half of -1 and one of 0 are added, and
    fractional hits (ties) fit in.
    Source: Agresti and Min, Simple improved confidence intervals for comparing matched proportions, Statistics in
    Medicine 24 (2005).
    """
    one, other = _paired(one, other)
    differences = one - other
    total, n = float(differences.sum()), len(differences)
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = total / (n + 2)
    half = z * (float((differences**2).sum()) + 1 - total * centre) ** 0.5 / (n + 2)
    low, high = max(-1.0, centre - half), min(1.0, centre + half)
    return {"value": round(100 * total / n, 4), "low": round(100 * low, 4), "high": round(100 * high, 4)}


def holm(ps: ArrayLike) -> NDArray[np.float64]:
    """p of several tests, each raised so that together they err in at most one family of twenty at 0.05. (m,) -> (m,).

    The i-th smallest of m becomes max over j <= i of min(1, (m - j + 1) p_j).
    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    ps = np.asarray(ps, dtype=np.float64)
    order = np.argsort(ps, kind="stable")
    raised = np.minimum(1, np.maximum.accumulate(ps[order] * np.arange(len(ps), 0, -1)))
    back = np.empty_like(ps)
    back[order] = raised
    return back


def detectable(n: int, discordant: float, power: float = POWER, alpha: float = ALPHA) -> float | None:
    """The smallest true difference of two recalls, in points, that McNemar's exact test finds with this power.

    n: queries.  discordant: the share of queries in [0, 1] that one run has right and the other wrong; the true
    difference d is at least covered by it (psi = max(discordant, d)). The differing queries are binomial(n, psi), the
    wins among them binomial(., (psi + d)/(2 psi)); power is the chance that the wins reach the least significant count.
    None where even a difference of 100 points would not be found: with fewer than six queries.
    Source: Lachenbruch, On the sample size for studies based upon McNemar's test, Statistics in Medicine 11 (1992).
    """
    from scipy.stats import binom

    differing = np.arange(n + 1)
    needed = binom.isf(alpha / 2, differing, 0.5) + 1  # the fewest wins of so many that are significant

    def found(difference: float) -> float:
        psi = max(discordant, difference)
        won = binom.sf(needed - 1, differing, min(1.0, (psi + difference) / (2 * psi)))
        return float(binom.pmf(differing, n, psi) @ won)

    low, high = 0.0, 1.0
    if found(high) < power:
        return None
    while high - low > 1e-5:
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) >= power else (middle, high)
    return 100 * high


def _paired(one: ArrayLike, other: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, other = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1 or not len(one):
        raise ValueError(f"{one.shape} and {other.shape} are no pairs of queries")
    return one, other


def _labels(clusters: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """(n,) numbers from 0 without a gap, equal where the clusters are."""
    if clusters is None:
        return np.arange(n)
    of = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)
    if len(of) != n:
        raise ValueError(f"{len(of)} clusters of {n} queries")
    return of


def _blocks(total: int, width: int) -> list[int]:
    """Sizes that add up to `total`, each so many rows of `width` values as may be held at once."""
    block = max(1, _BLOCK // max(1, width))
    return [min(block, total - start) for start in range(0, total, block)]


def _draw(rng: np.random.Generator, n: int, resamples: int, draws: int | None = None) -> NDArray[np.float64]:
    """(resamples, n): how often each of n was drawn, with replacement; n draws if not said otherwise."""
    drawn = rng.integers(n, size=(resamples, draws or n))
    drawn += n * np.arange(resamples)[:, None]
    return np.bincount(drawn.reshape(-1), minlength=resamples * n).reshape(resamples, n).astype(np.float64)


def _medians(ascending: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of each resample: of `ascending` (n,), each as often as its row of `times` (resamples, n) says."""
    below = np.cumsum(times, axis=1)
    total = below[:, -1:]
    lower = (below <= (total - 1) // 2).sum(axis=1)  # the place of the middle one, or of the left of two
    upper = (below <= total // 2).sum(axis=1)
    return (ascending[lower] + ascending[upper]) / 2


def _percentiles(drawn: NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
