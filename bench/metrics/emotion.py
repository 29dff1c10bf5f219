"""What a ranking has to do with emotion: whether the videos that it puts first share the query's.

Every query has emotions and a polarity from its own words, every video from a second witness
(`bench.data.video_emotions`). Symbols: N queries and as many videos, query i's true answer is video i; s (N, N)
scores; Q and V the emotions, (N, 8) bool; i and j *share* one where Q_i and V_j have one in common. The *rivals* of a
query are all videos but its own.

Lists are of rivals alone. The true video mostly shares the query's emotions, so it would lift every model that knows
content: its place is what recall measures, and what stands around it is asked here. With rivals in the list and in the
base rate alike, a ranking at random has a lift of exactly 1.

Ties: at each place that rivals of equal score fill together stands their mean, which is the value expected over all
orders of them (McSherry and Najork, Computing information retrieval performance measures efficiently in the presence of
tied scores, ECIR 2008). So nothing depends on the order of the gallery.
Videos that could not be judged are left out of the gallery (condensed lists: Sakai, Alternatives to Bpref, SIGIR 2007),
and emotions that the witness never tells, such as trust of faces, are taken from the queries.
A gallery of fewer than k rivals is judged by all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.video_emotions import VideoEmotions
from bench.emotions.scores import polarity, score_captions
from bench.metrics.estimate import Estimate
from bench.metrics.ranking import KS, count_rivals, hits
from bench.metrics.statistics import MIN_QUERIES, bootstrap_interval, wilson

DEPTH = 10  # of nDCG
POLES = {"positive": 1, "neutral": 0, "negative": -1}  # here neutral is mixed too
_BLOCK = 1_000_000  # scores sorted at once: 8 MB an array

EMOTION_METRICS = {
    "EmoP@k": "emotion precision: share of the first k rivals (1, 5, 10) with an emotion of the query, in percent",
    "EmoLift@k": "emotion precision over the share of all rivals with an emotion of the query; 1 is chance",
    "EmoNDCG@10": "emotion nDCG: how near the first 10 rivals come to the best order by shared emotions; 1 is best",
    "EmoR@k": "recall among the videos with an emotion of the query alone: what is left to tell apart is content",
    "ExcessEmoErr": "of wrong first answers, how many more lack the query's emotions than of random errors, points",
    "OppPol@k": "share of the first k rivals (1, 5, 10) with the opposite polarity of the query, in percent",
    "PolAgree": "share of positive and negative queries whose first answer has the same polarity, in percent",
    "Pol a>b": "polarity confusion: share of the queries of polarity a whose first answer has polarity b, in percent",
}


def measure(similarity: NDArray, captions: Sequence[str], videos: VideoEmotions) -> dict[str, Any]:
    """Every metric of EMOTION_METRICS for one run, plain JSON: {name: entry, …, "per_query": {name: values}}.

    similarity: (N, N) float, query by video, finite. captions: of the N queries. videos: of the N videos.
    entry: {"value", "low", "high", "chance", "n"}. chance is what rankings at random give on average; the interval is
    Wilson's where a query has one answer (k = 1, recall, polarity of the first), otherwise a bootstrap over clusters of
    equal captions, both at 95 %. Of fewer than MIN_QUERIES queries nothing is claimed: all but n are None.
    n counts the queries with something to find: for "Emo" those with an emotion that a rival has, for "Pol" and
    "OppPol" those that are positive or negative, for "Pol a>b" those of polarity a, for ExcessEmoErr the first whose
    first answer is wrong or level with a wrong one.
    per_query: for each metric but the lift and the confusion N values in the unit of the entry, None where the query
    does not count; and "EmoP chance", the base rate of the lift. They are what paired tests need.
    """
    named = (score_captions(captions) > 0) & videos.valid.any(axis=0)  # (N, 8)
    mood = polarity(captions)
    judged = np.any(videos.valid, axis=1)
    step = max(1, _BLOCK // len(judged))
    blocks = []
    for start in range(0, len(named), step):
        rows = np.arange(start, min(start + step, len(named)))
        emotions = _emotions(similarity[rows], rows, named[rows], videos.present, judged)
        blocks.append(emotions | _polarities(similarity[rows], rows, mood[rows], videos.polarity, judged))
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return _entries(values, captions)


def at_places(scores: NDArray, gains: NDArray, k: int) -> NDArray[np.float64]:
    """What stands at the first k places of each row's ranking: scores (B, M), gains (B, M) -> (B, min(k, M)).

    The highest score has the first place; at places of equal scores stands the mean gain of all that have the score.
    A score of -inf is no candidate, and at places beyond the candidates stands 0.
    """
    k = min(k, scores.shape[1])
    top = -np.sort(np.partition(-scores, k - 1, axis=1)[:, :k], axis=1)
    found = np.zeros(top.shape)
    for place in range(k):
        level = scores == top[:, place, None]
        found[:, place] = np.where(level, gains, 0).sum(axis=1) / level.sum(axis=1)
    return np.where(np.isneginf(top), 0.0, found)


def jaccard(queries: NDArray[np.bool_], videos: NDArray[np.bool_]) -> NDArray[np.float64]:
    """|A and B| / |A or B| of each query's and each video's emotions: (B, 8), (M, 8) -> (B, M); 0 where both are empty.

    Source: Jaccard, The distribution of the flora in the alpine zone, New Phytologist 11 (1912).
    """
    common = queries.astype(np.float64) @ videos.T.astype(np.float64)
    either = queries.sum(axis=1)[:, None] + videos.sum(axis=1)[None, :] - common
    return common / np.maximum(either, 1)


def precision(scores: NDArray, relevant: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """The share of each row's first min(k, candidates) that is relevant, in [0, 1]: (B, M), (B, M) -> (B,).

    P@k = 1/k sum over places r <= k of relevant(r). NaN where a row has no candidate (all scores -inf).
    Source: Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), section 8.4.
    """
    return _ratio(at_places(scores, relevant, k).sum(axis=1), np.minimum(k, _candidates(scores)))


def base_rate(scores: NDArray, relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of each row's candidates that is relevant: the precision, at any k, of a ranking at random. -> (B,)."""
    return _ratio((relevant & ~np.isneginf(scores)).sum(axis=1), _candidates(scores))


