"""Ranks -> recall, median and mean rank, each with an interval. No model, no accelerator: numpy alone.

A query's rank is kept as two counts: `greater` (g), the rivals that score above the true one, and `equal` (e), the
rivals that score exactly the same. Sorting would have to break ties by position, which is luck; and keeping every tied
position as a query of its own, as much of the field's code does, changes the denominator. Here it is always the number
of queries.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import BenchError

METRICS = {
    "R@k": "recall: the share of queries whose true answer is among the first k (1, 5, 10), in percent; ties share",
    "MdR": "median rank of the true answer; 1 is best",
    "MnR": "mean rank of the true answer; 1 is best",
    "TwinAcc": "share of queries that score their own clip above its twin, which differs in emotion alone; chance 50 %",
}
KS = (1, 5, 10)
LEVEL = 0.95
DIRECTIONS = ("t2v", "v2t")
RESAMPLES = 1000
FLIPS = 10_000
_EXACT = 14  # differing queries up to which all 2^14 flips are tried
_ROUNDING = 1e-12  # of the differences' sum: flips this close to the observed one are level with it
_BLOCK = 2_000_000  # values drawn at once: 16 MB of indices, whatever the number of queries
_TIE_SHARE = {"optimistic": 0.0, "expected": 0.5, "pessimistic": 1.0}

Ties = Literal["expected", "optimistic", "pessimistic"]


def ranks(greater: ArrayLike, equal: ArrayLike, ties: Ties = "expected") -> NDArray[np.float64]:
    """The rank of every query, 1 is best: g + 1 (optimistic), g + 1 + e/2 (expected) or g + 1 + e (pessimistic).

    greater, equal: (n,) counts.  Returns (n,) float64.
    """
    return np.asarray(greater) + 1.0 + _TIE_SHARE[ties] * np.asarray(equal)


def hits(greater: ArrayLike, equal: ArrayLike, k: int) -> NDArray[np.float64]:
    """The chance of every query to stand among the first k when ties fall in random order: clip((k - g)/(e + 1), 0, 1).

    greater, equal: (n,) counts.  Returns (n,) float64 in [0, 1]; without ties, 0 or 1.
    """
    return np.clip((k - np.asarray(greater)) / (np.asarray(equal) + 1.0), 0.0, 1.0)


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
    values: ArrayLike, statistic: Callable[..., NDArray[np.float64]], seed: int, level: float = LEVEL
) -> tuple[float, float]:
    """Percentile interval of `statistic(values)` over 1000 resamples of the queries; the same seed, the same interval.

    values: (n,), n >= 1.  statistic: takes (resamples, n) and `axis=1`, as np.mean and np.median do.
    Source: Efron, Bootstrap methods, Annals of Statistics 7 (1979).
    """
    values = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(values))
    drawn = [
        statistic(values[rng.integers(len(values), size=(min(block, RESAMPLES - start), len(values)))], axis=1)
        for start in range(0, RESAMPLES, block)
    ]
    low, high = np.quantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def sign_flip(one: ArrayLike, other: ArrayLike) -> float:
    """Two-sided p of the paired sign-flip test on log-rank: were the two runs alike, how often would they differ so?

    Had both runs the same skill, each query's difference log(one) - log(other) could as well have the other sign. p is
    the share of flips whose sum is as far from 0 as the observed one, ties counted in. With up to 14 differing queries
    all flips are tried; with more, 10 000 are drawn (same ranks, same p), and p is (hits + 1)/(flips + 1).
    one, other: (n,) ranks of the same queries in the same order, from `ranks`.  ValueError if no pairs.
    Source: Fisher, The Design of Experiments (1935), chapter 3; Phipson and Smyth, Permutation p-values should never
    be zero, Statistical Applications in Genetics and Molecular Biology 9 (2010).
    """
    one, other = _paired(one, other)
    differences = np.log(one) - np.log(other)
    differences = differences[differences != 0]  # their flips change nothing
    least = abs(differences.sum()) - _ROUNDING * np.abs(differences).sum()
    if len(differences) <= _EXACT:
        sums = np.zeros(1)
        for difference in differences:
            sums = np.concatenate([sums + difference, sums - difference])
        return float((np.abs(sums) >= least).mean())
    rng = np.random.default_rng(0)
    hits, block = 0, max(1, _BLOCK // len(differences))
    for start in range(0, FLIPS, block):
        flips = min(block, FLIPS - start)
        size = flips * len(differences)
        drawn = np.frombuffer(rng.bytes(-(-size // 8)), dtype=np.uint8)
        kept = np.unpackbits(drawn, count=size).reshape(flips, -1)  # 1: the sign stays, 0: it flips
        hits += int((np.abs(2 * (kept @ differences) - differences.sum()) >= least).sum())
    return (hits + 1) / (FLIPS + 1)


def paired_difference(one: ArrayLike, other: ArrayLike, level: float = LEVEL) -> dict[str, float]:
    """Difference of two recalls in points, with its interval: {"value", "low", "high"}, rounded to four decimals.

    one, other: (n,) hits in [0, 1] of the same queries in the same order, from `hits`.  ValueError if no pairs.
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


