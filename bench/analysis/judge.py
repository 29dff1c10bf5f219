"""A run's ranking against what people judged: `bench judge RUN FILE`.

Of the queries of which at least one video was judged, by the first ten videos in the record; no model is needed. A
query's own video counts as relevant unless people said that it is not.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.compare.numbers import estimate
from bench.errors import BenchError
from bench.metrics.estimate import Estimate
from bench.metrics.judged import found, found_condensed, share_judged
from bench.metrics.ranking import KS, hits
from bench.metrics.statistics import share_interval
from bench.records.judgments import read_judgments, spelled
from bench.records.record import Record
from bench.utils.tables import Table, terminal

MEASURES = {
    "own": "only the own video, as published",
    "relevant": "any relevant video",
    "condensed": "any relevant video, unjudged ones left out",
    "judged": "judged among the first k",
}


@dataclass(frozen=True)
class Judged:
    """n: queries of which a video was judged. measures: of MEASURES, k -> in %. undecided: k -> queries of which the
    record's first videos do not tell whether a relevant one is among the first k judged; counted as not found.
    """

    record: Record
    n: int
    pairs: int
    disagreements: int
    measures: dict[str, dict[int, Estimate]]
    undecided: dict[int, int]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        measures = {name: {str(k): one.as_json() for k, one in row.items()} for name, row in self.measures.items()}
        known = {"run": self.record.run, "n": self.n, "judged_pairs": self.pairs, "disagreements": self.disagreements}
        return {**known, "measures": measures, "undecided": {str(k): count for k, count in self.undecided.items()}}

    def __str__(self) -> str:
        rows: list[list[str] | str] = [
            [text, *(estimate(one) for one in self.measures[name].values())] for name, text in MEASURES.items()
        ]
        below = [
            f"k = {k}: for {count} queries the record's first {len(self.record.top[0])} videos are too few to tell "
            "whether a relevant one is among the first judged; they count as not found."
            for k, count in self.undecided.items()
            if count
        ]
        note = (
            f"{self.record.run}: {self.n} queries of which a video was judged ({self.pairs} pairs; on "
            f"{self.disagreements} more people disagreed, which counts as not judged). T2V R@k in %, [95 % interval]."
        )
        return terminal(Table(["", *(f"k = {k}" for k in KS)], rows, below), self.record.protocol, note).rstrip("\n")


def judge(record: Record, file: Path) -> Judged:
    """Measures a run by the judgments in `file`. BenchError: it is none, none is of these queries, or no lists."""
    if not record.top:
        raise BenchError(f"the record of {record.run} holds no lists of videos: run it again.")
    if record.config.get("positives") == "equal":
        raise BenchError(f"{record.run} counts equal captions as true, judgments do not. Run it without --positives.")
    judgments = read_judgments(file, record.dataset)
    videos, captions = record.queries["videos"], record.queries["captions"]
    gallery = set(videos)
    said = {  # query, as spelled -> the videos of this gallery that were judged
        query: {video: label for video, label in labels.items() if video in gallery}
        for query, labels in judgments.labels.items()
    }
    rows = [row for row, caption in enumerate(captions) if said.get(spelled(caption))]
    if not rows:
        raise BenchError(f"{file} judges none of the {len(captions)} queries of {record.run}. Name another run.")
    asked = record.answers("t2v", rows)
    clusters = asked.video_clusters
    columns: dict[str, dict[int, list[float]]] = {name: {k: [] for k in KS} for name in MEASURES}
    undecided = dict.fromkeys(KS, 0)
    columns["own"] = {k: hits(asked.greater, asked.equal, k).tolist() for k in KS}
    for row in rows:
        labels = {videos[record.clip_of(row)]: True, **said[spelled(captions[row])]}
        relevant = {video for video, label in labels.items() if label}
        top = [videos[clip] for clip in record.top[row]]
        for k in KS:
            condensed = found_condensed(top, relevant, labels, k)
            undecided[k] += condensed is None
            columns["relevant"][k].append(float(found(top, relevant, k)))
            columns["condensed"][k].append(float(bool(condensed)))
            columns["judged"][k].append(share_judged(top, labels, k))
    measures = {
        name: {
            k: Estimate.rounded(float(np.mean(values)), *share_interval(values, clusters), scale=100)
            for k, values in by_k.items()
        }
        for name, by_k in columns.items()
    }
    pairs = sum(len(said[query]) for query in {spelled(captions[row]) for row in rows})
    return Judged(record, len(rows), pairs, judgments.disagreements, measures, undecided)
