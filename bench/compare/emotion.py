"""Emotion measured directly, run beside run: what `bench probe` left in the records."""

from collections import Counter
from typing import Any

from bench.compare.groups import Group
from bench.compare.numbers import estimate, number
from bench.records.record import Record
from bench.utils.tables import Table

_COLUMNS = {  # heading -> where it stands in a probe
    "EmoP@1": ("emotion", "EmoP@1"),
    "FlipAcc": ("counterfactual", "edits", "swap", "FlipAcc"),
    "Group": ("twins", "group"),
}


def measured(group: Group) -> Table | None:
    """A row for every probed run, below it what chance, or a text-only model, would give; None where none is probed."""
    probed = [(family.name, record) for family in group.families for record in family.records if record.probe]
    if not probed:
        return None
    ways = Counter(_way(record) for _, record in probed)
    (way, _), *_ = ways.most_common(1)
    apart = [record.run for _, record in probed if _way(record) != way]
    probed = [(name, record) for name, record in probed if _way(record) == way]
    named = {heading: path for heading, path in _COLUMNS.items() if any(_entry(run, path)["n"] for _, run in probed)}
    rows: list[list[str] | str] = []
    for name, record in probed:
        cells = [estimate(_entry(record, path)) for path in named.values()]
        rows.append([name, str(record.seed), *cells])
    _, first = probed[0]
    chances = [_entry(first, path).get("chance") for path in named.values()]
    rows.append(["chance", "", *("–" if chance is None else number(chance) for chance in chances)])
    blind = first.probe["text_only"]["edits"]["swap"]
    if "FlipAcc" in named and blind["value"] is not None:
        cells = [estimate(blind) if name == "FlipAcc" else "" for name in named]
        rows.append(["text only", "", *cells])
    ns = ", ".join(f"{name} {_entry(first, path)['n']}" for name, path in named.items())
    below = [f"n: {ns}. The clips' emotions: {way[1]}."]
    if any(record.faces for _, record in probed):
        below.append("Runs that see faces are judged by the faces they are given: compare them with their controls.")
    if apart:
        below.append(f"Left out, measured by other code or other witnesses: {', '.join(apart)}. Probe them again.")
    return Table(["variant", "seed", *named], rows, below)


NOTE = (
    "Emotion measured directly, in %, [95 % interval]; `bench probe RUN` has more. EmoP@1: the first rival shares an "
    "emotion with the query; FlipAcc: own clip scores the true caption above one with another emotion; Group: twins "
    "with both captions and both clips right."
)


def _way(record: Record) -> tuple[str, str]:
    """The code that measured, and who said what the clips' emotions are."""
    return record.probe["code"], record.probe["emotion"].get("source", "nobody")


def _entry(record: Record, path: tuple[str, ...]) -> dict[str, Any]:
    found: Any = record.probe
    for name in path:
        found = found.get(name, {})
    return found or {"n": 0, "value": None, "low": None, "high": None}
