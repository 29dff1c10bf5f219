"""How training went: loss, learning rate, logit scale and the recalls on validation clips, one line per variant."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.compare.groups import Family, Group, control
from bench.compare.numbers import number
from bench.metrics.ranking import KS
from bench.report.figures import Context, Figure, figure
from bench.report.style import legend_below, looks, seeds_of, sheet

Value = Callable[[dict[str, Any]], float | None]  # of one point of a curve; None where it has none
PARTS = 24  # the loss is a mean over a 24th of the steps: of single batches it would be a thicket
MARKS = 5  # along a line of many steps
LINE: dict[str, Any] = {"linewidth": 1.1, "markersize": 3, "markeredgewidth": 0.8}


@figure("curves", place=40)
def training_curves(context: Context) -> Figure | None:
    """Loss, learning rate, logit scale and validation recalls over training.

    Three panels, and one a recall where runs were validated; None where nothing was trained.
    Runs under a control are left out. Of several seeds the mean is drawn, in a band from the lowest to the highest,
    over the steps that all of them have.
    """
    group = context.group
    families = [family for family in group.families if any(record.curve for record in family.records)]
    if not families:
        return None
    panels: list[tuple[str, Value]] = [
        ("loss (nats)", lambda point: point["loss"]),
        ("learning rate", lambda point: point["lr"]),
        ("ln(logit scale)", lambda point: point["logit_scale"]),
    ]
    recalls: list[tuple[str, Value]] = [
        (f"validation R@{k} (%)", lambda point, k=k: point.get("val", {}).get(f"T2V R@{k}"))  # type: ignore[misc]
        for k in KS
    ]
    validated = [
        (title, value) for title, value in recalls if any(len(_curves(family, value)[0]) for family in families)
    ]
    panels += validated
    rows = -(-len(panels) // 3)
    drawing, axes = sheet(0.5 + 1.8 * rows, rows, 3, sharex=True)
    look = looks(group, context.baseline)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    for place, (axis, (title, value)) in enumerate(zip(axes.flat, panels, strict=False)):
        below = place + 3 < len(panels)
        axis.set(ylabel=title, xlabel="" if below else "optimizer step")
        axis.tick_params(labelbottom=not below)
        if title == "learning rate":
            axis.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3), useMathText=True)
        for family in families:
            steps, values = _curves(family, value)
            if not len(steps):
                continue
            values = _smoothed(values) if place == 0 else values
            style = {**LINE, **look[family.name]}
            if place < 3:  # a mark now and then tells lines apart without colour
                style["markevery"] = max(1, len(steps) // MARKS)
            axis.plot(steps, values.mean(axis=0), **style)
            if len(values) > 1:
                low, high = values.min(axis=0), values.max(axis=0)
                axis.fill_between(steps, low, high, color=style["color"], alpha=0.15, linewidth=0)
        if place > 2:
            axis.set_ylim(0, 1.08 * axis.dataLim.y1 or 1)
    lines = [_example(look[family.name]) for family in families]
    legend_below(drawing, lines, [family.name for family in families])
    return Figure("curves", "Training curves", _caption(group, families, bool(validated)), _alt(families), drawing)


def _curves(family: Family, value: Value) -> tuple[NDArray[np.int64], NDArray[np.float64]]:  # (n,), (S, n)
    """The steps at which every seed that was trained has this value, and the values."""
    curves = [
        {point["step"]: found for point in record.curve if (found := value(point)) is not None}
        for record in family.records
        if record.curve
    ]
    steps = sorted(set.intersection(*(set(curve) for curve in curves)))
    return np.array(steps, np.int64), np.array([[curve[step] for step in steps] for curve in curves])


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:  # (S, n) -> (S, n)
    """The mean of each step and its neighbours, fewer of them at both ends; of short curves every step itself."""
    reach, n = values.shape[1] // PARTS // 2, values.shape[1]
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    first, behind = np.maximum(np.arange(n) - reach, 0), np.minimum(np.arange(n) + reach + 1, n)
    return (sums[:, behind] - sums[:, first]) / (behind - first)


def _example(look: dict[str, Any]) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], **LINE, **look)


def _caption(group: Group, families: Sequence[Family], validated: bool) -> str:
    runs = sum(bool(record.curve) for family in families for record in family.records)
    recalls = ", recalls (T2V) on the validation clips, which are not the test's" if validated else ""
    long = max(len(record.curve) for family in families for record in family.records) >= 2 * PARTS
    smooth = f" Each point of the loss is the mean over the {100 // PARTS} % of the steps around it." if long else ""
    band = (
        " Lines are means over seeds, bands reach from the lowest seed to the highest."
        if any(len(family.records) > 1 for family in families)
        else " One seed each: there is no band."
    )
    hidden = " Lines that coincide hide one another." if len(families) > 1 else ""
    without = " Runs under a control are left out." if any(control(record) for record in group.records) else ""
    return (
        f"Training loss, learning rate and logit scale at every optimizer step{recalls}.{smooth}{band}{hidden}"
        f"{without} n = {runs} run{'s' if runs > 1 else ''}, {seeds_of(families)}. Protocol: {group.protocol}"
    )


def _alt(families: Sequence[Family]) -> str:
    parts = []
    for family in families:
        steps, loss = _curves(family, lambda point: point["loss"])
        loss = _smoothed(loss)
        said = f"{family.name}: loss {loss[:, 0].mean():.2f} to {loss[:, -1].mean():.2f} in {steps[-1]} steps"
        _, recall = _curves(family, lambda point: point.get("val", {}).get("T2V R@1"))
        parts.append(
            said + (f", validation R@1 {number(float(recall[:, -1].mean()))} % at the end" if recall.size else "")
        )
    return f"Lines over optimizer steps. {'; '.join(parts)}."
