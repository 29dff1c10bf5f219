"""What every figure has in common: colours that the colour-blind can tell apart, sizes for print, the same bytes.

The same records give the same bytes: SVG without date and with a fixed salt for its ids, PNG without the name of the
program that wrote it, and a style that asks no matplotlibrc of the user's.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from bench.compare.groups import Family, Group
from bench.emotions import EMOTIONS

if TYPE_CHECKING:  # matplotlib takes half a second to import
    from matplotlib.figure import Figure as Drawing

P = ParamSpec("P")
T = TypeVar("T")

SALT = "emotion-video-bench"
TEXT_WIDTH = 7.0  # inches: a page's text
PNG_DPI = 150

# Okabe and Ito, Color Universal Design (2008), brown in place of black, which is lost on a dark page; neutral is a grey
# of its own and never an emotion's.
EMOTION_COLOURS = dict(
    zip(
        EMOTIONS,
        ("#E69F00", "#009E73", "#8B5A2B", "#56B4E9", "#0072B2", "#CC79A7", "#D55E00", "#F0E442"),
        strict=True,
    )
) | {"neutral": "#999999"}
EMOTION_MARKERS = dict(zip(EMOTIONS, "osv^D<>P", strict=True)) | {"neutral": "."}  # for print without colour

# For variants, in the order they are drawn: eight colours, then the same ones with other strokes.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
STROKES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)))
MARKERS = "os^Dv<>PXd*ph"  # for print without colour
BASELINE_COLOUR = "#555555"
GREY = "#999999"  # what no claim is made of

STYLE: Any = {
    "svg.hashsalt": SALT,
    "text.parse_math": False,  # a name with two dollars is no formula
    "svg.fonttype": "path",  # the same glyphs on every machine
    "pdf.fonttype": 42,  # TrueType: publishers refuse type 3
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


# What stands for each colour of a drawing where the page is dark: light ink, and shades that stand out from black.
DARK = {
    "#ffffff": "#171717",
    "#000000": "#ececec",
    "#222222": "#dddddd",
    "#333333": "#c8c8c8",
    BASELINE_COLOUR: "#a8a8a8",
    "#bbbbbb": "#5a5a5a",
    "#c4c4c4": "#6f6f6f",
    "#cccccc": "#5f5f5f",
    "#e5e5e5": "#363636",
    "#eeeeee": "#333333",
    "#0072b2": "#4189dd",
    "#d55e00": "#f08a4b",
    "#009e73": "#2fc39a",
    "#cc79a7": "#dd9abf",
    "#999933": "#c2c255",
    "#bcd4e6": "#3f5a6c",
}


def themed(svg: str) -> str:
    """A drawing that follows the page it stands in: light as it was drawn, its colours exchanged where it is dark."""
    used = dict.fromkeys(found for found in re.findall("#[0-9a-f]{6}", svg) if found in DARK)
    svg = re.sub("#[0-9a-f]{6}", lambda found: f"var(--c{found[0][1:]})" if found[0] in used else found[0], svg)
    light, dark = (
        "".join(f"--c{name[1:]}:{value};" for name, value in pairs.items())
        for pairs in ({name: name for name in used}, {name: DARK[name] for name in used})
    )
    rules = f"svg{{{light}fill:#000000}}@media(prefers-color-scheme:dark){{svg{{{dark}fill:{DARK['#000000']}}}}}"
    head = re.search(r"<svg\b[^>]*>", svg)
    assert head, "it is a drawing"
    return f"{svg[: head.end()]}<style>{rules}</style>{svg[head.end() :]}"


def colour(number: int) -> tuple[str, Any]:
    """The colour and the stroke of the variant with this number, from 0."""
    return COLOURS[number % len(COLOURS)], STROKES[number // len(COLOURS) % len(STROKES)]


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Decorator of functions that draw or write: they do it in STYLE, on top of matplotlib's own defaults."""

    @wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> T:
        from matplotlib import style

        with style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return in_style


def sheet(height: float, rows: int = 1, columns: int = 1, **settings: Any) -> tuple["Drawing", Any]:
    """An empty drawing of the page's width with its axes, (rows, columns) of them. height: in inches, legend apart."""
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(TEXT_WIDTH, height), layout="constrained")
    return drawing, drawing.subplots(rows, columns, squeeze=False, **settings)


def looks(group: Group, baseline: str) -> dict[str, dict[str, Any]]:
    """Colour, linestyle and marker of every family by its name, the same in all figures of a group.

    The baseline is grey, with crosses.
    """
    base = group.baseline(baseline)
    found: dict[str, dict[str, Any]] = {}
    for number, family in enumerate(group.others(base) if base else group.families):
        shade, stroke = colour(number)
        found[family.name] = {"color": shade, "linestyle": stroke, "marker": MARKERS[number % len(MARKERS)]}
    for family in (base, *group.families) if base else ():  # named by a run, it stands for the family of that run too
        found.setdefault(family.name, {"color": BASELINE_COLOUR, "linestyle": "-", "marker": "x"})
    return found


def folded(name: str, width: int = 30) -> str:
    """A name in lines of at most `width` characters, broken between words where it has such."""
    return "\n".join(textwrap.wrap(name, width, break_on_hyphens=False))


def legend_below(drawing: "Drawing", handles: Sequence[Any], labels: Sequence[str]) -> None:
    """A legend under all axes, in as many columns as the longest label lets the page have; the page grows by it."""
    lines = [folded(label, 60) for label in labels]
    longest = max(len(part) for line in lines for part in line.split("\n"))
    columns = max(1, min(len(lines), int(TEXT_WIDTH / (0.5 + 0.058 * longest))))  # inches: stroke and gaps, a letter
    drawing.legend(handles, lines, loc="outside lower center", ncols=columns)
    rows = -(-len(lines) // columns)
    heights = [0.04 + 0.13 * len(line.split("\n")) for line in lines]  # inches
    tallest = max(sum(heights[start : start + rows]) for start in range(0, len(lines), rows))
    drawing.set_figheight(drawing.get_figheight() + tallest + 0.15)


def seeds_of(families: Iterable[Family]) -> str:
    """Which seeds stand behind a figure, e.g. "seeds 1, 2, 3"."""
    each = [{record.seed for record in family.records} for family in families]
    every = sorted(set().union(*each))
    uneven = " (not all of them for every variant)" if any(len(own) < len(every) for own in each) else ""
    return f"seed{'s' if len(every) > 1 else ''} {', '.join(map(str, every))}{uneven}"
