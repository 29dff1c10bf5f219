"""What a group of records is shown as: its tables in order, each with a heading and a note that says what it holds.

The tables themselves are made in `run_tables` (what each run scored), `comparison_tables` (variants against a baseline,
runs against their controls), `probed` (emotion measured directly) and `literature` (published numbers).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.compare.asked import ask
from bench.compare.comparison_tables import against, controls, explored
from bench.compare.groups import Group, control, difference
from bench.compare.headroom import HEADROOM_NOTE, NOTE_TWINS, bounds, headroom, missing
from bench.compare.literature import beside, protocols
from bench.compare.paired import compare_all
from bench.compare.pairing import pairs, withheld
from bench.compare.probed import PROBE_NOTE, measured
from bench.compare.run_tables import leaderboard, notes, report, rescored
from bench.compare.sensitivity_table import SENSITIVITY_NOTE, sensitivities, sensitivity
from bench.data.controls import ORACLE
from bench.data.questions import ALL
from bench.records.protocol import parse_signature
from bench.records.record import Record
from bench.utils.tables import Table
from bench.utils.text import counted


@dataclass(frozen=True)
class Section:
    """A table, its heading for pages, and the note that stands above it. key: its name in a page's address."""

    key: str
    heading: str
    table: Table
    note: str


def sections_of(group: Group, first: Group, subset: str, baseline: str, published: bool = False) -> list[Section]:
    """The tables of a group; `first` is the group that others are said to differ from."""
    record = group.records[0]
    trues = group.trues
    below = [record for record in group.records if control(record)]
    runs = [counted(len(trues), "run")] + ([counted(len(below), "control")] if below else [])
    kind = f"Not comparable with the first table: {difference(group, first)}. " if group is not first else ""
    if group.mixed:
        kind = "Several protocols (--allow-mixed): what differs is named in each row; nothing is tested, controls are "
        kind += "left out. "
    sizes = {scope(record, subset) for record in group.records}
    size = scope(record, subset) if len(sizes) == 1 else "queries differ. R@k in %, [95 % interval]."
    size = f"{kind}{' and '.join(runs)}, {size}"
    found: list[Section] = []
    if trues:
        found.append(Section("runs", "Every run", report(trues, subset, notes(group)), size))
        found.append(Section("board", "One line a run", leaderboard(group), _board_note(group, baseline)))
        if limits := bounds(group, baseline):
            note = HEADROOM_NOTE + (NOTE_TWINS if record.twins else "")
            found.append(Section("headroom", "Headroom", headroom(group, limits), note))
        if after := rescored(group):
            found.append(Section("rescored", "After rescoring the gallery", after, _RESCORED))
        found += _tests(group, subset, baseline)
        if emotional := measured(group):
            found.append(Section("emotion", "Emotion, measured directly", emotional, PROBE_NOTE))
        if published and (literature := beside(group, subset)):
            found.append(Section("published", "Published numbers", literature, protocols(group)))
    if below and not group.mixed:
        n = record.metrics["all"]["n"]
        note = (
            "Controls: the same run without true emotions. Differences are true − control, in points of T2V R@1 over "
            f"all {n} queries, [95 % interval]; p is of the sign-flip test on their log-ranks, not corrected for the "
            "number of rows. Each run is one seed, a control one draw: p covers the choice of "
            "queries, not of seeds or draws."
        )
        if any(record.controls["emotions"] == ORACLE for record in below):
            note += " Oracle: the scores are told the true mood of query and clip. It is the ceiling, not a result."
        table = controls(group.records, subset)
        found.append(Section("controls", "Is it the emotion?", table, note if trues else f"{size} {note}"))
    return found


