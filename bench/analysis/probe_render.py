"""What `bench probe` prints: every number with its n and interval, the text-only baseline in the column beside."""

from bench.compare.numbers import equals, estimate, gap
from bench.emotions.counterfactuals import EDITS
from bench.metrics.counterfactual import mean, share
from bench.metrics.estimate import Estimate
from bench.metrics.statistics import MIN_QUERIES
from bench.records.probe import PUBLISHED_RULE, SCORES, Measured, Probe
from bench.records.record import Record
from bench.utils.tables import Table, markdown, terminal

LAYOUTS = {"terminal": terminal, "markdown": markdown}
FEW = f"too few (n < {MIN_QUERIES}): no claim"
POLARITIES = ("positive", "neutral", "negative")


def render(record: Record, format: str = "terminal") -> str:
    """The probe of a record as tables."""
    layout, probe = LAYOUTS[format], Probe.from_json(record.probe)
    tables = [_edits(record, probe), _twins(probe), _emotion(probe), _confusion(probe), _graded(probe)]
    head = f"{record.run}, {len(record.queries['videos'])} queries"
    parts: list[str] = []
    for table, note in (pair for pair in tables if pair):
        parts.append(layout(table, record.protocol, note if parts else f"{head}. {note}"))
    return "\n".join(parts).rstrip("\n")


def _edits(record: Record, probe: Probe) -> tuple[Table, str] | None:
    if record.external:
        return None
    subsets = record.subsets.items()
    within = [row for name, members in subsets if (row := _in_subset(record, probe, name, members))]
    rows: list[list[str] | str] = ["every query that has the edit"] if within else []
    for edit in EDITS:
        one = probe.edits[edit]
        rows.append([edit, str(one.flip.n), _percent(one.flip), _percent(one.text_only), _moved(one.moved)])
    rows += ["the swap, within subsets", *within] if within else []
    below = [
        "FlipAcc: own video scores the true caption above the edited one, in %; chance 50. "
        f"text only: the same of {probe.text_only}. "
        "Δ log-rank: how far the own video falls; 0: no reaction to the edit.",
        "All p here are exploratory: not corrected for the number of tests.",
    ]
    for control, found in probe.selectivity.items():
        size = FEW if found.p is None else f"{_moved(found)}, p {equals(found.p)}"
        below.append(f"selectivity, swap − {control}: {size} (n = {found.n})")
    shift = FEW if probe.shift.estimate.value is None else _moved(probe.shift)
    below.append(
        "directional shift towards the swap's emotion, in standard deviations: "
        f"{shift} (n = {probe.shift.n}); the videos' emotions: {probe.shown_by}"
    )
    note = "Counterfactual queries: the emotion word exchanged, and three controls. [95 % interval]."
    return Table(["edit", "n", "FlipAcc", "text only", "Δ log-rank"], rows, below), note


def _in_subset(record: Record, probe: Probe, name: str, members: list[int]) -> list[str] | None:
    """The swap's FlipAcc within a subset that leaves some swapped queries out, where it is large enough."""
    swap = probe.edits["swap"]
    rows = [i for i in members if swap.flips[i] is not None]
    if len(rows) < MIN_QUERIES or len(rows) == sum(value is not None for value in swap.flips):
        return None
    captions = [record.queries["captions"][i] for i in rows]
    own, without, moves = ([column[i] for i in rows] for column in (swap.flips, swap.text_only_flips, swap.moves))
    flip, blind, moved = map(Measured.from_json, (share(own), share(without), mean(moves, captions)))
    return [name, str(len(rows)), _percent(flip), _percent(blind), _moved(moved)]


def _twins(probe: Probe) -> tuple[Table, str] | None:
    group = probe.twins["group"]
    if not group.n:
        return None
    rows: list[list[str] | str] = []
    for name in SCORES:
        found = probe.twins[name]
        rows.append([f"{name} score", _percent(found), _chance(found, 1)])
    below = ["A model that reads captions alone gets 0 %: it scores a caption the same for both clips."]
    few = f" {FEW}." if group.estimate.value is None else ""
    note = f"Twins, {group.n} pairs of clips that differ in emotion alone: % of pairs right, [95 % interval].{few}"
    return Table(["", "model", "chance"], rows, below), note


def _emotion(probe: Probe) -> tuple[Table, str] | None:
    if not probe.emotion:
        return None
    rows: list[list[str] | str] = [
        [name, str(found.n), _percent(found, 2), _chance(found, 2)]
        for name, found in probe.emotion.items()
        if not name.startswith("Pol ")
    ]
    note = f"Emotion in the ranking; the videos' emotions from {probe.emotion_by}. `bench list metrics` explains."
    return Table(["", "n", "model", "chance"], rows), note


def _confusion(probe: Probe) -> tuple[Table, str] | None:
    """Polarity of the query in rows, of the first clip in columns."""
    rows: list[list[str] | str] = []
    for query in POLARITIES:
        row = [found for clip in POLARITIES if (found := probe.emotion.get(f"Pol {query}>{clip}"))]
        if len(row) == len(POLARITIES):
            rows.append([query, str(row[0].n), *map(_percent, row)])
    note = "Polarity of the query (rows) and of the clip that ranks first (columns), in % of the row, [95 % interval]."
    return (Table(["query", "n", *POLARITIES], rows), note) if rows else None


def _graded(probe: Probe) -> tuple[Table, str]:
    """How well each graded subset of the queries is found."""
    rows: list[list[str] | str] = []
    for name, found in probe.subsets.items():
        if found.n:
            recalls = (metrics["R@1"] if metrics else Estimate.empty() for metrics in found.recalls.values())
            rows.append([name, str(found.n), *(_percent(Measured(recall, found.n)) for recall in recalls)])
    note = (
        f"Graded subsets, by what each caption says: R@1 in %, [95 % interval]; no claim below {MIN_QUERIES} queries."
    )
    below = [f"The subsets are named by {probe.subsets_by or PUBLISHED_RULE}."]
    below += [f"The model was given the emotions of the captions by {probe.given_by}."] if probe.given_by else []
    return Table(["subset", "n", "T2V R@1", "V2T R@1"], rows, below), note


def _percent(found: Measured, digits: int = 1) -> str:
    return _few(found) or estimate(found.estimate, digits)


def _moved(found: Measured) -> str:
    return _few(found) or gap(found.estimate, 2)


def _few(found: Measured) -> str:
    """What stands in place of a number that is not claimed."""
    if found.estimate.value is not None:
        return ""
    return f"n < {MIN_QUERIES}" if found.n else "–"


def _chance(found: Measured, digits: int) -> str:
    return "–" if found.chance is None else f"{found.chance:.{digits}f}"
