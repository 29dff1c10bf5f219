"""What the figures of recall share: rows with names, intervals with marks, dots for seeds, keys of the legend."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.compare.groups import Family, Group
from bench.metrics.estimate import NUMBERS, Estimate
from bench.report.style import folded


def row_places(names: Sequence[str], least: float = 0.3) -> tuple[np.ndarray, float]:
    """Where each row has its middle, and the height of all rows, in inches: a long name takes several lines."""
    heights = np.array([max(least, 0.1 + 0.125 * len(folded(name).split("\n"))) for name in names])
    return np.cumsum(heights) - heights / 2, float(heights.sum())


def name_rows(axis: Any, names: Sequence[str], least: float = 0.3) -> np.ndarray:
    """Names the rows, the first at the top; gives their middles."""
    middles, height = row_places(names, least)
    axis.set_yticks(middles, [folded(name) for name in names], fontsize=7)
    axis.set_ylim(height, 0)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="y", visible=False)
    return middles


def draw_intervals(
    axis: Any,
    found: Sequence[Estimate],
    places: np.ndarray,
    marker: str,
    filled: bool,
    colour: str,
    width: float = 1.0,
) -> None:
    """One mark a row, in its interval. places: (n,) of the rows. marker: "" for none. width: of the line, in points."""
    values, low, high = (np.array([getattr(one, name) for one in found]) for name in NUMBERS)
    axis.errorbar(
        values,
        places,
        xerr=np.maximum(0, [values - low, high - values]),
        fmt=marker,
        markersize=4.5,
        color=colour,
        markerfacecolor=colour if filled else "white",
        elinewidth=width,
    )


def draw_dots(axis: Any, values: np.ndarray, place: float) -> None:
    """Single seeds, beside the row's mark."""
    axis.plot(values, np.full(len(values), place), linestyle="", marker=".", markersize=4, color="#333333", zorder=3)


def mark_key(marker: str, filled: bool, colour: str) -> Any:
    """The legend's key of a mark."""
    from matplotlib.lines import Line2D

    face = colour if filled else "white"
    return Line2D([], [], linestyle="", marker=marker, color=colour, markerfacecolor=face, markersize=4.5)


def dot_key() -> Any:
    """The legend's key of a single seed."""
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker=".", color="#333333", markersize=4)


def every_query(family: Family) -> range:
    """The places of all queries."""
    return range(family.records[0].metrics["all"]["n"])


def n_clips(group: Group) -> int:
    """How many clips were ranked."""
    return len(group.records[0].queries["videos"])


def n_queries(group: Group) -> int:
    """How many queries the group's runs were asked."""
    return group.records[0].metrics["all"]["n"]
