"""Systems of one test set on one axis, each with the interval that its number of queries allows.

R@1 is shown, and the mean rank where it was printed; not the median rank, which nearly all systems share.
Around one system two bands: differences that no test on so many queries would show, and those that it would show only
query by query, of which a printed table says nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.compare.literature import KINDS, MARK, OURS, RESCORED, TRAINED, ZERO_SHOT, System
from bench.compare.numbers import estimate, number
from bench.metrics.power import least_told_apart
from bench.metrics.statistics import POWER
from bench.report.figures import Figure
from bench.report.interval_rows import draw_intervals, mark_key, name_rows, row_places
from bench.report.style import COLOURS, GREY, legend_below, sheet

LEAST_SYSTEMS = 5
_ROW = 0.19  # inches
# marker, filled or open, colour: the shapes alone tell them apart
_MARKS = {
    OURS: ("D", True, COLOURS[1]),
    TRAINED: ("o", True, COLOURS[0]),
    ZERO_SHOT: ("o", False, COLOURS[0]),
    RESCORED: ("s", True, GREY),
}
_BANDS = ("#0072B255", "#0072B222")


def literature_figure(systems: Sequence[System], test: tuple[str, str], direction: str, name: str) -> Figure | None:
    """R@1 and mean rank of all queries, the best R@1 first; None for fewer than five systems.

    The bands are drawn around ours, the best of them; without such around the best that is neither zero-shot nor known
    to be rescored.
    """
    shown = [one for one in systems if one.recall.value is not None]
    if len(shown) < LEAST_SYSTEMS:
        return None
    reference = _reference(shown)
    n = _n(reference)
    told = least_told_apart(n, _value(reference) / 100)
    names = [f"{one.name}{MARK if one.findings else ''}" for one in shown]
    ranked = [one for one in shown if one.mean_rank.value is not None]
    drawing, axes = sheet(0.5 + row_places(names, _ROW)[1], 1, 2 if ranked else 1, sharey=True)
    left = axes[0][0]
    middles = name_rows(left, names, _ROW)
    for width, colour in zip(told, _BANDS, strict=True):
        left.axvspan(_value(reference) - width, _value(reference) + width, color=colour, linewidth=0)
    _draw(left, shown, middles, [one.recall for one in shown])
    left.set(xlabel="R@1 (%), 95 % interval of the queries")
    if ranked:
        right = axes[0][1]
        _draw(right, shown, middles, [one.mean_rank for one in shown])
        right.set(xlabel="mean rank, log scale (1 is best)", xscale="log")
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if _within(tick, ranked)]
        right.set_xticks(ticks, [str(tick) for tick in ticks])
        right.minorticks_off()
        right.spines["left"].set_visible(False)
        right.tick_params(axis="y", length=0)
        right.grid(axis="y", visible=False)
    present = [kind for kind in KINDS if any(one.kind == kind for one in shown)]
    keys = [mark_key(*_MARKS[kind]) for kind in present] + [_band_key(colour) for colour in _BANDS]
    labels = [
        *present,
        f"±{told[0]:.1f} points of {reference.name}: no test can tell",
        f"±{told[1]:.1f} points: only a test query by query can",
    ]
    legend_below(drawing, keys, labels)
    return Figure(name, _title(test, direction), _caption(shown, ranked, test, direction, n), _alt(shown), drawing)


def _reference(shown: Sequence[System]) -> System:
    ours = [one for one in shown if one.kind == OURS]
    trained = [one for one in shown if one.kind == TRAINED and one.row and one.row.protocol.get("post") == "none"]
    return [*ours, *trained, *shown][0]


def _draw(axis: Any, shown: Sequence[System], middles: np.ndarray, found: Sequence[Any]) -> None:
    for one, middle, measured in zip(shown, middles, found, strict=True):
        if measured.value is None:
            continue
        mark = _MARKS[one.kind]
        if measured.low is None:
            marker, filled, colour = mark
            face = colour if filled else "white"
            axis.plot([measured.value], [middle], marker=marker, markersize=4.5, color=colour, markerfacecolor=face)
        else:
            draw_intervals(axis, [measured], np.array([middle]), *mark)


def _within(tick: float, ranked: Sequence[System]) -> bool:
    values = [one.mean_rank.value or 1.0 for one in ranked]
    return min(values) / 1.6 <= tick <= max(values) * 1.6


def _band_key(colour: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, linewidth=0)


def _value(one: System) -> float:
    assert one.recall.value is not None
    return one.recall.value


def _n(one: System) -> int:
    """Queries that count each for itself: videos, where these have several captions."""
    return min(one.n, (one.row.gallery if one.row else None) or one.n)


def _title(test: tuple[str, str], direction: str) -> str:
    return f"The literature on {test[0]} {test[1]}, {direction.upper()}"


def _caption(shown: Sequence[System], ranked: Sequence[System], test: tuple[str, str], direction: str, n: int) -> str:
    medians = sum(one.values.get("MdR", "").rstrip("0").rstrip(".") == "2" for one in shown)
    alike = f" MdR is 2 for {medians} of them and is not drawn." if medians > 1 else ""
    more = f" Mean ranks where printed ({len(ranked)} of {len(shown)})." if ranked else ""
    return (
        f"{direction.upper()} R@1 of {len(shown)} systems on {test[0]} {test[1]} as printed, n = {n}, with Wilson's "
        f"95 % interval of the queries; other seeds would add to it. Bands: with {100 * POWER:.0f} % power no test of "
        f"{n} queries shows a difference within the inner one; within the outer one only a test query by query can, "
        f"which needs the ranks of both.{more}{alike} {MARK}: with numbers that are impossible."
    )


def _alt(shown: Sequence[System]) -> str:
    said = [f"{one.name} {estimate(one.recall)}" for one in shown]
    ranks = [f"{one.name} {number(one.mean_rank.value)}" for one in shown if one.mean_rank.value is not None]
    return f"R@1 in % with 95 % interval: {'; '.join(said)}. Mean rank: {'; '.join(ranks) or 'none printed'}."
