"""The sensitivity of a benchmark: the smallest true effect that its verdicts find, for so many seeds.

From the records: studies are drawn from the queries and seeds of the baseline and of each variant
(`bench.metrics.power`), an effect is added, and counted is how often Holm's p would be below 0.05 for the first of the
variants in the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.compare.asked import Asked, ask
from bench.compare.groups import Group
from bench.compare.numbers import number
from bench.compare.pairing import pairs
from bench.metrics.power import needed_effects
from bench.metrics.statistics import ALPHA, MIN_QUERIES, POWER
from bench.utils.tables import Table
from bench.utils.text import counted

SEEDS = (1, 3, 5)
Sides = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]  # values of both, clusters

STUDIES = 400  # for each variant: the 80 % quantile is 2 % off


@dataclass(frozen=True)
class Sensitivity:
    """Of one question over n queries, in a table of so many comparisons.

    floor: what a shift must be at least, whoever is compared.
    needed: by the number of seeds a side, for every variant and study the shift of the mean that it takes to be found,
    (variants, studies). Where no family has several seeds, for one seed alone, and without the spread of seeds.
    """

    question: Asked
    n: int
    comparisons: int
    floor: float
    needed: dict[int, NDArray[np.float64]]

    def least(self, seeds: int) -> tuple[float, float, float]:
        """The smallest effect found with 80 % power: of the median variant, the surest and the least sure."""
        each = self.shifts(seeds)
        middle, surest, last = (self.question.gain(float(shift)) for shift in (np.median(each), each.min(), each.max()))
        return middle, surest, last

    def shifts(self, seeds: int) -> NDArray[np.float64]:
        """(variants,): the change of the mean that is found with 80 % power; infinite where none is."""
        return np.maximum(np.quantile(self.needed[seeds], POWER, axis=1, method="higher"), self.floor)

    def power(self, seeds: int, shifts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of studies, of all variants, that find a change of the mean by each of the `shifts`.

        By these records' own differences, which for variants that hardly differ promise more than `floor` allows.
        """
        return (self.needed[seeds].reshape(-1, 1) <= shifts).mean(axis=0)

    def wrong(self, seeds: int) -> float:
        """The share of tables that find an effect, for better or worse, where there is none."""
        each = min(1.0, 2 * float(self.power(seeds, np.zeros(1))[0]))
        return 1 - (1 - each) ** self.comparisons


def sensitivities(group: Group, baseline: str) -> list[Sensitivity]:
    """One for every declared question that has enough queries, of the variants that differ from the baseline at all."""
    found = pairs(group, baseline)
    asked = [ask(text) for text in group.questions] if found else []
    alpha = ALPHA / max(1, len(found) * len(asked))  # what Holm asks of the smallest p
    result = []
    for question in asked:
        compared = [question.paired(pair.family, pair.baseline) for pair in found]
        n = len(compared[0].clusters)
        compared = [values for values in compared if values.difference.detectable(alpha)]
        if compared and n >= MIN_QUERIES:
            floor, sign = question.least_shift(n, alpha), 1 if question.higher_is_better else -1
            needed = _needed([(sign * one.one, sign * one.other, one.clusters) for one in compared], alpha)
            one = Sensitivity(question, n, len(found) * len(asked), floor, needed)
            if all(np.isfinite(one.shifts(seeds)).all() for seeds in needed):  # no effect suffices for a few clusters
                result.append(one)
    return result


def least_found(group: Group, baseline: str, question: str, seeds: int) -> str:
    """The smallest true effect that is found with 80 % power, in words: "with 3 seeds finds differences of …".

    seeds: of each side; with fewer where the records do not say what so many would find. Empty where no variant
    differs from the baseline, or the question has too few queries.
    """
    for one in sensitivities(group, baseline):
        if one.question.text == question:
            count = max([known for known in one.needed if known <= seeds] or [min(one.needed)])
            least = one.question.least(one.least(count)[0])
            return f"with {counted(count, 'seed')} finds {least} (80 % power; the median variant)"
    return ""


def sensitivity(found: Sequence[Sensitivity]) -> Table:
    """A row for every question and number of seeds."""
    rows: list[list[str] | str] = []
    below = []
    for one in found:
        bare = one.question.bare
        rows.append(f"{one.question.note[0]}, {one.question.queries(one.n)}; effects: {one.question.unit}")
        for seeds in one.needed:
            middle, surest, last = one.least(seeds)
            rows.append(
                [str(seeds), f"{bare(middle)} ({bare(surest)} to {bare(last)})", number(100 * one.wrong(seeds))]
            )
    if any(len(one.needed) < len(SEEDS) for one in found):
        below.append("One seed each: how far seeds spread, and so what several would find, is not known.")
    return Table(["seeds", "smallest effect", "wrong, %"], rows, below)


SENSITIVITY_NOTE = (
    f"Sensitivity: the smallest true effect that is found with 80 % power at Holm p < {ALPHA}, simulated from these "
    "records; of the median variant (smallest to largest of all variants). Seeds: of each side. Wrong: share of tables "
    "without any true effect that find one."
)


def _needed(compared: Sequence[Sides], alpha: float) -> dict[int, NDArray[np.float64]]:
    """By number of seeds (variants, studies), as in `needed_effects`."""
    spread = _spread([compared[0][1], *(one for one, _, _ in compared)])
    return {
        seeds: np.array(
            [
                needed_effects(
                    *sides,
                    seeds=seeds,
                    spread=spread or 0.0,
                    alpha=alpha,
                    studies=STUDIES,
                    rng=np.random.default_rng([seeds, place]),
                )
                for place, sides in enumerate(compared)
            ]
        )
        for seeds in (SEEDS if spread is not None else SEEDS[:1])
    }


def _spread(sides: Sequence[NDArray[np.float64]]) -> float | None:
    """The standard deviation of a seed's mean, pooled over families with several seeds; None where there is none."""
    several = [side.mean(axis=1) for side in sides if len(side) > 1]
    if not several:
        return None
    squares = sum(float(((means - means.mean()) ** 2).sum()) for means in several)
    return float((squares / sum(len(means) - 1 for means in several)) ** 0.5)
