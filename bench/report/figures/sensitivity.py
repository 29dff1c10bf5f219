"""What the benchmark can find: the power of its verdicts by the size of the true effect, for so many seeds."""

import numpy as np

from bench.compare.sensitivity_table import STUDIES, Sensitivity, sensitivities
from bench.metrics.statistics import MIN_QUERIES, POWER
from bench.report.figures import Context, Figure, figure
from bench.report.style import COLOURS, GREY, MARKERS, STROKES, legend_below, seeds_of, sheet
from bench.utils.text import counted

STEPS = 200  # of the curves


@figure("sensitivity", place=35, beside="power", least=MIN_QUERIES)
def sensitivity(context: Context) -> Figure | None:
    """How often a true effect of each size gets a verdict, for one, three and five seeds.

    A panel for each declared question; None where nothing is compared.
    """
    found = sensitivities(context.group, context.baseline)
    base = context.base
    if not found or not base:
        return None
    drawing, (axes,) = sheet(2.6, 1, len(found), sharey=True)
    lines = {}
    for axis, one in zip(axes, found, strict=True):
        shifts = np.linspace(0, _end(one), STEPS)
        effects = [one.question.gain(shift) for shift in shifts]
        for number, seeds in enumerate(one.needed):
            shade, stroke = COLOURS[number], STROKES[number]
            power = 100 * one.power(seeds, shifts)
            (lines[seeds],) = axis.plot(effects, power, color=shade, linestyle=stroke)
            middle = one.least(seeds)[0]
            axis.plot([middle], [100 * POWER], marker=MARKERS[number], color=shade, markersize=4.5)
        axis.axhline(100 * POWER, color=GREY, linewidth=0.8)
        axis.set(xlabel=f"True effect: {one.question.unit}", ylim=(0, 100))
        if not one.question.higher_is_better:
            axis.invert_xaxis()
    axes[0].set(ylabel="Found, in % of studies")
    legend_below(drawing, [*lines.values()], [f"{counted(seeds, 'seed')} a side" for seeds in lines])
    said = [
        f"{one.question.note[0]}, {one.question.queries(one.n)}: "
        + ", ".join(f"{one.question.bare(one.least(seeds)[0])} with {counted(seeds, 'seed')}" for seeds in one.needed)
        + f" ({one.question.unit})"
        for one in found
    ]
    families = [base, *context.others]
    asked = " and ".join(dict.fromkeys(str(one.n) for one in found))
    caption = (
        f"How often a true effect gets a verdict, in {STUDIES} studies of each variant drawn from these records; "
        f"marks: found with {100 * POWER:.0f} % power. n = {asked} queries, {seeds_of(families)}."
    )
    alt = f"Smallest true effect that is found with 80 % power: {'; '.join(said)}."
    return Figure("sensitivity", "What this benchmark can find", caption, alt, drawing)


def _end(one: Sensitivity) -> float:
    """Where the axis ends: nine of ten studies have found the effect, with however many seeds."""
    return max(float(np.quantile(needed, 0.9, method="lower")) for needed in one.needed.values())
