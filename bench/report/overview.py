"""The first screen's figure as a table of bars, the main table, and what the numbers rest on."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from bench.compare.asked import Asked
from bench.compare.groups import Family
from bench.compare.headroom import bounds, content_alone
from bench.compare.numbers import estimate, number, probability
from bench.compare.paired import PairedComparison
from bench.compare.run_tables import over_seeds
from bench.compare.sensitivity_table import least_found
from bench.metrics.estimate import Estimate
from bench.metrics.metric_registry import TWIN_ACCURACY
from bench.metrics.statistics import ALPHA
from bench.report.parts import Part, Study
from bench.utils.tables import Table
from bench.utils.text import counted

BOLD = "Bold: the best of the variants that are better than the baseline, and those not distinguishable from it."
REACH = 4.0  # an effect that lies this many times further out than the one in the middle is drawn at the edge


@dataclass(frozen=True)
class Bar:
    """An effect on an axis from 0 (worse) to 100 (better). low, high: of 95 %; wide: corrected for the comparisons.

    beyond: "worse" or "better" where it lies outside of the axis.
    """

    value: float
    low: float
    high: float
    wide: tuple[float, float]
    verdict: str
    text: str
    beyond: str


@dataclass(frozen=True)
class ForestRow:
    """A variant with its bar in each part; None where the part does not have it."""

    name: str
    bars: list[Bar | None]


@dataclass(frozen=True)
class Axis:
    """ticks: (place from 0 to 100, text). equal: the place of no effect."""

    ticks: list[tuple[float, str]]
    equal: float


class EffectScale:
    """Where effects lie on an axis on which better is right: linear, or of ratios logarithmic."""

    def __init__(self, question: Asked, effects: Sequence[Estimate]):
        self.question, self.ratios = question, question.equal == 1
        ends = [[self._shift(end) for end in (one.value, one.low, one.high) if end is not None] for one in effects]
        sizes = sorted(max(map(abs, own), default=0.0) for own in ends)
        middle = sizes[len(sizes) // 2]
        inside = [
            end for own, size in ((own, max(map(abs, own))) for own in ends) for end in own if size <= REACH * middle
        ]
        self.low, self.high = min([0.0, *inside]), max([0.0, *inside])
        room = 0.06 * (self.high - self.low) or 1.0
        self.low, self.high = self.low - room, self.high + room

    def _shift(self, effect: float) -> float:
        """How far an effect is from no effect, above 0 where it is better."""
        shift = log(max(effect, 1e-9)) if self.ratios else effect - self.question.equal
        return shift if self.question.higher_is_better else -shift

    def place(self, effect: float) -> float:
        """From 0 to 100; beyond where it lies outside."""
        return 100 * (self._shift(effect) - self.low) / (self.high - self.low)

    @property
    def axis(self) -> Axis:
        """About five round numbers."""
        if self.ratios:
            steps = [0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20]
        else:
            size = next(one for one in (0.5, 1, 2, 5, 10, 20, 25, 50) if (self.high - self.low) / one <= 6 or one == 50)
            steps = [size * count for count in range(-200, 201)]
        shown = [(self.place(step), step) for step in steps if 2 <= self.place(step) <= 98]
        while len(shown) > 6:
            shown = [one for place, one in enumerate(shown) if place % 2 == 0 or one[1] == self.question.equal]
        sign = "" if self.ratios else "+"
        texts = [(place, f"{step:{sign if step else ''}g}".replace("-", "−")) for place, step in shown]
        return Axis(texts, self.place(self.question.equal))

    def bar(self, one: PairedComparison) -> Bar:
        """A comparison on this axis."""
        size, wide = one.size, one.corrected or one.size
        value = self.place(size.value) if size.value is not None else self.place(self.question.equal)

        def ends(found: Estimate) -> tuple[float, float]:
            places = [value if end is None else self.place(end) for end in (found.low, found.high)]
            low, high = sorted(min(100.0, max(0.0, place)) for place in places)
            return low, high

        beyond = "worse" if value < 0 else "better" if value > 100 else ""
        text = self.question.shown(size)
        return Bar(min(100.0, max(0.0, value)), *ends(size), ends(wide), one.verdict, text, beyond)


def forest(study: Study) -> tuple[list[ForestRow], Axis] | None:
    """Every variant's effect in each part, on one axis; the best of the first part on top. None: nothing compared."""
    parts, question = study.compared, study.question
    if not parts or question is None:
        return None
    every = [one for part in parts for one in part.compared]
    scale = EffectScale(question, [one.corrected or one.size for one in every])
    names = dict.fromkeys(one.name for one in every)
    by_name = [{one.name: one for one in part.compared} for part in parts]
    rows = [ForestRow(name, [scale.bar(own[name]) if name in own else None for own in by_name]) for name in names]
    return rows, scale.axis


def main_table(study: Study) -> Table:
    """A line for every variant, best first: recall and the effect that was declared, and of one part alone the rest.

    Bold: the best of those that are better than the baseline, and those that cannot be told from it.
    """
    parts = study.parts
    columns = [_columns(part, alone=len(parts) == 1) for part in parts]
    names = dict.fromkeys(name for _, rows, _ in columns for name in rows)
    header = ["variant"] + [
        f"{part.label}: {name}" if part.label else name
        for part, (own, _, _) in zip(parts, columns, strict=True)
        for name in own
    ]
    rows: list[list[str] | str] = []
    bold = set()
    for name in names:
        cells = [name]
        for own, found, best in columns:
            if name in best:
                bold |= {(len(rows), 0), *((len(rows), len(cells) + place) for place in range(min(2, len(own))))}
            cells += found.get(name, ["–"] * len(own))
        rows.append(cells)
    return Table(header, rows, bold=frozenset(bold))


