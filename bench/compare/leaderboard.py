"""All runs of one protocol in order, each variant with the interval of ranks that queries and seeds allow.

The rank of a variant reaches from one more than the number of variants that are shown to be better to the number of
all less those that are shown to be worse. Shown: by the difference of T2V log-ranks, tested over queries and seeds
against each other variant, with Holm's correction for their number; so with 95 % confidence the true rank of a variant
is within its interval. (Not of all variants at once, for which all pairs would have to be corrected for.)
Source: Mogstad, Romano, Shaikh and Wilhelm, Inference for Ranks with Applications to Mobility across Neighbourhoods and
Academic Achievement across Countries, Review of Economic Studies 91 (2024).

Controls are no rivals, and an oracle is told what it is asked: none of them is here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from bench.compare.asked import query_clusters
from bench.compare.groups import Family, Group
from bench.compare.numbers import estimate, number
from bench.compare.run_tables import faces, over_seeds
from bench.metrics.estimate import Estimate
from bench.metrics.seeds import mean_over_seeds
from bench.metrics.statistics import ALPHA, holm
from bench.utils.tables import Table
from bench.utils.text import counted

_LARGEST_LOG = 700.0  # exp of more overflows


@dataclass(frozen=True)
class Standing:
    """A variant's place. best, worst: the interval of its rank, from 1. rank: its geometric mean rank, T2V."""

    family: Family
    best: int
    worst: int
    rank: Estimate

    @property
    def places(self) -> str:
        """The interval in a table: "1–3"."""
        return str(self.best) if self.best == self.worst else f"{self.best}–{self.worst}"


def standings(group: Group) -> list[Standing]:
    """Every family of true runs, the best geometric mean rank first. A mixed group has no ranks: ValueError."""
    if group.mixed:
        raise ValueError("ranks are of one protocol")
    families = group.families
    rows = range(families[0].records[0].metrics["all"]["n"]) if families else range(0)
    values = [family.log_ranks(rows, "t2v") for family in families]  # (S, n) each
    clusters = query_clusters(families[0], rows) if families else None
    m = len(families)
    gaps, ps = np.zeros((m, m)), np.ones((m, m))
    for i, j in combinations(range(m), 2):
        found = mean_over_seeds(values[i], values[j], clusters)
        gaps[i, j], gaps[j, i], ps[i, j], ps[j, i] = found.value, -found.value, found.p, found.p
    placed = []
    for i, family in enumerate(families):
        others = [j for j in range(m) if j != i]
        shown = holm(ps[i, others]) < ALPHA
        better, worse = (int((shown & (side * gaps[i, others] > 0)).sum()) for side in (1, -1))
        placed.append(Standing(family, 1 + better, m - worse, _geometric(values[i], clusters)))
    return sorted(placed, key=lambda one: (one.rank.value or 0.0, one.family.name))


def leaderboard(group: Group) -> Table:
    """One line a variant: its rank's interval, seeds, geometric mean rank, recall and mean rank over the seeds."""
    header = ["variant", "rank", "seeds", "geometric rank", "R@1", "MnR", "V2T R@1"]
    rows: list[list[str] | str] = [
        [
            one.family.name,
            one.places,
            str(len(one.family.records)),
            estimate(one.rank, 2),
            estimate(over_seeds(one.family, "t2v", 1)),
            number(_mean(one.family, "t2v", "MnR")),
            number(_mean(one.family, "v2t", "R@1")),
        ]
        for one in standings(group)
    ]
    return Table(header, rows, faces(group.trues))


def note(group: Group) -> str:
    """How the table is to be read."""
    m, n = len(group.families), group.trues[0].metrics["all"]["n"]
    single = sum(len(family.records) == 1 for family in group.families)
    of_runs = (
        f" {counted(single, 'line')} of one seed: a rank of that run, which another seed may change." if single else ""
    )
    return (
        f"{counted(len(group.trues), 'run')} of {counted(m, 'variant')}, {n} queries; no controls, no oracles. Rank: "
        "the places that are possible for the variant, with 95 % confidence. Geometric rank: "
        f"the geometric mean of T2V ranks, 1 is best, by which rows are in order.{of_runs}"
    )


def as_json(group: Group) -> dict[str, Any]:
    """The same for programs."""
    return {
        "protocol": group.protocol,
        "data": group.data,
        "standings": [
            {
                "variant": one.family.name,
                "runs": [record.run for record in one.family.records],
                "rank": [one.best, one.worst],
                "geometric_rank": one.rank.as_json(),
                "R@1": over_seeds(one.family, "t2v", 1).as_json(),
            }
            for one in standings(group)
        ],
    }


def _geometric(values: np.ndarray, clusters: np.ndarray | None) -> Estimate:
    """exp of the mean log-rank, with its interval; no rank is below 1."""
    mean = mean_over_seeds(values, None, clusters)
    ends: Sequence[float | None] = mean.interval() or (None, None)
    value, low, high = (
        None if end is None else float(np.exp(np.clip(end, 0.0, _LARGEST_LOG))) for end in (mean.value, *ends)
    )
    return Estimate(value, low, high)


def _mean(family: Family, direction: str, metric: str) -> float:
    return sum(record.metrics["all"][direction][metric]["value"] for record in family.records) / len(family.records)
