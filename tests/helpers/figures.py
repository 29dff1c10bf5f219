"""What the tests of figures share: records with subsets, groups of them, and what was drawn."""

from pathlib import Path
from typing import Any

from helpers.records import make_record

from bench.compare import group_records
from bench.compare.groups import Group
from bench.records.record import Record
from bench.report.figures import Context, Figure

SUBSETS = {"emotion": list(range(50)), "joy": list(range(30)), "anger": list(range(30, 50)), "fear": [50, 51, 52]}


def run(variant: str = "plain", strength: float = 2.0, **settings: Any) -> Record:
    return make_record(**{"n": 60, "variant": variant, "strength": strength, "subsets": SUBSETS, **settings})


def only(*records: Record) -> Group:
    (group,) = group_records(records)
    return group


def of(group: Group, baseline: str = "plain") -> Context:
    """What a figure of these records is drawn from, where no features lie beside them."""
    return Context(group, Path("nowhere"), "emotion", baseline)


def points(figure: Figure, panel: int = 0) -> list[tuple[float, float, float]]:
    """Value, low and high of everything with an interval, in the order of drawing."""
    found = []
    for container in figure.drawing.axes[panel].containers:
        line, _, (bars,) = container.lines
        spans = [segment[:, 0] for segment in bars.get_segments()]
        found += [(x, low, high) for x, (low, high) in zip(line.get_xdata(), spans, strict=True)]
    return found


def margin(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.drawing.axes[0].texts]
