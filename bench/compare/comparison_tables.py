"""The tables of comparisons: every variant against the baseline, and every control against its true run."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from bench.compare.asked import ask
from bench.compare.groups import control, hyperparameters
from bench.compare.numbers import equals, gap, number, probability
from bench.compare.paired import ALIKE, NO_CLAIM, PairedComparison
from bench.compare.run_tables import faces
from bench.data.controls import ORACLE
from bench.metrics.ranking import hits, log_ranks
from bench.metrics.statistics import ALPHA, MIN_QUERIES, paired_difference, sign_flip
from bench.records.record import Record
from bench.utils.tables import Table

OF_RUNS = "One seed each: this compares two runs. A verdict on variants needs two seeds or more of both."


def against(found: Sequence[PairedComparison], remarks: Sequence[str] = ()) -> Table:
    """Every variant against the baseline on one declared question: its size, Holm's p and a verdict; words below.

    remarks: on variants that were not compared, or not with all of their seeds.
    """
    question = ask(found[0].question)
    rows: list[list[str] | str] = [
        [one.name, question.shown(one.size), gap(one.difference), probability(one.raised), one.verdict] for one in found
    ]
    below = [_sentence(one) for one in found]
    below += [OF_RUNS] if any(one.of_runs for one in found) else []
    below += remarks
    return Table(["variant", question.column, "Δ R@1", "Holm p", "verdict"], rows, below)


def explored(found: Sequence[PairedComparison]) -> Table:
    """All other questions, under each variant's name; below, those on which it is not distinguishable."""
    rows: list[list[str] | str] = []
    below = []
    for name, group in groupby(found, lambda one: one.name):
        members = [*group]
        rows.append(name)
        own, other = _sides(members[0])
        quiet: dict[str, list[str]] = defaultdict(list)
        for one in members:
            question = (
                f"{'' if one.subset == 'all' else one.subset.capitalize() + ' '}{one.direction.upper()} R@{one.k}"
            )
            tests = [
                "–" if one.mcnemar is None else probability(one.mcnemar),
                "" if one.p is None else probability(one.p),
            ]
            won = "–" if one.wins is None else f"{one.wins}:{one.losses}"
            least = "–" if one.detectable is None else f"±{number(one.detectable, 10)}"
            rows.append([question, str(one.n), gap(one.difference), least, won, *tests])
            quiet[one.verdict].append(question)
        if quiet[ALIKE]:
            below.append(f"{own} is {ALIKE} from {other} in {', '.join(quiet[ALIKE])}.")
        if quiet[NO_CLAIM]:
            below.append(f"{name}: too few queries for a claim in {', '.join(quiet[NO_CLAIM])}.")
    return Table(["", "n", "difference", "least", "won:lost", "McNemar p", "ranks p"], rows, below)


def controls(records: Sequence[Record], subset: str) -> Table:
    """Under each true run's name its row and its controls' rows; below, whether an emotion effect was found."""
    trues = {record.run: record for record in records if not control(record)}
    families: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if control(record):
            families[record.controls["true_run"]].append(record)
    shown = ["all", subset] if any(subset in record.subsets for record in records) else ["all"]
    rows: list[list[str] | str] = []
    found = []
    for name, members in families.items():
        true = trues.get(name)
        rows.append(
            "  ".join([name, *hyperparameters(true)]) if true else f"{name} (true run) is not among these records"
        )
        for record in [true, *members] if true else members:
            entries = [record.metrics.get(part) for part in shown]
            recalls = [entry["t2v"]["R@1"]["value"] if entry else None for entry in entries]
            cells = ["–" if value is None else number(value) for value in recalls]
            if true and record is not true:
                asked = record.answers("t2v")
                p = sign_flip(_log_ranks(true), _log_ranks(record), asked.clusters)
                one, other = (hits(run.ranks["t2v"]["greater"], run.ranks["t2v"]["equal"], 1) for run in (true, record))
                told = record.controls["emotions"] == ORACLE  # no rival: nothing is tested
                cells += [gap(paired_difference(one, other, asked.video_clusters)), "–" if told else probability(p)]
                if control(record) in ("emotions shuffled", "trained on shuffled"):
                    found.append(_effect(true, record, p, _short_name(true, [*trues.values()])))
            else:
                cells += ["–", "–"]
            rows.append([control(record) or "true", *cells, str(record.metrics["all"]["n"])])
    involved = [record for record in records if record.run in families or control(record)]
    header = ["", *(f"{part.capitalize()} T2V R@1" for part in shown), "true − control", "p", "n"]
    return Table(header, rows, found + faces(involved))


def _sentence(one: PairedComparison) -> str:
    """The verdict in words, on two variants or on two runs: "film_text is not distinguishable from plain on …"."""
    if one.verdict == NO_CLAIM:
        return f"{one.name}: {one.n} queries are too few for a claim."
    question = ask(one.question)
    own, other = _sides(one)
    p = f"p {equals(one.raised)}"
    if one.verdict == ALIKE:
        return f"{own} is {ALIKE} from {other} on {question.queries(one.n)} ({p}).{_least(one)}"
    moved = one.difference.value or 0.0
    odd = ", although its R@1 is " + ("lower" if moved < 0 else "higher")
    odd = odd if (moved < 0) == (one.verdict == "better") and moved else ""
    assert one.size.value is not None, "a verdict has an effect"
    of, size = question.queries(one.n), question.sized(one.size.value)
    return f"{own} is {one.verdict} than {other} on {of} ({size}, {p}){odd}."


def _sides(one: PairedComparison) -> tuple[str, str]:
    """What is compared with what: two variants, or two runs where there is one seed each."""
    if not one.of_runs:
        return one.name, one.baseline
    return f"{one.name} (run of seed {one.seeds[0]})", f"{one.baseline} (run of seed {one.baseline_seeds[0]})"


def _least(one: PairedComparison) -> str:
    if one.detectable is None:
        return ""
    return f" This test set can only detect {ask(one.question).least(one.detectable)} (80 % power)."


def _effect(true: Record, shuffled: Record, p: float, name: str) -> str:
    n = true.metrics["all"]["n"]
    if n < MIN_QUERIES:
        return f"{name}: {n} queries are too few for a claim."
    what = "shuffled" if control(shuffled) == "emotions shuffled" else "trained on shuffled"
    if what == "shuffled" and true.ranks == shuffled.ranks:
        return f"{name}: no emotion effect was found: true and shuffled rank all {n} queries the same."
    if p >= ALPHA:
        return f"{name}: no emotion effect was found (true against {what}: p {equals(p)}, n = {n})."
    own, other = (float(np.exp(_log_ranks(record).mean())) for record in (true, shuffled))
    word = "better" if own < other else "worse"
    means = f"geometric mean rank {own:.2f} against {other:.2f}"
    return f"{name}: true is {word} than {what}: {means} (p {equals(p)}, not corrected, n = {n})."


def _short_name(record: Record, trues: Sequence[Record]) -> str:
    """Variant and seed; also the hyperparameters, or at last the run's whole name, where it takes them to tell."""

    def short(run: Record) -> str:
        return f"{run.variant} s{run.seed}"

    def long(run: Record) -> str:
        return " ".join([run.variant, *hyperparameters(run), f"s{run.seed}"])

    return next((name(record) for name in (short, long) if [*map(name, trues)].count(name(record)) == 1), record.run)


def _log_ranks(record: Record) -> NDArray[np.float64]:
    return log_ranks(record.ranks["t2v"]["greater"], record.ranks["t2v"]["equal"])
