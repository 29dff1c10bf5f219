"""The tables of one group of records: what each run scored, one line a run, recall after rescoring."""

from collections import defaultdict
from collections.abc import Sequence

from bench.compare.groups import Family, Group, details, marks
from bench.compare.numbers import estimate, gap, number
from bench.metrics.ranking import DIRECTIONS, hits, points
from bench.metrics.statistics import hierarchical_interval, paired_difference, wilson
from bench.records.record import Record
from bench.utils.tables import Table

ROWS = ("R@1", "R@5", "R@10", "MdR", "MnR")
_EMPTY = {"value": None, "low": None, "high": None}


def report(records: Sequence[Record], subset: str, notes: Sequence[Sequence[str]]) -> Table:
    """Rows are metrics under each run's name, columns All and the subset, T2V and V2T, as the report has them.

    notes: per record what stands behind its id.
    """
    shown = ["all", *([subset] if any(subset in record.subsets for record in records) else [])]
    columns = [(name, way) for name in shown for way in DIRECTIONS]
    rows: list[list[str] | str] = []
    for record, parts in zip(records, notes, strict=True):
        rows.append("  ".join([record.run, *parts]))
        for metric in ROWS:
            entries = (record.metrics.get(name, {}).get(way, {}).get(metric, _EMPTY) for name, way in columns)
            rows.append([metric, *map(estimate, entries)])
    below = [sentence for record in records for sentence in optimism(record)]
    return Table(["", *(f"{name.capitalize()} {way.upper()}" for name, way in columns)], rows, below + faces(records))


def leaderboard(group: Group) -> Table:
    """One line a run; where a variant has several seeds, their mean below them, with its interval over both."""
    trues = group.trues
    twins = any("TwinAcc" in record.metrics["all"]["t2v"] for record in trues)
    header = ["variant", "seed", *ROWS, "V2T R@1", *(["TwinAcc"] if twins else [])]
    rows: list[list[str] | str] = []
    for family in group.families:
        lines = []
        for record in family.records:
            t2v, v2t = (record.metrics["all"][way] for way in DIRECTIONS)
            lines.append([t2v[metric]["value"] for metric in ROWS[1:]] + [v2t["R@1"]["value"]])
            if twins:
                lines[-1].append(t2v.get("TwinAcc", _EMPTY)["value"])
            numbers = ["–" if value is None else number(value) for value in lines[-1]]
            rows.append([family.name, str(record.seed), estimate(t2v["R@1"]), *numbers])
        if len(lines) > 1 and not group.mixed:
            means = [
                "–" if None in column else number(sum(column) / len(column)) for column in zip(*lines, strict=True)
            ]
            rows.append([f"mean of {len(lines)} seeds", "", estimate(_over_seeds(family)), *means])
    return Table(header, rows, faces(trues))


def rescored(group: Group) -> Table | None:
    """T2V R@1 as it is, and after each rescoring of the whole gallery; None where no run was rescored."""
    names = list(
        dict.fromkeys((name, way) for record in group.trues for name in record.post for way in record.post[name])
    )
    if not names:
        return None
    shown = {"dsl": "DSL", "qbnorm": "QB-Norm"}
    header = ["R@1", "seed", "T2V", "V2T", *(f"{shown.get(name, name)} {way.upper()}" for name, way in names)]
    rows: list[list[str] | str] = []
    for family in group.families:
        for record in family.records:
            own = [estimate(record.metrics["all"][way]["R@1"]) for way in DIRECTIONS]
            ways = [record.post.get(name, {}).get(way) for name, way in names]
            after = ["–" if counts is None else number(points(**counts)["R@1"]) for counts in ways]
            rows.append([family.name, str(record.seed), *own, *after])
    return Table(header, rows)


def optimism(record: Record) -> list[str]:
    """Of a run that was selected on the test set: what the honest rule would have given, and the difference."""
    if record.selection["rule"] != "test":
        return []
    sentence = f"{record.run}: selected on the test set, by DSL"
    if not record.last_step:
        return [f"{sentence}."]
    own, honest = (
        hits(ranks["t2v"]["greater"], ranks["t2v"]["equal"], 1) for ranks in (record.ranks, record.last_step["ranks"])
    )
    difference = gap(paired_difference(own, honest))
    share = 100 * float(honest.mean())
    low, high = (100 * bound for bound in wilson(float(honest.sum()), len(honest)))
    return [
        f"{sentence}: step {record.selection['step']}. The last step ({record.last_step['step']}) has a T2V R@1 of "
        f"{estimate({'value': share, 'low': low, 'high': high})}: {difference} points of optimism, n = {len(honest)}."
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


def _over_seeds(family: Family) -> dict[str, float | None]:
    """Mean T2V R@1 with its interval over seeds and queries, no narrower than Wilson's of the queries alone."""
    record = family.records[0]
    found = family.hits(range(record.metrics["all"]["n"]), "t2v", 1)
    low, high = hierarchical_interval(found, None, 0, record.queries["captions"])
    mean = float(found.mean())
    least, most = wilson(mean * found.shape[1], found.shape[1])
    return {"value": 100 * mean, "low": 100 * min(low, least), "high": 100 * max(high, most)}
