"""How many queries find their answer: all variants, each against the baseline, and by emotion."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.compare import BASELINE
from bench.compare.groups import Family, Group
from bench.compare.numbers import estimate, gap, number, probability
from bench.compare.paired import ALIKE, NO_CLAIM, Comparison
from bench.compare.run_tables import over_seeds
from bench.emotions import EMOTIONS
from bench.metrics.estimate import NUMBERS, Estimate
from bench.metrics.ranking import DIRECTIONS, KS
from bench.metrics.statistics import MIN_QUERIES, wilson
from bench.report.figure import COLOURS, GREY, Figure, folded, legend_below, looks, seeds_of, sheet, styled

# How a verdict is drawn: marker, filled or open, colour. The shapes alone tell them apart.
VERDICTS = {
    "better": ("o", True, COLOURS[0]),
    "worse": ("s", True, COLOURS[1]),
    ALIKE: ("o", False, COLOURS[0]),
    NO_CLAIM: ("x", True, GREY),
}
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\")  # of bars, so that they differ without colour too
SHOWN = len(HATCHES) - 1  # variants beside the baseline where there is room for few


@styled
def recall_overview(group: Group) -> Figure | None:
    """R@1, R@5 and R@10 of every variant, both ways, with intervals, seeds as dots; None for records of several
    protocols or none.
    """
    families = group.families
    if group.mixed or not families:
        return None
    names = [family.name for family in families]
    drawing, axes = sheet(0.6 + _places(names, 0.4)[1], 1, len(KS), sharey=True)
    for axis, k in zip(axes[0], KS, strict=True):
        axis.set(xlabel=f"R@{k} (%)")
        middles = _rows(axis, names, 0.4)
        for way, side, marker, colour in zip(DIRECTIONS, (-1, 1), "oD", COLOURS[:2], strict=True):
            found = [_estimate(family, way, k) for family in families]
            _intervals(axis, found, middles + 0.045 * side, marker, way == "t2v", colour)
            for middle, family in zip(middles, families, strict=True):
                if len(family.records) > 1:
                    _dots(axis, 100 * family.hits(_every(family), way, k).mean(axis=1), middle + 0.11 * side)
    filled = [_mark("o", True, COLOURS[0]), _mark("D", False, COLOURS[1])]
    labels = ["T2V: clips ranked for a caption", "V2T: captions ranked for a clip"]
    several = any(len(family.records) > 1 for family in families)
    legend_below(drawing, filled + [_dot()] * several, labels + ["one seed"] * several)
    caption = (
        "Recall of every variant with its 95 % interval, the best T2V R@1 first. "
        + ("Where there are several seeds: their mean, its interval over seeds and queries. " if several else "")
        + f"n = {_n(group)} queries and clips, {seeds_of(families)}. Protocol: {group.protocol}"
    )
    told = [f"{family.name} {estimate(_estimate(family, 't2v', 1))}" for family in families]
    alt = f"T2V R@1 in % with 95 % interval: {'; '.join(told)}."
    return Figure("recalls", "Recall of all variants", caption, alt, drawing)


@styled
def forest(group: Group, comparisons: Sequence[Comparison], baseline: str = BASELINE) -> Figure | None:
    """Every variant's difference of T2V R@1 from the baseline's; None where there is nothing to compare.

    comparisons: the declared ones, from `compare_all`.
    """
    base = group.baseline(baseline)
    if not base or not comparisons:
        return None
    families = {family.name: family for family in group.families}
    shown = [families[one.name] for one in comparisons]
    names = [family.name for family in shown]
    drawing, ((axis,),) = sheet(0.7 + _places(names)[1])
    middles = _rows(axis, names)
    axis.axvline(0, color="black", linewidth=0.8)
    reference = base.hits(_every(base), "t2v", 1).mean()
    for place, one, family in zip(middles, comparisons, shown, strict=True):
        marker, filled, colour = VERDICTS[one.verdict]
        _intervals(axis, [one.difference], np.array([place]), marker, filled, colour)
        if len(family.records) > 1:
            _dots(axis, 100 * (family.hits(_every(family), "t2v", 1).mean(axis=1) - reference), place + 0.09)
        _beside(axis, place, probability(one.raised), one.verdict)
    _beside(axis, -0.08, "Holm p", "verdict")
    axis.set(xlabel=f"T2V R@1 − that of {base.name}, in points")
    present = [verdict for verdict in VERDICTS if any(one.verdict == verdict for one in comparisons)]
    several = any(len(family.records) > 1 for family in shown)
    labels = [f"{'ranks ' if verdict in ('better', 'worse') else ''}{verdict}" for verdict in present]
    legend_below(
        drawing,
        [_mark(*VERDICTS[verdict]) for verdict in present] + [_dot()] * several,
        labels + ["one seed"] * several,
    )
    dots = f" Dots: each seed against the baseline's mean ({seeds_of([base])})." if several else ""
    caption = (
        f"Difference of T2V R@1 from {base.name} ({number(100 * reference)} %), in points, with 95 % intervals.{dots} "
        "Filled marks and the margin give the verdict on the declared question, T2V log-ranks over all queries (paired "
        f"sign-flip test, Holm over {_many(len(comparisons), 'variant')}); it can differ from what R@1 suggests. "
        f"n = {_n(group)} queries, {seeds_of([base, *shown])}. Protocol: {group.protocol}"
    )
    told = [f"{one.name} {gap(one.difference)}, Holm p {probability(one.raised)}, {one.verdict}" for one in comparisons]
    alt = f"Difference of T2V R@1 from {base.name}, in points: {'; '.join(told)}."
    return Figure("forest", f"Every variant against {base.name}", caption, alt, drawing)


@styled
def per_emotion(group: Group, comparisons: Sequence[Comparison], baseline: str = BASELINE) -> Figure | None:
    """T2V R@1 of the queries of each emotion, for the baseline and the few variants that say most; None where the
    records have no such subsets. comparisons: the declared ones, whose verdicts choose the variants.
    """
    families = _telling(group, comparisons, baseline)
    subsets = group.records[0].subsets
    names = [name for name in (*EMOTIONS, "neutral") if subsets.get(name)]
    if group.mixed or not families or not names:
        return None
    drawing, ((axis,),) = sheet(2.7)
    look = looks(group, baseline)
    width = 0.84 / len(families)
    tops = [0.0] * len(names)
    for position, family in enumerate(families):
        for place, name in enumerate(names):
            rows = subsets[name]
            hits = float(family.hits(rows, "t2v", 1).mean(axis=0).sum())
            low, high = (100 * bound for bound in wilson(hits, len(rows)))
            value = 100 * hits / len(rows)
            quiet = len(rows) < MIN_QUERIES
            axis.bar(
                place + (position - (len(families) - 1) / 2) * width,
                value,
                width=0.92 * width,
                yerr=[[max(0.0, value - low)], [max(0.0, high - value)]],
                color="#eeeeee" if quiet else look[family.name]["color"],
                edgecolor=GREY if quiet else "white",
                hatch=HATCHES[position],
                linewidth=0.4,
                error_kw={"elinewidth": 0.8, "ecolor": GREY if quiet else "black"},
            )
            tops[place] = max(tops[place], high)
    for place, name in enumerate(names):
        n = len(subsets[name])
        axis.annotate(
            f"n = {n}" + ("\nno claim" if n < MIN_QUERIES else ""),
            (place, tops[place]),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    handles = [_bar(look[family.name]["color"], hatch) for family, hatch in zip(families, HATCHES, strict=False)]
    legend_below(drawing, handles, [family.name for family in families])
    axis.set_xticks(range(len(names)), names)
    axis.grid(axis="x", visible=False)
    axis.set(ylabel="T2V R@1 (%)", ylim=(0, 1.1 * max(tops)))
    axis.margins(x=0.01)
    caption = _by_emotion(group, families, names, comparisons)
    return Figure("emotions", "Recall by emotion", caption, _told(families, names), drawing)


def _telling(group: Group, comparisons: Sequence[Comparison], baseline: str) -> list[Family]:
    """The baseline, then of the others, best first, the best one and those with a verdict, SHOWN at most."""
    base = group.baseline(baseline)
    verdicts = {one.name: one.verdict for one in comparisons}
    others = group.others(base) if base else group.families
    chosen = others[:1] + [family for family in others[1:] if verdicts.get(family.name) in ("better", "worse")]
    return ([base] if base else []) + chosen[:SHOWN]


def _by_emotion(
    group: Group, families: Sequence[Family], names: Sequence[str], comparisons: Sequence[Comparison]
) -> str:
    subsets = group.records[0].subsets
    few = [name for name in names if len(subsets[name]) < MIN_QUERIES]
    grey = f" Grey: fewer than {MIN_QUERIES} queries ({', '.join(few)}), of which no claim is made." if few else ""
    shared = sum(len(subsets[name]) for name in names) > len(set().union(*(subsets[name] for name in names)))
    overlap = " A query that names several emotions counts for each." if shared else ""
    several = any(len(family.records) > 1 for family in families)
    seeds = " Of several seeds the mean is shown; its interval does not hold their spread." if several else ""
    left = len(group.families) - len(families)
    chosen = (
        f"Shown are the baseline, the best other variant, and the best of those that are better or worse than the "
        f"baseline, {SHOWN} at most beside it"
        if comparisons
        else "Shown is the best variant, for the baseline is not here"
    )
    rule = f" {chosen}; {_many(left, 'variant')} not shown." if left else ""
    return (
        f"T2V R@1 of each emotion's queries, in the whole gallery, with Wilson's 95 % interval; n is the number of "
        f"queries.{grey}{overlap}{seeds}{rule} Exploratory: no test was made. Gallery of {_n(group)}, "
        f"{seeds_of(families)}. Protocol: {group.protocol}"
    )


def _told(families: Sequence[Family], names: Sequence[str]) -> str:
    subsets = families[0].records[0].subsets
    parts = []
    for family in families:
        recalls = [f"{name} {number(100 * float(family.hits(subsets[name], 't2v', 1).mean()))}" for name in names]
        parts.append(f"{family.name}: {', '.join(recalls)}")
    sizes = ", ".join(f"{name} {len(subsets[name])}" for name in names)
    return f"T2V R@1 in % by emotion. {'; '.join(parts)}. n: {sizes}."


def _estimate(family: Family, way: str, k: int) -> Estimate:
    """Recall in % with its interval: Wilson's, as the record has it, or of several seeds over seeds and queries."""
    record = family.records[0]
    if len(family.records) == 1:
        return Estimate.from_json(record.metrics["all"][way][f"R@{k}"])
    return over_seeds(family, way, k)


