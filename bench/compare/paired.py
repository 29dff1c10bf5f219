"""Every variant against one baseline: one question declared before any run, the rest marked as exploratory.

Declared: is a variant's T2V log-rank over all queries other than the baseline's? p is of the paired sign-flip test,
raised by Holm for the number of variants in the table. All other subsets, directions and cut-offs are exploratory:
their p stands as it is, and no verdict but "not distinguishable" is drawn from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.compare.groups import Family, Group
from bench.metrics.ranking import DIRECTIONS, KS
from bench.metrics.statistics import (
    ALPHA,
    MIN_QUERIES,
    detectable,
    hierarchical_interval,
    holm,
    mcnemar,
    paired_difference,
    sign_flip,
)

ALIKE = "not distinguishable"
NO_CLAIM = "no claim"


@dataclass(frozen=True)
class Comparison:
    """A family against the baseline, in one direction, over the queries of one subset, at one cut-off k.

    difference: of recall at k, family - baseline, in points, {"value", "low", "high"}. p: the sign-flip test on the
    log-ranks of these queries; at k = 1 alone, for ranks belong to no k. ratio, of what is declared alone: geometric
    mean rank, family / baseline, which p asks about; below 1 the family's answers stand further up.
    wins, losses, mcnemar: queries that one alone has right at k, and their exact p; None where there are several seeds.
    found: the smallest difference at k that McNemar's test on so many queries finds in four of five studies; None where
    there is none, or where there are several seeds.
    verdict: better, worse (by ratio), not distinguishable, or no claim (fewer than 20 queries).
    """

    name: str
    baseline: str
    subset: str
    way: str
    k: int
    n: int
    seeds: tuple[int, ...]
    difference: dict[str, float]
    p: float | None
    wins: int | None
    losses: int | None
    mcnemar: float | None
    found: float | None
    ratio: dict[str, float] | None = None
    holm: float | None = None
    verdict: str = ""

    @property
    def raised(self) -> float:
        """Holm's p, which declared comparisons alone have."""
        assert self.holm is not None, "an exploratory comparison has no Holm p"
        return self.holm


def compare_all(group: Group, subset: str, baseline: str) -> tuple[list[Comparison], list[Comparison]]:
    """The declared and the exploratory comparisons of a group's families with the baseline; none where it is not here.

    baseline: a variant's name or a run's id; see `Group.baseline`.
    """
    base = None if group.mixed else group.baseline(baseline)
    if base is None:
        return [], []
    others = group.others(base)
    return _declared(others, base), [one for family in others for one in _exploratory(family, base, subset)]


def _declared(families: Sequence[Family], baseline: Family) -> list[Comparison]:
    """Each family on the question that was declared; p by Holm, with a verdict."""
    rows = range(baseline.records[0].metrics["all"]["n"])
    alpha = ALPHA / max(1, len(families))  # what Holm asks of the smallest p
    found = [compare(family, baseline, "all", rows, "t2v", 1, alpha) for family in families]
    raised = holm([one.p or 0.0 for one in found])
    return [
        replace(
            one,
            ratio=_ratio(family, baseline, rows),
            holm=float(p),
            verdict=_verdict(family, baseline, rows, float(p)),
        )
        for one, family, p in zip(found, families, raised, strict=True)
    ]


def _exploratory(family: Family, baseline: Family, subset: str) -> list[Comparison]:
    """One family at every k in T2V, at 1 in V2T, and at 1 over the subset both ways."""
    record = baseline.records[0]
    everything = range(record.metrics["all"]["n"])
    asked: list[tuple[str, Sequence[int], str, int]] = [("all", everything, "t2v", k) for k in KS]
    asked.append(("all", everything, "v2t", 1))
    if record.subsets.get(subset):
        asked += [(subset, record.subsets[subset], way, 1) for way in DIRECTIONS]
    found = [compare(family, baseline, *question) for question in asked]
    return [replace(one, verdict=_quiet_verdict(one)) for one in found]


def compare(
    family: Family, baseline: Family, subset: str, rows: Sequence[int], way: str, k: int, alpha: float = ALPHA
) -> Comparison:
    """The numbers of one comparison, without Holm and verdict. rows: the subset's queries, at least one.

    With one seed on each side the difference's interval is `stats.paired_difference`; with more it is hierarchical over
    seeds and queries, and no narrower than that of the seeds' means. p asks about other queries, by each query's mean
    over the seeds. alpha: the level at which `found` asks.
    """
    one, other = family.hits(rows, way, k), baseline.hits(rows, way, k)  # (S, n), (T, n)
    mine, theirs = (side.log_ranks(rows, way).mean(axis=0) for side in (family, baseline))
    clusters = _clusters(baseline, rows, way)
    single = len(one) == len(other) == 1
    difference = paired_difference(one.mean(axis=0), other.mean(axis=0))
    if not single:
        low, high = hierarchical_interval(one, other, 0, clusters)
        difference |= {"low": min(difference["low"], 100 * low), "high": max(difference["high"], 100 * high)}
    wins, losses = int((one[0] > other[0]).sum()), int((one[0] < other[0]).sum())
    return Comparison(
        name=family.name,
        baseline=baseline.name,
        subset=subset,
        way=way,
        k=k,
        n=len(rows),
        seeds=tuple(record.seed for record in family.records),
        difference=difference,
        p=sign_flip(mine, theirs, clusters) if k == 1 else None,
        wins=wins if single else None,
        losses=losses if single else None,
        mcnemar=mcnemar(wins, losses) if single else None,
        found=detectable(len(rows), (wins + losses) / len(rows), alpha=alpha) if single else None,
    )


def _verdict(family: Family, baseline: Family, rows: Sequence[int], p: float) -> str:
    """better or worse where p says so and, with several seeds, other seeds would say it too."""
    if len(rows) < MIN_QUERIES:
        return NO_CLAIM
    one, other = family.log_ranks(rows, "t2v"), baseline.log_ranks(rows, "t2v")
    if len(one) > 1 or len(other) > 1:
        low, high = hierarchical_interval(one, other, 0, _clusters(baseline, rows, "t2v"))
        if low <= 0 <= high:
            return ALIKE
    if p >= ALPHA:
        return ALIKE
    return "better" if one.mean() < other.mean() else "worse"


def _quiet_verdict(one: Comparison) -> str:
    """Not distinguishable where neither its own tests nor, with several seeds, its interval say otherwise."""
    if one.n < MIN_QUERIES:
        return NO_CLAIM
    ps = [p for p in (one.p, one.mcnemar) if p is not None]
    told = min(ps, default=1.0) < ALPHA
    if one.mcnemar is None and one.k > 1:
        told = not one.difference["low"] <= 0 <= one.difference["high"]
    return "" if told else ALIKE


def _ratio(family: Family, baseline: Family, rows: Sequence[int]) -> dict[str, float]:
    """The ratio of the geometric mean T2V ranks, with its interval over seeds and queries."""
    one, other = (side.log_ranks(rows, "t2v") for side in (family, baseline))
    low, high = hierarchical_interval(one, other, 0, _clusters(baseline, rows, "t2v"))
    bounds = {"value": float(one.mean() - other.mean()), "low": low, "high": high}
    return {name: float(np.exp(bound)) for name, bound in bounds.items()}


def _clusters(family: Family, rows: Sequence[int], way: str) -> np.ndarray | None:
    """In T2V the queries of one caption belong together; in V2T each video is a query of its own."""
    captions = family.records[0].queries["captions"]
    return np.array([captions[row] for row in rows]) if way == "t2v" else None
