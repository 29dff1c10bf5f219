"""Intervals and tests: is a number more than luck, and could this many queries have shown a difference at all?

Nothing here knows of retrieval: values of queries come in, as `bench.metrics.ranking` makes them, and no model is
needed. Where several queries share a caption they rise and fall together; `clusters` names what a query shares, and
resampling draws whole clusters. Everything random has a seed: the same values, the same interval, the same p.
"""

from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.metrics.estimate import Estimate

LEVEL = 0.95
ALPHA = 0.05  # below it, p counts as a difference
POWER = 0.8
MIN_QUERIES = 20  # below it a share's interval is over 40 points wide, and no claim is made
RESAMPLES = 1000
FLIPS = 10_000
_EXACT = 14  # differing clusters up to which all 2^14 flips are tried
_ROUNDING = 1e-12  # of the differences' sum: flips this close to the observed one are level with it
_NEAR_TAIL, _FAR_TAIL = 0.025, 0.005  # of a mean rank's interval, below it and above it
_BLOCK = 2_000_000  # values drawn at once: 16 MB, whatever the number of queries


def wilson(hits: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval for hits/n, as shares in [0, 1]; both may be fractional. ValueError if n < 1.

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


def effective_number(values: ArrayLike, clusters: ArrayLike) -> float:
    """How many queries, each drawn for itself, would say as much of the mean as these clusters do: from 1 to n.

    values: (n,).  clusters: (n,) labels.  It is n by the design effect, which is the variance of the mean over clusters
    by that over queries taken one by one and no less than 1; where no query differs from another it is the number of
    clusters. Reduced by the square of z by t, with the clusters' degrees of freedom, for it is itself an estimate.
    Source: Korn and Graubard, Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data, Survey Methodology 24 (1998).
    """
    from scipy.stats import t

    values = np.asarray(values, dtype=np.float64)
    of = cluster_labels(clusters, len(values))
    n, k = len(values), int(of.max()) + 1
    away = values - values.mean()
    alone, together = float((away**2).sum()), float((np.bincount(of, weights=away) ** 2).sum()) * k / max(1, k - 1)
    number = k if alone <= _ROUNDING * n else n * min(1.0, alone / together) if together else n
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    return max(1.0, float(number) * (z / float(t.isf((1 - LEVEL) / 2, k - 1))) ** 2) if k > 1 else 1.0


def share_interval(values: ArrayLike, clusters: ArrayLike | None = None) -> tuple[float, float]:
    """Wilson's interval of the mean of n >= 1 numbers in [0, 1]; of clusters, with the `effective_number` of queries.

    In simulations of 20 queries a cluster it covers 93 to 96 % with 100 clusters or more, and 85 to 93 % with 20 to 34
    where no more than one query in 50 is a hit (docs/statistics.md).
    Source: Franco, Little, Louis and Slud, Comparative study of confidence intervals for proportions in complex sample
    surveys, Journal of Survey Statistics and Methodology 7 (2019).
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values) if clusters is None else effective_number(values, clusters)
    return wilson(min(float(values.mean()) * n, n), n)


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
    of = cluster_labels(clusters, len(values))
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


def mean_rank_interval(
    ranks: ArrayLike, gallery: int, seed: int, clusters: ArrayLike | None = None, by_video: bool = False
) -> tuple[float, float]:
    """Interval of the mean rank over 1000 resamples of clusters of queries: studentised, on the log of the mean.

    ranks: (n,) in 1 … gallery, n >= 1.  clusters: (n,) labels; queries with one label are drawn together; None: each
    for itself.
    A few far ranks make most of a mean, and a sample often has too few of them: the percentile bootstrap then misses
    the true mean in one case of five, nearly always from below. So the upper end is that of 99.5 %, not 97.5 %; with
    that the interval covers 91 to 99 % in simulations (docs/statistics.md). It ends where all queries that may not
    rank first, by Wilson's interval, would rank last; that is also its end where the ranks do not differ. by_video:
    Wilson's, too, is of clusters.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 12.5.
    """
    ranks = np.asarray(ranks, dtype=np.float64)
    n = len(ranks)
    of = cluster_labels(clusters, n)
    k = int(of.max()) + 1
    sums, sizes = np.bincount(of, weights=ranks), np.bincount(of).astype(np.float64)
    mean = float(ranks.mean())
    most = 1 + share_interval(ranks > 1, clusters if by_video else None)[1] * (gallery - 1)
    rng = np.random.default_rng(seed)

    def log_errors(times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means of resamples, and the standard errors of their logarithms. times: (resamples, k)."""
        means = times @ sums / (times @ sizes)
        squares = times @ sums**2 - 2 * means * (times @ (sums * sizes)) + means**2 * (times @ sizes**2)
        squares[squares < _ROUNDING * (times @ sums**2)] = 0.0
        return means, np.sqrt(squares * k / max(1, k - 1)) / (times @ sums)

    error = float(log_errors(np.ones((1, k)))[1][0])
    if error == 0:
        return 1.0, max(mean, most)
    drawn = []
    for size in _blocks(RESAMPLES, k):
        means, errors = log_errors(_draw(rng, k, size))
        away = np.log(means / mean)
        without = np.where(np.abs(away) < _ROUNDING, 0.0, np.copysign(np.inf, away))
        drawn.append(np.divide(away, errors, out=without, where=errors > 0))
    least, greatest = np.quantile(np.concatenate(drawn), [_FAR_TAIL, 1 - _NEAR_TAIL], method="inverted_cdf")
    with np.errstate(over="ignore"):
        low, high = (float(mean * np.exp(-bound * error)) for bound in (greatest, least))
    return min(mean, max(1.0, low)), max(mean, min(most, high))


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
    differences = np.bincount(cluster_labels(clusters, len(one)), weights=one - other)
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


def paired_difference(
    one: ArrayLike, other: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL
) -> Estimate:
    """Difference of two recalls in points, with its interval (of 95 % unless told), rounded to four decimals.

    one, other: (n,) hits in [0, 1] of the same queries in the same order.  ValueError if no pairs.  clusters: (n,)
    labels; the table is then one of the `effective_number` of queries; None: each for itself.
    The interval is Agresti and Min's: Wald's after half a query is added to each cell of the 2 x 2 table, so it has a
    width even where no query differs. Written in differences, half of +1, half of -1 and one of 0 are added, and
    fractional hits (ties) fit in.
    Source: Agresti and Min, Simple improved confidence intervals for comparing matched proportions, Statistics in
    Medicine 24 (2005).
    """
    one, other = _paired(one, other)
    differences = one - other
    total, squares, n = float(differences.sum()), float((differences**2).sum()), float(len(differences))
    if clusters is not None:
        weight = effective_number(differences, clusters) / n
        total, squares, n = weight * total, weight * squares, weight * n
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = total / (n + 2)
    half = z * (squares + 1 - total * centre) ** 0.5 / (n + 2)
    low, high = max(-1.0, centre - half), min(1.0, centre + half)
    return Estimate.rounded(float(differences.mean()), low, high, scale=100)


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


def cluster_labels(clusters: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """(n,) numbers from 0 without a gap, equal where the clusters are; None: each query a cluster of its own.

    ValueError if there are not n of them.
    """
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


def _draw(rng: np.random.Generator, n: int, resamples: int) -> NDArray[np.float64]:
    """(resamples, n): how often each of n was drawn, in n draws with replacement."""
    drawn = rng.integers(n, size=(resamples, n))
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
