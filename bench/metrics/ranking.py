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
from bench.metrics.metric_registry import CORE, METRICS, TWIN_ACCURACY, added, metric, names, share
from bench.metrics.positives import ALL_CAPTIONS, answers

TWIN_MEANING = "share of queries that score their own clip above its twin, which differs in emotion alone; chance 50 %"
KS = (1, 5, 10)
DIRECTIONS = ("t2v", "v2t")
_TIE_SHARE = {"optimistic": 0.0, "expected": 0.5, "pessimistic": 1.0}

Ties = Literal["expected", "optimistic", "pessimistic"]


def count_rivals(scores: NDArray, true: NDArray, axis: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many scores of each row lie above its true score, and how many are equal to it: the g and e of ranks.

    scores: (n, m).  true: (n,), of the same type; if it is among its row's scores it is equal to itself, and e is one
    too many.  axis: 0 counts in columns instead, with (m,) true scores.  Returns (n,) or (m,) each.
    """
    true = np.expand_dims(true, axis)
    greater = (scores > true).sum(axis=axis, dtype=np.uint32)  # several times faster than in 64 bits
    return greater.astype(np.int64), (scores == true).sum(axis=axis, dtype=np.uint32).astype(np.int64)


def wins(own: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """1 where a score lies above the other, 1/2 where they are equal, 0 where it lies below. (n,), (n,) -> (n,)."""
    return (np.sign(np.asarray(own, np.float64) - np.asarray(other, np.float64)) + 1) / 2


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


def _recall(k: int) -> None:
    place = "first" if k == 1 else f"among the first {k}"
    meaning = f"share of queries with the true answer {place}, in %; ties share"
    metric(f"R@{k}", meaning, better="high", statistic="share")(lambda greater, equal: hits(greater, equal, k))


for _k in KS:
    _recall(_k)
metric("MdR", "median rank of the true answer; 1 is best", better="low", statistic="median")(ranks)
metric("MnR", "mean rank of the true answer; 1 is best", better="low", statistic="mean rank")(ranks)


def points(greater: ArrayLike, equal: ArrayLike) -> dict[str, float]:
    """R@1, R@5, R@10 in percent, MdR and MnR under expected ties, without intervals. (n,) counts, n >= 1."""
    counts = np.asarray(greater), np.asarray(equal)
    values = {name: METRICS.get(name).value(*counts) for name in CORE}
    recalls = [values[f"R@{k}"] for k in KS]
    assert recalls == sorted(recalls), f"recall falls as k grows: {recalls}"
    return values


def directions(video_of: Sequence[int] | None) -> tuple[str, ...]:
    """What a record is measured in: DIRECTIONS, and "v2t-all" where videos have several captions.

    video_of: (n,) the video of each query; None: a video each.
    """
    return DIRECTIONS if video_of is None else (*DIRECTIONS, ALL_CAPTIONS)


def summarize(
    ranks: Mapping[str, Mapping[str, Sequence[int]]],
    subsets: Mapping[str, Sequence[int]],
    captions: Sequence[str],
    twin_wins: Mapping[int, float] | None = None,
    video_of: Sequence[int] | None = None,
) -> dict[str, dict[str, Any]]:
    """The `metrics` of a record: for "all" and every subset, n and per direction each metric's value, low and high.

    ranks: {"t2v": {"greater": (n,), "equal": (n,)}, "v2t": …}.
    subsets: name -> indices of queries; they restrict the queries, the gallery was always the whole.
    captions: of the n queries.
    twin_wins: query -> 1 if its own video scored above its twin's, 0.5 if equal, 0 if below. Where a subset has such
        queries, its "t2v" gets "TwinAcc": their mean in percent (chance is 50), with an n of its own.
    video_of: the video of each query, where videos have several captions. Then the directions are three, see
        `bench.metrics.positives`, and those of "v2t" have an n of their own, of videos.
    Metrics are those of `bench.metrics.metric_registry`, at 95 % and rounded to four decimals. An empty subset has
    n = 0 and nothing but None. BenchError if a subset is called "all".
    """
    if "all" in subsets:
        raise BenchError("a subset may not be called 'all': that names the whole test split. Rename it.")
    metrics = _estimates(names(), ranks, subsets, captions, video_of)
    for name, members in {"all": range(len(captions)), **subsets}.items():
        found = [twin_wins[row] for row in members if row in twin_wins] if twin_wins else []
        if found:
            metrics[name]["t2v"][TWIN_ACCURACY] = {**share(sum(found), len(found)).as_json(), "n": len(found)}
    return metrics


def _estimates(
    which: Sequence[str],
    ranks: Mapping[str, Mapping[str, Sequence[int]]],
    subsets: Mapping[str, Sequence[int]],
    captions: Sequence[str],
    video_of: Sequence[int] | None,
) -> dict[str, dict[str, Any]]:
    """The metrics named `which` of "all" and every subset, with n and per direction, as in `summarize`."""
    measured: dict[str, dict[str, Any]] = {}
    for subset, members in {"all": range(len(captions)), **subsets}.items():
        measured[subset] = {"n": len(members)}
        for direction in directions(video_of):
            asked = answers(ranks, direction, captions, video_of, members)
            own = {"n": len(asked)} if video_of is not None and direction == "v2t" else {}
            measured[subset][direction] = {
                name: {**METRICS.get(name).estimate(asked).as_json(), **own} for name in which
            }
    return measured


def completed(
    metrics: dict[str, dict[str, Any]],
    ranks: Mapping[str, Mapping[str, Sequence[int]]],
    subsets: Mapping[str, Sequence[int]],
    captions: Sequence[str],
    video_of: Sequence[int] | None = None,
) -> dict[str, dict[str, Any]]:
    """A record's metrics with every registered one: those beside CORE come from the ranks, whatever was stored.

    So an old record gains a new metric, and one whose definition a plugin has changed is the same in every record.
    """
    if not added():
        return metrics
    fresh = _estimates(added(), ranks, subsets, captions, video_of)
    return {
        subset: {**stored, **{way: {**stored[way], **fresh[subset][way]} for way in directions(video_of)}}
        for subset, stored in metrics.items()
    }


def meanings() -> dict[str, str]:
    """What `bench list metrics` says of the metrics of ranks, in the order of tables."""
    return {**{name: METRICS.get(name).meaning for name in names()}, TWIN_ACCURACY: TWIN_MEANING}
