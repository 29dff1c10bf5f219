"""What a group of records is shown as: its tables in order, each with a heading and a note that says what it holds."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.compare.emotion import NOTE, measured
from bench.compare.groups import Group, control, difference
from bench.compare.paired import compare_all
from bench.compare.published import beside, protocols
from bench.compare.sections import leaderboard, notes, report, rescored
from bench.compare.verdicts import against, controls, explored
from bench.metrics.statistics import RESAMPLES
from bench.records.record import Record
from bench.utils.tables import Table


@dataclass(frozen=True)
class Section:
    """A table, its heading for pages, and the note that stands above it. key: its name in a page's address."""

    key: str
    heading: str
    table: Table
    note: str


def sections(group: Group, first: Group, subset: str, baseline: str, published: bool = False) -> list[Section]:
    """The tables of a group; `first` is the group that others are said to differ from."""
    record = group.records[0]
    trues = group.trues
    below = [record for record in group.records if control(record)]
    counted = [f"{len(trues)} run{'s' if len(trues) != 1 else ''}"]
    counted += [f"{len(below)} control{'s' if len(below) != 1 else ''}"] if below else []
    apart = f"Not comparable with the first table: {difference(group, first)}. " if group is not first else ""
    if group.mixed:
        apart = "Several protocols (--allow-mixed): what differs is named in each row; nothing is tested, controls are "
        apart += "left out. "
    sizes = {scope(record, subset) for record in group.records}
    size = scope(record, subset) if len(sizes) == 1 else "queries differ. R@k in %, [95 % interval]."
    size = f"{apart}{' and '.join(counted)}, {size}"
    found: list[Section] = []
    if trues:
        found.append(Section("runs", "Every run", report(trues, subset, notes(group)), size))
        found.append(Section("board", "One line a run", leaderboard(group), _board_note(group, baseline)))
        if after := rescored(group):
            found.append(Section("rescored", "After rescoring the gallery", after, _RESCORED))
        found += _tests(group, subset, baseline)
        if told := measured(group):
            found.append(Section("emotion", "Emotion, measured directly", told, NOTE))
        if published and (literature := beside(group, subset)):
            found.append(Section("published", "Published numbers", literature, protocols(group)))
    if below and not group.mixed:
        n = record.metrics["all"]["n"]
        note = (
            "Controls: the same run without true emotions. Differences are true − control, in points of T2V R@1 over "
            f"all {n} queries, [95 % interval]; p is of the sign-flip test on their log-ranks, not corrected for the "
            "number of rows. Each run is one seed, a control one draw: p is about other queries, not about "
            "other seeds or draws."
        )
        table = controls(group.records, subset)
        found.append(Section("controls", "Is it the emotion?", table, note if trues else f"{size} {note}"))
    return found


def scope(record: Record, subset: str) -> str:
    """How many queries stand behind the numbers, and what the brackets are."""
    n = record.metrics["all"]["n"]
    part = f"{record.metrics[subset]['n']} in {subset}" if subset in record.subsets else f"no subset {subset}"
    return f"{n} queries, {part}, gallery of {n}. R@k in %, [95 % interval]."


def _board_note(group: Group, baseline: str) -> str:
    ns = {record.metrics["all"]["n"] for record in group.trues}
    twins = {
        metrics["TwinAcc"]["n"] for record in group.trues if "TwinAcc" in (metrics := record.metrics["all"]["t2v"])
    }
    legend = f" TwinAcc: own video above its twin, {_either(twins)} queries, chance 50." if twins else ""
    seeds = any(len(family.records) > 1 for family in group.families) and not group.mixed
    means = f" Means: interval over seeds and queries, {RESAMPLES} resamples." if seeds else ""
    why = f" {why}" if len(group.families) > 1 and (why := group.no_baseline(baseline)) else ""
    return f"All {_either(ns)} queries, T2V where not said otherwise; R@k in %, [95 % interval].{legend}{means}{why}"


_RESCORED = (
    "R@1 in % after rescoring, which sees more than one query at a time: DSL all queries of the test set, QB-Norm a "
    "bank of training captions. Never the ranking that the other tables are made of."
)


def _tests(group: Group, subset: str, baseline: str) -> list[Section]:
    """The declared and the exploratory comparisons; nothing where there is no baseline or nothing beside it."""
    declared, exploratory = compare_all(group, subset, baseline)
    if not declared:
        return []
    name, n, m = declared[0].baseline, declared[0].n, len(declared)
    several = any(len(family.records) > 1 for family in group.families)
    seeds = (
        "With several seeds p is of each query's mean over them, and a verdict also asks that the interval of "
        "log-ranks over seeds and queries leaves out 0."
        if several
        else "One seed each: p is about other queries, not about other seeds."
    )
    note = (
        f"Against {name}, the declared question: T2V log-ranks over all {n} queries, paired sign-flip test, Holm over "
        f"{m} variant{'s' if m != 1 else ''}. Rank ratio: geometric mean rank by the baseline's, below 1 is better; "
        f"Δ R@1 in points; [95 % interval]. {seeds}"
    )
    more = (
        f"Exploratory, against {name}: p as they are, not corrected for their number. Differences in points, [95 % "
        "interval]; finds: the smallest one that so many queries show in four of five studies; won:lost: queries that "
        "one alone has right, and McNemar's exact p of that; sign-flip: of the log-ranks over these queries."
    )
    return [
        Section("verdicts", f"Against {name}", against(declared), note),
        Section("explored", "Exploratory", explored(exploratory), more),
    ]


def _either(values: Iterable[int]) -> str:
    return " or ".join(str(value) for value in sorted(values))
