"""faiss's flat index of inner products, so exact. Needs the extra faiss.

It holds float16, as an index on disk does, and computes in float32: half the memory, the same scores.
"""

from typing import Any

import numpy as np

from bench.search.backends import Ids, ScoreFunction, Vectors, best, needs_extra, search_backend
from bench.search.index_store import Store


@search_backend("faiss")
class Faiss:
    """A flat index in memory, dot products only. Needs the extra faiss."""

    own_scores = False

    def __init__(self) -> None:
        try:
            import faiss
        except ImportError as error:
            raise needs_extra("faiss", error) from None
        self._faiss: Any = faiss  # its parameters take keywords that its types do not know
        self._index: Any = None

    def load(self, store: Store, score: ScoreFunction | None) -> None:
        half, product = self._faiss.ScalarQuantizer.QT_fp16, self._faiss.METRIC_INNER_PRODUCT
        self._index = self._faiss.IndexIDMap(self._faiss.IndexScalarQuantizer(store.about.width, half, product))
        for ids, vectors in store.features():
            self._index.add_with_ids(np.ascontiguousarray(vectors), ids)

    def query(self, vector: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        chosen = None
        if among is not None:
            chosen = self._faiss.SearchParameters(sel=self._faiss.IDSelectorBatch(among))
        scores, ids = self._index.search(vector[None], min(k, max(1, self._index.ntotal)), params=chosen)
        found = ids[0] >= 0  # -1 fills up what there is not
        return best(ids[0][found], scores[0][found], k)