def _columns(part: Part, alone: bool) -> tuple[list[str], dict[str, list[str]], set[str]]:
    """The header, the cells of each variant, best first, and which are to be bold. alone: all columns."""
    group, base, question = part.group, part.base, part.question
    compared = {one.name: one for one in part.compared}
    families = {family.name: family for family in group.families}
    floor = group.floor(base) if base else None
    ceiling = group.ceiling(base) if base else None
    twins = alone and bool(group.records[0].twins) and not group.mixed
    limits = bounds(group, part.context.baseline) if alone else None
    own = ["T2V R@1"]
    if compared and question:
        own.append(question.column)
    own += (
        [TWIN_ACCURACY] * twins + ["headroom used"] * bool(limits) + ["Holm p", "verdict"] * (alone and bool(compared))
    )

    def cells(family: Family) -> list[str]:
        one = compared.get(family.name)
        found = [estimate(over_seeds(family, "t2v", 1)) if alone else number(family.recall)]
        if compared and question:
            found.append(question.shown(one.size) if one else "–")
        if twins:
            found.append(number(100 * float(family.twin_wins(sorted(family.records[0].twins)).mean())))
        if limits:
            ends = {limits.floor.name: "0", limits.ceiling.name: "1"}
            used = limits.emotion_used if question and question.text == "twins" else limits.used
            found.append(ends.get(family.name) or estimate(used(family), 2))
        if alone and compared:
            found += [probability(one.raised), one.verdict] if one else ["", _role(family, base, floor, ceiling)]
        return found

    ranked = [families[name] for name in compared] or [family for family in families.values() if family is not floor]
    rest = [family for family in families.values() if family not in ranked and family not in (base, floor)]
    shown = [*ranked, *([base] if base and base not in ranked else []), *rest]
    shown = _with_base_in_place(shown, base, part) + [end for end in (ceiling, floor) if end and end not in shown]
    return own, {family.name: cells(family) for family in shown}, _best(part, families)


def _with_base_in_place(shown: list[Family], base: Family | None, part: Part) -> list[Family]:
    """The baseline between the variants whose effect is for the better and those whose is not."""
    if base is None or part.question is None or not part.compared:
        return shown
    others = [family for family in shown if family is not base]
    ahead = sum(1 for one in part.compared if one.size.value is not None and part.question.improves(one.size.value))
    return [*others[:ahead], base, *others[ahead:]]


def _role(family: Family, base: Family | None, floor: Family | None, ceiling: Family | None) -> str:
    roles = {id(base): "baseline", id(floor): "floor", id(ceiling): "ceiling"}
    return roles.get(id(family), "not compared")


def _best(part: Part, families: dict[str, Family]) -> set[str]:
    """The best variant with the verdict better, and those of this verdict that cannot be told from it."""
    question = part.question
    better = [families[one.name] for one in part.compared if one.verdict == "better"]
    if not better or question is None:
        return set()
    first = better[0]
    return {first.name} | {one.name for one in better[1:] if question.paired(first, one).p >= ALPHA}


def foundations(study: Study) -> Table:
    """What to trust: seeds, ceiling, floor, sensitivity and what is simulated, a column for every part."""
    columns = [_foundation(part) for part in study.parts]
    names = dict.fromkeys(name for column in columns for name in column)
    rows: list[list[str] | str] = [[name, *(column.get(name, "–") for column in columns)] for name in names]
    return Table(["", *(part.label or study.name for part in study.parts)], rows)


def _foundation(part: Part) -> dict[str, str]:
    group, base = part.group, part.base
    families = [family for family in group.families if family.trained] or group.families
    found: dict[str, str] = {}
    counts = sorted({len(family.records) for family in families})
    seeds = sorted({seed for family in families for seed in family.seeds})
    if counts:
        each = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        several = "verdicts are on variants" if counts[0] > 1 else "verdicts are on single runs, not on variants"
        found["Seeds"] = f"{each} of each ({', '.join(map(str, seeds))}): {several}"
    if base and not base.records[0].external:
        twins = bool(group.records[0].twins)
        floor, ceiling = group.floor(base), group.ceiling(base)
        found["Ceiling"] = (
            f"told the true mood: {_reached(ceiling, twins)}" if ceiling else "not run (--emotions oracle)"
        )
        if twins:
            alone = 100 * content_alone(group.records[0])
            found["Content alone"] = f"computed, nothing of the mood known: T2V R@1 {number(alone)}, TwinAcc 50.0"
        found["Floor"] = f"before training: {_reached(floor, twins)}" if floor else "not run (--train.epochs 0)"
    if part.compared and part.question:
        found["Sensitivity"] = _sensitivity(part)
        checked = [one for one in part.compared if one.of_runs]
        total = counted(len(part.context.comparisons), "comparison")
        found["Test"] = f"paired sign-flip test{'' if checked else ' and t over seeds'}, Holm over {total}"
    simulated = sorted({record.faces["source"] for record in group.records if record.faces})
    if simulated:
        found["Faces"] = "; ".join(simulated)
    return found


def _reached(family: Family, twins: bool) -> str:
    reached = f"T2V R@1 {number(family.recall)}"
    if twins:
        reached += f", TwinAcc {number(100 * float(family.twin_wins(sorted(family.records[0].twins)).mean()))}"
    return reached


def _sensitivity(part: Part) -> str:
    assert part.question, "what is compared was asked"
    here = min(len(comparison.seeds) for comparison in part.compared)
    least = least_found(part.group, part.context.baseline, part.question.text, here)
    return least or "not known: no variant differs from the baseline"
