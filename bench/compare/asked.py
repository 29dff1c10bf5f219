"""What a declared question asks of two families of runs: which queries, by which values, and how large the effect is.

ranks   T2V log-ranks; the effect is the ratio of the geometric mean ranks, below 1 is better
twins   1 if a query scores its own clip above its twin's, 1/2 if equal, 0 if below; the effect is the difference of
        TwinAcc in points, above 0 is better
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.compare.groups import Family
from bench.compare.numbers import gap, number, ratio
from bench.data.questions import ALL, TWINS, parse_question
from bench.metrics.estimate import Estimate
from bench.metrics.seeds import MeanOverSeeds, mean_over_seeds
from bench.metrics.statistics import LEVEL, POWER, cluster_labels, paired_difference, sign_flip
from bench.records.record import Record

_LARGEST_LOG = 700.0  # exp of more overflows


@dataclass(frozen=True)
class Paired:
    """The values of one set of queries, of two families: (S, n) and (T, n), a row for each seed.

    clusters: (n,) numbers from 0, equal where queries rise and fall together.
    """

    one: NDArray[np.float64]
    other: NDArray[np.float64]
    clusters: NDArray[np.int64]

    @cached_property
    def difference(self) -> MeanOverSeeds:
        """mean(one) - mean(other)."""
        return mean_over_seeds(self.one, self.other, self.clusters)

    @property
    def p(self) -> float:
        """Other queries would say it too and, with several seeds, so would other seeds."""
        p = sign_flip(self.one.mean(axis=0), self.other.mean(axis=0), self.clusters)
        return p if len(self.one) == 1 else max(p, self.difference.p)


@dataclass(frozen=True)
class Asked(ABC):
    """A question. text: as cards and records have it. subset: the name of its queries."""

    text: str
    subset: str

    more: ClassVar[str]  # what a variant does that is better than the baseline, in a sentence about several
    less: ClassVar[str]  # and one that is worse
    measured: ClassVar[str]  # what is counted, for a reader who is new to it
    equal: ClassVar = 0.0  # the effect where two families do not differ
    higher_is_better: ClassVar = True  # of values and effects

    @property
    @abstractmethod
    def column(self) -> str:
        """Heads the effects in a table."""

    @property
    @abstractmethod
    def note(self) -> tuple[str, str]:
        """What is tested, and what the effect's column holds, for the note above a table."""

    @property
    @abstractmethod
    def task(self) -> str:
        """What one is better or worse at than the other."""

    @property
    @abstractmethod
    def axis(self) -> str:
        """Names the axis of effects in a figure, and what it is set against: "… that of plain"."""

    @property
    @abstractmethod
    def unit(self) -> str:
        """Of effects."""

    @abstractmethod
    def rows(self, record: Record) -> Sequence[int]:
        """Its queries."""

    @abstractmethod
    def paired(self, one: Family, other: Family) -> Paired:
        """The values whose means are compared."""

    @abstractmethod
    def effect(self, values: Paired, level: float = LEVEL) -> Estimate:
        """How far the two families are apart, with its interval of this level."""

    @abstractmethod
    def by_seed(self, values: Paired) -> NDArray[np.float64]:  # (S,)
        """The effect of each seed of the first family, against the mean of the other's."""

    def detectable(self, values: Paired, alpha: float) -> float | None:
        """The smallest true effect for the better that queries and seeds like these show with 80 % power.

        alpha: the level of the test. None where the two do not differ at all, which says nothing of other effects.
        """
        shift = values.difference.detectable(alpha)
        return self.gain(max(shift, self.least_shift(len(values.clusters), alpha))) if shift else None

    @abstractmethod
    def gain(self, shift: float) -> float:
        """The effect for the better of a change of the mean value by `shift` > 0."""

    def least_shift(self, n: int, alpha: float) -> float:
        """What a change of the mean must be at least to be found among n queries, whoever is compared."""
        return 0.0

    def improves(self, effect: float) -> bool:
        """Whether an effect is for the better."""
        return (effect > self.equal) == self.higher_is_better

    @abstractmethod
    def shown(self, effect: Estimate) -> str:
        """An effect with its interval, in a table."""

    @abstractmethod
    def bare(self, effect: float) -> str:
        """An effect without interval, sign and unit."""

    @abstractmethod
    def sized(self, effect: float) -> str:
        """An effect in a sentence."""

    @abstractmethod
    def least(self, effect: float) -> str:
        """The smallest effect that can be detected, in a sentence."""

    @abstractmethod
    def queries(self, n: int) -> str:
        """Its queries in a sentence."""


