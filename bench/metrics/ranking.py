"""Ranks -> recall, median and mean rank, each with an interval. No model, no accelerator: numpy alone.

A query's rank is kept as two counts: `greater` (g), the rivals that score above the true one, and `equal` (e), the
rivals that score exactly the same. Sorting would have to break ties by position, which is luck; and keeping every tied
position as a query of its own, as much of the field's code does, changes the denominator. Here it is always the number
of queries.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.metrics.statistics import bootstrap_interval, wilson

METRICS = {
    "R@k": "recall: the share of queries whose true answer is among the first k (1, 5, 10), in percent; ties share",
    "MdR": "median rank of the true answer; 1 is best",
    "MnR": "mean rank of the true answer; 1 is best",
    "TwinAcc": "share of queries that score their own clip above its twin, which differs in emotion alone; chance 50 %",
}
KS = (1, 5, 10)
DIRECTIONS = ("t2v", "v2t")
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


def log_ranks(greater: ArrayLike, equal: ArrayLike) -> NDArray[np.float64]:
    """The natural logarithm of each query's expected rank: (n,) counts -> (n,) float64 >= 0.

    What two runs are compared by: from rank 1 to 2 is as far as from 100 to 200, so no single lost query decides.
    """
    return np.log(ranks(greater, equal))


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
    captions: Sequence[str],
    twin_wins: Mapping[int, float] | None = None,
) -> dict[str, dict[str, Any]]:
    """The `metrics` of a record: for "all" and every subset, n and per direction each metric's value, low and high.

    ranks: {"t2v": {"greater": (n,), "equal": (n,)}, "v2t": …}.
    subsets: name -> indices of queries; they restrict the queries, the gallery was always the whole.
    captions: of the n queries. In t2v those with one caption are one cluster of the bootstrap; in v2t each query is a
        video of its own.
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
            clusters = [captions[row] for row in rows] if way == "t2v" else None
            metrics[name][way] = _with_intervals(greater[rows], equal[rows], clusters)
        wins = [twin_wins[row] for row in members if row in twin_wins] if twin_wins else []
        if wins:
            metrics[name]["t2v"]["TwinAcc"] = {**_share(sum(wins), len(wins)), "n": len(wins)}
    return metrics


def _with_intervals(
    greater: NDArray, equal: NDArray, clusters: Sequence[str] | None
) -> dict[str, dict[str, float | None]]:
    n = len(greater)
    if n == 0:
        return {name: {"value": None, "low": None, "high": None} for name in (*(f"R@{k}" for k in KS), "MdR", "MnR")}
    values, expected = points(greater, equal), ranks(greater, equal)
    metrics: dict[str, dict[str, float | None]] = {}
    for k in KS:
        metrics[f"R@{k}"] = _share(float(hits(greater, equal, k).sum()), n)
    statistics: dict[str, Literal["mean", "median"]] = {"MdR": "median", "MnR": "mean"}
    for name, statistic in statistics.items():
        low, high = bootstrap_interval(expected, statistic, 0, clusters)  # a fixed seed: equal ranks, equal intervals
        metrics[name] = {"value": round(values[name], 4), "low": round(low, 4), "high": round(high, 4)}
    return metrics


def _share(hits: float, n: int) -> dict[str, float | None]:
    low, high = wilson(hits, n)
    return {"value": round(100 * hits / n, 4), "low": round(100 * low, 4), "high": round(100 * high, 4)}