def ndcg(scores: NDArray, gains: NDArray, k: int) -> NDArray[np.float64]:
    """Normalized discounted cumulated gain of each row's first k, in [0, 1]: (B, M), gains (B, M) >= 0 -> (B,).

    DCG = sum over places r <= k of gain(r) / log2(1 + r); nDCG = DCG / DCG of the candidates in order of their gains.
    NaN where no candidate gains anything.
    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002; the
    discount, which weighs the second place less too, is that of Burges et al., Learning to rank, ICML 2005.
    """
    found = at_places(scores, gains, k)
    return _ratio(found @ _discounts(k)[: found.shape[1]], _ideal(scores, gains, k))


def ndcg_chance(scores: NDArray, gains: NDArray, k: int) -> NDArray[np.float64]:
    """The nDCG that a ranking of the same candidates at random has on average. Shapes as in `ndcg`."""
    gained = np.where(np.isneginf(scores), 0.0, gains).sum(axis=1)
    discounts = np.cumsum(_discounts(k))[np.clip(_candidates(scores), 1, k) - 1]
    return _ratio(_ratio(gained, _candidates(scores)) * discounts, _ideal(scores, gains, k))


def _emotions(
    similarity: NDArray, own: NDArray[np.int64], named: NDArray, present: NDArray, judged: NDArray
) -> dict[str, NDArray[np.float64]]:
    """Per query of a block, NaN where it does not count. own: (B,) each query's true video.

    EmoP@k, EmoNDCG@k      `precision` of "shares an emotion", `ndcg` of the Jaccard index, over the judged rivals.
    EmoR@k                 `hits` of the true video among itself and the judged rivals that share an emotion.
                           At random: min(1, k / videos in that gallery).
    ExcessEmoErr           with J the first rivals where one scores as high as the true video: share of J without a
                           shared emotion, less that share of all rivals. Above 0: its errors miss the emotion more
                           often than errors blind to it, and to content, would.
    EmoR and ExcessEmoErr are this suite's own.
    """
    rivals = _of_rivals(similarity, own, judged)
    true = similarity[np.arange(len(own)), own]
    gains = jaccard(named, present)
    shares = gains > 0
    base = base_rate(rivals, shares)
    counts = base > 0  # there is something to find; NaN is not
    values = {"EmoP chance": base, "EmoNDCG@10": ndcg(rivals, gains, DEPTH)}
    values["EmoNDCG@10 chance"] = ndcg_chance(rivals, gains, DEPTH)
    for k in KS:
        values[f"EmoP@{k}"] = precision(rivals, shares, k)
    among = np.where(shares, rivals, -np.inf)
    greater, equal = count_rivals(among, true)
    for k in KS:
        values[f"EmoR@{k}"] = hits(greater, equal, k)
        values[f"EmoR@{k} chance"] = np.minimum(1.0, k / (1 + _candidates(among)))
    missed = 1 - values["EmoP@1"]
    wrong = rivals.max(axis=1) >= true
    values["ExcessEmoErr"] = np.where(wrong, missed - (1 - base), np.nan)
    return {name: np.where(counts, value, np.nan) for name, value in values.items()}


