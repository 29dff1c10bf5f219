"""Graded subsets: which queries are about emotion, by several rules of rising strictness, and how well each is found.

One threshold hides how much of a result hangs on it. Here every rule is a subset of its own, named from the caption
alone, so that a record of any age can be measured: it holds its captions and its ranks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.emotions import EMOTIONS
from bench.emotions.scores import is_emotional, polarity, score_captions, score_polarity, vader_compound
from bench.emotions.sources import EmotionSource
from bench.metrics.ranking import summarize
from bench.metrics.statistics import MIN_QUERIES

BOUNDS = (0.05, 0.3, 0.6)  # on VADER's |compound|: its authors' for "not neutral", one between, the report's

SUBSETS = {
    **{f"vader-{bound}": f"queries whose VADER |compound| is above {bound}" for bound in BOUNDS},
    "report-filter": "queries that pass the report's filter: VADER |compound| above 0.6, or its pattern",
    "any-nrc": "queries with a word of any of the eight emotions in the NRC lexicon",
    **{f"nrc-{emotion}": f"queries with a word of {emotion} in the NRC lexicon" for emotion in EMOTIONS},
    "positive": "queries with more positive than negative words in the NRC lexicon",
    "negative": "queries with more negative than positive words in the NRC lexicon",
    "mixed": "queries with as many positive as negative words in the NRC lexicon, and some",
    "neutral": "queries with neither a positive nor a negative word in the NRC lexicon",
}


def graded_subsets(captions: Sequence[str], source: EmotionSource | None = None) -> dict[str, list[int]]:
    """Which queries belong to each of SUBSETS: name -> ascending indices into `captions`; any may be empty.

    The vader subsets lie in each other, each emotion in any-nrc; positive, negative, mixed and neutral share all
    queries out among them. Words are counted as `bench.emotions.scores` says, capitals as they are.
    source: adds `any-KIND` and `KIND-joy` and so on, the queries that name an emotion by it.
    Source: Hutto and Gilbert, VADER, ICWSM 2014, for 0.05; Mohammad and Turney, Computational Intelligence 29(3), 2013.
    """
    strength = np.abs(vader_compound(captions))
    named = score_captions(captions) > 0  # (n, 8)
    neutral = score_polarity(captions)[:, 2] > 0
    sign = polarity(captions)
    members = {f"vader-{bound}": strength > bound for bound in BOUNDS}
    members |= {"report-filter": is_emotional(captions), "any-nrc": np.any(named, axis=1)}
    members |= {f"nrc-{emotion}": named[:, column] for column, emotion in enumerate(EMOTIONS)}
    members |= {"positive": sign > 0, "negative": sign < 0, "mixed": (sign == 0) & ~neutral, "neutral": neutral}
    found = {name: np.flatnonzero(members[name]).tolist() for name in SUBSETS}
    if source:
        named = source.named(captions)
        found[f"any-{source.kind}"] = np.flatnonzero(named.any(axis=1)).tolist()
        found |= {f"{source.kind}-{name}": np.flatnonzero(named[:, i]).tolist() for i, name in enumerate(EMOTIONS)}
    return found


def subset_rows(
    ranks: Mapping[str, Mapping[str, Sequence[int]]], subsets: Mapping[str, Sequence[int]], captions: Sequence[str]
) -> list[dict[str, Any]]:
    """One row a subset, in order: {"subset", "n", "t2v", "v2t"}, plain JSON.

    ranks, subsets, captions: as in `bench.metrics.ranking.summarize`, which makes the values: per direction "R@1",
    "R@5", "R@10", "MdR", "MnR", each with value, low and high. Below MIN_QUERIES queries both directions are None:
    there is nothing to claim, and nothing that could be shown as a claim.
    """
    claimed = {name: members for name, members in subsets.items() if len(members) >= MIN_QUERIES}
    metrics = summarize(ranks, claimed, captions)
    none = {"t2v": None, "v2t": None}
    return [{"subset": name, "n": len(members), **none, **metrics.get(name, {})} for name, members in subsets.items()]
