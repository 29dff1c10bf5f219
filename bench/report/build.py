"""Records -> the report: one page that needs nothing else, the same as markdown or LaTeX, and the figures as files.

reports/index.html    self-contained, offline
reports/report.md     the same tables, figures linked
reports/report.tex    with --format latex: tables and figure includes
reports/figures/      SVG and PNG
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.analysis.explain_render import explanation_css
from bench.compare import check_choice
from bench.compare.groups import Family, Group, group_records
from bench.compare.sections import Section, sections_of
from bench.emotions import EMOTIONS
from bench.records.audit import audit
from bench.records.audit_render import ASKED
from bench.records.published import load_published
from bench.records.record import Record
from bench.report.explanations import explanations
from bench.report.figures import Context, Figure, draw, save
from bench.report.html_table import html
from bench.report.sentences import sentences
from bench.report.thumbnails import thumbnails
from bench.report.won_and_lost import MOST, asked, flips, swapped
from bench.utils.files import replacing
from bench.utils.images import data_address
from bench.utils.outputs import check_output
from bench.utils.tables import Table, escape, latex, markdown
from bench.utils.templates import template
from bench.utils.terminal import printable

TITLE = "Does emotion help a model find the right video?"
FIGURES = "figures"
_PACKAGES = "% needs \\usepackage{booktabs,longtable,graphicx}"
_MARKS = {  # by which an earlier report is known
    "index.html": [f"<title>{TITLE}</title>".encode()],
    "report.md": [f"# {TITLE}\n".encode()],
    "report.tex": [_PACKAGES.encode()],
}
_FIT = r"width=\linewidth,height=0.6\textheight,keepaspectratio"  # with its caption on one page
_FOLDED = {"runs": "every metric of every run", "explored": "every question that was not declared"}


@dataclass(frozen=True)
class Part:
    """A group of records with all that is shown of it."""

    group: Group
    key: str
    name: str
    sections: list[Section]
    sentences: list[str]
    figures: list[Figure]


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

    results: where the records lie, with their features and weights beside them if they are at hand.
    force: replace what is there even where it is a file of another kind; otherwise that is a UsageError.
    """
    check_choice(records, subset, baseline)
    for name in ["report.tex"] if format == "latex" else ["index.html", "report.md"]:
        check_output(out / name, _MARKS[name], "report", force=force)
    found = sorted(
        group_records(records), key=lambda group: -len(group.records)
    )  # the largest is what the report is about
    parts = []
    for number, group in enumerate(found):
        shown = sections_of(group, found[0], subset, baseline)
        name = f"{group.records[0].dataset}, trained on {group.records[0].split}"
        name += f" ({number + 1})" if len(found) > 1 else ""
        drawn = draw(Context(group, results, subset, baseline), f"{number + 1}-" if number else "")
        parts.append(Part(group, f"group{number + 1}", name, shown, sentences(group, shown), drawn))
    paths = [path for part in parts for figure in part.figures for path in save(figure, out / FIGURES, force)]
    if format == "latex":
        return [write(out / "report.tex", tex(parts)), *paths]
    page = write(out / "index.html", render_page(parts, results, out, baseline))
    return [page, write(out / "report.md", text(parts)), *paths]