def _polarities(
    similarity: NDArray, own: NDArray[np.int64], mood: NDArray, polarities: NDArray, judged: NDArray
) -> dict[str, NDArray[np.float64]]:
    """Per query of a block, NaN where it does not count. own: (B,) each query's true video.

    OppPol@k    `precision` of "has the opposite polarity", over the judged rivals.
    PolAgree    the share of the first judged videos, the true one among them, that has the query's polarity.
    Pol a>b     the same for each pair of polarities.
    """
    rivals = _of_rivals(similarity, own, judged)
    gallery = np.where(judged, similarity, -np.inf)
    opposite = mood[:, None] == -polarities
    same = mood[:, None] == polarities
    values = {"OppPol chance": base_rate(rivals, opposite)}
    values |= {"PolAgree": precision(gallery, same, 1), "PolAgree chance": base_rate(gallery, same)}
    for k in KS:
        values[f"OppPol@{k}"] = precision(rivals, opposite, k)
    values = {name: np.where(mood != 0, value, np.nan) for name, value in values.items()}
    for found, sought in POLES.items():
        has = np.broadcast_to(polarities == sought, gallery.shape)
        first, chance = precision(gallery, has, 1), base_rate(gallery, has)
        for asked, pole in POLES.items():
            values[f"Pol {asked}>{found}"] = np.where(mood == pole, first, np.nan)
            values[f"Pol {asked}>{found} chance"] = np.where(mood == pole, chance, np.nan)
    return values


def _entries(values: Mapping[str, NDArray], captions: Sequence[str]) -> dict[str, Any]:
    """The result of `measure` from the values of all queries, in [0, 1]."""
    clusters = np.asarray(captions)
    measured: dict[str, Any] = {}

    def entry(name: str, chance: str = "", *, single: bool = False, scale: float = 100.0) -> None:
        rows = np.flatnonzero(~np.isnan(values[name]))
        found = values[name][rows]
        at_random = values[chance][rows] if chance else np.zeros(len(rows))
        measured[name] = _entry(found, at_random, clusters[rows], single=single, scale=scale)

    for k in KS:
        entry(f"EmoP@{k}", "EmoP chance", single=k == 1)
    for k in KS:
        rows = np.flatnonzero(~np.isnan(values[f"EmoP@{k}"]))
        measured[f"EmoLift@{k}"] = _lift(values[f"EmoP@{k}"][rows], values["EmoP chance"][rows], clusters[rows])
    entry("EmoNDCG@10", "EmoNDCG@10 chance", scale=1.0)
    for k in KS:
        entry(f"EmoR@{k}", f"EmoR@{k} chance", single=True)
    entry("ExcessEmoErr")
    for k in KS:
        entry(f"OppPol@{k}", "OppPol chance", single=k == 1)
    entry("PolAgree", "PolAgree chance", single=True)
    kept = [name for name in measured if not name.startswith("EmoLift")]
    for name in values:
        if name.startswith("Pol ") and not name.endswith("chance"):
            entry(name, f"{name} chance", single=True)
    scales = {name: 1.0 if name == "EmoNDCG@10" else 100.0 for name in [*kept, "EmoP chance"]}
    per_query = {name: [_plain(scale * value) for value in values[name].tolist()] for name, scale in scales.items()}
    return {**measured, "per_query": per_query}


def _entry(found: NDArray, chance: NDArray, clusters: NDArray, *, single: bool, scale: float) -> dict[str, Any]:
    if len(found) < MIN_QUERIES:
        return _no_claim(len(found))
    interval = wilson(float(found.sum()), len(found)) if single else bootstrap_interval(found, "mean", 0, clusters)
    estimate = Estimate.rounded(float(found.mean()), *interval, scale=scale)
    return {**estimate.as_json(), "chance": round(scale * float(chance.mean()), 4), "n": len(found)}


def _lift(found: NDArray, base: NDArray, clusters: NDArray) -> dict[str, Any]:
    """Mean precision over mean base rate, with the interval of a ratio.

    To the first order L varies as the mean of (P - L b) / mean(b), and that mean is bootstrapped.
    Source: Brin, Motwani, Ullman and Tsur, SIGMOD 1997, who call the lift interest; Cochran, Sampling Techniques
    (1977), section 6.4, for the ratio.
    """
    if len(found) < MIN_QUERIES:
        return _no_claim(len(found))
    lift = float(found.mean() / base.mean())
    low, high = bootstrap_interval((found - lift * base) / base.mean(), "mean", 0, clusters)
    return {**Estimate.rounded(lift, lift + low, lift + high).as_json(), "chance": 1.0, "n": len(found)}


def _no_claim(n: int) -> dict[str, Any]:
    return {**Estimate.empty().as_json(), "chance": None, "n": n}


def _of_rivals(similarity: NDArray, own: NDArray[np.int64], judged: NDArray) -> NDArray:
    """The scores with -inf for the true video and for those that could not be judged."""
    scores = np.where(judged, similarity, -np.inf)
    scores[np.arange(len(own)), own] = -np.inf
    return scores


def _candidates(scores: NDArray) -> NDArray[np.int64]:
    return (~np.isneginf(scores)).sum(axis=1)


def _discounts(k: int) -> NDArray[np.float64]:
    return 1 / np.log2(np.arange(2, k + 2))


def _ideal(scores: NDArray, gains: NDArray, k: int) -> NDArray[np.float64]:
    best = -np.sort(-np.where(np.isneginf(scores), 0.0, gains), axis=1)[:, :k]
    return best @ _discounts(k)[: best.shape[1]]


def _ratio(above: NDArray, below: NDArray) -> NDArray[np.float64]:
    """above / below, NaN where below is 0."""
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