class RanksAsked(Asked):
    """T2V log-ranks of all queries or of a subset."""

    more = "rank the right video higher"
    less = "rank it lower"
    measured = "the rank of the right video among all clips, on average over the queries (geometric mean)"
    equal = 1.0
    higher_is_better = False
    column = "rank ratio"
    note = (
        "T2V log-ranks",
        "Rank ratio: geometric mean rank by the baseline's, below 1 is better; Δ R@1 in points",
    )
    axis = "Geometric mean rank, in units of that"

    @property
    def task(self) -> str:
        """Its queries, where they are not all."""
        return "at ranking the right clip" + ("" if self.subset == ALL else f" for the queries of {self.subset}")

    unit = "mean rank, times the baseline's"

    def rows(self, record: Record) -> Sequence[int]:
        return range(record.metrics[ALL]["n"]) if self.subset == ALL else record.subsets[self.subset]

    def paired(self, one: Family, other: Family) -> Paired:
        rows = self.rows(other.records[0])
        return Paired(one.log_ranks(rows, "t2v"), other.log_ranks(rows, "t2v"), query_clusters(other, rows))

    def effect(self, values: Paired, level: float = LEVEL) -> Estimate:
        ends = (values.difference.value, *(values.difference.interval(level) or (None, None)))
        return Estimate(*(None if end is None else float(np.exp(min(end, _LARGEST_LOG))) for end in ends))

    def by_seed(self, values: Paired) -> NDArray[np.float64]:
        return np.exp(np.minimum(values.one.mean(axis=1) - values.other.mean(), _LARGEST_LOG))

    def gain(self, shift: float) -> float:
        return float(np.exp(-shift))

    def shown(self, effect: Estimate) -> str:
        return ratio(effect)

    def bare(self, effect: float) -> str:
        return number(effect, digits=2)

    def sized(self, effect: float) -> str:
        return f"mean rank {effect:.2f} times the baseline's"

    def least(self, effect: float) -> str:
        return f"mean ranks of {effect:.2f} times the baseline's or less"

    def queries(self, n: int) -> str:
        return f"{n} queries" if self.subset == ALL else f"the {n} queries of {self.subset}"


class TwinsAsked(Asked):
    """Own clip above its twin, which differs in emotion alone."""

    more = "pick the right clip over its twin more often"
    less = "do so less often"
    measured = (
        "TwinAcc, how often a caption scores its own clip above the clip's twin: the same content in another mood "
        "(chance: 50 %)"
    )
    column = "Δ TwinAcc"
    note = ("own clip above its twin", "Δ TwinAcc and Δ R@1 of these queries in points")
    task = "at telling twins apart"
    axis = "TwinAcc, in points above that"
    unit = "points of TwinAcc"

    def rows(self, record: Record) -> Sequence[int]:
        return sorted(record.twins)

    def paired(self, one: Family, other: Family) -> Paired:
        rows = self.rows(other.records[0])
        return Paired(one.twin_wins(rows), other.twin_wins(rows), content_clusters(other.records[0], rows))

    def effect(self, values: Paired, level: float = LEVEL) -> Estimate:
        """The interval has a width even where no query differs: it is no narrower than Agresti and Min's of contents.

        A content's share of the difference is as large as all its queries' differences together.
        """
        sums = np.bincount(values.clusters, weights=values.one.mean(axis=0) - values.other.mean(axis=0))
        found = paired_difference(sums * len(sums) / len(values.clusters), np.zeros_like(sums), level=level)
        ends = [100 * end for end in values.difference.interval(level) or ()]
        assert found.low is not None and found.high is not None
        low, high = min([found.low, *ends]), max([found.high, *ends])
        return Estimate(found.value, max(-100.0, low), min(100.0, high))

    def by_seed(self, values: Paired) -> NDArray[np.float64]:
        return 100 * (values.one.mean(axis=1) - values.other.mean())

    def gain(self, shift: float) -> float:
        return 100 * shift

    def least_shift(self, n: int, alpha: float) -> float:
        """If the TwinAcc of two families differ by d, so do d of their queries, and the variance is (d - d²)/n."""
        z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(POWER)
        return z * z / (n + z * z)

    def shown(self, effect: Estimate) -> str:
        return gap(effect)

    def bare(self, effect: float) -> str:
        return number(effect)

    def sized(self, effect: float) -> str:
        return f"TwinAcc {number(abs(effect))} points {'higher' if effect > 0 else 'lower'}"

    def least(self, effect: float) -> str:
        return f"differences of {effect:.1f} points of TwinAcc or more"

    def queries(self, n: int) -> str:
        return f"{n} queries that have a twin"


def ask(text: str) -> Asked:
    """The question of its text in a record. BenchError: it is none."""
    question = parse_question(text)
    return (TwinsAsked if question.kind == TWINS else RanksAsked)(text, question.subset)


def query_clusters(family: Family, rows: Sequence[int]) -> NDArray[np.int64]:
    """(n,): T2V queries of one caption belong together; where videos have several captions, those of a video."""
    return cluster_labels(family.clusters(rows, "t2v"), len(rows))


def content_clusters(record: Record, rows: Sequence[int]) -> NDArray[np.int64]:
    """(n,): the queries of one content belong together, all that twins link, in however many moods it is filmed."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = record.metrics[ALL]["n"]
    ends = np.array([*record.twins.items()]).reshape(-1, 2).T
    of = connected_components(coo_array((np.ones(ends.shape[1]), ends), shape=(n, n)), directed=False)[1]
    return cluster_labels(of[list(rows)], len(rows))
