"""The figures of the report, one module each: one more is one module, or a plugin file, with `@figure`.

    from bench.report.figures import Context, Figure, figure
    from bench.report.style import sheet

    @figure("seconds")
    def seconds(context: Context) -> Figure | None:
        \"\"\"How long each run took; None, and the figure is left out, where there is nothing to show.\"\"\"
        drawing, ((axis,),) = sheet(2.0)
        ...
        return Figure("seconds", "How long it took", caption, alt, drawing)

`bench report` draws all of them; what matplotlib is asked for inside such a function is drawn in the report's style.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from bench.compare.groups import Family, Group
from bench.compare.paired import PairedComparison, compare_all
from bench.errors import BenchError
from bench.report.style import PNG_DPI, styled
from bench.utils.files import replacing
from bench.utils.outputs import check_output
from bench.utils.registry import Registry
from bench.utils.tables import Table

if TYPE_CHECKING:  # matplotlib takes half a second to import
    from matplotlib.figure import Figure as Drawing

LAST = 1000  # the place of a figure that says none
SCREEN, PAPER = ("svg", "png"), ("pdf",)  # the kinds of files for a page, and for LaTeX
_KINDS: dict[str, tuple[bytes, dict[str, Any]]] = {  # what a file begins with, and what is not to stand in it
    "svg": (b"<svg", {"Date": None, "Creator": None}),
    "png": (b"\x89PNG", {"Software": None}),
    "pdf": (b"%PDF-", {"Creator": None, "Producer": None, "CreationDate": None}),
}


@dataclass(frozen=True)
class Context:
    """What a figure is drawn from: the records of one protocol, and how they are compared.

    results: the folder of the records, where their features and weights lie if they are at hand. subset: the queries
    of the second pair of columns. baseline: a variant's name or a run's id.
    """

    group: Group
    results: Path
    subset: str = "emotion"
    baseline: str = "plain"

    @cached_property
    def comparisons(self) -> list[PairedComparison]:
        """Every other variant against the baseline: the declared tests, corrected for their number."""
        return compare_all(self.group, self.subset, self.baseline)[0]

    @property
    def base(self) -> Family | None:
        """The baseline's runs, if there are any."""
        return self.group.baseline(self.baseline)

    @property
    def others(self) -> list[Family]:
        """The other variants, best first; all of them where there is no baseline."""
        return self.group.others(self.base) if self.base else self.group.families


@dataclass(frozen=True)
class Figure:
    """A drawn figure. name: the files' stem. caption: what is shown, with n and seeds, in a sentence or two; the
    protocol stands once above all figures. alt: the same to those who cannot see it, with the numbers that matter.
    table: numbers that stand below it. beside: the key of the table that it belongs to on a page.
    """

    name: str
    title: str
    caption: str
    alt: str
    drawing: "Drawing"
    table: Table | None = None
    beside: str = ""


Drawn: TypeAlias = Figure | list[Figure] | None
D = TypeVar("D", bound=Drawn)


@dataclass(frozen=True)
class FigureKind:
    """A registered figure. place: where it stands on the page; of equal ones the first by name comes first.

    beside: the key of the table that it belongs to; "": it stands for itself. least: queries; of fewer it is not drawn.
    """

    name: str
    place: int
    draw: Callable[[Context], Drawn]
    beside: str = ""
    least: int = 0

    @property
    def summary(self) -> str:
        """The first sentence of what is said of it."""
        return (self.draw.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " ")


FIGURES: Registry[FigureKind] = Registry("figure", "bench.report.figures")


def figure(
    name: str, *, place: int = LAST, beside: str = "", least: int = 0
) -> Callable[[Callable[[Context], D]], Callable[[Context], D]]:
    """Decorator: a function that draws a figure of the report, or several, or none where there is nothing to show."""

    def add(function: Callable[[Context], D]) -> Callable[[Context], D]:
        in_style = styled(function)
        FIGURES.add(name, FigureKind(name, place, in_style, beside, least), function)
        return in_style

    return add


def in_order() -> list[FigureKind]:
    """Every registered figure in the order of the page."""
    return sorted((kind for _, kind in FIGURES.items()), key=lambda kind: (kind.place, kind.name))


def draw(context: Context, prefix: str = "") -> list[Figure]:
    """The group's figures in the order of the page; those that have nothing to show are left out.

    prefix: of the files' names, so that the groups of one report do not share them. BenchError, naming the figure: it
    fails, or two figures would be one file.
    """
    found: dict[str, Figure] = {}
    n = context.group.records[0].metrics["all"]["n"]
    for kind in in_order():
        for one in _figures(kind, context) if n >= kind.least else ():
            if one.name in found:
                raise BenchError(
                    f"the figure '{kind.name}' would write the files of another one, {one.name}. Rename it."
                )
            found[one.name] = replace(one, name=f"{prefix}{one.name}", beside=kind.beside)
    return list(found.values())


def _figures(kind: FigureKind, context: Context) -> Iterator[Figure]:
    try:
        drawn = kind.draw(context)
    except BenchError:
        raise
    except Exception as error:
        raise BenchError(f"the figure '{kind.name}' fails: {type(error).__name__}: {error}") from error
    several: Sequence[object] = drawn if isinstance(drawn, list) else [] if drawn is None else [drawn]
    for one in several:
        if not isinstance(one, Figure):
            raise BenchError(
                f"the figure '{kind.name}' gives {type(one).__name__} in place of a Figure, a list or None."
            )
        yield one


def begins_as(path: Path) -> bool:
    """Whether a file is what its name says, a picture of one of the kinds that are written here."""
    mark = _KINDS.get(path.suffix[1:], (b"", {}))[0]
    with path.open("rb") as file:
        return bool(mark) and mark in file.read(4096)


@styled
def save(drawn: Figure, folder: Path, force: bool = False, kinds: Sequence[str] = SCREEN) -> tuple[Path, ...]:
    """Writes <name>.<kind> for every kind, each whole or not at all, and closes the drawing.

    UsageError: files of these names are no pictures of that kind. force: they are replaced even so.
    """
    from matplotlib import pyplot as plt

    paths = tuple(folder / f"{drawn.name}.{kind}" for kind in kinds)
    for path, kind in zip(paths, kinds, strict=True):
        check_output(path, [_KINDS[kind][0]], f"picture of the kind {kind}", force=force)
    for path, kind in zip(paths, kinds, strict=True):
        with replacing(path) as temporary:
            drawn.drawing.savefig(temporary, metadata=_KINDS[kind][1], dpi=PNG_DPI)
    plt.close(drawn.drawing)
    return paths
