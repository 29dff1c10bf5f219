"""How training went: the loss of every variant, and its recall on validation clips, each beside the baseline's."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.compare.groups import Family
from bench.compare.numbers import number
from bench.report.figures import Context, Figure, figure
from bench.report.style import BASELINE_COLOUR, COLOURS, folded, legend_below, seeds_of, sheet
from bench.utils.text import counted

Value = Callable[[dict[str, Any]], float | None]  # of one point of a curve; None where it has none
PARTS = 24  # the loss is a mean over a 24th of the steps: of single batches it would be a thicket
COLUMNS = 4
FEWEST = 3  # points of a curve


def _loss(point: dict[str, Any]) -> float | None:
    return float(point["loss"])


def _validation(point: dict[str, Any]) -> float | None:
    found = point.get("val", {}).get("T2V R@1")
    return None if found is None else float(found)


@figure("curves", place=40, beside="training")
def training_curves(context: Context) -> list[Figure]:
    """The training loss and, where runs were validated, T2V R@1 on their clips: a small panel for each variant.

    In each the baseline's curve is grey. Of several seeds the mean is drawn, in a band from the lowest to the highest,
    over the steps that all of them have. Curves of fewer than three points are left out, and runs under a control.
    """
    found = [
        _multiples(context, "curves", "Training loss", "loss (nats)", _loss),
        _multiples(context, "validation", "Recall on the validation clips", "T2V R@1 (%)", _validation),
    ]
    return [one for one in found if one]


def _multiples(context: Context, name: str, title: str, label: str, value: Value) -> Figure | None:
    """One small panel a variant, all on the same axes; None where no curve has enough points."""
    curves = {family.name: _curves(family, value) for family in context.group.families}
    curves = {name: (steps, values) for name, (steps, values) in curves.items() if len(steps) >= FEWEST}
    if value is _loss:
        curves = {name: (steps, _smoothed(values)) for name, (steps, values) in curves.items()}
    base = context.base.name if context.base and context.base.name in curves else None
    families = [family for family in context.others if family.name in curves]
    shown = [family.name for family in families] or list(curves)[:1]
    if not shown:
        return None
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    drawing, axes = sheet(0.45 + (1.5 if rows > 1 else 2.2) * rows, rows, columns, sharex=True, sharey=True)
    for axis in axes.flat[len(shown) :]:
        axis.remove()
    for place, (axis, variant) in enumerate(zip(axes.flat, shown, strict=False)):
        if base and base != variant:
            _line(axis, *curves[base], BASELINE_COLOUR, 1.0)
        _line(axis, *curves[variant], BASELINE_COLOUR if variant == base else COLOURS[0], 1.3)
        axis.set_title(folded(variant, 24), fontsize=7)
        axis.set(xlabel="step" if place + columns >= len(shown) else "")
        axis.tick_params(labelbottom=place + columns >= len(shown))
    for row in axes[:, 0]:
        row.set_ylabel(label)
    if value is _validation:
        axes[0, 0].set_ylim(0, 1.08 * max(float(values.max()) for _, values in curves.values()) or 1)
    keys = [_example(COLOURS[0])] * (shown != [base]) + [_example(BASELINE_COLOUR)] * bool(base)
    legend_below(drawing, keys, ["the variant"] * (shown != [base]) + [str(base)] * bool(base))
    drawn = [*families, *([context.base] if context.base and base else [])] or context.group.families[:1]
    runs = sum(bool(record.curve) for family in drawn for record in family.records)
    smooth = f" Each point is the mean over {100 // PARTS} % of the steps." if value is _loss and _long(curves) else ""
    band = (
        " Bands reach from the lowest seed to the highest." if any(len(one[1]) > 1 for one in curves.values()) else ""
    )
    caption = (
        f"{title} of each variant{f', and of {base} in grey' if base else ''}.{smooth}{band} "
        f"n = {counted(runs, 'run')}, {seeds_of(drawn)}."
    )
    names = dict.fromkeys([*([base] if base else []), *shown])
    return Figure(name, title, caption, f"Lines over optimizer steps. {_alt(names, curves)}.", drawing)


Curves = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]


def _long(curves: Curves) -> bool:
    return any(len(steps) >= 2 * PARTS for steps, _ in curves.values())


def _line(axis: Any, steps: NDArray[np.int64], values: NDArray[np.float64], colour: str, width: float) -> None:
    """The mean over seeds, and of several their band. values: (S, n)."""
    axis.plot(steps, values.mean(axis=0), color=colour, linewidth=width)
    if len(values) > 1:
        axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)


def _curves(family: Family, value: Value) -> tuple[NDArray[np.int64], NDArray[np.float64]]:  # (n,), (S, n)
    """The steps at which every seed that was trained has this value, and the values."""
    curves = [
        {point["step"]: found for point in record.curve if (found := value(point)) is not None}
        for record in family.records
        if record.curve
    ]
    steps = sorted(set.intersection(*(set(curve) for curve in curves))) if curves else []
    return np.array(steps, np.int64), np.array([[curve[step] for step in steps] for curve in curves])


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:  # (S, n) -> (S, n)
    """The mean of each step and its neighbours, fewer of them at both ends; of short curves every step itself."""
    reach, n = values.shape[1] // PARTS // 2, values.shape[1]
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    first, behind = np.maximum(np.arange(n) - reach, 0), np.minimum(np.arange(n) + reach + 1, n)
    return (sums[:, behind] - sums[:, first]) / (behind - first)


def _example(colour: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linewidth=1.3)


def _alt(names: Sequence[str] | dict[str, None], curves: Curves) -> str:
    said = []
    for name in names:
        steps, values = curves[name]
        first, last = (float(values[:, place].mean()) for place in (0, -1))
        said.append(f"{name}: {number(first, digits=2)} to {number(last, digits=2)} in {steps[-1]} steps")
    return "; ".join(said)
