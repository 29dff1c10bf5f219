"""The records of a report in order: studies, which are of one test set and one question, each of parts, one a protocol.

The parts of a study were asked the same queries and differ in how they were trained, or in what a model sees. What is
said of them stands side by side; nothing is tested across them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.compare.asked import Asked, ask
from bench.compare.groups import Family, Group, group_records
from bench.compare.paired import PairedComparison
from bench.records.protocol import parse_signature
from bench.records.record import Record
from bench.report.figures import Context

_WORDS = {  # parts of a signature that have a name of their own; "": a protocol that does not have the part
    ("batches", "twins"): "batches of twins",
    ("batches", "similar"): "batches of similar clips",
    ("batches", ""): "random batches",
    ("negatives", "swapped"): "swapped captions as negatives",
    ("negatives", ""): "no swapped captions",
    ("freeze", "video"): "frozen video tower",
    ("freeze", "text"): "frozen text tower",
    ("freeze", "both"): "frozen towers",
    ("freeze", ""): "towers trained",
}
_USUAL = {("batches", ""), ("negatives", ""), ("freeze", "")}


@dataclass(frozen=True)
class Part:
    """The records of one protocol. key: its name in the page's addresses. label: what sets it apart in its study."""

    key: str
    label: str
    context: Context

    @property
    def group(self) -> Group:
        """Its records."""
        return self.context.group

    @property
    def base(self) -> Family | None:
        """The baseline's runs."""
        return self.context.base

    @cached_property
    def question(self) -> Asked | None:
        """The first declared question, by which the page ranks; None where nothing was declared in common."""
        return ask(self.group.questions[0]) if self.group.questions else None

    @cached_property
    def compared(self) -> list[PairedComparison]:
        """Every variant against the baseline on that question, the best effect first."""
        if self.question is None:
            return []
        found = [one for one in self.context.comparisons if one.question == self.question.text]
        sign = -1 if self.question.higher_is_better else 1
        return sorted(found, key=lambda one: sign * (one.size.value or self.question_equal))

    @property
    def question_equal(self) -> float:
        """The effect of variants that do not differ."""
        assert self.question, "what is compared was asked"
        return self.question.equal


@dataclass(frozen=True)
class Study:
    """Parts that were asked the same queries. name: of the dataset and its test split."""

    name: str
    parts: list[Part]

    @property
    def records(self) -> list[Record]:
        """Of all parts."""
        return [record for part in self.parts for record in part.group.records]

    @property
    def question(self) -> Asked | None:
        """The question that all parts share."""
        return self.parts[0].question

    @property
    def compared(self) -> list[Part]:
        """The parts in which something is compared."""
        return [part for part in self.parts if part.compared]


def studies_of(records: Sequence[Record], results: Path, subset: str, baseline: str) -> list[Study]:
    """The largest study first, and in each the part with the most records; of equal ones by their signature."""
    found: dict[tuple[str, ...], list[Group]] = defaultdict(list)
    for group in group_records(records):
        signature = parse_signature(group.protocol)
        found[signature["test"], signature["size"], *group.questions].append(group)
    in_order = sorted(found.values(), key=lambda groups: -sum(len(group.records) for group in groups))
    number, studies = 0, []
    for groups in in_order:
        groups = sorted(groups, key=lambda group: -len(group.records))
        parts = []
        for group, label in zip(groups, _labels(groups), strict=True):
            number += 1
            parts.append(Part(f"group{number}", label, Context(group, results, subset, baseline)))
        studies.append(Study(_name(groups[0]), parts))
    return studies


def _name(group: Group) -> str:
    record = group.records[0]
    return f"{record.dataset}, {record.test}" if record.test != "test" else record.dataset


def _labels(groups: Sequence[Group]) -> list[str]:
    """What sets each apart from the others, in words; empty for one alone."""
    if len(groups) == 1:
        return [""]
    signatures = [parse_signature(group.protocol) for group in groups]
    names = dict.fromkeys(name for signature in signatures for name in signature)
    differ = [name for name in names if len({signature.get(name, "") for signature in signatures}) > 1]
    labels = []
    for signature in signatures:
        pairs = [(name, signature.get(name, "")) for name in differ]
        told = [pair for pair in pairs if pair not in _USUAL] or pairs[:1]
        labels.append(", ".join(_WORDS.get(pair, f"{pair[0]} {pair[1] or 'none'}") for pair in told))
    return [
        f"{label} ({labels[: place + 1].count(label)})" if labels.count(label) > 1 else label or f"data {place + 1}"
        for place, label in enumerate(labels)
    ]