def points(greater: ArrayLike, equal: ArrayLike) -> dict[str, float]:
    """R@1, R@5, R@10 in percent, MdR and MnR under expected ties, without intervals. (n,) counts, n >= 1."""
    recalls = {f"R@{k}": 100 * float(hits(greater, equal, k).mean()) for k in KS}
    values = list(recalls.values())
    assert values == sorted(values), f"recall falls as k grows: {recalls}"
    expected = ranks(greater, equal)
    return {**recalls, "MdR": float(np.median(expected)), "MnR": float(expected.mean())}


def summarize(
    ranks: Mapping[str, Mapping[str, Sequence[int]]],
    subsets: Mapping[str, Sequence[int]],
    twin_wins: Mapping[int, float] | None = None,
) -> dict[str, dict[str, Any]]:
    """The `metrics` of a record: for "all" and every subset, n and per direction each metric's value, low and high.

    ranks: {"t2v": {"greater": (n,), "equal": (n,)}, "v2t": …}.
    subsets: name -> indices of queries; they restrict the queries, the gallery was always the whole.
    twin_wins: query -> 1 if its own video scored above its twin's, 0.5 if equal, 0 if below. Where a subset has such
        queries, its "t2v" gets "TwinAcc": their mean in percent (chance is 50), with an n of its own.
    R@k and TwinAcc come with Wilson intervals, MdR and MnR with bootstrap intervals, all at 95 % and rounded to four
    decimals. An empty subset has n = 0 and nothing but None. BenchError if a subset is called "all".
    """
    if "all" in subsets:
        raise BenchError("a subset may not be called 'all': that names the whole test split. Rename it.")
    counts = {way: (np.asarray(ranks[way]["greater"]), np.asarray(ranks[way]["equal"])) for way in DIRECTIONS}
    metrics: dict[str, dict[str, Any]] = {}
    for name, members in {"all": range(len(counts["t2v"][0])), **subsets}.items():
        rows = np.asarray(members, dtype=np.int64)
        metrics[name] = {"n": len(rows)}
        for way, (greater, equal) in counts.items():
            metrics[name][way] = _with_intervals(greater[rows], equal[rows])
        wins = [twin_wins[row] for row in members if row in twin_wins] if twin_wins else []
        if wins:
            metrics[name]["t2v"]["TwinAcc"] = {**_share(sum(wins), len(wins)), "n": len(wins)}
    return metrics


def _with_intervals(greater: NDArray, equal: NDArray) -> dict[str, dict[str, float | None]]:
    n = len(greater)
    if n == 0:
        return {name: {"value": None, "low": None, "high": None} for name in (*(f"R@{k}" for k in KS), "MdR", "MnR")}
    values, expected = points(greater, equal), ranks(greater, equal)
    metrics: dict[str, dict[str, float | None]] = {}
    for k in KS:
        metrics[f"R@{k}"] = _share(float(hits(greater, equal, k).sum()), n)
    for name, statistic in (("MdR", np.median), ("MnR", np.mean)):
        low, high = bootstrap_interval(expected, statistic, seed=0)  # a fixed seed: equal ranks, equal intervals
        metrics[name] = {"value": round(values[name], 4), "low": round(low, 4), "high": round(high, 4)}
    return metrics


def _paired(one: ArrayLike, other: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    one, other = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 1 or not len(one):
        raise ValueError(f"{one.shape} and {other.shape} are no pairs of queries")
    return one, other


def _share(hits: float, n: int) -> dict[str, float | None]:
    low, high = wilson(hits, n)
    return {"value": round(100 * hits / n, 4), "low": round(100 * low, 4), "high": round(100 * high, 4)}
