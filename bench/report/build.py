"""Records -> the report: one page that needs nothing else, the same as markdown or for LaTeX, and the figures as files.

reports/index.html    self-contained, offline
reports/report.md     the same tables, figures linked
reports/figures/      SVG and PNG; with --format latex PDF
reports/report.tex    with --format latex: the main table and the figures; supplement.tex, references.bib beside it
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from bench.compare import check_choice
from bench.compare.sections import sections_of
from bench.records.record import Record
from bench.report.figures import PAPER, SCREEN, begins_as, draw, save
from bench.report.markdown_report import markdown_report
from bench.report.page import TITLE, render_page
from bench.report.paper import PACKAGES, bibtex, main_tex, supplement_tex
from bench.report.parts import studies_of
from bench.utils.files import read_text, replacing
from bench.utils.outputs import check_output

FIGURES = "figures"
_MARKS = {  # by which an earlier report is known
    "index.html": [f"<title>{TITLE}</title>".encode()],
    "report.md": [f"# {TITLE}\n".encode()],
    "report.tex": [PACKAGES.encode()],
    "supplement.tex": [PACKAGES.encode()],
    "references.bib": [b"@misc{emotion-video-bench,"],
}
FILES = {"html": ["index.html", "report.md"], "latex": ["report.tex", "supplement.tex", "references.bib"]}
_MOST = 10_000_000  # bytes of a former report that is looked at for its figures


def build(
    records: Sequence[Record],
    results: Path,
    out: Path,
    subset: str,
    baseline: str,
    format: Literal["html", "latex"],
    force: bool = False,
) -> list[Path]:
    """Writes the report of these records under `out`; returns what was written, the page first.

    Figures of a former report there that this one does not have are removed.
    results: where the records lie, with their features and weights beside them if they are at hand.
    force: replace what is there even where it is a file of another kind; otherwise that is a UsageError.
    """
    check_choice(records, subset, baseline)
    for name in FILES[format]:
        check_output(out / name, _MARKS[name], "report", force=force)
    kinds = PAPER if format == "latex" else SCREEN
    former = _linked(out / FILES[format][-1 if format == "html" else 0], kinds)
    studies = studies_of(records, results, subset, baseline)
    parts = [part for study in studies for part in study.parts]
    sections = {part.key: sections_of(part.group, parts[0].group, subset, baseline) for part in parts}
    figures = {part.key: draw(part.context, f"{number}-" if number > 1 else "") for number, part in enumerate(parts, 1)}
    paths = [
        path for found in figures.values() for figure in found for path in save(figure, out / FIGURES, force, kinds)
    ]
    if format == "latex":
        contents = [main_tex(studies, figures, FIGURES), supplement_tex(studies, sections, figures), bibtex()]
    else:
        page = render_page(studies, sections, figures, out / FIGURES, results, baseline)
        contents = [page, markdown_report(studies, sections, figures, FIGURES)]
    written = [write(out / name, content) for name, content in zip(FILES[format], contents, strict=True)]
    _remove(out / FIGURES, former - {path.name for path in paths})
    return [*written, *paths]


def write(path: Path, content: str) -> Path:
    """Whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
    return path


def _linked(report: Path, kinds: Iterable[str]) -> set[str]:
    """The names of the figure files that a former report linked, of these kinds."""
    try:
        former = read_text(report, _MOST)
    except (OSError, UnicodeDecodeError):
        return set()
    stems = re.findall(rf"[({{]{FIGURES}/([\w.=+-]+)\.(?:svg|pdf)[)}}]", former)
    return {f"{stem}.{kind}" for stem in stems for kind in kinds}


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Removes pictures by name; what is no picture of its name's kind stays."""
    for name in names:
        with suppress(OSError):
            if begins_as(folder / name):
                (folder / name).unlink()
