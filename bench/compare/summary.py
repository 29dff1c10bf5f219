"""The answer of `bench compare` on one screen: a sentence, one line a variant, best first, and what to type next.

It shows one protocol whole, the one with the most variants, and of the others the sentence alone. The quantity of the
verdict is the quantity shown. Everything else is in `bench.compare.render`, which `--full` prints.
"""

from collections.abc import Sequence

from bench.compare.asked import Asked, ask
from bench.compare.comparison_tables import OF_RUNS
from bench.compare.groups import Family, Group, control, group_records
from bench.compare.headroom import bounds
from bench.compare.numbers import number, probability
from bench.compare.paired import ALIKE, PairedComparison, declared
from bench.compare.pairing import pairs, withheld
from bench.compare.run_tables import faces
from bench.compare.sensitivity_table import least_found
from bench.metrics.metric_registry import TWIN_ACCURACY
from bench.records.protocol import EXTERNAL, LEFT_OUT, parse_signature
from bench.records.record import Record
from bench.utils.tables import Table, terminal
from bench.utils.terminal import printable
from bench.utils.text import columns, counted, wrapped

_WIDE = 100  # columns from which a table has room for what is not needed to read it
_NAMED = (
    "positives",
    "clips",
    "batches",
    "negatives",
    "freeze",
    "skipped",
)  # parts that stand in the first line if they are there
_REASONS = 2  # sentences on what is not compared; --full has all


def summary(records: Sequence[Record], baseline: str) -> str:
    """One screen on these records, without the last line break."""
    groups = group_records(records)
    main = max(groups, key=lambda group: (len(group.families), max(record.created for record in group.records)))
    others = [group for group in groups if group is not main]
    lines = wrapped(_scope(main, groups), width=columns())
    answers = {text: _compared(main, baseline, text) for text in main.questions}
    for text, found in answers.items():
        lines += wrapped(_answer(found, baseline) or _unanswered(main, baseline), width=columns())
        lines += ["", *terminal(_table(main, baseline, ask(text), found), "", "").splitlines()]
    if not answers:
        lines += ["", *terminal(_table(main, baseline, None, []), "", "").splitlines()]
    lines += _below(main, baseline, [one for found in answers.values() for one in found])
    if others:
        lines += ["", "Other protocols, never in one table with these (--only, --dataset):"]
    for group in others:
        found = [one for text in group.questions for one in _compared(group, baseline, text)]
        said = _answer(found, baseline) or counted(len(group.families), "variant") + ", nothing tested."
        lines += wrapped(f"{_difference(group, main)}: {said}", 2, "", columns())
    return "\n".join(map(printable, "\n".join(lines).split("\n")))


def _compared(group: Group, baseline: str, question: str) -> list[PairedComparison]:
    """A group's variants on one question; Holm's p is over all questions, as in the whole tables."""
    return [one for one in declared(pairs(group, baseline), group.questions) if one.question == question]


def _scope(group: Group, groups: Sequence[Group]) -> str:
    """What was asked of how many queries, and how this group differs from the others."""
    record = group.records[0]
    parts = parse_signature(group.protocol)
    apart = {name for other in groups if other is not group for name in _differing(group, other)} - {"test", "size"}
    shown = [f"{name}:{_part(group, name)}" for name in parts if name in _NAMED and name not in apart]
    shown += [f"{name}:{_part(group, name)}" for name in sorted(apart)]
    queries, clips = len(record.queries["captions"]), len(record.queries["videos"])
    seeds = sorted(
        {len(family.records) for family in group.families if family.trained or family.records[0].external}
    ) or [1]
    of_seeds = counted(seeds[-1], "seed") if len(seeds) < 2 else f"{seeds[0]} to {seeds[-1]} seeds"
    return (
        ", ".join([f"{parts['test']}, {queries} queries × {clips} clips", *shown, of_seeds])
        + " (whole protocol: --full)"
    )


def _answer(found: Sequence[PairedComparison], baseline: str) -> str:
    """The verdicts counted: "Of 13 variants, 5 are better than plain at telling twins apart, 1 is worse; …"."""
    said = []
    for text in dict.fromkeys(one.question for one in found):
        own = [one for one in found if one.question == text]
        if len(own) == 1:
            said.append(_single(own[0]))
            continue
        what = "run" if all(one.of_runs for one in own) else "variant"
        counts = {word: sum(one.verdict == word for one in own) for word in ("better", "worse")}
        rest = len(own) - sum(counts.values())
        parts = [f"{count} {_is(count)} {word}" for word, count in counts.items() if count]
        parts = [f"{', '.join(parts)} than {own[0].baseline} {ask(text).task}"] if parts else []
        if cost := sum(one.costly for one in own):
            parts[0] += f" ({cost} of these with a lower R@1)"
        if not parts:
            parts = [f"this test set can tell none from {own[0].baseline} {ask(text).task}"]
        elif rest:
            parts.append(f"for {rest} this test set cannot tell")
        said.append(f"Of {counted(len(own), what)}, {'; '.join(parts)}.")
    return " ".join(said)


