"""Published numbers beside ours: as they were printed, with a mark on those that are impossible."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.compare.groups import Family, Group
from bench.compare.numbers import number
from bench.compare.run_tables import over_seeds
from bench.errors import UsageError
from bench.metrics.estimate import Estimate
from bench.metrics.metric_registry import CORE
from bench.metrics.ranking import DIRECTIONS
from bench.metrics.statistics import wilson
from bench.records.audit import AuditFinding, with_findings
from bench.records.published import Publication, Row, load_published, rows_for
from bench.utils.tables import Table

MARK = "†"
COLUMNS = ("R@1", "MnR", "R@5", "R@10", "MdR")  # MdR last: most systems share it
OURS, TRAINED, ZERO_SHOT, RESCORED = "ours", "trained on the dataset, or not said", "zero-shot", "rescored or reranked"
KINDS = (OURS, TRAINED, ZERO_SHOT, RESCORED)

_TEST = tuple[str, str]  # dataset, test


@dataclass(frozen=True, eq=False)
class System:
    """One system's numbers in one direction, over one set of queries: a published row, or our runs of one variant.

    values: metric -> as it was printed, or as our tables have it.  recall: R@1 in percent, with the 95 % interval that
    the number of queries allows.  mean_rank: MnR, of ours with its interval.  findings: of the audit; ours have none.
    """

    name: str
    n: int
    values: dict[str, str]
    recall: Estimate
    mean_rank: Estimate
    row: Row | None = None
    findings: tuple[AuditFinding, ...] = ()

    @property
    def kind(self) -> str:
        """One of KINDS: what was done after scoring comes before how it was trained."""
        if self.row is None:
            return OURS
        if self.row.protocol.get("post", "none") != "none":
            return RESCORED
        return ZERO_SHOT if self.row.train == "zero-shot" else TRAINED


def systems(test: _TEST, subset: str, direction: str, families: Sequence[Family] = ()) -> list[System]:
    """Every published row of a test set, a subset and a direction, and ours, the best R@1 first.

    families: of ours, on this test set. Rows without R@1 come last.
    """
    found = [_ours(family, subset, direction) for family in families if subset in family.records[0].metrics]
    found += [
        _published(row, findings)
        for row, findings in with_findings(rows_for(*test))
        if (row.subset, row.direction) == (subset, direction)
    ]
    return sorted(found, key=lambda one: (-(one.recall.value or 0.0), one.name))


def literature(test: _TEST, subsets: Sequence[str], families: Sequence[Family] = ()) -> Table:
    """All systems of a test set, direction by direction; below, the sources by number, and what the audit finds."""
    sources = {source: place for place, source in enumerate(sources_of(rows_for(*test)), start=1)}
    rows: list[list[str] | str] = []
    below: list[str] = []
    used: set[Publication] = set()
    for subset in subsets:
        for direction in DIRECTIONS:
            found = systems(test, subset, direction, families)
            if not any(one.row for one in found):
                continue
            rows.append(f"{subset.capitalize()} {direction.upper()}")
            for one in found:
                source = one.row.source if one.row else None
                used |= {source} if source else set()
                cited = f" [{sources[source]}]" if source else ""
                values = [one.values.get(name, "–") for name in COLUMNS]
                rows.append([f"{one.name}{MARK if one.findings else ''}{cited}", str(one.n), *values])
                below += [f"{MARK} {finding}" for finding in one.findings]
    works = [f"[{place}] {_work(source)}" for source, place in sources.items() if source in used]
    return Table(["system", "n", *COLUMNS], rows, works + list(dict.fromkeys(below)))


def beside(group: Group, subset: str) -> Table | None:
    """Our runs of all queries and of the subset among the published rows of their test set; None without such."""
    test = covered(group)
    return literature(test, list(dict.fromkeys(("all", subset))), families_on(group, test)) if test else None


def covers(groups: Sequence[Group]) -> None:
    """UsageError where no record is of a test set that published numbers are there for."""
    tests = {(record.dataset, record.test) for group in groups for record in group.records}
    if not any(rows_for(*test) for test in tests):
        asked = ", ".join(f"{dataset}-{test}" for dataset, test in sorted(tests))
        raise UsageError(f"no published numbers are known for {asked}; leave out --published. See `bench leaderboard`.")


def protocols(group: Group) -> str:
    """What must be known to read the table, for its note."""
    test = covered(group)
    return notes(test, bool(families_on(group, test))) if test else ""


def notes(test: _TEST, with_ours: bool) -> str:
    """What must be known to read the table of a test set."""
    medians = [row.metrics["MdR"].value for row in rows_for(*test) if row.subset == "all" and "MdR" in row.metrics]
    commonest = max(medians, key=medians.count, default=None)
    alike = ""
    if commonest is not None and 2 * medians.count(commonest) > len(medians) > 5:
        alike = f" MdR is {float(commonest):g} in {medians.count(commonest)} of {len(medians)} rows: read MnR."
    ours = " Our protocols differ from theirs, so nothing is tested." if with_ours else ""
    return (
        f"Published numbers as printed, the best R@1 first; training and backbones differ.{ours}{alike} "
        f"{MARK}: impossible as it stands, see below."
    )


def covered(group: Group) -> _TEST | None:
    """The test set, of those that the group's runs are of, for which there are published numbers."""
    tests = dict.fromkeys((record.dataset, record.test) for record in group.trues)
    return next((test for test in tests if rows_for(*test)), None)


