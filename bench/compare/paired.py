"""Every variant against one baseline: what was declared before any run, the rest marked as exploratory.

Declared are the questions of the dataset's card (`bench.compare.asked`). p is of the paired sign-flip test, raised
by Holm for the number of variants and questions. All other subsets, directions and cut-offs are exploratory: their p
stands as it is, and no verdict but "not distinguishable" is drawn from it.

A verdict is on variants where both sides have the same number of seeds, two or more. One seed says nothing of others:
then it is on two runs. Runs of unequal training are not compared at all; `bench.compare.pairing` says which may be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.compare.asked import Asked, Paired, ask
from bench.compare.groups import Group
from bench.compare.pairing import Pair, pairs
from bench.metrics.estimate import Estimate
from bench.metrics.ranking import DIRECTIONS, KS
from bench.metrics.seeds import mean_over_seeds
from bench.metrics.statistics import (
    ALPHA,
    MIN_QUERIES,
    cluster_labels,
    detectable,
    effective_number,
    holm,
    mcnemar,
    paired_difference,
)

ALIKE = "not distinguishable"
NO_CLAIM = "no claim"


@dataclass(frozen=True)
class PairedComparison:
    """A family against the baseline, in one direction, over the queries of one subset, at one cut-off k.

    seeds, baseline_seeds: of the runs compared, as many on both sides.
    difference: of recall at k, family - baseline, in points. p: the sign-flip test on the log-ranks of these queries,
    or on what was declared, by each query's mean over the seeds; with several seeds no less than that of Student's t
    over seeds and queries; at k = 1 alone, for ranks belong to no k.
    wins, losses, mcnemar: queries that one alone has right at k, and their exact p; None where there are several seeds,
    and p where several captions of a video are no queries of their own.
    detectable: the smallest difference at k, in points, that McNemar's test on so many queries, or on the number that
    they are worth, shows with 80 % power; None where there is none, or where there are several seeds. Of what is
    declared: the smallest effect.
    question, effect, corrected, holm: of what is declared alone. effect: what p asks about, in the question's unit.
    corrected: the same with the interval at the level of its step in Holm's correction, wider than 95 %: where it does
    not hold the effect of equal families, there is a verdict.
    verdict: better, worse (by the effect), not distinguishable, or no claim (fewer than 20 queries).
    """

    name: str
    baseline: str
    subset: str
    direction: str
    k: int
    n: int
    seeds: tuple[int, ...]
    baseline_seeds: tuple[int, ...]
    difference: Estimate
    p: float | None
    wins: int | None
    losses: int | None
    mcnemar: float | None
    detectable: float | None
    question: str = ""
    effect: Estimate | None = None
    corrected: Estimate | None = None
    holm: float | None = None
    verdict: str = ""

    @property
    def of_runs(self) -> bool:
        """Whether it is two runs that are compared: one seed each says nothing of the variants."""
        return len(self.seeds) == 1

    @property
    def costly(self) -> bool:
        """Whether it is better on the declared question and finds fewer videos at rank 1, its interval below 0."""
        return self.verdict == "better" and self.difference.high is not None and self.difference.high < 0

    @property
    def raised(self) -> float:
        """Holm's p, which declared comparisons alone have."""
        assert self.holm is not None, "an exploratory comparison has no Holm p"
        return self.holm

    @property
    def size(self) -> Estimate:
        """The effect, which declared comparisons alone have."""
        assert self.effect is not None, "an exploratory comparison has no effect"
        return self.effect


def compare_all(group: Group, subset: str, baseline: str) -> tuple[list[PairedComparison], list[PairedComparison]]:
    """The declared and the exploratory comparisons of a group's families with the baseline; none where it is not here.

    baseline: a variant's name or a run's id; see `Group.baseline`. Families that may not be compared with it are left
    out, and out of Holm's family; `bench.compare.pairing.withheld` says why.
    """
    found = pairs(group, baseline)
    return declared(found, group.questions), [one for pair in found for one in _exploratory(pair, subset)]


def declared(found: Sequence[Pair], questions: Sequence[str]) -> list[PairedComparison]:
    """Each pair on the questions that were declared, question by question; p by Holm over all, with a verdict."""
    if not found:
        return []
    asked = [ask(text) for text in questions]
    alpha = ALPHA / (len(found) * len(asked))  # what Holm asks of the smallest p
    compared = [_answer(question, pair, alpha) for question in asked for pair in found]
    ps = np.array([one.p or 0.0 for one in compared])
    levels = 1 - ALPHA / (len(ps) - ps.argsort(kind="stable").argsort(kind="stable"))
    return [
        replace(one, holm=p, verdict=_verdict(one, p), corrected=question.effect(question.paired(*sides), level))
        for one, p, level, (question, *sides) in zip(
            compared,
            holm(ps).tolist(),
            levels.tolist(),
            [(question, pair.family, pair.baseline) for question in asked for pair in found],
            strict=True,
        )
    ]


