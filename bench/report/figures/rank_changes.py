"""Single queries: by what factor two runs rank them differently."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.ranking import DIRECTIONS, ranks
from bench.metrics.statistics import MIN_QUERIES
from bench.records.record import Record
from bench.report.figures import Context, Figure, figure
from bench.report.style import COLOURS, GREY, legend_below, sheet, styled


@figure("ranks", place=50, beside="queries", least=MIN_QUERIES)
def rank_changes(context: Context) -> Figure | None:
    """The changes of rank from the baseline's first run to that of the best other variant."""
    if not context.base or not context.others:
        return None
    return histogram(context.others[0].records[0], context.base.records[0])


@styled
def histogram(one: Record, other: Record) -> Figure | None:
    """By what factor each query's rank is better or worse in `one` than in `other`; None for other queries.

    Bars are whole steps of log2 of the two expected ranks' quotient; equal ranks have a bar of their own.
    """
    if one.queries != other.queries:
        return None
    factors = {direction: _log2(other, direction) - _log2(one, direction) for direction in DIRECTIONS}
    reach = max(1, int(np.ceil(max(np.abs(values).max() for values in factors.values()) - 1e-9)))
    drawing, axes = sheet(2.5, 1, 2, sharey=True)
    places = range(-reach, reach + 1)
    for axis, direction in zip(axes[0], DIRECTIONS, strict=True):
        counts = _counted(factors[direction], reach)
        colours = [COLOURS[1]] * reach + [GREY] + [COLOURS[0]] * reach
        hatches = ["////"] * reach + [""] + [""] * reach
        bars = axis.bar(places, counts, width=0.9, color=colours, hatch=hatches, edgecolor="white", linewidth=0)
        axis.bar_label(bars, [str(count) if count else "" for count in counts], fontsize=6, padding=1)
        axis.set_xticks(places, [_factor(place) for place in places], fontsize=7, rotation=90)
        axis.grid(axis="x", visible=False)
        axis.margins(y=0.1)
        lost, equal, won = _balance(factors[direction])
        axis.set_title(f"{direction.upper()}: {won} won, {lost} lost, {equal} equal")
        axis.set_xlabel("change of rank, by a factor of up to")
    axes[0, 0].set_ylabel("queries")
    handles = [_bar(COLOURS[1], "////"), _bar(GREY, ""), _bar(COLOURS[0], "")]
    legend_below(drawing, handles, [f"lost: {other.run} ranks it better", "equal", f"won: {one.run} ranks it better"])
    caption = (
        "Factor by which the rank of each query's answer changes (×2: halved or doubled). A bar counts the queries "
        f"above the factor before it. n = {one.metrics['all']['n']} queries, {_seeds(one, other)}."
    )
    said = []
    for direction in DIRECTIONS:
        lost, equal, won = _balance(factors[direction])
        said.append(
            f"{direction.upper()} {won} of {lost + equal + won} queries rank better, {lost} worse, {equal} the same"
        )
    alt = f"{one.run} against {other.run}: {'; '.join(said)}; the largest factor is {2 ** _largest(factors):.0f}."
    return Figure(f"ranks-{one.run}-{other.run}", f"{one.run} against {other.run}, by query", caption, alt, drawing)


def _log2(record: Record, direction: str) -> NDArray[np.float64]:
    asked = record.answers(direction)
    return np.log2(ranks(asked.greater, asked.equal))


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


def _bar(colour: str, hatch: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0)
