"""Every variant against the baseline: the difference of recall, and the verdict of the declared test."""

from typing import Any

import numpy as np

from bench.compare.numbers import gap, number, probability
from bench.compare.paired import ALIKE, NO_CLAIM
from bench.report.figures import Context, Figure, figure
from bench.report.interval_rows import (
    counted,
    dot_key,
    draw_dots,
    draw_intervals,
    every_query,
    mark_key,
    n_queries,
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
def forest(context: Context) -> Figure | None:
    """Every variant's difference of T2V R@1 from the baseline's.

    None where there is nothing to compare.
    """
    group, base, comparisons = context.group, context.base, context.comparisons
    if not base or not comparisons:
        return None
    families = {family.name: family for family in group.families}
    shown = [families[one.name] for one in comparisons]
    names = [family.name for family in shown]
    drawing, ((axis,),) = sheet(0.7 + row_places(names)[1])
    middles = name_rows(axis, names)
    axis.axvline(0, color="black", linewidth=0.8)
    reference = base.hits(every_query(base), "t2v", 1).mean()
    for place, one, family in zip(middles, comparisons, shown, strict=True):
        marker, filled, colour = VERDICTS[one.verdict]
        draw_intervals(axis, [one.difference], np.array([place]), marker, filled, colour)
        if len(family.records) > 1:
            draw_dots(axis, 100 * (family.hits(every_query(family), "t2v", 1).mean(axis=1) - reference), place + 0.09)
        _beside(axis, place, probability(one.raised), one.verdict)
    _beside(axis, -0.08, "Holm p", "verdict")
    axis.set(xlabel=f"T2V R@1 − that of {base.name}, in points")
    present = [verdict for verdict in VERDICTS if any(one.verdict == verdict for one in comparisons)]
    several = any(len(family.records) > 1 for family in shown)
    labels = [f"{'ranks ' if verdict in ('better', 'worse') else ''}{verdict}" for verdict in present]
    legend_below(
        drawing,
        [mark_key(*VERDICTS[verdict]) for verdict in present] + [dot_key()] * several,
        labels + ["one seed"] * several,
    )
    dots = f" Dots: each seed against the baseline's mean ({seeds_of([base])})." if several else ""
    caption = (
        f"Difference of T2V R@1 from {base.name} ({number(100 * reference)} %), in points, with 95 % intervals.{dots} "
        "Filled marks and the margin give the verdict on the declared question, T2V log-ranks over all queries (paired "
        f"sign-flip test, Holm over {counted(len(comparisons), 'variant')}); it can differ from what R@1 suggests. "
        f"n = {n_queries(group)} queries, {seeds_of([base, *shown])}. Protocol: {group.protocol}"
    )
    said = [f"{one.name} {gap(one.difference)}, Holm p {probability(one.raised)}, {one.verdict}" for one in comparisons]
    alt = f"Difference of T2V R@1 from {base.name}, in points: {'; '.join(said)}."
    return Figure("forest", f"Every variant against {base.name}", caption, alt, drawing)


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