def _answer(question: Asked, pair: Pair, alpha: float) -> PairedComparison:
    """What a declared question says of two families, without Holm and verdict; recall at 1 of its queries beside it."""
    values = question.paired(pair.family, pair.baseline)
    beside = compare(pair, question.subset, question.rows(pair.baseline.records[0]), "t2v", 1)
    return replace(
        beside,
        question=question.text,
        effect=question.effect(values),
        p=values.p,
        detectable=question.detectable(values, alpha),
    )


def _exploratory(pair: Pair, subset: str) -> list[PairedComparison]:
    """One family at every k in T2V, at 1 in V2T, and at 1 over the subset both ways."""
    record = pair.baseline.records[0]
    everything = range(record.metrics["all"]["n"])
    asked: list[tuple[str, Sequence[int], str, int]] = [("all", everything, "t2v", k) for k in KS]
    asked.append(("all", everything, "v2t", 1))
    if record.subsets.get(subset):
        asked += [(subset, record.subsets[subset], direction, 1) for direction in DIRECTIONS]
    found = [compare(pair, *question) for question in asked]
    return [replace(one, verdict=_quiet_verdict(one)) for one in found]


def compare(pair: Pair, subset: str, rows: Sequence[int], direction: str, k: int) -> PairedComparison:
    """The numbers of one comparison, without a verdict. rows: the subset's queries, at least one.

    With one seed on each side the difference's interval is `paired_difference`'s; with more it is that of
    `mean_over_seeds`, and no narrower than the former of the seeds' means.
    """
    family, baseline = pair.family, pair.baseline
    one, other = family.hits(rows, direction, k), baseline.hits(rows, direction, k)  # (S, n) each
    clusters, together, n = baseline.clusters(rows, direction), baseline.video_clusters(rows, direction), one.shape[1]
    single = len(one) == 1
    difference = paired_difference(one.mean(axis=0), other.mean(axis=0), together)
    if not single and (interval := mean_over_seeds(one, other, clusters).interval()):
        difference = _widened(difference, *(100 * end for end in interval))
    wins, losses = int((one[0] > other[0]).sum()), int((one[0] < other[0]).sum())
    return PairedComparison(
        name=family.name,
        baseline=baseline.name,
        subset=subset,
        direction=direction,
        k=k,
        n=n,
        seeds=family.seeds,
        baseline_seeds=baseline.seeds,
        difference=difference,
        p=_of_log_ranks(pair, rows, direction).p if k == 1 else None,
        wins=wins if single else None,
        losses=losses if single else None,
        mcnemar=mcnemar(wins, losses) if single and together is None else None,
        detectable=detectable(_number(one[0] - other[0], together), (wins + losses) / n) if single else None,
    )


def _number(differences: np.ndarray, clusters: np.ndarray | None) -> int:
    """How many queries these are worth."""
    return len(differences) if clusters is None else int(effective_number(differences, clusters))


def _of_log_ranks(pair: Pair, rows: Sequence[int], direction: str) -> Paired:
    one, other = (side.log_ranks(rows, direction) for side in (pair.family, pair.baseline))
    return Paired(one, other, cluster_labels(pair.baseline.clusters(rows, direction), one.shape[1]))


def _verdict(one: PairedComparison, p: float) -> str:
    if one.n < MIN_QUERIES:
        return NO_CLAIM
    if p >= ALPHA or one.size.value is None:
        return ALIKE
    return "better" if ask(one.question).improves(one.size.value) else "worse"


def _quiet_verdict(one: PairedComparison) -> str:
    """Not distinguishable where neither its own tests nor, with several seeds, its interval say otherwise."""
    if one.n < MIN_QUERIES:
        return NO_CLAIM
    ps = [p for p in (one.p, one.mcnemar) if p is not None]
    differs = min(ps, default=1.0) < ALPHA
    low, high = one.difference.low, one.difference.high
    if not ps and low is not None and high is not None:
        differs = not low <= 0 <= high
    return "" if differs else ALIKE


def _widened(difference: Estimate, low: float, high: float) -> Estimate:
    """The difference, in points, with an interval that holds both its own and this one."""
    assert difference.low is not None and difference.high is not None
    return replace(difference, low=max(-100.0, min(difference.low, low)), high=min(100.0, max(difference.high, high)))
