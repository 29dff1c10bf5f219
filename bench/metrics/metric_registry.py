"""Metrics of ranks by name. One more is one function, here in bench/metrics or in a plugin:

    @metric("MRR", "mean reciprocal rank of the true answer; 1 is best", better="high")
    def mean_reciprocal_rank(greater, equal):
        return 1 / ranks(greater, equal)

A function gives one number for each query; its statistic says how they become one value with an interval. A record
that lacks a registered metric gains it when it is read, for it holds every query's rank.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.errors import UsageError
from bench.metrics.estimate import Estimate
from bench.metrics.positives import Answers
from bench.metrics.statistics import bootstrap_interval, mean_rank_interval, share_interval, wilson
from bench.utils.registry import Registry

Statistic = Literal["share", "mean", "median", "mean rank"]
Values = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]

CORE = ("R@1", "R@5", "R@10", "MdR", "MnR")  # in every record ever written, and first in every table
TWIN_ACCURACY = "TwinAcc"
_RESERVED = ("n", TWIN_ACCURACY)  # what stands beside metrics in a record


@dataclass(frozen=True)
class Metric:
    """A metric of ranks.

    meaning: one line for `bench list metrics`.
    statistic: "share" is the mean of numbers from 0 to 1, in percent and with Wilson's interval, which is one of
        clusters where a video has several captions; "mean" and "median" are in the unit of the numbers and have a
        bootstrap interval; so has "mean rank", a studentised one, which a few far ranks do not fool.
    better: "high" or "low".
    function: greater, equal (n,) counts -> (n,) numbers, see `bench.metrics.ranking`.
    """

    name: str
    meaning: str
    statistic: Statistic
    better: Literal["high", "low"]
    function: Values

    def values(self, greater: NDArray[np.int64], equal: NDArray[np.int64]) -> NDArray[np.float64]:
        """One number a query, (n,). UsageError if the function fails or gives something else."""
        try:
            values = np.asarray(self.function(greater, equal), np.float64)
        except Exception as error:  # of a user's function, whatever it is
            raise UsageError(f"the metric '{self.name}' fails: {type(error).__name__}: {error}") from error
        if values.shape != greater.shape or not np.isfinite(values).all():
            raise UsageError(
                f"the metric '{self.name}' must give one finite number for each of {len(greater)} queries."
            )
        if self.statistic == "share" and not ((values >= 0) & (values <= 1)).all():
            raise UsageError(f"the metric '{self.name}' is a share: its numbers must lie from 0 to 1.")
        return values

    def value(self, greater: NDArray[np.int64], equal: NDArray[np.int64]) -> float:
        """The metric of n >= 1 queries; shares in percent."""
        values = self.values(greater, equal)
        if self.statistic == "median":
            return float(np.median(values))
        return float(values.mean()) * (100 if self.statistic == "share" else 1)

    def estimate(self, asked: Answers) -> Estimate:
        """The value with its 95 % interval, rounded to four decimals; empty of no queries."""
        if not len(asked):
            return Estimate.empty()
        values = self.values(asked.greater, asked.equal)
        if self.statistic == "share":
            if not asked.by_video:
                return share(float(values.sum()), len(values))
            return Estimate.rounded(float(values.mean()), *share_interval(values, asked.clusters), scale=100)
        # a fixed seed: equal ranks, equal intervals
        if self.statistic == "mean rank":
            interval = mean_rank_interval(values, asked.gallery, 0, asked.clusters, asked.by_video)
        else:
            interval = bootstrap_interval(values, self.statistic, 0, asked.clusters)
        return Estimate.rounded(self.value(asked.greater, asked.equal), *interval)


METRICS: Registry[Metric] = Registry("metric", "bench.metrics")


def metric(
    name: str, meaning: str, *, better: Literal["high", "low"], statistic: Statistic = "mean"
) -> Callable[[Values], Values]:
    """Decorator: makes a function of ranks known as a metric; see `Metric`. UsageError for a name that is taken."""

    def add(function: Values) -> Values:
        if name in _RESERVED or not name.isprintable() or name.split() != [name]:
            raise UsageError(f"a metric cannot be called {name!r}. Give it a short word of its own.")
        METRICS.add(name, Metric(name, meaning, statistic, better, function), function)
        return function

    return add


def names() -> list[str]:
    """All metrics of ranks, in the order of tables: those of CORE, then the others."""
    return [*CORE, *added()]


def added() -> list[str]:
    """The metrics beside CORE, in alphabetical order."""
    return [name for name in METRICS.names() if name not in CORE]


def share(hits: float, n: int) -> Estimate:
    """hits of n >= 1 queries in percent, with Wilson's interval; hits may be fractional, as ties make them."""
    low, high = wilson(hits, n)
    return Estimate(round(100 * hits / n, 4), round(100 * low, 4), round(100 * high, 4))
