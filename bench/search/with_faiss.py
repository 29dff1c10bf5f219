"""The same in faiss: a flat index, so exact."""

from typing import Any

import numpy as np

from bench.search.vectors import Ids, Vectors, best, needs_extra


class Faiss:
    """Vectors of `width` numbers in faiss's flat inner-product index."""

    def __init__(self, width: int) -> None:
        try:
            import faiss
        except ImportError as error:
            raise needs_extra("faiss", error) from None
        self._faiss: Any = faiss  # its parameters take keywords that its types do not know
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(width))

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._index.add_with_ids(np.ascontiguousarray(vectors, np.float32), ids)

    def remove(self, ids: Ids) -> None:
        self._index.remove_ids(self._faiss.IDSelectorBatch(ids))

    def query(self, vector: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        chosen = None
        if among is not None:
            chosen = self._faiss.SearchParameters(sel=self._faiss.IDSelectorBatch(among))
        scores, ids = self._index.search(vector[None], min(k, max(1, self._index.ntotal)), params=chosen)
        found = ids[0] >= 0  # -1 fills up what there is not
        return best(ids[0][found], scores[0][found], k)
