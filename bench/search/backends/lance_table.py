"""LanceDB: a table of vectors in a folder or an object store, which need not fit into memory. Needs the extra lance.

Up to EXACT windows every one is scored. Above, an IVF-PQ index (Jégou et al., Product Quantization for Nearest Neighbor
Search, TPAMI 2011) names candidates by codes of a quarter byte a dimension, and these alone are scored exactly.

$BENCH_LANCE_URI says where the tables lie: a folder, or s3://BUCKET/FOLDER with the usual AWS_ variables. Without it
they lie beside the index. Vectors are kept as float32, because LanceDB 0.40 takes four times as long to make an index
of float16.
"""

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import BenchError
from bench.search.backends import Ids, ScoreFunction, Vectors, best, needs_extra, search_backend
from bench.search.backends.markers import is_marked, mark
from bench.search.index_store import BLOCK, Store
from bench.utils.progress import progress

if TYPE_CHECKING:
    import pyarrow

EXACT = 65_536  # windows up to which every one is scored; the codes are learned from as many
PARTITION = 4096  # windows a partition of the index, roughly
PROBES = 20  # partitions that a query looks into; more, where a filter leaves too few windows
CANDIDATES = 20  # windows scored exactly for each one that is asked for
FEWEST = 300  # candidates, at least
ROUNDS = 10  # of k-means, most of the time that an index takes; LanceDB's default is 50
CHUNK = 128  # blocks written at once: a million windows, LanceDB's own size of a file
PAGE = 10_000  # ids removed at once


@search_backend("lance")
class Lance:
    """A table on disk or in an object store, for what outgrows memory; dot products only. Needs the extra lance."""

    own_scores = False

    def __init__(self) -> None:
        os.environ.setdefault("LANCE_LOG", "error")  # it warns on stderr of what users cannot mend
        try:
            import lancedb
            import pyarrow
        except ImportError as error:
            raise needs_extra("lance", error) from None
        self._lancedb, self._pyarrow = lancedb, pyarrow
        self._uri = self._name = ""
        self._table: Any = None
        self._indexed = False

    def load(self, store: Store, score: ScoreFunction | None) -> None:
        """Writes what the table lacks and removes what it has too much, chunk by chunk.

        A file beside the index says which revision the table has; where it, or the table's count, differs, ids are
        compared and only the difference is written, so that what a killed process had written is not written again.
        BenchError: the table cannot be read or written, or holds vectors of another width.
        """
        self._uri = os.environ.get("BENCH_LANCE_URI") or str(store.path / "lance")
        self._name, width = f"bench-{store.id}", store.about.width
        with self._failing_in_one_line():
            database = self._lancedb.connect(self._uri)
            try:
                self._table = database.open_table(self._name)
            except ValueError:  # there is none
                self._table = database.create_table(self._name, schema=_schema(width))
            if (there := self._table.schema.field("vector").type.list_size) != width:
                raise BenchError(
                    f"the LanceDB table {self._name} at {self._uri} holds vectors of {there} numbers, those of the "
                    f"index have {width}. Remove the table, and it is made anew."
                )
            if not is_marked(store, "lance", self._uri) or len(self._table) != len(store):
                with store.locked():
                    self._update(store)
                    mark(store, "lance", self._uri)
            self._indexed = bool(self._indices())

    def query(self, vector: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        with self._failing_in_one_line():
            search = self._table.search(vector, vector_column_name="vector").distance_type("dot").limit(k)
            if self._indexed:  # by the cosine, which is the dot product of unit vectors
                search = search.distance_type("cosine").limit(max(FEWEST, k * CANDIDATES))
                search = search.minimum_nprobes(PROBES).maximum_nprobes(0)
            if among is not None:
                search = search.where(_one_of(among))
            found = search.select(["id", "vector", "_distance"]).to_arrow()
        vectors = found["vector"].combine_chunks().flatten().to_numpy().reshape(len(found), len(vector))
        return best(found["id"].to_numpy(), vectors @ vector, k)

    def _update(self, store: Store) -> None:
        for other in (store.path / "lance").glob("bench-*.lance"):
            if other.stem != self._name:  # of an index that this one has replaced
                shutil.rmtree(other)
        there = self._table.search().select(["id"]).to_arrow()["id"].to_numpy()
        gone = np.setdiff1d(there, store.ids)
        for start in range(0, len(gone), PAGE):
            self._table.delete(_one_of(gone[start : start + PAGE]))
        blocks = progress(store.features(), total=-(-len(store) // BLOCK), what="writing to LanceDB", unit="block")
        new = (_batch(ids[keep], rows[keep]) for ids, rows in blocks if (keep := ~np.isin(ids, there)).any())
        for first in new:
            chunk = chain([first], islice(new, CHUNK - 1))  # streamed, never whole in memory
            self._table.add(self._pyarrow.RecordBatchReader.from_batches(first.schema, chunk), write_parallelism=1)
        if len(there):
            self._table.optimize()  # merges small files and adds what is new to the index
        self._index(len(store), store.about.width)

    def _index(self, count: int, width: int) -> None:
        """Makes the index of a table that has grown to need one, or twice as many partitions as it has."""
        from lancedb.index import BTree, IvfPq

        partitions = 2 ** round(math.log2(max(1, count / PARTITION)))
        name = f"ivf{partitions}"
        old = self._indices()
        if count <= EXACT or name in old:
            return
        codes = max(size for size in range(1, max(1, width // 4) + 1) if width % size == 0)  # bytes a window
        shape = IvfPq(distance_type="cosine", num_partitions=partitions, num_sub_vectors=codes, max_iterations=ROUNDS)
        self._table.create_index("id", config=BTree(), name="ids")
        self._table.create_index("vector", config=shape, name=name)
        for one in old:
            self._table.drop_index(one)

    def _indices(self) -> list[str]:
        """The indices of the vectors: one, or none of a small table."""
        return [one.name for one in self._table.list_indices() if one.columns == ["vector"]]

    @contextmanager
    def _failing_in_one_line(self) -> Iterator[None]:
        try:
            yield
        except BenchError:
            raise
        except Exception as error:  # lancedb's errors have no common class
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise BenchError(
                f"the LanceDB table {self._name} at {self._uri} cannot be used ({reason}). Remove it, and it is made "
                "anew; or name another place: BENCH_LANCE_URI=FOLDER"
            ) from None


def _schema(width: int) -> "pyarrow.Schema":
    import pyarrow as pa

    return pa.schema([pa.field("id", pa.int64()), pa.field("vector", pa.list_(pa.float32(), width))])


def _batch(ids: Ids, vectors: Vectors) -> "pyarrow.RecordBatch":
    import pyarrow as pa

    width = vectors.shape[1]
    columns = [pa.array(ids), pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), width)]
    return pa.record_batch(columns, schema=_schema(width))


def _one_of(ids: Ids) -> str:
    return f"id IN ({', '.join(map(str, ids.tolist()))})"
