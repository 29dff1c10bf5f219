"""Every vector scored by numpy, block after block; float32, because numpy's float16 is seven times as slow."""

import numpy as np

from bench.search.backends import Ids, ScoreFunction, Vectors, best, search_backend
from bench.search.index_store import Store


@search_backend("numpy")
class Exact:
    """Every window scored in memory, also by a variant's own score. Needs nothing else."""

    own_scores = True

    def __init__(self) -> None:
        self._score: ScoreFunction = _dot
        self._blocks: list[tuple[Ids, Vectors]] = []

    def load(self, store: Store, score: ScoreFunction | None) -> None:
        self._score = score or _dot
        self._blocks = list(store.features())

    def query(self, vector: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        if not self._blocks:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        ids = np.concatenate([ids for ids, _ in self._blocks])
        scores = np.concatenate([self._score(vector, block) for _, block in self._blocks])
        if among is not None:
            keep = np.isin(ids, among)
            ids, scores = ids[keep], scores[keep]
        return best(ids, scores, k)


def _dot(vector: Vectors, block: Vectors) -> Vectors:
    """Twice as fast as `block @ vector`, whose BLAS threads moreover wait for each other where cores are busy."""
    return np.einsum("np,p->n", block, vector)
