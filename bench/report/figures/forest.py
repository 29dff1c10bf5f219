"""Every variant against the baseline: the effect that was asked about, and the verdict of the declared test."""

from dataclasses import replace
from typing import Any

import numpy as np

from bench.compare.asked import Asked, ask
from bench.compare.numbers import probability
from bench.compare.paired import ALIKE, NO_CLAIM
from bench.report.figures import Context, Figure, figure
from bench.report.interval_rows import (
    counted,
    dot_key,
    draw_dots,
    draw_intervals,
    mark_key,
    name_rows,
    row_places,
)
from bench.report.style import COLOURS, GREY, legend_below, seeds_of, sheet

# How a verdict is drawn: marker, filled or open, colour. The shapes alone tell them apart.
VERDICTS = {
    "better": ("o", True, COLOURS[0]),
    "worse": ("s", True, COLOURS[1]),
    ALIKE: ("o", False, COLOURS[0]),
    NO_CLAIM: ("x", True, GREY),
}


@figure("forest", place=10)
def forest(context: Context) -> list[Figure]:
    """Every variant's effect on what was declared, against the baseline.

    One figure a question; none where there is nothing to compare.
    """
    asked = dict.fromkeys(one.question for one in context.comparisons)
    return [_of_question(context, ask(text), number) for number, text in enumerate(asked)]


def _of_question(context: Context, question: Asked, number: int) -> Figure:
    group, base = context.group, context.base
    assert base, "what is compared is compared with the baseline"
    comparisons = [one for one in context.comparisons if one.question == question.text]
    families = {family.name: family for family in group.families}
    shown = [families[one.name] for one in comparisons]
    names = [family.name for family in shown]
    drawing, ((axis,),) = sheet(0.7 + row_places(names)[1])
    middles = name_rows(axis, names)
    axis.axvline(question.equal, color="black", linewidth=0.8)
    for place, one, family in zip(middles, comparisons, shown, strict=True):
        marker, filled, colour = VERDICTS[one.verdict]
        size = one.size
        if size.low is None:  # of one cluster of queries
            size = replace(size, low=size.value, high=size.value)
        draw_intervals(axis, [size], np.array([place]), marker, filled, colour)
        if len(family.records) > 1:
            draw_dots(axis, question.by_seed(question.paired(family, base)), place + 0.09)
        _beside(axis, place, probability(one.raised), one.verdict)
    _beside(axis, -0.08, "Holm p", "verdict")
    axis.set(xlabel=f"{question.axis} of {base.name}")
    if question.equal:
        _ratios(axis)
    present = [verdict for verdict in VERDICTS if any(one.verdict == verdict for one in comparisons)]
    several = any(len(family.records) > 1 for family in shown)
    legend_below(
        drawing,
        [mark_key(*VERDICTS[verdict]) for verdict in present] + [dot_key()] * several,
        present + ["one seed"] * several,
    )
    dots = f" Dots: each seed against the baseline's mean ({seeds_of([base])})." if several else ""
    runs = " With one seed each a verdict is on two runs." if any(one.of_runs for one in comparisons) else ""
    of = question.queries(comparisons[0].n)
    caption = (
        f"{question.axis} of {base.name}, with 95 % intervals.{dots} The margin gives the verdict on the declared "
        f"question: {question.note[0]} over {of} (paired sign-flip test, Holm over "
        f"{counted(len(context.comparisons), 'comparison')}). n = {comparisons[0].n} queries, "
        f"{seeds_of([base, *shown])}.{runs} Protocol: {group.protocol}"
    )
    said = [
        f"{one.name} {question.shown(one.size)}, Holm p {probability(one.raised)}, {one.verdict}" for one in comparisons
    ]
    alt = f"{question.axis} of {base.name}: {'; '.join(said)}."
    title = f"Every variant against {base.name}" + (f": {question.note[0]} over {of}" if number else "")
    return Figure(f"forest-{number + 1}" if number else "forest", title, caption, alt, drawing)


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
    for points, text in ((36, p), (44, verdict)):
        axis.annotate(
            text,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(points, 0),
            textcoords="offset points",
            ha="right" if points == 36 else "left",
            va="center",
            fontsize=7,
            annotation_clip=False,
        )
