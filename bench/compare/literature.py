"""Published numbers beside ours: as they were printed, with a mark on those that are impossible."""

from collections.abc import Sequence

from bench.compare.groups import Group
from bench.compare.numbers import number
from bench.errors import UsageError
from bench.metrics.metric_registry import CORE
from bench.metrics.ranking import DIRECTIONS
from bench.records.audit import with_findings
from bench.records.published import rows_for
from bench.records.record import Record
from bench.utils.tables import Table

MARK = "†"


def beside(group: Group, subset: str) -> Table | None:
    """Our runs of all queries and of the subset, then every published row of the same test set; None without such.

    Each row is one direction over one set of queries. Below: what the audit finds of the marked rows.
    """
    test = _covered(group)
    if test is None:
        return None
    published = rows_for(*test)
    rows: list[list[str] | str] = ["ours"]
    for family in group.families:
        for record in family.records:
            if (record.dataset, record.test) != test:  # in a mixed group
                continue
            for part in ("all", subset):
                rows += [
                    _ours(family.name, record, part, direction) for direction in DIRECTIONS if part in record.metrics
                ]
    below: list[str] = []
    work = ""
    for row, findings in with_findings(published):
        if row.subset not in ("all", subset):
            continue
        if row.source.name != work:
            work = row.source.name
            rows.append(f"{row.source.authors} ({row.source.year}): {row.source.title}")
        mark = MARK if findings else ""
        numbers = [str(row.metrics[name]) if name in row.metrics else "–" for name in CORE]
        rows.append([f"{row}{mark}", str(row.n), *numbers])
        below += [f"{MARK} {finding}" for finding in findings]
    return Table(["", "n", *CORE], rows, below)


def covers(groups: Sequence[Group]) -> None:
    """UsageError where no record is of a test set that published numbers are there for."""
    tests = {(record.dataset, record.test) for group in groups for record in group.records}
    if not any(rows_for(*test) for test in tests):
        asked = ", ".join(f"{dataset}-{test}" for dataset, test in sorted(tests))
        raise UsageError(f"no published numbers are known for {asked}; leave out --published. See `bench audit`.")


def protocols(group: Group) -> str:
    """What is known of how the published rows were made, for the table's note."""
    known: dict[str, dict[str, str]] = {}
    test = _covered(group)
    for row in rows_for(*test) if test else ():
        shared = known.setdefault(row.source.name, dict(row.protocol))
        known[row.source.name] = {name: value for name, value in shared.items() if row.protocol.get(name) == value}
    parts = [f"{name} {', '.join(f'{key}:{value}' for key, value in shared.items())}" for name, shared in known.items()]
    return (
        "Published numbers as printed, beside ours: not of our protocol, so nothing is tested. "
        f"{MARK}: impossible as it stands, see below. Known of theirs: {'; '.join(parts)}."
    )


def _covered(group: Group) -> tuple[str, str] | None:
    """The test set, of those that the group's runs are of, for which there are published numbers."""
    tests = dict.fromkeys((record.dataset, record.test) for record in group.trues)
    return next((test for test in tests if rows_for(*test)), None)


def _ours(name: str, record: Record, part: str, direction: str) -> list[str]:
    metrics = record.metrics[part]
    values = [metrics[direction][metric]["value"] for metric in CORE]
    label = f"{name} s{record.seed}, {part.capitalize()} {direction.upper()}"
    return [label, str(metrics["n"]), *("–" if value is None else number(value) for value in values)]
