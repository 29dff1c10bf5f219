"""Single queries: which of them two runs rank otherwise, and the whole similarity matrix of one run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.compare.groups import signature
from bench.emotions import EMOTIONS
from bench.metrics.ranking import DIRECTIONS, ranks
from bench.records.record import Record
from bench.report.features import unit_features
from bench.report.figure import COLOURS, GREY, Figure, legend_below, sheet, styled

AGREE = 0.99  # of the queries must rank by the features as the record says


@styled
def rank_changes(one: Record, other: Record) -> Figure | None:
    """By what factor each query's rank is better or worse in `one` than in `other`; None for other queries.

    Bars are whole steps of log2 of the two expected ranks' quotient; equal ranks have a bar of their own.
    """
    if one.queries != other.queries:
        return None
    factors = {way: _log2(other, way) - _log2(one, way) for way in DIRECTIONS}
    reach = max(1, int(np.ceil(max(np.abs(values).max() for values in factors.values()) - 1e-9)))
    drawing, axes = sheet(2.5, 1, 2, sharey=True)
    places = range(-reach, reach + 1)
    for axis, way in zip(axes[0], DIRECTIONS, strict=True):
        counts = _counted(factors[way], reach)
        colours = [COLOURS[1]] * reach + [GREY] + [COLOURS[0]] * reach
        hatches = ["////"] * reach + [""] + [""] * reach
        bars = axis.bar(places, counts, width=0.9, color=colours, hatch=hatches, edgecolor="white", linewidth=0)
        axis.bar_label(bars, [str(count) if count else "" for count in counts], fontsize=6, padding=1)
        axis.set_xticks(places, [_factor(place) for place in places], fontsize=7, rotation=90)
        axis.grid(axis="x", visible=False)
        axis.margins(y=0.1)
        lost, equal, won = _balance(factors[way])
        axis.set_title(f"{way.upper()}: {won} won, {lost} lost, {equal} equal")
        axis.set_xlabel("change of rank, by a factor of up to")
    axes[0, 0].set_ylabel("queries")
    handles = [_bar(COLOURS[1], "////"), _bar(GREY, ""), _bar(COLOURS[0], "")]
    legend_below(drawing, handles, [f"lost: {other.run} ranks it better", "equal", f"won: {one.run} ranks it better"])
    n = one.metrics["all"]["n"]
    caption = (
        f"By what factor the rank of each query's answer is better in {one.run} than in {other.run}: ×2 is half the "
        f"rank, and a bar holds the queries above the factor before it. n = {n} queries, {_seeds(one, other)}. "
        f"Protocol: {_protocols(one, other)}"
    )
    told = []
    for way in DIRECTIONS:
        lost, equal, won = _balance(factors[way])
        told.append(f"{way.upper()} {won} of {n} queries rank better, {lost} worse, {equal} the same")
    alt = f"{one.run} against {other.run}: {'; '.join(told)}; the largest factor is {2 ** _largest(factors):.0f}."
    return Figure(f"ranks-{one.run}-{other.run}", f"{one.run} against {other.run}, by query", caption, alt, drawing)


@styled
def similarity(record: Record, results: Path) -> Figure | None:
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
    alt = _told(scores, order, blocks)
    return Figure(f"similarity-{record.run}", f"Similarity matrix of {record.run}", caption, alt, drawing)


def _log2(record: Record, way: str) -> NDArray[np.float64]:
    counts = record.ranks[way]
    return np.log2(ranks(counts["greater"], counts["equal"]))


def _counted(changes: NDArray[np.float64], reach: int) -> list[int]:
    """How many changes are in (-i - 1, -i], …, exactly 0, …, [i, i + 1): away from 0 each step is closed outwards."""
    steps = np.sign(changes) * np.ceil(np.abs(changes) - 1e-9)
    return [int((steps == place).sum()) for place in range(-reach, reach + 1)]


def _balance(changes: NDArray[np.float64]) -> tuple[int, int, int]:
    """Lost, equal, won."""
    return int((changes < 0).sum()), int((changes == 0).sum()), int((changes > 0).sum())


def _largest(factors: dict[str, NDArray[np.float64]]) -> float:
    return max(float(np.abs(values).max()) for values in factors.values())


def _factor(place: int) -> str:
    return "equal" if place == 0 else f"×{2 ** abs(place)} {'better' if place > 0 else 'worse'}"


def _seeds(one: Record, other: Record) -> str:
    return f"seed {one.seed}" if one.seed == other.seed else f"seeds {one.seed} and {other.seed}"


def _protocols(one: Record, other: Record) -> str:
    return " and ".join(dict.fromkeys(map(signature, (one, other))))


def _bar(colour: str, hatch: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0)


def _scores(record: Record, results: Path) -> NDArray[np.float32] | None:  # (N, N), text by video
    features = unit_features(record, results)
    if features is None:
        return None
    text, video = features
    scores = text @ video.T
    return scores if all(_fits(scores if way == "t2v" else scores.T, record, way) for way in DIRECTIONS) else None


def _fits(scores: NDArray[np.float32], record: Record, way: str) -> bool:
    """Whether the record's ranks come from these scores, but for what rounding does to ties."""
    above = (scores > scores.diagonal()[:, None]).sum(axis=1)
    level = (scores >= scores.diagonal()[:, None]).sum(axis=1) - 1
    counts = record.ranks[way]
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


def _told(scores: NDArray[np.float32], order: Sequence[int], blocks: Sequence[tuple[str, int]]) -> str:
    n = len(scores)
    true = scores.diagonal().mean()
    apart = ~np.eye(n, dtype=bool)
    said = f"Mean similarity of true pairs {true:.2f}, of all others {scores[apart].mean():.2f}" if n > 1 else ""
    if len(blocks) > 1:
        of = np.empty(n, np.int64)
        of[list(order)] = np.repeat(np.arange(len(blocks)), [size for _, size in blocks])
        same = (of[:, None] == of[None]) & apart
        if same.any():
            said += f", of others of the same emotion {scores[same].mean():.2f}"
    return f"{said}; values from {scores.min():.2f} to {scores.max():.2f}."
