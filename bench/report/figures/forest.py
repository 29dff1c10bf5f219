"""Every variant against the baseline: the effect that was asked about, and the verdict of the declared test.

Mark, interval, margin and colour are of that one effect: the thick line is its 95 % interval, the thin one that of its
step in Holm's correction. Where the thin line does not reach the line of no effect, there is a verdict.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.compare.asked import Asked, ask
from bench.compare.numbers import probability
from bench.compare.paired import ALIKE, NO_CLAIM, PairedComparison
from bench.metrics.estimate import Estimate
from bench.metrics.statistics import MIN_QUERIES
from bench.report.figures import Context, Figure, figure
from bench.report.interval_rows import (
    dot_key,
    draw_dots,
    draw_intervals,
    mark_key,
    name_rows,
    row_places,
)
from bench.report.style import COLOURS, GREY, legend_below, seeds_of, sheet
from bench.utils.text import counted

# How a verdict is drawn: marker, filled or open, colour. The shapes alone tell them apart.
VERDICTS = {
    "better": ("o", True, COLOURS[0]),
    "worse": ("s", True, COLOURS[1]),
    ALIKE: ("o", False, COLOURS[0]),
    NO_CLAIM: ("x", True, GREY),
}


REACH = 4.0  # an effect this many times further out than the one in the middle is drawn at the edge, with its number


@figure("forest", place=10, beside="verdicts", least=MIN_QUERIES)
def forest(context: Context) -> list[Figure]:
    """Every variant's effect on what was declared, against the baseline.

    One figure a question; none where there is nothing to compare.
    """
    asked = dict.fromkeys(one.question for one in context.comparisons)
    return [_of_question(context, ask(text), number) for number, text in enumerate(asked)]


def _of_question(context: Context, question: Asked, number: int) -> Figure:
    group, base = context.group, context.base
    assert base, "what is compared is compared with the baseline"
    comparisons = sorted(
        (one for one in context.comparisons if one.question == question.text),
        key=lambda one: (one.size.value or 0.0) * (-1 if question.higher_is_better else 1),
    )
    families = {family.name: family for family in group.families}
    shown = [families[one.name] for one in comparisons]
    names = [family.name for family in shown]
    drawing, ((axis,),) = sheet(0.7 + row_places(names)[1])
    middles = name_rows(axis, names)
    axis.axvline(question.equal, color="black", linewidth=0.8)
    outer = _outside(question, comparisons)
    for place, one, family in zip(middles, comparisons, shown, strict=True):
        marker, filled, colour = VERDICTS[one.verdict]
        if one.name not in outer:
            draw_intervals(axis, [_whole(one.corrected or one.size)], np.array([place]), "", filled, colour, 0.7)
            draw_intervals(axis, [_whole(one.size)], np.array([place]), marker, filled, colour, 2.0)
            if len(family.records) > 1:
                draw_dots(axis, question.by_seed(question.paired(family, base)), place + 0.09)
        _beside(axis, place, f"{question.bare(one.size.value or 0.0)}   {probability(one.raised)}", one.verdict)
    if question.equal:
        _ratios(axis)
    if not question.higher_is_better:
        axis.invert_xaxis()
    for place, one in zip(middles, comparisons, strict=True):
        if one.name in outer:  # an arrow at the edge
            worse = not question.improves(one.size.value or 0.0)
            axis.plot(
                [0.012 if worse else 0.988],
                [place],
                marker="<" if worse else ">",
                color=VERDICTS[one.verdict][2],
                markersize=4.5,
                transform=axis.get_yaxis_transform(),
            )
    _beside(axis, -0.08, "effect   Holm p", "verdict")
    axis.set(xlabel=f"{question.axis} of {base.name} (right: better)")
    present = [verdict for verdict in VERDICTS if any(one.verdict == verdict for one in comparisons)]
    several = any(len(family.records) > 1 for family in shown)
    legend_below(
        drawing,
        [mark_key(*VERDICTS[verdict]) for verdict in present] + [dot_key()] * several,
        present + ["one seed"] * several,
    )
    of = question.queries(comparisons[0].n)
    caption = (
        f"{question.axis} of {base.name}: thick lines are 95 % intervals, thin ones corrected for "
        f"{counted(len(context.comparisons), 'comparison')} (Holm). n = {comparisons[0].n} queries, "
        f"{seeds_of([base, *shown])}."
    )
    said = [
        f"{one.name} {question.shown(one.size)}, Holm p {probability(one.raised)}, {one.verdict}" for one in comparisons
    ]
    alt = f"{question.axis} of {base.name}: {'; '.join(said)}."
    title = f"Every variant against {base.name}" + (f": {question.note[0]} over {of}" if number else "")
    return Figure(f"forest-{number + 1}" if number else "forest", title, caption, alt, drawing)


def _whole(size: Estimate) -> Estimate:
    """An effect of one cluster of queries has no interval: a mark alone."""
    return replace(size, low=size.value, high=size.value) if size.low is None else size


def _outside(question: Asked, comparisons: Sequence[PairedComparison]) -> set[str]:
    """The variants whose effect would leave no room for the others."""
    values = [one.size.value or question.equal for one in comparisons]
    shifts = np.abs(np.log(values)) if question.equal else np.abs(values)
    furthest = REACH * max(float(np.median(shifts)), 1e-9)
    return {one.name for one, shift in zip(comparisons, shifts, strict=True) if len(shifts) > 2 and shift > furthest}


def _ratios(axis: Any) -> None:
    """A logarithmic axis, on which 1/2 is as far from 1 as 2, with plain numbers."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

    axis.set_xscale("log")
    low, high = axis.get_xlim()
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 5 * low else MaxNLocator(6))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_locator(NullLocator())


def _beside(axis: Any, place: float, p: str, verdict: str) -> None:
    """A line of the right margin."""
    for points, text in ((64, p), (72, verdict)):
        axis.annotate(
            text,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(points, 0),
            textcoords="offset points",
            ha="right" if points == 64 else "left",
            va="center",
            fontsize=7,
            annotation_clip=False,
        )
