"""The tables of one group of records: what each run scored, one line a run, recall after rescoring."""

from collections import defaultdict
from collections.abc import Sequence

from bench.compare.groups import Family, Group, details, marks
from bench.compare.numbers import estimate, gap, number
from bench.metrics.estimate import Estimate
from bench.metrics.metric_registry import CORE, TWIN_ACCURACY
from bench.metrics.positives import counts_of
from bench.metrics.ranking import DIRECTIONS, hits, points
from bench.metrics.seeds import mean_over_seeds
from bench.metrics.statistics import paired_difference, share_interval
from bench.records.record import Record
from bench.utils.tables import Table


def report(records: Sequence[Record], subset: str, notes: Sequence[Sequence[str]]) -> Table:
    """Rows are metrics under each run's name, columns All and the subset, T2V and V2T, as the report has them.

    notes: per record what stands behind its id.
    """
    shown = ["all", *([subset] if any(subset in record.subsets for record in records) else [])]
    columns = [(name, direction) for name in shown for direction in records[0].directions]
    rows: list[list[str] | str] = []
    for record, parts in zip(records, notes, strict=True):
        rows.append("  ".join([record.run, *parts]))
        for metric in metric_rows(records):
            entries = [entry(record, name, direction, metric) for name, direction in columns]
            rows.append([metric, *(estimate(found, 1 if metric in CORE else 2) for found in entries)])
    below = [sentence for record in records for sentence in optimism(record)]
    return Table(
        ["", *(f"{name.capitalize()} {_heading(direction, records[0])}" for name, direction in columns)],
        rows,
        below + faces(records),
    )


def _heading(direction: str, record: Record) -> str:
    """A direction in a table: "V2T best" where a video has several captions, of which it is the first that counts."""
    word = direction.upper().replace("-ALL", " all")
    return f"{word} best" if direction == "v2t" and record.video_of else word


def metric_rows(records: Sequence[Record]) -> list[str]:
    """The metrics of these records: the five that all have, then any further one, as a plugin may have added.

    Twin accuracy, which has one direction and fewer queries, is a column of the leaderboard.
    """
    found = dict.fromkeys(CORE)
    for record in records:
        for direction in record.directions:
            found |= dict.fromkeys(record.metrics["all"][direction])
    return [name for name in found if name != TWIN_ACCURACY]


def entry(record: Record, subset: str, direction: str, metric: str) -> Estimate:
    """A metric of a record; empty where it has none of this subset, or not in this direction."""
    found = record.metrics.get(subset, {}).get(direction, {}).get(metric)
    return Estimate.from_json(found) if found else Estimate.empty()


def leaderboard(group: Group) -> Table:
    """One line a run; where a variant has several seeds, their mean below them, with its interval over both."""
    trues = group.trues
    columns = [("t2v", metric) for metric in CORE[1:]] + [("v2t", "R@1")]
    columns += (
        [("t2v", TWIN_ACCURACY)] if any(TWIN_ACCURACY in record.metrics["all"]["t2v"] for record in trues) else []
    )
    header = ["variant", "seed", *CORE, "V2T R@1", *([TWIN_ACCURACY] if columns[-1][1] == TWIN_ACCURACY else [])]
    rows: list[list[str] | str] = []
    for family in group.families:
        lines = []
        for record in family.records:
            lines.append([entry(record, "all", *column).value for column in columns])
            numbers = ["–" if value is None else number(value) for value in lines[-1]]
            rows.append([family.name, str(record.seed), estimate(entry(record, "all", "t2v", "R@1")), *numbers])
        if len(lines) > 1 and not group.mixed:
            means = [_mean(column) for column in zip(*lines, strict=True)]
            rows.append([f"mean of {len(lines)} seeds", "", estimate(over_seeds(family, "t2v", 1)), *means])
    return Table(header, rows, faces(trues))


def rescored(group: Group) -> Table | None:
    """T2V R@1 as it is, and after each rescoring of the whole gallery; None where no run was rescored."""
    found = ((name, direction) for record in group.trues for name in record.post for direction in record.post[name])
    names = list(dict.fromkeys(found))
    if not names:
        return None
    shown = {"dsl": "DSL", "qbnorm": "QB-Norm"}
    header = [
        "R@1",
        "seed",
        "T2V",
        "V2T",
        *(f"{shown.get(name, name)} {direction.upper()}" for name, direction in names),
    ]
    rows: list[list[str] | str] = []
    for family in group.families:
        for record in family.records:
            own = [estimate(entry(record, "all", direction, "R@1")) for direction in DIRECTIONS]
            after = [_rescored(record, name, direction) for name, direction in names]
            rows.append([family.name, str(record.seed), *own, *after])
    return Table(header, rows)


def _rescored(record: Record, name: str, direction: str) -> str:
    if direction not in record.post.get(name, {}):
        return "–"
    return number(points(*counts_of(record.post[name], direction, video_of=record.video_of))["R@1"])


def optimism(record: Record) -> list[str]:
    """Of a run that was selected on the test set: what its last step would have given, and the difference."""
    if record.selection["rule"] != "test":
        return []
    sentence = f"{record.run}: selected on the test set, by DSL"
    if not record.last_step:
        return [f"{sentence}."]
    own, last = (
        hits(ranks["t2v"]["greater"], ranks["t2v"]["equal"], 1) for ranks in (record.ranks, record.last_step["ranks"])
    )
    together = record.video_of
    low, high = (100 * bound for bound in share_interval(last, together))
    recall = Estimate(100 * float(last.mean()), low, high)
    return [
        f"{sentence}: step {record.selection['step']}. The last step ({record.last_step['step']}) has a T2V R@1 of "
        f"{estimate(recall)}: {gap(paired_difference(own, last, together))} points of optimism, n = {len(last)}."
    ]


def faces(records: Sequence[Record]) -> list[str]:
    """A sentence per source of facial expressions and the variants that used it: what is simulated must be seen."""
    files: dict[str, set[str]] = defaultdict(set)
    users: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for record in records:
        if record.faces:
            files[record.faces["source"]].add(record.faces["sha256"])
            users[record.faces["source"], record.faces["sha256"]][record.variant] = None
    return [
        f"faces: {source}{f', file {sha256[:8]}' if len(files[source]) > 1 else ''} ({', '.join(variants)})"
        for (source, sha256), variants in users.items()
    ]


def notes(group: Group) -> list[list[str]]:
    """What stands behind each true run's id: what tells it from the others here."""
    trues = group.trues
    found = details(trues)
    return [a + b for a, b in zip(found, marks(trues), strict=True)] if group.mixed else found


def over_seeds(family: Family, direction: str, k: int) -> Estimate:
    """Mean R@k of all queries, in percent, with its interval over seeds and queries, no narrower than Wilson's.

    With one seed it is Wilson's of the queries.
    """
    everything = range(family.records[0].metrics["all"]["n"])
    found, clusters = family.hits(everything, direction, k), family.clusters(everything, direction)  # (S, n)
    mean = float(found.mean())
    ends = [share_interval(found.mean(axis=0), family.video_clusters(everything, direction))]
    if len(found) > 1 and (interval := mean_over_seeds(found, None, clusters).interval()):
        ends.append(interval)
    low, high = max(0.0, min(low for low, _ in ends)), min(1.0, max(high for _, high in ends))
    return Estimate(100 * mean, 100 * low, 100 * high)


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return number(sum(known) / len(known)) if len(known) == len(values) else "–"