def _single(one: PairedComparison) -> str:
    task = ask(one.question).task
    if one.verdict in ("better", "worse"):
        return f"{one.name} is {one.verdict} than {one.baseline} {task}."
    return f"This test set cannot tell {one.name} from {one.baseline} {task}."


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _unanswered(group: Group, baseline: str) -> str:
    """Why no verdict is there."""
    if reason := group.no_baseline(baseline):
        return reason
    return (
        f"There is nothing to compare with {baseline} yet."
        if not withheld(group, baseline)
        else "Nothing could be compared."
    )


def _table(group: Group, baseline: str, question: Asked | None, found: Sequence[PairedComparison]) -> Table:
    """One line a variant: R@1, TwinAcc, the effect and the verdict; more where the terminal is wide."""
    base = group.baseline(baseline)
    names, wide = short_names(group.families), columns() >= _WIDE
    by_name = {one.name: one for one in found}
    twins = all(TWIN_ACCURACY in record.metrics["all"]["t2v"] for record in group.trues)
    limits = bounds(group, baseline) if wide else None
    floor = group.floor(base) if base else None
    ceiling = group.ceiling(base) if base else None

    def row(name: str, family: Family, one: PairedComparison | None, verdict: str) -> list[str]:
        effect = question.shown(one.size) if question and one else ""
        cells = [name, *([str(len(family.records))] if wide else []), number(family.recall)]
        cells += [number(_mean_twins(family))] if twins else []
        cells += [effect] if found else []
        if limits:
            used = limits.emotion_used(family) if twins else limits.used(family)
            cells.append("–" if used.value is None else number(used.value, digits=2))
        cells += ([probability(one.raised) if one else ""] if wide else []) + [verdict] if found else []
        return cells

    header = ["variant", *(["seeds"] if wide else []), "T2V R@1", *([TWIN_ACCURACY] if twins else [])]
    header += [question.column] if question and found else []
    header += ["headroom used"] if limits else []
    header += [*(["Holm p"] if wide else []), "verdict"] if found else []
    rows: list[list[str] | str] = []
    for family in sorted(group.families, key=lambda family: _place(family, base, question, by_name)):
        one = by_name.get(family.name)
        if family is floor:
            continue
        verdict = "baseline" if base and family.records == base.records else _word(one)
        rows.append(row(names[family.name], family, one, verdict))
    rows += [row(names[floor.name], floor, None, "floor")] if floor else []
    rows += [row("told the true mood", ceiling, None, "ceiling")] if ceiling else []
    return Table(header, rows)


def _word(one: PairedComparison | None) -> str:
    if one is None:
        return "not compared"
    return "cannot tell" if one.verdict == ALIKE else one.verdict


def _place(family: Family, base: Family | None, question: Asked | None, found: dict[str, PairedComparison]) -> tuple:
    """Where a family stands: by its effect, the baseline at no effect, what is not compared below, by its R@1."""
    one = found.get(family.name)
    if question and found and (one or (base and family.records == base.records)):
        effect = (one.size.value if one else None) or question.equal
        return 0, -effect if question.higher_is_better else effect
    return 1, -family.recall


def _mean_twins(family: Family) -> float:
    values = [record.metrics["all"]["t2v"][TWIN_ACCURACY]["value"] for record in family.records]
    return sum(values) / len(values)


def _below(group: Group, baseline: str, found: Sequence[PairedComparison]) -> list[str]:
    """What this test set could have told, what was left out, and what --full has beside."""
    said = []
    for text in dict.fromkeys(one.question for one in found):
        seeds = min(len(one.seeds) for one in found)
        if least := least_found(group, baseline, text, seeds):
            said.append(f"This test set {least}.")
    if any(one.of_runs for one in found):
        said.append(OF_RUNS)
    reasons = withheld(group, baseline)
    said += reasons[:_REASONS]
    said += [f"{len(reasons) - _REASONS} more are not compared: --full says why."] if len(reasons) > _REASONS else []
    said += faces(group.trues)
    below = sum(bool(control(record)) for record in group.records)
    more = [*([counted(below, "control")] if below else []), "every run", "other questions"]
    said.append(f"With --full: {', '.join(more)}.")
    return [line for sentence in said for line in wrapped(sentence, 2, "", columns())]


def _differing(group: Group, other: Group) -> list[str]:
    own, there = parse_signature(group.protocol), parse_signature(other.protocol)
    return [name for name in {**own, **there} if own.get(name) != there.get(name)]


def _difference(group: Group, main: Group) -> str:
    """The parts of a protocol that set it apart, as --only takes them."""
    names = _differing(group, main)
    if "test" in names or "size" in names:
        parts = parse_signature(group.protocol)
        return f"{parts['test']}, {parts['size']}"
    return ", ".join(f"{name}:{_part(group, name)}" for name in names) or f"other data ({group.data})"


def _part(group: Group, name: str) -> str:
    return parse_signature(group.protocol).get(name, LEFT_OUT.get(name, "none"))


def short_names(families: Sequence[Family]) -> dict[str, str]:
    """Family's name -> its variant, with those settings alone that set it apart from the variant's other families."""
    found = {}
    for family in families:
        own = family.records[0].variant
        same = [other.name.split() for other in families if other.records[0].variant == own]
        parts = family.name.split()[1:]
        apart = [part for part in parts if part in ("untrained", EXTERNAL) or not all(part in other for other in same)]
        found[family.name] = " ".join([own, *apart])
    return found
