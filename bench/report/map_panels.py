"""How the points of a map are drawn: which look alike, in what order, with what legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS
from bench.report.feature_measures import CLASSES, OUT
from bench.report.style import EMOTION_COLOURS, EMOTION_MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

MODALITIES = ("text", "video")
OTHERS = "another emotion"
_REST, _TIED, _INK = "#BCD4E6", "#C4C4C4", "#222222"
_TURNS = 4


@dataclass(frozen=True)
class Layer:
    """Points that look alike. rows: (N,) which queries. size: of a caption's point, in square points.

    marker: of captions, filled, and of clips, hollow. edge: filled points have a dark outline.
    """

    label: str
    rows: NDArray[np.bool_]
    colour: str
    size: float
    marker: str
    edge: bool = False


def emotion_layers(member: NDArray[np.bool_], neutral: NDArray[np.bool_], emotion: str) -> list[Layer]:
    """One emotion against the rest: (N,) which queries are about it, and which about none."""
    small = _size(len(member))
    return [
        Layer(OTHERS, ~member & ~neutral, _REST, small, "o"),
        Layer("neutral", neutral, EMOTION_COLOURS["neutral"], 1.6 * small, EMOTION_MARKERS["neutral"]),
        Layer(emotion, member, EMOTION_COLOURS[emotion], 1.4 * small, EMOTION_MARKERS[emotion], edge=True),
    ]


def class_layers(classes: NDArray[np.int64]) -> list[Layer]:
    """Each class in its colour and with its marker; those that are there. classes: (N,) as `classes_of` gives them."""
    small = _size(len(classes))
    layers = [Layer("tied", classes == OUT, _TIED, small, "x")]
    for number in (len(EMOTIONS), *range(len(EMOTIONS))):  # neutral before the emotions
        name = CLASSES[number]
        emotional = name != "neutral"  # neutral dots are small and bare: in print without colour they would be joy's
        look = EMOTION_COLOURS[name], (1.2 if emotional else 1.6) * small, EMOTION_MARKERS[name]
        layers.append(Layer(name, classes == number, *look, edge=emotional))
    return [layer for layer in layers if layer.rows.any()]


def reach(map: NDArray) -> float:
    """Half the side of a square around 0 that holds the map and a margin. map: (n, 2)."""
    return 1.06 * float(np.abs(map).max())


def scatter(axes: "Axes", map: NDArray, layers: Sequence[Layer], limit: float, scale: float = 1.0) -> None:
    """Draws a map's captions and clips, (2 N, 2), on axes of -limit to limit without ticks: its units mean nothing.

    Layers take turns, a few points each, or the last one would cover all others.
    """
    for turn in range(_TURNS):
        for layer in layers:
            rows = np.flatnonzero(layer.rows)[turn::_TURNS]
            for modality, points in zip(MODALITIES, np.split(map, 2), strict=True):
                axes.scatter(*points[rows].T, rasterized=True, **_look(layer, modality, scale))
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], aspect="equal")
    axes.grid(False)
    axes.spines[:].set(visible=True, color="#bbbbbb", linewidth=0.6)


def legend(drawing: "Drawing", layers: Sequence[Layer], top: float) -> None:
    """What colours, markers and fillings mean, with the number of queries. top: in the drawing's height, 0 to 1."""
    from matplotlib.axes import Axes

    hidden = Axes(drawing, (0, 0, 1, 1))  # never added: it only makes handles
    scale = 20 / _size(len(layers[0].rows))  # of one size, however many points the map has
    handles = [
        hidden.scatter([], [], label=f"{layer.label} ({layer.rows.sum()})", **_look(layer, "text", scale))
        for layer in layers
    ]
    either = Layer("", layers[0].rows, _INK, 10, "o")
    names = ("filled: caption", "hollow: clip")
    handles += [
        hidden.scatter([], [], label=name, **_look(either, modality, 2))
        for modality, name in zip(MODALITIES, names, strict=True)
    ]
    drawing.legend(handles=handles, loc="upper center", ncols=6, bbox_to_anchor=(0.5, top))


def _size(n: int) -> float:
    """A point's area that leaves room for n queries."""
    return float(np.clip(2400 / n, 3, 10))


def _look(layer: Layer, modality: str, scale: float) -> dict[str, Any]:
    """The keywords of `Axes.scatter`."""
    look: dict[str, Any] = {"s": layer.size * scale, "marker": layer.marker, "color": layer.colour}
    if layer.marker == "x":
        return {**look, "marker": "x" if modality == "text" else "+", "linewidths": 0.5}
    if modality == "text":
        return {**look, "edgecolors": _INK, "linewidths": 0.3} if layer.edge else {**look, "linewidths": 0}
    return {**look, "facecolors": "none", "edgecolors": layer.colour, "linewidths": 0.6}
