"""What `bench probe` prints: every number with its n and interval, the text-only baseline in the column beside."""

from typing import Any

from bench.compare.numbers import ENDS, equals, gap
from bench.emotions.counterfactuals import EDITS
from bench.metrics.statistics import MIN_QUERIES
from bench.records.record import Record
from bench.utils.tables import Table, markdown, terminal

LAYOUTS = {"terminal": terminal, "markdown": markdown}
FEW = f"too few (n < {MIN_QUERIES}): no claim"


def render(record: Record, format: str = "terminal") -> str:
    """The probe of a record as tables."""
    layout = LAYOUTS[format]
    tables = [_edits(record), _twins(record), _emotion(record), _confusion(record), _graded(record)]
    head = f"{record.run}, {len(record.queries['videos'])} queries"
    parts: list[str] = []
    for table, note in (pair for pair in tables if pair):
        parts.append(layout(table, record.protocol, note if parts else f"{head}. {note}"))
    return "\n".join(parts).rstrip("\n")


def _edits(record: Record) -> tuple[Table, str]:
    found, blind = record.probe["counterfactual"], record.probe["text_only"]
    within = [row for name, members in record.subsets.items() if (row := _in_subset(record, name, members))]
    rows: list[list[str] | str] = ["every query that has the edit"] if within else []
    for edit in EDITS:
        entries = found["edits"][edit]
        flip, moved, without = entries["FlipAcc"], entries["Δ log-rank"], blind["edits"][edit]
        rows.append([edit, str(flip["n"]), _points(flip), _points(without), _signed(moved)])
    rows += ["the swap, within subsets", *within] if within else []
    below = [
        "FlipAcc: own video scores the true caption above the edited one, in %; chance 50. "
        f"text only: the same of {blind['model']}. "
        "Δ log-rank: how far the own video falls; 0 is deaf to the edit.",
    ]
    below.append("All p here are exploratory: as they are, not corrected for their number.")
    for control, entry in found["selectivity"].items():
        size = FEW if entry["value"] is None else f"{_signed(entry)}, p {equals(entry['p'])}"
        below.append(f"selectivity, swap − {control}: {size}{_n(entry)}")
    shift = found["shift"]
    below.append(
        "directional shift towards the swap's emotion, in standard deviations: "
        + (FEW if shift["value"] is None else _signed(shift))
        + _n(shift)
        + f"; the videos' emotions: {found['emotions']}"
    )
    note = "Counterfactual queries: the emotion word exchanged, and three controls. [95 % interval]."
    return Table(["edit", "n", "FlipAcc", "text only", "Δ log-rank"], rows, below), note


def _in_subset(record: Record, name: str, members: list[int]) -> list[str] | None:
    """The swap's FlipAcc within a subset that leaves some swapped queries out, where it is large enough."""
    from bench.metrics.counterfactual import mean, share

    columns = record.probe["counterfactual"]["per_query"]
    flip, delta = columns["flip"]["swap"], columns["delta"]["swap"]
    blind = record.probe["text_only"]["per_query"]["flip"]["swap"]
    rows = [i for i in members if flip[i] is not None]
    if len(rows) < MIN_QUERIES or len(rows) == sum(value is not None for value in flip):
        return None
    captions = [record.queries["captions"][i] for i in rows]
    own, without, moved = ([column[i] for i in rows] for column in (flip, blind, delta))
    return [name, str(len(rows)), _points(share(own)), _points(share(without)), _signed(mean(moved, captions))]


def _twins(record: Record) -> tuple[Table, str] | None:
    found = record.probe["twins"]
    n = found["group"]["n"]
    if not n:
        return None
    rows: list[list[str] | str] = [
        [f"{name} score", _points(found[name]), f"{found[name]['chance']:.1f}"] for name in ("text", "video", "group")
    ]
    below = ["A scorer that reads captions alone gets none: it scores a caption the same for both clips."]
    few = f" {FEW}." if found["group"]["value"] is None else ""
    note = f"Twins, {n} pairs of clips that differ in emotion alone: % of pairs right, [95 % interval].{few}"
    return Table(["", "model", "chance"], rows, below), note


def _emotion(record: Record) -> tuple[Table, str] | None:
    found = record.probe["emotion"]
    if not found:
        return None
    rows: list[list[str] | str] = []
    for name, entry in found.items():
        if name in ("per_query", "source") or name.startswith("Pol "):
            continue
        rows.append(
            [name, str(entry["n"]), _points(entry, 2), "–" if entry["chance"] is None else f"{entry['chance']:.2f}"]
        )
    note = f"Emotion in the ranking; the videos' emotions from {found['source']}. `bench list metrics` explains."
    return Table(["", "n", "model", "chance"], rows), note


def _confusion(record: Record) -> tuple[Table, str] | None:
    """Polarity of the query in rows, of the first clip in columns."""
    found = record.probe["emotion"]
    names = ("positive", "neutral", "negative")
    rows: list[list[str] | str] = []
    for query in names:
        entries = [found.get(f"Pol {query}>{clip}") for clip in names]
        if all(entries):
            rows.append([query, str(entries[0]["n"]), *(_points(entry) for entry in entries)])
    note = (
        "Polarity of the query (rows) and of the first clip, be it its own (columns), in % of the row, [95 % interval]."
    )
    return (Table(["query", "n", *names], rows), note) if rows else None


def _graded(record: Record) -> tuple[Table, str]:
    """How well each graded subset of the queries is found."""
    rows: list[list[str] | str] = []
    for name, entry in record.probe["subsets"].items():
        if entry["n"]:
            cells = [_points(entry[way]["R@1"]) if entry[way] else f"n < {MIN_QUERIES}" for way in ("t2v", "v2t")]
            rows.append([name, str(entry["n"]), *cells])
    note = (
        f"Graded subsets, by what each caption says: R@1 in %, [95 % interval]; no claim below {MIN_QUERIES} queries."
    )
    return Table(["subset", "n", "T2V R@1", "V2T R@1"], rows), note


def _points(entry: dict[str, Any], digits: int = 1) -> str:
    if entry["value"] is None:
        return "–" if not entry["n"] else f"n < {MIN_QUERIES}"
    value, low, high = (f"{round(entry[name], digits) + 0.0:.{digits}f}".replace("-", "−") for name in ENDS)
    return f"{value} [{low}{', ' if entry['low'] < 0 else '–'}{high}]"


def _signed(entry: dict[str, Any]) -> str:
    if entry["value"] is None:
        return "–" if not entry["n"] else f"n < {MIN_QUERIES}"
    return gap(entry, 2)


def _n(entry: dict[str, Any]) -> str:
    return f" (n = {entry['n']})"
