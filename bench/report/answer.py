"""The answer in a few sentences, computed: how many variants are better, which, and whether emotion is the reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from bench.compare.asked import Asked, Paired
from bench.compare.groups import Family, control
from bench.compare.numbers import equals
from bench.compare.paired import ALIKE, NO_CLAIM
from bench.metrics.statistics import ALPHA, holm
from bench.report.parts import Part, Study
from bench.utils.text import counted

NAMED = 3  # variants of one verdict that are named
_OPEN = "Whether the gain comes from emotion is open: no run has a control yet (bench grid controls)."
_EXTERNAL = "Whether emotion makes the difference is open: models that are scored from files have no controls."


def answers(study: Study) -> list[str]:
    """One or two sentences; where nothing is compared, why."""
    if len(study.parts) == 1:
        return own_answer(study.parts[0])
    compared = study.compared
    if not compared:
        return list(dict.fromkeys(_nothing(part) for part in study.parts))
    return [_side_by_side(compared), *_checked(compared)]


def own_answer(part: Part) -> list[str]:
    """What is said of one part alone, with names."""
    if part.compared:
        return [_verdicts(part), *_reasons(part)]
    external = bool(part.group.trues) and part.group.trues[0].external
    return [_nothing(part), *([_EXTERNAL] if external else [])]


def asked(study: Study) -> str:
    """What was measured, in a sentence for a reader who is new to it."""
    question = study.question
    return f"Measured is {question.measured}." if question and study.compared else ""


def _side_by_side(parts: Sequence[Part]) -> str:
    """How many are better in each part: "With batches of twins 3 of 12 ways …; with random batches 1 of 12"."""
    question, base = parts[0].question, parts[0].base
    assert question and base, "what is compared was asked, of a baseline"
    shares = []
    for number, part in enumerate(parts):
        better, worse = (sum(one.verdict == verdict for one in part.compared) for verdict in ("better", "worse"))
        first = number == 0
        share = f"with {part.label} {better} of {len(part.compared)}"
        share += f" {_ways(part, 2)} {_plural(question.more, better)} than {base.name}" * first
        cost = len(_costly(part))
        share += f" ({cost} of these with a lower R@1)" if cost else ""
        share += f" and {worse} {_plural(question.less, worse)}" if worse else ""
        shares.append(share)
    return f"W{'; '.join(shares)[1:]}."


def _checked(parts: Sequence[Part]) -> list[str]:
    """What is left of the gains of all parts with shuffled emotions."""
    found = [check for part in parts for check in shuffled_checks(part).values()]
    checks = [check for check in found if check]
    if not checks:
        return [_open(parts[0])] if found else []
    gone = sum(check.needed and not check.still_better for check in checks)
    if len(found) == 1:
        of = "the gain"
    elif gone == len(checks) == len(found):
        of = f"all {gone} gains"
    else:
        checked = "the one gain that was checked" if len(checks) == 1 else f"{gone} of the {len(checks)} gains checked"
        of = f"{checked}{f', of {len(found)} in all' if len(checks) < len(found) else ''}"
    if not gone:
        return [f"With the emotions of other captions (shuffled), something is left of {of.replace('0 of ', '')}."]
    because = "it comes" if gone == 1 else "they come"
    return [f"With the emotions of other captions (shuffled), nothing is left of {of}: {because} from emotion."]


def _open(part: Part) -> str:
    return _EXTERNAL if part.group.trues[0].external else _OPEN


def _ways(part: Part, count: int) -> str:
    """What is compared: ways to tell the model of emotion, or models of others."""
    plural = "s" * (count != 1)
    return f"model{plural}" if part.group.trues[0].external else f"way{plural} to tell the model about emotion"


def _costly(part: Part) -> list[str]:
    """Of the variants that are better on the declared question, those that find fewer videos at rank 1."""
    return [short(part, one.name) for one in part.compared if one.costly]


def _verdicts(part: Part) -> str:
    question, base, compared = part.question, part.base, part.compared
    assert question and base, "what is compared was asked, of a baseline"
    better, worse, alike, unclaimed = (
        [short(part, one.name) for one in compared if one.verdict == verdict]
        for verdict in ("better", "worse", ALIKE, NO_CLAIM)
    )
    n, total = compared[0].n, len(compared)
    runs = " (one run each)" if any(one.of_runs for one in compared) else ""
    if total == 1:
        name = f"the one {_ways(part, 1)}, {short(part, compared[0].name)}{runs}"
        if better:
            return f"T{name[1:]}, {_plural(question.more, 1)} than {base.name}."
        verdict = (
            f"{base.name} is better" if worse else f"these {n} queries {'cannot tell' if alike else 'are too few'}"
        )
        return f"For {name}, {verdict}."
    if unclaimed:
        return f"Of {total} {_ways(part, total)} nothing can be said: {n} queries are too few."
    if len(better) == total:
        return f"All {total} {_ways(part, total)}{runs} {question.more} than {base.name}."
    clauses = []
    if better:
        clauses.append(f"{len(better)} {_plural(question.more, len(better))} than {base.name} ({_named(better)})")
        if costly := _costly(part):
            clauses[-1] += f", of which {_named(costly)} with a lower R@1"
    else:
        clauses.append(f"none is shown to {question.more} than {base.name}")
    if worse:
        clauses.append(f"{len(worse)} {_plural(question.less, len(worse))} ({_named(worse)})")
    if alike:
        clauses.append(f"{len(alike)} cannot be told from {base.name} by these {n} queries")
    return f"Of {total} {_ways(part, total)}{runs}, {'; '.join(clauses)}."


def _reasons(part: Part) -> list[str]:
    """Of the variants that are better: whether they are so without the right emotions."""
    checks, base = shuffled_checks(part), part.base
    tested = {name: one for name, one in checks.items() if one}
    if not checks or base is None:
        return []
    if not tested:
        return [_open(part)]
    needed = {name: one for name, one in tested.items() if one.needed}
    falls, same, unchecked = (
        [short(part, name) for name in checks if name in names]
        for names in (needed, tested.keys() - needed.keys(), checks.keys() - tested.keys())
    )
    said = []
    if needed:
        p, alone = max(one.p for one in needed.values()), len(needed) == 1
        at_most = equals(p) if alone or p < 0.001 else f"≤ {p:.3f}"
        left = any(one.still_better for one in needed.values())
        said.append(
            f"With the emotions of other captions (shuffled), {_named(falls)} {'does' if alone else 'do'} worse than "
            f"with the right ones (p {at_most})"
            + ("." if left else f" and no better than {base.name}: the gain comes from emotion.")
        )
    if same:
        said.append(f"For {_named(same)} shuffled emotions make no difference that these queries show.")
    if unchecked:
        said.append(f"Not checked with shuffled emotions: {_named(unchecked)}.")
    return said


@dataclass(frozen=True)
class ShuffledCheck:
    """A family that is better than the baseline, against itself with the emotions of other captions.

    p: of the two being equal, by Holm over the families that were checked. worse: with shuffled emotions it is.
    still_better: than the baseline, even so.
    """

    p: float
    worse: bool
    still_better: bool

    @property
    def needed(self) -> bool:
        """Whether the family does worse without the right emotions."""
        return self.worse and self.p < ALPHA


def shuffled_checks(part: Part) -> dict[str, ShuffledCheck | None]:
    """By name, of every family that is better than the baseline; None where it has no run with shuffled emotions.

    Shuffled at test or, of a variant that takes no emotions then, in training. Compared are the seeds that have one.
    """
    families = {family.name: family for family in part.group.families}
    better = [families[one.name] for one in part.compared if one.verdict == "better"]
    found = {family.name: _shuffled(part, family) for family in better}
    tested = {name: one for name, one in found.items() if one}
    raised = holm([one.p for one in tested.values()]).tolist() if tested else []
    return {**found, **{name: replace(one, p=p) for (name, one), p in zip(tested.items(), raised, strict=True)}}


def _shuffled(part: Part, family: Family) -> ShuffledCheck | None:
    question, base = part.question, part.base
    assert question and base, "what is compared was asked, of a baseline"
    runs = {record.run: record for record in family.records}
    for kind in ("emotions shuffled", "trained on shuffled"):
        controls = [r for r in part.group.records if control(r) == kind and r.controls["true_run"] in runs]
        if controls:
            shuffled = Family(kind, tuple(controls))
            trues = Family(family.name, tuple(runs[record.controls["true_run"]] for record in controls))
            own, beside = question.paired(trues, shuffled), question.paired(shuffled, base)
            return ShuffledCheck(own.p, _improves(question, own), beside.p < ALPHA and _improves(question, beside))
    return None


def _improves(question: Asked, values: Paired) -> bool:
    effect = question.effect(values).value
    return effect is not None and question.improves(effect)


def short(part: Part, name: str) -> str:
    """A family's name without its hyperparameters, where that is enough to tell it from the others."""
    return _short(name, tuple(family.name for family in part.group.families))


@cache
def _short(name: str, others: tuple[str, ...]) -> str:
    first = name.split(" ")[0]
    alike = [other for other in others if other.split(" ")[0] == first and not other.endswith(" untrained")]
    return first if len(alike) == 1 else name


def _nothing(part: Part) -> str:
    reason = part.group.no_baseline(part.context.baseline) if len(part.group.families) > 1 else ""
    return reason or "Nothing is tested: it takes a run of the baseline and one of another variant."


def _plural(verb: str, count: int) -> str:
    """The verb of one or of several: "rank the …" of several is "ranks the …" of one."""
    first, rest = verb.split(" ", 1)
    singular = {"do": "does"}.get(first, f"{first}s")
    return f"{singular if count == 1 else first} {rest}"


def _named(names: Sequence[str]) -> str:
    """The first few names in a sentence."""
    if len(names) > NAMED + 1:
        return f"{', '.join(names[:NAMED])} and {counted(len(names) - NAMED, 'other')}"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))