def _every(family: Family) -> range:
    return range(family.records[0].metrics["all"]["n"])


def _places(names: Sequence[str], least: float = 0.3) -> tuple[np.ndarray, float]:
    """Where each row has its middle, and the height of all rows, in inches: a long name takes several lines."""
    heights = np.array([max(least, 0.1 + 0.125 * len(folded(name).split("\n"))) for name in names])
    return np.cumsum(heights) - heights / 2, float(heights.sum())


def _rows(axis: Any, names: Sequence[str], least: float = 0.3) -> np.ndarray:
    """Names the rows, the first at the top; gives their middles."""
    middles, height = _places(names, least)
    axis.set_yticks(middles, [folded(name) for name in names], fontsize=7)
    axis.set_ylim(height, 0)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="y", visible=False)
    return middles


def _intervals(
    axis: Any, found: Sequence[Estimate], places: np.ndarray, marker: str, filled: bool, colour: str
) -> None:
    values, low, high = (np.array([getattr(one, name) for one in found]) for name in NUMBERS)
    axis.errorbar(
        values,
        places,
        xerr=np.maximum(0, [values - low, high - values]),
        fmt=marker,
        markersize=4.5,
        color=colour,
        markerfacecolor=colour if filled else "white",
        elinewidth=1,
    )


def _dots(axis: Any, values: np.ndarray, place: float) -> None:
    axis.plot(values, np.full(len(values), place), linestyle="", marker=".", markersize=4, color="#333333", zorder=3)


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


def _mark(marker: str, filled: bool, colour: str) -> Any:
    from matplotlib.lines import Line2D

    face = colour if filled else "white"
    return Line2D([], [], linestyle="", marker=marker, color=colour, markerfacecolor=face, markersize=4.5)


def _dot() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="", marker=".", color="#333333", markersize=4)


def _bar(colour: str, hatch: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0.4)


def _n(group: Group) -> int:
    return group.records[0].metrics["all"]["n"]


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
