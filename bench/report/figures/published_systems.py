"""Our runs among the published numbers of their test set."""

from dataclasses import replace

from bench.compare.literature import covered, families_on, systems
from bench.report.figures import Context, Figure, figure
from bench.report.literature_figure import literature_figure
from bench.report.style import seeds_of


@figure("literature", place=90, beside="published")
def literature(context: Context) -> list[Figure]:
    """Our variants among the systems of the literature, on the same test set.

    One figure a direction; none where no published numbers are known for the test set.
    """
    group = context.group
    test = covered(group)
    if test is None:
        return []
    ours = families_on(group, test)
    drawn = [
        literature_figure(systems(test, "all", direction, ours), test, direction, f"literature-{direction}")
        for direction in ("t2v", "v2t")
    ]
    both = ", intervals over queries and seeds" if any(len(family.records) > 1 for family in ours) else ""
    more = f"Ours: {seeds_of(ours)}{both}."
    return [replace(one, caption=f"{one.caption} {more}") for one in drawn if one]
