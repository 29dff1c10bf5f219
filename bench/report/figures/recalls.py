"""How many queries find their answer: all variants, both directions, with intervals."""

from bench.compare.groups import Family
from bench.compare.numbers import estimate
from bench.compare.run_tables import over_seeds
from bench.metrics.estimate import Estimate
from bench.metrics.ranking import DIRECTIONS, KS
from bench.metrics.statistics import MIN_QUERIES
from bench.report.figures import Context, Figure, figure
from bench.report.interval_rows import (
    dot_key,
    draw_dots,
    draw_intervals,
    every_query,
    mark_key,
    n_clips,
    n_queries,
    name_rows,
    row_places,
)
from bench.report.style import COLOURS, legend_below, seeds_of, sheet


@figure("recalls", place=20, beside="board", least=MIN_QUERIES)
def recalls(context: Context) -> Figure | None:
    """R@1, R@5 and R@10 of every variant in both directions, on equal axes.

    Each has its interval, and its seeds as dots. None for records of several protocols or none.
    """
    group = context.group
    families = group.families
    if group.mixed or not families:
        return None
    names = [family.name for family in families]
    drawing, axes = sheet(0.6 + row_places(names, 0.4)[1], 1, len(KS), sharey=True)
    for axis, k in zip(axes[0], KS, strict=True):
        axis.set(xlabel=f"R@{k} (%)", xlim=(-2, 102), xticks=range(0, 101, 25))
        middles = name_rows(axis, names, 0.4)
        for direction, side, marker, colour in zip(DIRECTIONS, (-1, 1), "oD", COLOURS[:2], strict=True):
            found = [_estimate(family, direction, k) for family in families]
            draw_intervals(axis, found, middles + 0.045 * side, marker, direction == "t2v", colour)
            for middle, family in zip(middles, families, strict=True):
                if len(family.records) > 1:
                    draw_dots(
                        axis, 100 * family.hits(every_query(family), direction, k).mean(axis=1), middle + 0.11 * side
                    )
    filled = [mark_key("o", True, COLOURS[0]), mark_key("D", False, COLOURS[1])]
    labels = ["T2V: clips ranked for a caption", "V2T: captions ranked for a clip"]
    several = any(len(family.records) > 1 for family in families)
    legend_below(drawing, filled + [dot_key()] * several, labels + ["one seed"] * several)
    mean = "Mean over the seeds with its" if several else "Recall with its"
    caption = (
        f"{mean} 95 % interval, the best T2V R@1 first. "
        f"n = {n_queries(group)} queries and {n_clips(group)} clips, {seeds_of(families)}."
    )
    said = [f"{family.name} {estimate(_estimate(family, 't2v', 1))}" for family in families]
    alt = f"T2V R@1 in % with 95 % interval: {'; '.join(said)}."
    return Figure("recalls", "Recall of all variants", caption, alt, drawing)


def _estimate(family: Family, direction: str, k: int) -> Estimate:
    """Recall in % with its interval: Wilson's, as the record has it, or of several seeds over seeds and queries."""
    record = family.records[0]
    if len(family.records) == 1:
        return Estimate.from_json(record.metrics["all"][direction][f"R@{k}"])
    return over_seeds(family, direction, k)