def scope(record: Record, subset: str) -> str:
    """How many queries stand behind the numbers, and what the brackets are."""
    n = record.metrics["all"]["n"]
    part = f"{record.metrics[subset]['n']} in {subset}" if subset in record.subsets else f"no subset {subset}"
    gallery, several = len(record.queries["videos"]), ""
    if record.video_of:
        several = (
            " A video has several true captions; V2T best: the first of them counts, one query a video; V2T all: each "
            "counts, the others are rivals. Intervals cluster by video."
        )
    if parse_signature(record.protocol).get("positives") == "equal":
        several += " Equal captions are equally true (positives:equal)."
    return f"{n} queries, {part}, gallery of {gallery}. R@k in %, [95 % interval].{several}"


def _board_note(group: Group, baseline: str) -> str:
    ns = {record.metrics["all"]["n"] for record in group.trues}
    twins = {
        metrics["TwinAcc"]["n"] for record in group.trues if "TwinAcc" in (metrics := record.metrics["all"]["t2v"])
    }
    legend = f" TwinAcc: own video above its twin, {_either(twins)} queries, chance 50." if twins else ""
    seeds = any(len(family.records) > 1 for family in group.families) and not group.mixed
    means = " Means: interval over seeds and queries, by Student's t." if seeds else ""
    reasons = [group.no_baseline(baseline)] if len(group.families) > 1 else []
    if not pairs(group, baseline):
        reasons += withheld(group, baseline)
    reasons.append(missing(group, baseline))
    why = "".join(f" {reason}" for reason in reasons if reason)
    return f"All {_either(ns)} queries, T2V where not said otherwise; R@k in %, [95 % interval].{legend}{means}{why}"


_RESCORED = (
    "R@1 in % after rescoring, which sees more than one query at a time: DSL all queries of the test set, QB-Norm a "
    "bank of training captions. No other table uses it."
)

_OWNERS_WORD = (
    " What these models were trained on is as their owners state it: a difference between models does not say what "
    "caused it."
)


def _tests(group: Group, subset: str, baseline: str) -> list[Section]:
    """The declared and the exploratory comparisons; nothing where there is no baseline or nothing beside it."""
    declared, exploratory = compare_all(group, subset, baseline)
    if not declared:
        return []
    name = declared[0].baseline
    seeds = ""
    if any(one.of_runs for one in declared):
        seeds += " With one seed each p covers the choice of queries, not of seeds."
    if not all(one.of_runs for one in declared):
        seeds += " With several seeds p is the larger of two: of that test on each query's mean over the seeds, and of "
        seeds += "Student's t over seeds and queries."
    if group.records[0].external:
        seeds += _OWNERS_WORD
    by_question = {text: [one for one in declared if one.question == text] for text in group.questions}
    tests = counted(len(declared) // len(by_question), "variant")
    tests += f" and {len(by_question)} questions" if len(by_question) > 1 else ""
    more = (
        f"Exploratory, against {name}: p are not corrected for the number of tests. Differences in points, [95 % "
        "interval]; least: the smallest difference that this many queries can detect with 80 % power; won:lost: "
        "queries that only one has right, with McNemar's exact p; ranks p: of the log-ranks of these queries, as above."
    )
    remarks = [pair.note for pair in pairs(group, baseline) if pair.note] + withheld(group, baseline)
    sections = []
    for number, (text, found) in enumerate(by_question.items(), start=1):
        question, last = ask(text), number == len(by_question)
        tested, legend = question.note
        of = f"all {found[0].n} queries" if question.subset == ALL else question.queries(found[0].n)
        heading = f"Against {name}" + (f": {tested}, {question.subset}" if len(by_question) > 1 else "")
        note = (
            f"Against {name}, the declared question: {tested} over {of}, paired sign-flip test, Holm over {tests}. "
            f"{legend}; [95 % interval].{seeds}"
        )
        key = f"verdicts-{number}" if number > 1 else "verdicts"
        sections.append(Section(key, heading, against(found, remarks if last else ()), note))
    if sensitive := sensitivities(group, baseline):
        sections.append(Section("power", "What this benchmark can find", sensitivity(sensitive), SENSITIVITY_NOTE))
    return [
        *sections,
        Section("explored", "Exploratory", explored(exploratory), more),
    ]


def _either(values: Iterable[int]) -> str:
    return " or ".join(str(value) for value in sorted(values))
