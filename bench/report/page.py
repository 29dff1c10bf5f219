"""The report as one page that needs nothing else: answer, what to trust, all variants, and the evidence, folded."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bench.analysis.explain_render import base_css, explanation_css
from bench.compare.paired import ALIKE, NO_CLAIM
from bench.compare.sections import Section
from bench.records.audit import audit
from bench.records.audit_render import ASKED
from bench.records.published import load_published
from bench.records.record import Record
from bench.report.answer import answers, asked, own_answer, short
from bench.report.explanations import explanations
from bench.report.figures import Figure
from bench.report.html_table import html
from bench.report.overview import BOLD, forest, foundations, main_table
from bench.report.parts import Part, Study
from bench.report.style import themed
from bench.report.won_and_lost import MOST, flip_data
from bench.utils.images import data_address
from bench.utils.tables import Table
from bench.utils.templates import template
from bench.utils.text import counted

TITLE = "Does emotion help a model find the right video?"
_SAID = {"better": "better", "worse": "worse", ALIKE: "cannot tell", NO_CLAIM: "too few queries for a claim"}
TOPICS = {  # what stands together under one fold, in the order of the page, and what it is called if no table names it
    "verdicts": "",
    "controls": "",
    "emotion": "",
    "emotions": "By emotion",
    "headroom": "",
    "board": "",
    "published": "",
    "power": "",
    "training": "Training",
    "queries": "Query by query",
    "features": "Inside the features",
    "faces": "What the model sees in faces",
    "rescored": "",
    "explored": "",
    "runs": "",
}


class Once:
    """Sentences that the page has not said yet: what holds for several tables is said at the first of them."""

    def __init__(self) -> None:
        self.said: set[str] = set()

    def __call__(self, text: str) -> str:
        """The text without what was said before."""
        return " ".join(part for part in re.split(r"(?<=[.]) (?=[A-Z])", text) if self.new(part))

    def new(self, sentence: str) -> bool:
        """Whether it was not said before; from now on it was."""
        told = sentence in self.said
        self.said.add(sentence)
        return not told


def render_page(
    studies: Sequence[Study],
    sections: dict[str, list[Section]],
    figures: dict[str, list[Figure]],
    folder: Path,
    results: Path,
    baseline: str,
) -> str:
    """The page, everything in it. sections, figures: by the keys of the parts. folder: where the figures lie as SVG."""
    records = [record for study in studies for record in study.records]
    once = Once()
    main = studies[0].parts[0]
    data = flip_data(main.context)
    base = main.base
    others = [family.records[0] for family in main.group.others(base)] if base else []
    explained, explained_note = explanations(base.records[0], others, results) if base else ([], "")
    shown = [_study(study, number, once) for number, study in enumerate(studies, 1)]
    found = [
        _part(part, study, sections[part.key], figures[part.key], folder, once, several=len(studies) > 1)
        for study in studies
        for part in study.parts
    ]
    return template("bench.report", "report_page.html").render(
        title=TITLE,
        style=Markup(base_css() + explanation_css() * bool(explained)),
        studies=shown,
        parts=found,
        pairs=data["pairs"],
        data=data,
        most=MOST,
        flip_note=""
        if any(record.top for record in records)
        else "The records hold no lists of clips: run them again.",
        explained=[{"query": query, "html": Markup(fragment)} for query, fragment in explained],
        explained_note=explained_note,
        audit={"note": ASKED, "findings": [str(finding) for finding in audit(load_published())]},
        provenance=Markup(html(provenance(records), "", "provenance", label="How every run was made")),
    )


def facts(study: Study) -> str:
    """How much stands behind the answer, in one line."""
    records = study.records
    every = [family for part in study.parts for family in part.group.families]
    families = [family for family in every if family.trained] or every
    kind = "trained run" if any(family.trained for family in every) else "run"
    runs = [record for family in families for record in family.records]
    seeds = sorted({record.seed for record in runs})
    queries = records[0].queries
    asked_of = [part.compared[0].n for part in study.compared]
    return (
        f"{study.name}: {asked_of[0] if asked_of else len(queries['captions'])} queries, gallery of "
        f"{len(queries['videos'])} clips; {counted(len(runs), kind)} of "
        f"{counted(len({family.name for family in families}), 'variant')}, seed{'s' * (len(seeds) > 1)} "
        f"{', '.join(map(str, seeds))}; {counted(len(records), 'record')}, the last of "
        f"{max(record.created for record in records)[:10]}."
    )


def _study(study: Study, number: int, once: Once) -> dict[str, Any]:
    """What the page says of a study."""
    key = f"study{number}"
    drawn = forest(study)
    found: dict[str, Any] = {
        "name": study.name,
        "answers": [sentence for sentence in answers(study) if once.new(sentence)],
        "asked": asked(study),
        "facts": facts(study),
        "rows": [],
        "foundations": Markup(html(foundations(study), "", f"{key}-trust", label="What to trust", kind="facts-table")),
    }
    table = main_table(study)
    note = once(BOLD if table.bold else "")
    found["table"] = Markup(html(table, note, f"{key}-table", label="All variants", kind="main-table"))
    question, compared = study.question, study.compared
    if drawn and question:
        rows, axis = drawn
        base = compared[0].base
        assert base, "what is compared is compared with the baseline"
        found["axis"] = axis
        found["axis_name"] = f"{question.axis} of {base.name}"
        found["axis_note"] = (
            "Right of the line is better. Thick: 95 % interval; thin: corrected for "
            f"{counted(len(compared[0].context.comparisons), 'comparison')}."
        )
        found["columns"] = [capital(part.label) for part in compared]
        found["column"] = question.column
        present = {bar.verdict for row in rows for bar in row.bars if bar}
        found["verdicts"] = {verdict: said for verdict, said in _SAID.items() if verdict in present}
        found["rows"] = [{"name": row.name, "short": _short(compared, row.name), "bars": row.bars} for row in rows]
    return found


def _short(parts: Sequence[Part], name: str) -> str:
    """A variant's short name where it is one in all parts."""
    names = {short(part, name) for part in parts if any(family.name == name for family in part.group.families)}
    return names.pop() if len(names) == 1 else name


