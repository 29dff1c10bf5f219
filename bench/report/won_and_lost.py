"""Queries that one run finds and another does not: what was asked, how it ranks in both, what each shows instead."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.compare.groups import Family
from bench.emotions import EMOTIONS
from bench.emotions.counterfactuals import counterfactual
from bench.emotions.scores import explain, score_captions
from bench.metrics.ranking import ranks
from bench.records.probe import Probe
from bench.records.record import Record
from bench.report.figures import Context
from bench.report.thumbnails import thumbnails

SHOWN = 5  # clips of each run's list
MOST = 60  # flips of a pair; of more, those that moved furthest
PAIRS = 6  # the best variant and others with a verdict


def flips(one: Record, other: Record) -> list[dict[str, Any]]:
    """Queries whose own video `other` ranks better or worse than `one`, those that moved furthest first.

    The two records must ask the same queries. Distance is the difference of log-ranks, as in the tests. Each is plain
    JSON: query, ranks (of one, of other), won (other is better), top (of one, of other: the first clips; empty where a
    record does not hold them).
    """
    before, after = (ranks(record.ranks["t2v"]["greater"], record.ranks["t2v"]["equal"]) for record in (one, other))
    moved = np.log(before) - np.log(after)
    order = sorted(np.flatnonzero(moved).tolist(), key=lambda query: (-abs(moved[query]), query))
    return [
        {
            "query": query,
            "ranks": [float(before[query]), float(after[query])],
            "won": bool(moved[query] > 0),
            "top": [record.top[query][:SHOWN] if record.top else [] for record in (one, other)],
        }
        for query in order[:MOST]
    ]


def flip_data(context: Context) -> dict[str, Any]:
    """What the page's list of won and lost queries is made of, as JSON: pairs of runs, their queries and clips.

    Pairs are the baseline with the best other variant and with the best of those that have a verdict, PAIRS at most.
    """
    base = context.base
    told = {one.name for one in context.comparisons if one.verdict in ("better", "worse")}
    others = [family for place, family in enumerate(context.others) if not place or family.name in told][:PAIRS]
    pairs = [_pair(base, other) for other in others] if base else []
    if not pairs:
        return {"pairs": []}
    queries = sorted({flip["query"] for one in pairs for flip in one["flips"]})
    clips = {clip for one in pairs for flip in one["flips"] for top in flip["top"] for clip in top}
    record = context.group.trues[0]
    clips |= {record.clip_of(query) for query in queries}
    captions = record.first_captions()
    pictures = thumbnails(record, sorted(clips))
    return {
        "pairs": pairs,
        "emotions": [*EMOTIONS, "neutral"],
        "queries": asked(record, queries),
        "clips": {
            clip: {
                "video": record.queries["videos"][clip],
                "caption": captions[clip],
                **({"picture": pictures[clip]} if clip in pictures else {}),
            }
            for clip in sorted(clips)
        },
    }


def _pair(one: Family, other: Family) -> dict[str, Any]:
    """The first seeds of two families."""
    records = one.records[0], other.records[0]
    names = [f"{family.name} s{record.seed}" for family, record in zip((one, other), records, strict=True)]
    found = flips(*records)
    swaps = swapped(records[1])
    return {
        "name": f"{names[1]} against {names[0]}",
        "one": names[0],
        "other": names[1],
        "flips": found,
        "swaps": {flip["query"]: swaps[flip["query"]] for flip in found if flip["query"] in swaps},
    }


def asked(record: Record, queries: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What a page shows of each query: caption, video, its emotions, the words that name them, its swapped caption.

    Emotions are those that the caption's own words name. The swap is what `bench probe` asked instead, with its rank.
    """
    captions = [record.queries["captions"][query] for query in queries]
    scores = score_captions(captions)
    swaps = swapped(record)
    return {
        query: {
            "caption": caption,
            "video": record.queries["videos"][record.clip_of(query)],
            "emotions": [name for name, count in zip(EMOTIONS, row, strict=True) if count] or ["neutral"],
            "words": [word for word, affects in explain(caption).words.items() if set(affects) & set(EMOTIONS)],
            **({"swap": swaps[query]} if query in swaps else {}),
        }
        for query, caption, row in zip(queries, captions, scores, strict=True)
    }


def swapped(record: Record) -> dict[int, dict[str, Any]]:
    """Query -> its caption with the emotion word swapped, and how many times further down that puts its own video.

    From the record's probe; empty before `bench probe`.
    """
    moved = Probe.from_json(record.probe).edits["swap"].moves if record.probe else []
    found = {}
    for query, delta in enumerate(moved):
        edits = counterfactual(record.queries["captions"][query])
        if edits and delta is not None:
            found[query] = {
                "caption": edits.edited["swap"],
                "words": edits.words,
                "factor": round(float(np.exp(delta)), 2),
            }
    return found
