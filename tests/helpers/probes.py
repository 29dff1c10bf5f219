"""Probes for tests: numbers as a test gives them, with as little around them as a probe can have."""

from bench.metrics.estimate import Estimate
from bench.records.probe import SCORES, Column, Edit, Measured, Probe


def measured(value: float | None, n: int, chance: float | None = None) -> Measured:
    """A value with an interval of a tenth to both sides; none of too few queries."""
    bounds = (None, None) if value is None else (value * 0.9, value * 1.1)
    return Measured(Estimate(value, *bounds), n, chance, keys=("value", "low", "high", "n", "chance"))


def make_probe(
    *,
    code: str = "12345678",
    flip: Measured | None = None,
    text_only: Measured | None = None,
    group: Measured | None = None,
    emotion: dict[str, Measured] | None = None,
    moves: Column | None = None,
) -> Probe:
    """A probe of a swap alone. emotion: by simulated faces; moves: the swap's, of every query."""
    none, moves = measured(None, 0), moves or []
    swap = Edit(flip or none, none, text_only or none, [None] * len(moves), moves, [None] * len(moves))
    return Probe(
        created="2026-01-02T03:04:05+00:00",
        code=code,
        edits={"swap": swap},
        words=[None] * len(moves),
        selectivity={},
        shift=none,
        shifts=[None] * len(moves),
        shown_by="nobody",
        emotion=emotion or {},
        emotion_by="simulated faces" if emotion else "",
        emotion_per_query={},
        subsets={},
        twins={name: (group or none) if name == "group" else none for name in SCORES},
        pairs=[],
        twins_per_pair={name: [] for name in SCORES},
        text_only="bigrams",
    )
