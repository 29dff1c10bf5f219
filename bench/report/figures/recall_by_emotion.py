"""How many queries of each emotion find their answer, for the few variants that say most."""

from collections.abc import Sequence

from bench.compare.groups import Family
from bench.compare.numbers import number
from bench.emotions import EMOTIONS
from bench.metrics.statistics import MIN_QUERIES, share_interval
from bench.report.figures import Context, Figure, figure
from bench.report.interval_rows import mark_key
from bench.report.style import legend_below, looks, seeds_of, sheet
from bench.utils.text import counted

SHOWN = 4  # variants beside the baseline


@figure("emotions", place=30, beside="emotions", least=MIN_QUERIES)
def recall_by_emotion(context: Context) -> Figure | None:
    """T2V R@1 of the queries of each emotion that has 20 or more.

    Shown are the baseline and the few variants that say most, by the verdicts of the declared comparisons.
    None where the records have no such subsets.
    """
    group = context.group
    if group.mixed:
        return None
    families = most_telling(context)
    subsets = group.records[0].subsets
    names = [name for name in (*EMOTIONS, "neutral") if len(subsets.get(name, ())) >= MIN_QUERIES]
    if not families or not names:
        return None
    drawing, ((axis,),) = sheet(2.7)
    look = looks(group, context.baseline)
    for position, family in enumerate(families):
        places, colour = [], look[family.name]["color"]
        values, lows, highs = [], [], []
        for place, name in enumerate(names):
            rows = subsets[name]
            hits = family.hits(rows, "t2v", 1).mean(axis=0)
            low, high = (100 * bound for bound in share_interval(hits, family.video_clusters(rows, "t2v")))
            value = 100 * float(hits.mean())
            places.append(place + (position - (len(families) - 1) / 2) * 0.7 / max(2, len(families)))
            values.append(value)
            lows.append(max(0.0, value - low))
            highs.append(max(0.0, high - value))
        axis.errorbar(
            places,
            values,
            yerr=[lows, highs],
            fmt=look[family.name]["marker"],
            color=colour,
            markersize=4,
            elinewidth=1,
        )
    handles = [mark_key(look[family.name]["marker"], True, look[family.name]["color"]) for family in families]
    legend_below(drawing, handles, [family.name for family in families])
    axis.set_xticks(range(len(names)), [f"{name}\nn = {len(subsets[name])}" for name in names], fontsize=7)
    axis.grid(axis="x", visible=False)
    axis.set(ylabel="T2V R@1 (%)", ylim=(0, None), xlim=(-0.5, len(names) - 0.5))
    few = [name for name in (*EMOTIONS, "neutral") if 0 < len(subsets.get(name, ())) < MIN_QUERIES]
    left = len(group.families) - len(families)
    overlap = sum(len(subsets[name]) for name in names) > len(set().union(*(subsets[name] for name in names)))
    several = any(len(family.records) > 1 for family in families)
    caption = (
        "T2V R@1 of each emotion's queries in the whole gallery, with Wilson's 95 % interval"
        f"{' of the mean over seeds, without their spread' if several else ''}; exploratory: no test was made. "
        + (f"Left out: {', '.join(few)} (fewer than {MIN_QUERIES} queries). " if few else "")
        + ("A query that names several emotions counts for each. " if overlap else "")
        + (
            f"Shown are the best and those with a verdict, {SHOWN} at most; {counted(left, 'variant')} not. "
            if left
            else ""
        )
        + f"n = {len(set().union(*(subsets[name] for name in names)))} queries, {seeds_of(families)}."
    )
    return Figure("emotions", "Recall by emotion", caption, _alt(families, names), drawing)


def most_telling(context: Context) -> list[Family]:
    """The baseline, then of the others, best first, the best one and those with a verdict, SHOWN at most."""
    base, others = context.base, context.others
    told = {one.name for one in context.comparisons if one.verdict in ("better", "worse")}
    chosen = others[:1] + [family for family in others[1:] if family.name in told]
    return ([base] if base else []) + chosen[:SHOWN]


def _alt(families: Sequence[Family], names: Sequence[str]) -> str:
    subsets = families[0].records[0].subsets
    parts = []
    for family in families:
        recalls = [f"{name} {number(100 * float(family.hits(subsets[name], 't2v', 1).mean()))}" for name in names]
        parts.append(f"{family.name}: {', '.join(recalls)}")
    sizes = ", ".join(f"{name} {len(subsets[name])}" for name in names)
    return f"T2V R@1 in % by emotion. {'; '.join(parts)}. n: {sizes}."
