"""Leaderboards as tables with a heading and a note: of our runs, protocol by protocol, or of the literature."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.compare import leaderboard
from bench.compare.groups import Family, Group, group_records, marks, mixed
from bench.compare.literature import covered, families_on, literature, notes, tests_published
from bench.errors import UsageError
from bench.records.published import rows_for
from bench.records.record import Record
from bench.utils import tables
from bench.utils.names import did_you_mean
from bench.utils.tables import Table


@dataclass(frozen=True)
class Board:
    """A table, and what is said of it.

    group: of our runs.  test: of published numbers, (dataset, test).  families: ours among those.
    """

    heading: str
    protocol: str
    table: Table
    note: str
    group: Group | None = None
    test: tuple[str, str] | None = None
    families: tuple[Family, ...] = ()


def boards(records: Sequence[Record], dataset: str | None = None, published: bool = False) -> list[Board]:
    """The literature's boards, a test set each, or those of the records, a protocol each; the largest first.

    dataset: only of this one. UsageError if there is nothing of it.
    """
    groups = [group for group in group_records(records) if group.trues]
    known = [test[0] for test in tests_published()] if published else [group.trues[0].dataset for group in groups]
    if dataset is not None and dataset not in known:
        what = "published numbers" if published else "records"
        there = ", ".join(dict.fromkeys(known)) or "none"
        raise UsageError(f"there are no {what} of '{dataset}'.{did_you_mean(dataset, known)} There are of: {there}.")
    if published:
        return [_of_literature(test, groups) for test in tests_published() if dataset in (None, test[0])]
    chosen = [group for group in groups if dataset in (None, group.trues[0].dataset)]
    chosen.sort(key=lambda group: -len(group.trues))
    differ = marks([group.trues[0] for group in chosen])
    return [_of_runs(group, parts) for group, parts in zip(chosen, differ, strict=True)]


def terminal(found: Sequence[Board]) -> str:
    """All boards as text in 80 columns, each with its heading; the next step last."""
    texts = [f"{board.heading}\n{tables.terminal(board.table, board.protocol, board.note)}" for board in found]
    steps = "Next: bench compare (verdicts against a baseline), bench leaderboard --published --html FILE (as a page)"
    return "\n".join([*texts, *textwrap.wrap(steps, 80)])


def plain(found: Sequence[Board]) -> dict[str, Any]:
    """The boards for programs; rows of published numbers as they stand in the table."""
    return {
        "boards": [
            leaderboard.as_json(board.group)
            if board.group
            else {"test": list(board.test or ()), "columns": board.table.header, "rows": board.table.rows}
            for board in found
        ]
    }


def _of_runs(group: Group, differ: Sequence[str]) -> Board:
    """differ: the parts of its protocol in which it differs from the other boards."""
    record = group.trues[0]
    known = (f"{record.dataset}-{record.test}", f"train:{record.split}")
    more = [part for part in differ if not part.endswith((*known, ":none"))]
    heading = f"{record.dataset} {record.test}, trained on {record.split}"
    heading += f" ({', '.join(more)})" if more else ""
    return Board(heading, group.protocol, leaderboard.leaderboard(group), leaderboard.note(group), group=group)


def _of_literature(test: tuple[str, str], groups: Sequence[Group]) -> Board:
    ours = [record for group in groups if covered(group) == test for record in group.trues]
    several = len({group.protocol for group in groups if covered(group) == test}) > 1
    group = mixed(ours) if several else group_records(ours)[0] if ours else None
    families = families_on(group, test) if group else []
    subsets = list(dict.fromkeys(row.subset for row in rows_for(*test)))
    subsets.sort(key=lambda subset: subset != "all")
    table = literature(test, subsets, families)
    return Board(f"{test[0]} {test[1]}", "", table, notes(test, bool(families)), test=test, families=tuple(families))
