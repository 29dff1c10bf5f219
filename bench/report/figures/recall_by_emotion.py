"""How many queries of each emotion find their answer, for the few variants that say most."""

from collections.abc import Sequence
from typing import Any

from bench.compare.groups import Family
from bench.compare.numbers import number
from bench.emotions import EMOTIONS
from bench.metrics.statistics import MIN_QUERIES, share_interval
from bench.report.figures import Context, Figure, figure
from bench.report.interval_rows import counted, n_clips
from bench.report.style import GREY, legend_below, looks, seeds_of, sheet

HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\")  # of bars, so that they differ without colour too
SHOWN = len(HATCHES) - 1  # variants beside the baseline where there is room for few


@figure("emotions", place=30)
def recall_by_emotion(context: Context) -> Figure | None:
    """T2V R@1 of the queries of each emotion.

    Shown are the baseline and the few variants that say most, by the verdicts of the declared comparisons.
    None where the records have no such subsets.
    """
    group, baseline = context.group, context.baseline
    if group.mixed:
        return None
    families = _most_telling(context)
    subsets = group.records[0].subsets
    names = [name for name in (*EMOTIONS, "neutral") if subsets.get(name)]
    if not families or not names:
        return None
    drawing, ((axis,),) = sheet(2.7)
    look = looks(group, baseline)
    width = 0.84 / len(families)
    tops = [0.0] * len(names)
    for position, family in enumerate(families):
        for place, name in enumerate(names):
            rows = subsets[name]
            hits = family.hits(rows, "t2v", 1).mean(axis=0)
            together = family.clusters(rows, "t2v") if family.by_video else None
            low, high = (100 * bound for bound in share_interval(hits, together))
            value = 100 * float(hits.mean())
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
    caption = _caption(context, families, names)
    return Figure("emotions", "Recall by emotion", caption, _alt(families, names), drawing)


def _most_telling(context: Context) -> list[Family]:
    """The baseline, then of the others, best first, the best one and those with a verdict, SHOWN at most."""
    base, others = context.base, context.others
    told = {one.name for one in context.comparisons if one.verdict in ("better", "worse")}
    chosen = others[:1] + [family for family in others[1:] if family.name in told]
    return ([base] if base else []) + chosen[:SHOWN]


def _caption(context: Context, families: Sequence[Family], names: Sequence[str]) -> str:
    group = context.group
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
        if context.comparisons
        else "Shown is the best variant, for the baseline is not here"
    )
    rule = f" {chosen}; {counted(left, 'variant')} not shown." if left else ""
    return (
        f"T2V R@1 of each emotion's queries, in the whole gallery, with Wilson's 95 % interval; n is the number of "
        f"queries.{grey}{overlap}{seeds}{rule} Exploratory: no test was made. Gallery of {n_clips(group)}, "
        f"{seeds_of(families)}. Protocol: {group.protocol}"
    )


def _alt(families: Sequence[Family], names: Sequence[str]) -> str:
    subsets = families[0].records[0].subsets
    parts = []
    for family in families:
        recalls = [f"{name} {number(100 * float(family.hits(subsets[name], 't2v', 1).mean()))}" for name in names]
        parts.append(f"{family.name}: {', '.join(recalls)}")
    sizes = ", ".join(f"{name} {len(subsets[name])}" for name in names)
    return f"T2V R@1 in % by emotion. {'; '.join(parts)}. n: {sizes}."


def _bar(colour: str, hatch: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, hatch=hatch, edgecolor="white", linewidth=0.4)