def _part(
    part: Part,
    study: Study,
    sections: Sequence[Section],
    figures: Sequence[Figure],
    folder: Path,
    once: Once,
    several: bool,
) -> dict[str, Any]:
    """The evidence of one protocol: a fold for every topic. several: there are other studies, which it is told from."""
    names = [study.name] * (several or not part.label) + [part.label] * bool(part.label)
    topics: dict[str, dict[str, Any]] = {}

    def topic(key: str, heading: str) -> dict[str, Any]:
        found = topics.setdefault(key, {"key": f"{part.key}-{key}", "heading": heading, "figures": [], "tables": []})
        found["heading"] = found["heading"] or heading
        return found

    for section in sections:
        note = once(section.note)
        table = Table(section.table.header, section.table.rows, [*filter(once.new, section.table.below)])
        name = f"{part.key}-{section.key}-table"
        topic(section.key, section.heading)["tables"].append(Markup(html(table, note, name, label=section.heading)))
    for figure in figures:
        if figure.beside == "verdicts" and figure.name.endswith("forest"):
            continue  # the first screen has it
        key = figure.beside or figure.name
        numbers = figure.table and html(
            Table(figure.table.header, figure.table.rows, [*filter(once.new, figure.table.below)]),
            "",
            f"{part.key}-{figure.name}-numbers",
            label=f"{figure.title}: numbers",
        )
        topic(key, TOPICS.get(key) or figure.title)["figures"].append(
            {
                "name": figure.name,
                "title": figure.title,
                "alt": figure.alt,
                "caption": figure.caption,
                "source": svg_address(folder / f"{figure.name}.svg"),
                "table": Markup(numbers) if numbers else "",
            }
        )
    places = {key: place for place, key in enumerate(TOPICS)}
    in_order = sorted(topics.items(), key=lambda item: places.get(item[0].partition("-")[0], len(places)))
    return {
        "key": part.key,
        "name": capital(": ".join(names)),
        "protocol": part.group.protocol,
        "answers": [sentence for sentence in own_answer(part) if once.new(sentence)],
        "topics": [found for _, found in in_order],
    }


def capital(text: str) -> str:
    """The text with a capital letter first."""
    return f"{text[:1].upper()}{text[1:]}"


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


def svg_address(path: Path) -> str:
    """A figure as a data address that follows the page's colours."""
    return data_address(themed(path.read_text(encoding="utf-8")).encode(), "image/svg+xml")
