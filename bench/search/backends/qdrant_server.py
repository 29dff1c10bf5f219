"""A Qdrant server, for collections that outgrow one machine; asked for exact answers. Needs the extra qdrant.

    docker run -p 6333:6333 -v "$PWD/qdrant:/qdrant/storage" qdrant/qdrant

$BENCH_QDRANT_URL says where the server is.
"""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import BenchError
from bench.search.backends import Ids, ScoreFunction, Vectors, best, needs_extra, search_backend
from bench.search.backends.markers import is_marked, mark
from bench.search.index_store import BLOCK, Store
from bench.utils.progress import progress

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

URL = "http://localhost:6333"
BATCH = 256  # vectors a request
PAGE = 10_000  # ids a request
START = 'docker run -p 6333:6333 -v "$PWD/qdrant:/qdrant/storage" qdrant/qdrant'


def address() -> str:
    """Where the server is: $BENCH_QDRANT_URL, or this machine."""
    return os.environ.get("BENCH_QDRANT_URL") or URL


def connect() -> "QdrantClient":
    """A client of the server. BenchError, with the command that starts one, if none answers."""
    try:
        from qdrant_client import QdrantClient
    except ImportError as error:
        raise needs_extra("qdrant", error) from None
    try:
        client = QdrantClient(url=address(), timeout=60, check_compatibility=False)
        client.get_collections()
    except Exception as error:  # qdrant-client's errors have no common class
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise BenchError(
            f"no Qdrant server answers at {address()} ({reason}). Start one: {START}; "
            "or say where it is: BENCH_QDRANT_URL=http://HOST:6333"
        ) from None
    return client


@search_backend("qdrant")
class Qdrant:
    """A collection of a server for each index, dot products only. Needs the extra qdrant."""

    own_scores = False

    def __init__(self) -> None:
        self._client, self._name = connect(), ""
        from qdrant_client import models

        self._models = models

    def load(self, store: Store, score: ScoreFunction | None) -> None:
        """Sends what the server lacks.

        A file beside the index says which revision the server has; where it, or the server's count, differs, ids are
        compared and only the difference is sent.
        """
        self._name = f"bench-{store.id}"
        if not self._client.collection_exists(self._name):
            shape = self._models.VectorParams(size=store.about.width, distance=self._models.Distance.DOT, on_disk=True)
            self._client.create_collection(self._name, vectors_config=shape)
        if is_marked(store, "qdrant", address()) and self._count() == len(store):
            return
        there = self._ids()
        self._remove(np.setdiff1d(there, store.ids))
        blocks = progress(store.features(), total=-(-len(store) // BLOCK), what="sending to Qdrant", unit="block")
        for ids, features in blocks:
            new = ~np.isin(ids, there)
            self._add(ids[new], features[new])
        mark(store, "qdrant", address())

    def query(self, vector: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        only = None
        if among is not None:
            only = self._models.Filter(must=[self._models.HasIdCondition(has_id=among.tolist())])
        answer = self._client.query_points(
            self._name,
            query=vector.tolist(),
            query_filter=only,
            search_params=self._models.SearchParams(exact=True),
            limit=k,
            with_payload=False,
        )
        ids = np.array([point.id for point in answer.points], np.int64)
        return best(ids, np.array([point.score for point in answer.points], np.float32), k)

    def _add(self, ids: Ids, vectors: Vectors) -> None:
        for start in range(0, len(ids), BATCH):
            part = slice(start, start + BATCH)
            batch = self._models.Batch(ids=ids[part].tolist(), vectors=vectors[part].tolist())
            self._client.upsert(self._name, batch, wait=True)

    def _remove(self, ids: Ids) -> None:
        for start in range(0, len(ids), PAGE):
            points: Any = ids[start : start + PAGE].tolist()
            self._client.delete(self._name, self._models.PointIdsList(points=points), wait=True)

    def _count(self) -> int:
        return self._client.count(self._name, exact=True).count

    def _ids(self) -> Ids:
        """Every id that the server has."""
        found: list[Any] = []
        page: Any = None
        while True:
            points, page = self._client.scroll(
                self._name, limit=PAGE, offset=page, with_payload=False, with_vectors=False
            )
            found += [point.id for point in points]
            if page is None:
                return np.array(found, np.int64)
