"""What a ranking does when a caption's emotion word is exchanged, and whether twins are distinguished. numpy alone.

Symbols: N queries and as many videos, query i's true answer is video i. s (N, N) are the scores of the true captions,
e (n, N) those of n of them after one edit, `rows` (n,) says which. r is the rank of the own video, by `log_ranks` (ties
count half). An edit that a model does not react to leaves everything as it was: FlipAcc 1/2, the others 0.

    FlipAcc     share of queries with s[i, i] > e[i, i]; ties count 1/2. The own video knows the caption that is true of
                it; Wilson's interval. Chance is 50 %.
                After Thrush et al., Winoground, CVPR 2022 (the text score, of one video), with ties split.
    Δ log-rank  mean of ln r(edited) - ln r(true): how far the own video falls, in e-folds. Bootstrap interval.
    shift       mean of ((e - s) over videos of the target emotion, less that over those of the source emotion) / the
                standard deviation of s[i, :]; the own video left out. In which direction the gallery moves, in units
                of the query's spread. Bootstrap interval. After the effect size of Caliskan, Bryson and Narayanan,
                Semantics derived automatically from language corpora contain human-like biases, Science 356 (2017).
    selectivity mean over the same queries of Δ log-rank of the swap less that of a control, with bootstrap interval and
                the sign-flip p of `bench.metrics.statistics`. Above 0: it is the emotion that moves the rank, and not
                just any edit. This suite's own; the idea of a control on the same item: Hewitt and Liang, Designing and
                interpreting probes with control tasks, EMNLP 2019.
    text, video, group score   of twins, with captions a, b and videos A, B: text if s[a, A] > s[b, A] and
                s[b, B] > s[a, B]; video if s[a, A] > s[a, B] and s[b, B] > s[b, A]; group if both. Ties lose. Chance
                1/4, 1/4, 1/6. Thrush et al., Winoground, CVPR 2022 (who say image for video).

Queries with one caption are one cluster of every bootstrap. Below MIN_QUERIES queries nothing is claimed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.metrics.estimate import Estimate
from bench.metrics.metric_registry import share as share_of
from bench.metrics.ranking import count_rivals, log_ranks
from bench.metrics.statistics import MIN_QUERIES, bootstrap_interval, sign_flip

COUNTERFACTUAL_METRICS = {
    "FlipAcc": "share of queries whose own video scores the true caption above the edited one; chance 50 %",
    "Δ log-rank": "mean log rank of the own video under the edited caption, less under the true one; 0: no reaction",
    "shift": "how far a swap moves videos of its emotion up against those of the caption's, in units of spread",
    "selectivity": "Δ log-rank of the emotion swap less that of a control edit of the same queries",
    "group score": "share of twin pairs with both captions right for both videos and both videos for both captions",
}
CHANCE = {"text": 25.0, "video": 25.0, "group": 100 / 6}  # percent


def rank_counts(scores: NDArray, rows: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many rivals score above each row's own video, and how many equal to it. (n, N), own videos (n,) -> (n,) each.

    ValueError for a score that is no number.
    """
    if not np.isfinite(scores).all():
        raise ValueError("a score is no number")
    rows = np.asarray(rows, np.int64)
    greater, equal = count_rivals(scores, scores[np.arange(len(rows)), rows])
    return greater, equal - 1  # itself