def families_on(group: Group, test: _TEST) -> list[Family]:
    """The families of one test set: a mixed group may have several."""
    return [family for family in group.families if (family.records[0].dataset, family.records[0].test) == test]


def tests_published() -> list[_TEST]:
    """Every test set that numbers are shipped for, the one with the most rows first."""
    rows = [(row.dataset, row.test) for row in load_published()]
    return sorted(dict.fromkeys(rows), key=lambda test: -rows.count(test))


def sources_of(rows: Iterable[Row]) -> list[Publication]:
    """The works, each once, in the order of their years."""
    return sorted(dict.fromkeys(row.source for row in rows), key=lambda source: (source.year, source.name))


def _published(row: Row, findings: Sequence[AuditFinding]) -> System:
    name = row.label + (f", mean of {row.runs} runs" if row.runs > 1 else "")
    values = {metric: str(value) for metric, value in row.metrics.items()}
    rank = row.metrics.get("MnR")
    mean_rank = Estimate(float(rank.value), None, None) if rank else Estimate.empty()
    return System(name, row.n, values, _recall(row), mean_rank, row, tuple(findings))


def _recall(row: Row) -> Estimate:
    """R@1 with Wilson's interval of n queries; of as many as there are videos where these have several captions."""
    if "R@1" not in row.metrics:
        return Estimate.empty()
    share, n = float(row.metrics["R@1"].value) / 100, min(row.n, row.gallery or row.n)
    return Estimate(100 * share, *(100 * end for end in wilson(min(share, 1.0) * n, n)))


def _ours(family: Family, subset: str, direction: str) -> System:
    measured = [record.metrics[subset][direction] for record in family.records]
    values = {}
    for name in CORE:
        found = [entry[name]["value"] for entry in measured]
        values[name] = number(sum(found) / len(found)) if None not in found else "–"
    recall, mean_rank = (Estimate.from_json(measured[0][name]) for name in ("R@1", "MnR"))
    if len(measured) > 1:
        recall, mean_rank = (
            Estimate(sum(entry[name]["value"] for entry in measured) / len(measured), None, None)
            for name in ("R@1", "MnR")
        )
        recall = over_seeds(family, direction, 1) if subset == "all" else recall
    record = family.records[0]
    n = len(record.answers(direction, None if subset == "all" else record.subsets[subset]).greater)
    seeds = f", {len(measured)} seeds" if len(measured) > 1 else ""
    return System(f"ours: {family.name}{seeds}", n, values, recall, mean_rank)


def _work(source: Publication) -> str:
    return f"{source.authors} ({source.year}): {source.title}. {source.where}"