def write(path: Path, content: str) -> Path:
    """Whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
    return path


def render_page(parts: Sequence[Part], results: Path, out: Path, baseline: str) -> str:
    """The page, everything in it."""
    from markupsafe import Markup

    records = [record for part in parts for record in part.group.records]
    shown = [
        {
            "key": part.key,
            "name": part.name,
            "protocol": part.group.protocol,
            "sentences": part.sentences,
            "parts": [
                {
                    "key": f"{part.key}-{section.key}",
                    "heading": section.heading,
                    "folded": _FOLDED.get(section.key, ""),
                    "html": Markup(html(section.table, section.note, f"{part.key}-{section.key}")),
                }
                for section in part.sections
            ],
            "figures": [
                {
                    "name": figure.name,
                    "title": figure.title,
                    "alt": figure.alt,
                    "caption": figure.caption,
                    "source": smallest(out / FIGURES, figure.name),
                }
                for figure in part.figures
            ],
        }
        for part in parts
    ]
    main = parts[0].group
    data = flip_data(main, baseline)
    base = main.baseline(baseline)
    others = [family.records[0] for family in main.others(base)] if base else []
    explained, explained_note = explanations(base.records[0], others, results) if base else ([], "")
    findings = audit(load_published())
    return template("bench.report", "report_page.html").render(
        title=TITLE,
        subtitle=f"{len(records)} records, the last of {max(record.created for record in records)[:10]}.",
        groups=shown,
        pairs=data["pairs"],
        data=data,
        most=MOST,
        flip_note=""
        if any(record.top for record in records)
        else "The records hold no lists of clips: run them again.",
        explained=[Markup(fragment) for fragment in explained],
        explained_note=explained_note,
        explained_css=Markup(explanation_css() if explained else ""),
        audit={"note": ASKED, "findings": [str(finding) for finding in findings]},
        provenance=[Markup(html(provenance(records), "Code, libraries and hardware of every run.", "provenance"))],
    )


def flip_data(group: Group, baseline: str) -> dict[str, Any]:
    """What the page's list of won and lost queries is made of, as JSON: pairs of runs, their queries and clips."""
    base = group.baseline(baseline)
    pairs = [pair(base, other) for other in group.others(base)] if base else []
    queries = sorted({flip["query"] for one in pairs for flip in one["flips"]})
    clips = {clip for one in pairs for flip in one["flips"] for top in flip["top"] for clip in top}
    if not pairs:
        return {"pairs": []}
    record = group.trues[0]
    clips |= {record.clip_of(query) for query in queries}
    captions = record.first_captions()
    pictures = thumbnails(record, sorted(clips))
    return {
        "pairs": pairs,
        "emotions": [*EMOTIONS, "neutral"],
        "queries": asked(record, queries),
        "clips": {
            clip: {
                "video": record.queries["videos"][clip],
                "caption": captions[clip],
                **({"picture": pictures[clip]} if clip in pictures else {}),
            }
            for clip in sorted(clips)
        },
    }


def pair(one: Family, other: Family) -> dict[str, Any]:
    """The first seeds of two families."""
    records = one.records[0], other.records[0]
    names = [f"{family.name} s{record.seed}" for family, record in zip((one, other), records, strict=True)]
    found = flips(*records)
    swaps = swapped(records[1])
    return {
        "name": f"{names[1]} against {names[0]}",
        "one": names[0],
        "other": names[1],
        "flips": found,
        "swaps": {flip["query"]: swaps[flip["query"]] for flip in found if flip["query"] in swaps},
    }


def provenance(records: Sequence[Record]) -> Table:
    """Where every number is from."""
    rows: list[list[str] | str] = []
    for record in records:
        code, hardware = record.code, record.hardware
        commit = (code["commit"] or "–")[:8] + (" +" if code["dirty"] else "")
        seconds = f"{sum(record.timings.values()):.0f}"
        torch = record.libraries.get("torch", "–")
        rows.append(
            [record.run, record.created[:10], code["version"], commit, torch, str(hardware.get("cpu", "–")), seconds]
        )
    dirty = any(record.code["dirty"] for record in records)
    below = ["+ behind a commit: with changes that were not committed."] if dirty else []
    return Table(["run", "day", "bench", "commit", "torch", "processor", "seconds"], rows, below)


def text(parts: Sequence[Part]) -> str:
    """The report as markdown."""
    lines = [f"# {TITLE}", ""]
    for part in parts:
        lines += [f"## {printable(part.name)}", "", f"`{printable(part.group.protocol)}`", ""]
        lines += [*(f"- {printable(one)}" for one in part.sentences), ""]
        for section in part.sections:
            lines += [f"### {printable(section.heading)}", "", markdown(section.table, "", section.note)]
        for figure in part.figures:
            alt = printable(figure.alt).replace("[", "(").replace("]", ")")
            lines += [f"### {printable(figure.title)}", "", f"![{alt}]({FIGURES}/{figure.name}.svg)", ""]
            lines += [printable(figure.caption), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def tex(parts: Sequence[Part]) -> str:
    """Tables and figures for \\input in a paper."""
    lines = [_PACKAGES]
    for part in parts:
        for section in part.sections:
            lines.append(latex(section.table, part.group.protocol, section.note))
        for figure in part.figures:
            lines += ["\\begin{figure}", "\\centering"]
            lines.append(f"\\includegraphics[{_FIT}]{{{FIGURES}/{figure.name}.png}}")
            lines += [f"\\caption{{{escape(printable(figure.caption))}}}", "\\end{figure}", ""]
    return "\n".join(lines)


def smallest(folder: Path, name: str) -> str:
    """The smaller of a figure's two files, as a data address."""
    svg, png = ((folder / f"{name}{ending}").read_bytes() for ending in (".svg", ".png"))
    return data_address(svg, "image/svg+xml") if len(svg) <= len(png) else data_address(png, "image/png")