def shifts(
    true: NDArray, edited: NDArray, rows: ArrayLike, source: ArrayLike, target: ArrayLike, shows: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The directional shift of each edited query; NaN where the gallery has no other video of one of the two emotions,
    or where the true caption scores all videos the same.

    true, edited: (n, N) scores.  rows: (n,) own videos.  source, target: (n,) emotions, columns of `shows`.
    shows: (N, E) which emotions each video shows, from another witness than the query.
    """
    rows, source, target = (np.asarray(part, np.int64) for part in (rows, source, target))
    true, moved = true.astype(np.float64), edited.astype(np.float64) - true.astype(np.float64)
    others = np.ones(true.shape, np.bool_)
    others[np.arange(len(rows)), rows] = False
    means = []
    for emotion in (target, source):
        members = shows[:, emotion].T & others  # (n, N)
        count = members.sum(axis=1)
        total = np.where(members, moved, 0).sum(axis=1)
        means.append(np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0))
    spread = true.std(axis=1)
    return np.divide(means[0] - means[1], spread, out=np.full(len(rows), np.nan), where=spread > 0)


def twin_scores(scores: NDArray, twins: Mapping[int, int]) -> dict[str, Any]:
    """Text, video and group score of each pair: {"pairs": [[a, b], …], "text": [0 or 1, …], "video": …, "group": …}.

    scores: (N, N), caption by video.  twins: query -> its twin, both ways; each pair is counted once.
    """
    pairs = sorted({(min(one, other), max(one, other)) for one, other in twins.items()})
    if not pairs:
        return {"pairs": [], "text": [], "video": [], "group": []}
    a, b = np.array(pairs).T
    text = (scores[a, a] > scores[b, a]) & (scores[b, b] > scores[a, b])
    video = (scores[a, a] > scores[a, b]) & (scores[b, b] > scores[b, a])
    found = {"text": text, "video": video, "group": text & video}
    return {"pairs": [list(pair) for pair in pairs], **{k: won.astype(int).tolist() for k, won in found.items()}}


def share(wins: Sequence[float | None], chance: float = 50.0) -> dict[str, Any]:
    """{"value", "low", "high", "chance", "n"}: the mean of `wins`, but for None, in percent with Wilson's interval."""
    kept = [win for win in wins if win is not None]
    estimate = share_of(sum(kept), len(kept)) if len(kept) >= MIN_QUERIES else Estimate.empty()
    return {**estimate.as_json(), "chance": round(chance, 4), "n": len(kept)}


def mean(values: Sequence[float | None], captions: Sequence[str]) -> dict[str, Any]:
    """{"value", "low", "high", "n"}: the mean, but for None, with its bootstrap interval over equal captions."""
    kept = [value for value in values if value is not None]
    clusters = [caption for value, caption in zip(values, captions, strict=True) if value is not None]
    if len(kept) < MIN_QUERIES:
        return {**Estimate.empty().as_json(), "n": len(kept)}
    estimate = Estimate.rounded(float(np.mean(kept)), *bootstrap_interval(kept, "mean", 0, clusters))
    return {**estimate.as_json(), "n": len(kept)}


def selectivity(
    swap: Sequence[float | None], control: Sequence[float | None], captions: Sequence[str]
) -> dict[str, Any]:
    """{"value", "low", "high", "n", "p"}: Δ log-rank of the swap less that of a control, where a query has both."""
    pairs = zip(swap, control, captions, strict=True)
    both = [(one, other, caption) for one, other, caption in pairs if one is not None and other is not None]
    differences, clusters = [one - other for one, other, _ in both], [caption for _, _, caption in both]
    enough = len(both) >= MIN_QUERIES
    p = round(sign_flip([one for one, *_ in both], [other for _, other, _ in both], clusters), 6) if enough else None
    return {**mean(differences, clusters), "p": p}


def summarize(edits: Mapping[str, Mapping[str, Sequence[float | None]]], captions: Sequence[str]) -> dict[str, Any]:
    """FlipAcc, Δ log-rank and selectivity from per-query values.

    edits: edit -> {"flip": N values, "delta": N values}, None where a query has no such edit; "swap" among them.
    captions: of the N queries.  Returns {"edits": {edit: {"FlipAcc", "Δ log-rank"}}, "selectivity": {control: entry}}.
    """
    measured = {
        edit: {"FlipAcc": share(columns["flip"]), "Δ log-rank": mean(columns["delta"], captions)}
        for edit, columns in edits.items()
    }
    swap = edits["swap"]["delta"]
    controls = {
        edit: selectivity(swap, columns["delta"], captions) for edit, columns in edits.items() if edit != "swap"
    }
    return {"edits": measured, "selectivity": controls}


def deltas(true: NDArray, edited: NDArray, rows: ArrayLike) -> NDArray[np.float64]:
    """ln r(edited) - ln r(true) of each edited query. true, edited: (n, N) scores; rows: (n,) own videos -> (n,)."""
    return log_ranks(*rank_counts(edited, rows)) - log_ranks(*rank_counts(true, rows))
