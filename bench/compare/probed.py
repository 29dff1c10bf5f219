"""Emotion measured directly, run beside run: what `bench probe` left in the records."""

from collections import Counter
from collections.abc import Callable

from bench.compare.groups import Group
from bench.compare.numbers import estimate, number
from bench.records.probe import Measured, Probe
from bench.utils.tables import Table

_COLUMNS: dict[str, Callable[[Probe], Measured | None]] = {
    "EmoP@1": lambda probe: probe.emotion.get("EmoP@1"),
    "FlipAcc": lambda probe: probe.edits["swap"].flip if "swap" in probe.edits else None,
    "Group": lambda probe: probe.twins["group"],
}
PROBE_NOTE = (
    "Emotion measured directly, in %, [95 % interval]; `bench probe RUN` has more. EmoP@1: the first rival shares an "
    "emotion with the query; FlipAcc: own clip scores the true caption above one with another emotion; Group: twins "
    "with both captions and both clips right."
)


def measured(group: Group) -> Table | None:
    """A row for every probed run, below it what chance, or a text-only model, would give; None where none is probed."""
    probed = [
        (family.name, record, Probe.from_json(record.probe))
        for family in group.families
        for record in family.records
        if record.probe
    ]
    if not probed:
        return None
    ((common, _),) = Counter(_made_by(probe) for _, _, probe in probed).most_common(1)
    others = [record.run for _, record, probe in probed if _made_by(probe) != common]
    probed = [row for row in probed if _made_by(row[2]) == common]
    columns = {
        heading: found
        for heading, found in _COLUMNS.items()
        if any((one := found(probe)) and one.n for _, _, probe in probed)
    }
    rows: list[list[str] | str] = []
    for name, record, probe in probed:
        rows.append([name, str(record.seed), *(_cell(found(probe)) for found in columns.values())])
    first = probed[0][2]
    shown = {heading: found(first) for heading, found in columns.items()}
    chances = [one.chance if one else None for one in shown.values()]
    rows.append(["chance", "", *("–" if chance is None else number(chance) for chance in chances)])
    if "FlipAcc" in columns and (blind := first.edits["swap"].text_only).estimate.value is not None:
        rows.append(["text only", "", *(_cell(blind) if heading == "FlipAcc" else "" for heading in columns)])
    ns = ", ".join(f"{heading} {one.n if one else 0}" for heading, one in shown.items())
    below = [f"n: {ns}. The clips' emotions: {common[1]}."]
    if any(record.faces for _, record, _ in probed):
        below.append("Runs that read faces are measured by these same faces: compare them with their controls.")
    if others:
        below.append(
            f"Left out, measured with other code or other emotions of the clips: {', '.join(others)}. Probe them again."
        )
    return Table(["variant", "seed", *columns], rows, below)


def _made_by(probe: Probe) -> tuple[str, str]:
    """The code that measured, and who said what the clips' emotions are."""
    return probe.code, probe.emotion_by or "nobody"


def _cell(found: Measured | None) -> str:
    return "–" if found is None else estimate(found.estimate)
