"""What `bench audit` prints: the findings below their row, the rows below their work. In a terminal, 80 columns."""

import json
from collections.abc import Callable, Sequence
from itertools import groupby

from bench.records.audit import AuditFinding
from bench.records.published import Publication, Row
from bench.utils.text import wrapped

ASKED = (
    "The audit checks what the table alone can show: whether recalls are shares of n queries and rise with k, whether "
    "they agree with median rank, mean rank and geometric mean, and whether the same quantity has the same value in "
    "all places. What rounding, declared ties or means over seeds explain is not a finding."
)


def terminal(rows: Sequence[Row], findings: Sequence[AuditFinding]) -> str:
    """Work, row and finding, each further in; the sum last."""
    lines = []
    for source, below in _by_work(findings):
        lines += wrapped(f"{source.name}: {_work(source)}")
        for row, found in below:
            lines += wrapped(str(row), 2)
            lines += [line for finding in found for line in wrapped(f"{finding.what}: {finding.why}", 4)]
        lines.append("")
    return "\n".join([*lines, _sum(rows, findings)])


def markdown(rows: Sequence[Row], findings: Sequence[AuditFinding]) -> str:
    """A page of its own: a section for each work, a line for each finding."""
    lines = ["# Audit of published numbers", "", f"{_sum(rows, findings)}. {ASKED}"]
    for source, below in _by_work(findings):
        lines += ["", f"## {source.name}", "", _work(source), ""]
        lines += [f"- **{row}**: {finding.what}: {finding.why}" for row, found in below for finding in found]
    return "\n".join(lines)


def plain(rows: Sequence[Row], findings: Sequence[AuditFinding]) -> str:
    """JSON: the number of rows, and the findings, each with its place in its file."""
    listed = [
        {
            "source": finding.rows[0].source.name,
            "place": finding.rows[0].place,
            "row": str(finding.rows[0]),
            "rule": finding.rule,
            "what": finding.what,
            "why": finding.why,
        }
        for finding in findings
    ]
    return json.dumps({"rows": len(rows), "findings": listed}, indent=1, ensure_ascii=False)


LAYOUTS: dict[str, Callable[..., str]] = {"terminal": terminal, "markdown": markdown}


def _by_work(findings: Sequence[AuditFinding]) -> list[tuple[Publication, list[tuple[Row, list[AuditFinding]]]]]:
    """The findings, which lie in the order of rows, below their row and its work."""
    by_row = [(row, list(found)) for row, found in groupby(findings, lambda finding: finding.rows[0])]
    return [(source, list(below)) for source, below in groupby(by_row, lambda pair: pair[0].source)]


def _work(source: Publication) -> str:
    authors = " ".join([source.authors, *([f"({source.year})"] if source.year else [])]).strip()
    return ". ".join(part for part in (source.title, authors, source.where) if part)


def _sum(rows: Sequence[Row], findings: Sequence[AuditFinding]) -> str:
    works = len({row.source for row in rows})
    return f"{_counted(len(rows), 'row')} of {_counted(works, 'work')}, {_counted(len(findings), 'finding')}"


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
