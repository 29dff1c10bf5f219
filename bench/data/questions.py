"""The question that is declared before any run: what a verdict on two variants asks.

    ranks:SUBSET   T2V log-ranks of the subset's queries; ranks:all of every query
    twins          does a query score its own clip above its twin, which differs in emotion alone?

A dataset's card declares one or more, a record holds those that its test split can answer, and a later change of the
card moves no record that is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.errors import BenchError

RANKS, TWINS = "ranks", "twins"
ALL = "all"
USUAL = "ranks:all"  # of cards that declare none, and of records from before they did


@dataclass(frozen=True)
class Question:
    """kind: RANKS or TWINS. subset: the queries that are asked; of TWINS those that have a twin."""

    kind: str
    subset: str


def parse_question(text: str) -> Question:
    """The question of its text in a card or a record. BenchError: it is none."""
    kind, _, subset = text.partition(":")
    if text == TWINS:
        return Question(TWINS, TWINS)
    if kind != RANKS or not subset:
        raise BenchError(f"{text!r} is no question. There are ranks:all, ranks:SUBSET and twins.")
    return Question(RANKS, subset)


def can_answer(question: Question, subsets: Mapping[str, Sequence[int]], twins: Mapping[int, int]) -> bool:
    """Whether a test split with these subsets and twins has queries for it."""
    if question.kind == TWINS:
        return bool(twins)
    return question.subset == ALL or bool(subsets.get(question.subset))


def answerable(declared: Sequence[str], subsets: Mapping[str, Sequence[int]], twins: Mapping[int, int]) -> list[str]:
    """Those of a card's questions that a test split has queries for; the usual one where it has none for any."""
    found = [text for text in declared if can_answer(parse_question(text), subsets, twins)]
    return found or [USUAL]
