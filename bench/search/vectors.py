"""Which vectors score highest with a query: one protocol, numpy by default, faiss and Qdrant as extras.

All are exact: on the same vectors they give the same ids in the same order.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError

BACKENDS = ("numpy", "faiss", "qdrant")

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Scores = Callable[[Vectors, Vectors], Vectors]  # (P,), (n, P) -> (n,)


class Index(Protocol):
    """Vectors by id. The score of a vector with a query is their dot product; higher is better."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Takes vectors (n, P) with ids (n,) that it does not have yet."""
        ...

    def remove(self, ids: Ids) -> None:
        """Drops the vectors of these ids; an id that is not there is no error."""
        ...

    def query(self, vector: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """The k best, or as many as there are: ids and scores, best first; of equal scores the lower id first.

        vector: (P,). among: only these ids.
        """
        ...


class Exact:
    """Every vector scored by numpy, block after block; float32, because numpy's float16 is seven times as slow.

    score: another score than the dot product, for variants that have their own.
    """

    def __init__(self, score: Scores | None = None) -> None:
        self._score: Scores = score or _dot
        self._blocks: list[tuple[Ids, Vectors]] = []

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._blocks.append((ids, vectors.astype(np.float32, copy=False)))

    def remove(self, ids: Ids) -> None:
        kept = ((old, vectors, ~np.isin(old, ids)) for old, vectors in self._blocks)
        self._blocks = [
            (old, vectors) if keep.all() else (old[keep], vectors[keep]) for old, vectors, keep in kept if keep.any()
        ]

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


def best(ids: Ids, scores: Vectors, k: int) -> tuple[Ids, Vectors]:
    """The k highest scores, sorted, with their ids; of equal scores the lower id first."""
    if len(ids) > k:  # whatever ties with the k-th stays in until all are sorted
        keep = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
        ids, scores = ids[keep], scores[keep]
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], scores[order]


def needs_extra(extra: str, error: ImportError) -> BenchError:
    """What to say where a package is missing."""
    return BenchError(
        f"--backend {extra} cannot import {error.name or error}. "
        f"It needs the extra {extra}: pip install -c constraints.txt -e '.[{extra}]'"
    )
