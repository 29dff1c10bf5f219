"""The whole similarity matrix of single runs: every caption with every clip, emotion by emotion."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS
from bench.metrics.ranking import DIRECTIONS, ranks
from bench.records.record import Record
from bench.report.figures import Context, Figure, figure
from bench.report.saved_features import best_mapped, unit_features
from bench.report.style import sheet, styled

AGREE = 0.99  # of the queries must rank by the features as the record says


@figure("similarity", place=60)
def similarity(context: Context) -> list[Figure]:
    """The similarity matrix of the baseline, and of the best other run that has features."""
    if not context.base:
        return []
    found = [matrix(record, context.results) for record in (context.base.records[0], best_mapped(context)) if record]
    return [one for one in found if one]


@styled
def matrix(record: Record, results: Path) -> Figure | None:
    """A run's scores of all captions with all clips, emotion by emotion. results: the folder with the records.

    None where there are no `unit_features`, and where their dot products do not give the record's ranks.
    """
    scores = _scores(record, results)
    if scores is None:
        return None
    import seaborn

    order, blocks = _by_emotion(record)
    drawing, ((axis,),) = sheet(5.4)
    seaborn.heatmap(
        scores[np.ix_(order, order)],
        ax=axis,
        cmap="viridis",
        square=True,
        rasterized=True,  # a picture inside the SVG, not a shape for each of n² cells
        xticklabels=False,
        yticklabels=False,
        cbar_kws={"label": "similarity (cosine)", "shrink": 0.8},
    )
    axis.set(xlabel="clips", ylabel="captions")
    if len(blocks) > 1:
        ends = np.cumsum([size for _, size in blocks])
        for end in ends[:-1]:
            axis.axhline(end, color="white", linewidth=0.5)
            axis.axvline(end, color="white", linewidth=0.5)
        middles = ends - np.array([size for _, size in blocks]) / 2
        labels = [f"{name} ({size})" for name, size in blocks]
        axis.set_yticks(middles, labels)
        axis.set_xticks(middles, [name for name, _ in blocks], rotation=45, ha="right", rotation_mode="anchor")
        axis.tick_params(length=0)
    n = len(scores)
    sorted_by = (
        "sorted by emotion (n queries each; one of several emotions stands with the first)"
        if len(blocks) > 1
        else "in the order of the split"
    )
    caption = (
        f"Cosine similarity of every caption (row) with every clip (column) in {record.run}, {sorted_by}. "
        f"True pairs are on the diagonal. n = {n} captions and clips, seed {record.seed}. Protocol: {record.protocol}"
    )
    alt = _alt(scores, order, blocks)
    return Figure(f"similarity-{record.run}", f"Similarity matrix of {record.run}", caption, alt, drawing)


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


def _by_emotion(record: Record) -> tuple[list[int], list[tuple[str, int]]]:
    """Every query once, by the first emotion that it is of, neutral and the others last; and how many each has."""
    left = dict.fromkeys(range(record.metrics["all"]["n"]))
    blocks = []
    for name in (*EMOTIONS, "neutral"):
        if members := [row for row in record.subsets.get(name, []) if row in left]:
            blocks.append((name, members))
            left = dict.fromkeys(row for row in left if row not in set(members))
    if left:
        blocks.append(("no emotion", list(left)))
    return [row for _, members in blocks for row in members], [(name, len(members)) for name, members in blocks]


def _alt(scores: NDArray[np.float32], order: Sequence[int], blocks: Sequence[tuple[str, int]]) -> str:
    n = len(scores)
    true = scores.diagonal().mean()
    others = ~np.eye(n, dtype=bool)
    said = f"Mean similarity of true pairs {true:.2f}, of all others {scores[others].mean():.2f}" if n > 1 else ""
    if len(blocks) > 1:
        of = np.empty(n, np.int64)
        of[list(order)] = np.repeat(np.arange(len(blocks)), [size for _, size in blocks])
        same = (of[:, None] == of[None]) & others
        if same.any():
            said += f", of others of the same emotion {scores[same].mean():.2f}"
    return f"{said}; values from {scores.min():.2f} to {scores.max():.2f}."
