"""The ceiling: the scores of a run that is told the true mood of every query and every clip, which no model may be.

    --emotions oracle

A query and a clip of unequal mood score below all pairs of equal mood; otherwise the run's own scores stand. So the
mood is known without fault and the content as well as the run knows it. Only a dataset whose card says which subsets
hold the true moods has one; with twins, which differ in mood, TwinAcc is 100 %.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.cards import Card
from bench.data.controls import ORACLE
from bench.engine.score_matrix import Band, ScoreMatrix
from bench.errors import BenchError


class OracleScores(ScoreMatrix):
    """Scores with every pair of unequal mood put below all pairs of equal mood, in the order that they had.

    moods: (N,) the true mood of each query, which is that of its clip. of: what `ScoreMatrix` takes.
    """

    def __init__(self, *of: Any, moods: NDArray[np.int64]):
        super().__init__(*of)
        self.moods, self.clip_moods = moods, moods[self._starts[:-1]]
        largest = max(float(np.abs(scores).max()) for _, _, scores in super().__iter__())
        self.step = np.float32(2 * largest + 1)

    def __iter__(self) -> Iterator[Band]:
        for queries, clips, scores in super().__iter__():
            unequal = self.moods[queries, None] != self.clip_moods[clips]
            yield queries, clips, np.where(unequal, scores - self.step, scores)


def true_moods(card: Card, subsets: Mapping[str, Sequence[int]], n: int) -> NDArray[np.int64]:  # (n,)
    """The place of each query's mood among the card's. BenchError: a query without a mood, or with two."""
    members = np.zeros((len(card.moods), n), np.bool_)
    for row, name in enumerate(card.moods):
        members[row, list(subsets.get(name, ()))] = True
    if (wrong := np.flatnonzero(members.sum(axis=0) != 1)).size:
        raise BenchError(
            f"{len(wrong)} queries of {card.name} are in none or several of {', '.join(card.moods)} (the first is "
            f"query {wrong[0]}): --emotions {ORACLE} needs one true mood for each. Use another test split."
        )
    return members.argmax(axis=0)
