"""How similar captions are to clips: to their own, to its twin, to others of the same emotion, to all others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS
from bench.metrics.ranking import DIRECTIONS, ranks
from bench.metrics.statistics import MIN_QUERIES
from bench.records.record import Record
from bench.report.figures import Context, Figure, figure
from bench.report.saved_features import best_mapped, unit_features
from bench.report.style import COLOURS, STROKES, legend_below, sheet, styled
from bench.utils.tables import Table

AGREE = 0.99  # of the queries must rank by the features as the record says
BINS = 60
OWN, TWIN, SAME, OTHERS = "its own clip", "that clip's twin", "others of the same emotion", "all others"


@figure("similarity", place=60, beside="features")
def similarity(context: Context) -> Figure | None:
    """How similar captions are to their own clip, to its twin and to others, in the baseline and the best other run."""
    if not context.base:
        return None
    drawn = distributions([context.base.records[0], best_mapped(context)], context.results)  # says if files are swapped
    return drawn if context.base.records[0].metrics["all"]["n"] >= MIN_QUERIES else None


@styled
def distributions(records: Sequence[Record | None], results: Path) -> Figure | None:
    """A panel for each of these runs, all on one axis; None where there are none. results: the folder of the records.

    Left out are runs without `unit_features`, and those whose dot products do not give the record's ranks.
    """
    scores = [(record, found) for record in records if record and (found := _scores(record, results)) is not None]
    if not scores:
        return None
    parts = [(record, {name: of[pairs] for name, pairs in pairs_of(record).items()}) for record, of in scores]
    drawing, axes = sheet(2.3, 1, len(parts), sharey=True)
    bins = np.linspace(min(float(of.min()) for _, of in scores), max(float(of.max()) for _, of in scores), BINS + 1)
    for axis, (record, kinds) in zip(axes[0], parts, strict=True):
        for number, values in enumerate(kinds.values()):
            counts, _ = np.histogram(values, bins)
            axis.stairs(counts / counts.max(), bins, color=COLOURS[number], linestyle=_stroke(number), linewidth=1.3)
        axis.set(title=record.run, xlabel="similarity (cosine)")
    axes[0, 0].set(ylabel="pairs, of each kind's most", yticks=[0, 1])
    names = list(dict.fromkeys(name for _, kinds in parts for name in kinds))
    legend_below(drawing, [_line(number) for number in range(len(names))], [f"a caption and {name}" for name in names])
    means = [(record.run, {name: float(values.mean()) for name, values in kinds.items()}) for record, kinds in parts]
    rows: list[list[str] | str] = [
        [name, *(f"{own[name]:.2f}" if name in own else "–" for _, own in means)] for name in names
    ]
    n = parts[0][0].metrics["all"]["n"]
    seeds = " and ".join(dict.fromkeys(f"seed {record.seed}" for record, _ in parts))
    caption = (
        f"Cosine similarity of every caption with every clip, by what the clip is to it. n = {n} captions, {seeds}."
    )
    said = "; ".join(f"{run}: " + ", ".join(f"{name} {mean:.2f}" for name, mean in own.items()) for run, own in means)
    table = Table(["mean similarity with", *(run for run, _ in means)], rows)
    title = "Similarity of captions and clips"
    return Figure("similarity", title, caption, f"Mean similarity of a caption with a clip. {said}.", drawing, table)


def pairs_of(record: Record) -> dict[str, NDArray[np.bool_]]:
    """(N, N) of captions and clips: which pairs are of each kind; every pair of one kind, empty kinds left out."""
    n = len(record.queries["captions"])
    own = np.eye(n, dtype=bool)
    twin = np.zeros((n, n), bool)
    twin[list(record.twins), list(record.twins.values())] = True
    carried = np.zeros((n, len(EMOTIONS) + 1), np.int64)
    for column, name in enumerate((*EMOTIONS, "neutral")):
        carried[record.subsets.get(name, []), column] = 1
    same = (carried @ carried.T > 0) & ~own & ~twin
    found = {OWN: own, TWIN: twin, SAME: same, OTHERS: ~own & ~twin & ~same}
    return {name: pairs for name, pairs in found.items() if pairs.any()}


def _stroke(number: int) -> Any:
    return STROKES[number % len(STROKES)]


def _line(number: int) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=COLOURS[number], linestyle=_stroke(number), linewidth=1.3)


def _scores(record: Record, results: Path) -> NDArray[np.float32] | None:  # (N, N), text by video
    features = unit_features(record, results)
    if features is None:
        return None
    text, video = features
    scores = text @ video.T
    return (
        scores
        if all(_fits(scores if direction == "t2v" else scores.T, record, direction) for direction in DIRECTIONS)
        else None
    )


def _fits(scores: NDArray[np.float32], record: Record, direction: str) -> bool:
    """Whether the record's ranks come from these scores, but for what rounding does to ties."""
    above = (scores > scores.diagonal()[:, None]).sum(axis=1)
    level = (scores >= scores.diagonal()[:, None]).sum(axis=1) - 1
    counts = record.ranks[direction]
    stated = ranks(counts["greater"], counts["equal"]) - 1
    return bool(((stated >= above - 1) & (stated <= level + 1)).mean() >= AGREE)
