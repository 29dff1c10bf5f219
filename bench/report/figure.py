"""What every figure has in common: colours that the colour-blind can tell apart, sizes for print, files byte by byte.

The same records give the same bytes: SVG without date and with a fixed salt for its ids, PNG without the name of the
program that wrote it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..emotions import EMOTIONS
from ..files import replacing

if TYPE_CHECKING:  # matplotlib takes half a second to import
    from matplotlib.figure import Figure as Drawing

SALT = "emotion-video-bench"
WIDTH = 7.0  # inches: a page's text
PNG_DPI = 150

# Okabe and Ito, Color Universal Design (2008); neutral is a grey of its own and never an emotion's.
EMOTION_COLOURS = dict(
    zip(
        EMOTIONS,
        ("#E69F00", "#009E73", "#000000", "#56B4E9", "#0072B2", "#CC79A7", "#D55E00", "#F0E442"),
        strict=True,
    )
) | {"neutral": "#999999"}
EMOTION_MARKERS = dict(zip(EMOTIONS, "osv^D<>P", strict=True)) | {"neutral": "."}  # for print without colour

# For variants, in the order they are drawn: eight colours, then the same ones with other strokes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
STROKES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)))
BASELINE_COLOUR = "#555555"

STYLE: Any = {
    "svg.hashsalt": SALT,
    "svg.fonttype": "path",  # the same glyphs on every machine
    "font.family": "DejaVu Sans",  # matplotlib brings it
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e5e5",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "figure.dpi": 100,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.05,
}


@dataclass(frozen=True)
class Figure:
    """A drawn figure. name: the files' stem. caption: what is shown, with n, seed and protocol. alt: the same to those
    who cannot see it, with the numbers that matter.
    """

    name: str
    title: str
    caption: str
    alt: str
    drawing: "Drawing"


def colour(number: int) -> tuple[str, Any]:
    """The colour and the stroke of the variant with this number, from 0."""
    return COLOURS[number % len(COLOURS)], STROKES[number // len(COLOURS) % len(STROKES)]


def save(figure: Figure, folder: Path) -> tuple[Path, Path]:
    """Writes <name>.svg and <name>.png, each whole or not at all, and closes the drawing."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    paths = folder / f"{figure.name}.svg", folder / f"{figure.name}.png"
    metadata: tuple[dict[str, Any], ...] = ({"Date": None, "Creator": None}, {"Software": None})
    with mpl.rc_context(STYLE):
        for path, data in zip(paths, metadata, strict=True):
            with replacing(path) as temporary:
                figure.drawing.savefig(temporary, metadata=data, dpi=PNG_DPI)
    plt.close(figure.drawing)
    return paths
