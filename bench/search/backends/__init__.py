"""Which vectors score highest with a query: search backends by name, one module each.

exact.py          numpy: every vector, block after block
faiss_flat.py     faiss: a flat index in memory
lance_table.py    lance: a table on disk or in an object store, for collections that outgrow memory
qdrant_server.py  qdrant: a server, for collections that outgrow one machine
markers.py        which revision of an index the table or the server has

numpy, faiss and qdrant are exact, lance up to 65 536 windows: on the same vectors they give the same ids in the same
order. One more is one module, or a plugin file, with a class that has what `SearchBackend` has:

    from bench.search.backends import search_backend

    @search_backend("mine")
    class Mine: ...
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.search.index_store import Store
from bench.utils.registry import Registry

Ids: TypeAlias = NDArray[np.int64]
Vectors: TypeAlias = NDArray[np.float32]
ScoreFunction: TypeAlias = Callable[[Vectors, Vectors], Vectors]  # (P,), (n, P) -> (n,)


class SearchBackend(Protocol):
    """Vectors by id, ready to be asked once they are loaded.

    It is made, without arguments, before anything is indexed: a BenchError then says what is missing. own_scores:
    whether it can rank by another score than the dot product, as variants have that bring their own.
    """

    own_scores: bool

    def load(self, store: Store, score: ScoreFunction | None) -> None:
        """Takes all vectors of an index. score: in place of the dot product; None where `own_scores` is False."""
        ...

    def query(self, vector: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """The k best, or as many as there are: ids and scores, best first; of equal scores the lower id first.

        vector: (P,). among: only these ids.
        """
        ...


SEARCH_BACKENDS: Registry[Callable[[], SearchBackend]] = Registry("search backend", "bench.search.backends")
search_backend = SEARCH_BACKENDS.register


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
