"""Records -> tables: runs side by side where they may be compared, apart where they may not.

Runs share a table if their protocol signatures are equal but for the seed, and if they were asked the same queries of
the same data. Nothing is marked as best: who is better is a verdict of `bench.compare.paired`, against one baseline.

A run under a control (shuffled emotions, say) is no rival of the others: it stands below its own true run, with the
difference between the two. Whether an emotion effect was found is asked of all queries, not of the emotional ones
alone: the sign-flip p of T2V log-ranks, true against shuffled emotions, shuffled at evaluation or in training.
"""

import json
from collections.abc import Iterable, Sequence

from bench.compare.export import COLUMNS, csv_rows, plain
from bench.compare.groups import Group, control, group_records, mixed
from bench.compare.literature import covers
from bench.compare.numbers import estimate
from bench.compare.run_tables import report
from bench.compare.sections import scope, sections_of
from bench.errors import BenchError, UsageError
from bench.metrics.estimate import Estimate
from bench.records.record import Record
from bench.utils.names import did_you_mean
from bench.utils.tables import csv_text, latex, markdown, terminal

__all__ = ["BASELINE", "FORMATS", "SUBSET", "Group", "check_choice", "group_records", "render", "render_record"]

SUBSET = "emotion"
BASELINE = "plain"
LAYOUTS = {"terminal": terminal, "markdown": markdown, "latex": latex}
FORMATS = (*LAYOUTS, "csv", "json")


def check_choice(records: Sequence[Record], subset: str, baseline: str) -> None:
    """UsageError, with near names: a subset that no record has, or a baseline that no run is of.

    The usual ones may be lacking: a folder need not have them.
    """
    subsets = {name for record in records for name in record.subsets}
    if subset not in subsets and subset != SUBSET:
        raise UsageError(f"no record has a subset '{subset}'.{did_you_mean(subset, subsets)} {_listed(subsets)}")
    known = {name for record in records if not control(record) for name in (record.variant, record.run)}
    if baseline not in known and baseline != BASELINE:
        raise UsageError(f"no record is of '{baseline}'.{did_you_mean(baseline, known)} Name a variant or a run.")


def render(
    records: Sequence[Record],
    format: str = "terminal",
    subset: str = SUBSET,
    baseline: str = BASELINE,
    allow_mixed: bool = False,
    published: bool = False,
) -> str:
    """All records as text in one of FORMATS: per group the report's table of every true run, then one line per run,
    then recall after rescoring, every variant against the baseline, and the controls, each beside its true run.

    subset: the queries shown beside all of them in the tables; csv and json hold every subset. baseline: a variant's
    name or a run's id. allow_mixed: one table for all protocols, each row marked, and no tests across them. published:
    the literature's numbers for the same test set beside ours; not in csv and json, which hold records alone.
    Without the last line break: it is for `print`.
    BenchError if there are no records, UsageError for a format that is none, a subset that no record has, or a
    baseline that no run is of (but for the usual one, which a folder may lack).
    """
    if not records:
        raise BenchError("no records to compare. Make one: bench run --variant plain")
    if format not in FORMATS:
        raise UsageError(f"'{format}' is no format.{did_you_mean(format, FORMATS)} There are {', '.join(FORMATS)}.")
    check_choice(records, subset, baseline)
    found = [mixed(records)] if allow_mixed and len(group_records(records)) > 1 else group_records(records)
    if published and format in ("csv", "json"):
        raise UsageError(f"{format} holds only records: use --published with --format terminal, markdown or latex.")
    if published:
        covers(found)
    if format == "json":
        return json.dumps({"groups": [plain(group, subset, baseline) for group in found]}, indent=1, ensure_ascii=False)
    if format == "csv":
        return csv_text(COLUMNS, [row for group in found for row in csv_rows(group, subset, baseline)]).rstrip("\n")
    layout = LAYOUTS[format]
    texts = []
    for group in found:
        for place, section in enumerate(sections_of(group, found[0], subset, baseline, published)):
            title = "" if format == "terminal" and place else group.protocol  # once a group is enough on a screen
            texts.append(layout(section.table, title, section.note))
    return "\n".join(texts).rstrip("\n")


def render_record(record: Record) -> str:
    """One run as `bench run` prints it at its end: the report's table shape for a terminal, with n and intervals."""
    note = scope(record, SUBSET)
    if control(record):
        note += f" A control: {control(record)}; its true run is {record.controls['true_run']}."
    parts = [f"{name}={value}" for name, value in record.hyperparameters.items()]
    text = terminal(report([record], SUBSET, [parts]), record.protocol, note)
    if "TwinAcc" in record.metrics["all"]["t2v"]:
        twins = record.metrics["all"]["t2v"]["TwinAcc"]
        text += (
            f"TwinAcc {estimate(Estimate.from_json(twins))}, n = {twins['n']}: own video above its twin; chance is 50"
        )
    return text.rstrip("\n")


def _listed(subsets: Iterable[str]) -> str:
    return f"There are {', '.join(sorted(subsets))}." if subsets else "There is none."
