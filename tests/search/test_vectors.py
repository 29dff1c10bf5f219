"""Every backend against a sort in float64: the same ids in the same order."""

import importlib.util
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.errors import BenchError
from bench.search import with_qdrant
from bench.search.store import About, Entry, Store
from bench.search.vectors import Exact, Index
from bench.search.with_faiss import Faiss

WIDTH = 16

# the client's local mode is exact whatever it is told; a server has to be told
pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning")


@pytest.fixture(params=["numpy", "faiss", "qdrant", "qdrant server"])
def index(request: pytest.FixtureRequest) -> Iterator[Index]:
    """An empty index of each backend; Qdrant's both in the client's local mode and, where there is one, on a server."""
    kind = request.param.split()[0]
    module = {"faiss": "faiss", "qdrant": "qdrant_client"}.get(kind)
    if module and importlib.util.find_spec(module) is None:
        pytest.skip(f"the extra {kind} is not installed")
    if request.param == "qdrant server" and not os.environ.get("BENCH_QDRANT_URL"):
        pytest.skip("no Qdrant server: BENCH_QDRANT_URL names none")
    if kind == "numpy":
        yield Exact()
    elif kind == "faiss":
        yield Faiss(WIDTH)
    else:
        from qdrant_client import QdrantClient

        client = QdrantClient(":memory:") if request.param == "qdrant" else with_qdrant.connect()
        name = f"bench-test-{uuid.uuid4().hex}"
        yield with_qdrant.Qdrant(client, name, WIDTH)
        client.delete_collection(name)
        client.close()


def vectors(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors with ids that are neither in order nor without gaps."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((count, WIDTH)).astype(np.float32)
    ids = rng.permutation(10 * count)[:count].astype(np.int64)
    return ids, matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def by_sorting(ids: np.ndarray, matrix: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    scores = matrix.astype(np.float64) @ query.astype(np.float64)
    return [int(ids[row]) for row in sorted(range(len(ids)), key=lambda row: (-scores[row], ids[row]))[:k]]


@pytest.mark.parametrize("k", [1, 7, 400])
def test_the_best_k_are_those_of_a_sort(index: Index, k: int) -> None:
    ids, matrix = vectors(400)
    for part in np.array_split(np.arange(400), 3):
        index.add(ids[part], matrix[part])
    for query in vectors(5, seed=1)[1]:
        found, scores = index.query(query, k)
        assert found.tolist() == by_sorting(ids, matrix, query, k)
        np.testing.assert_allclose(scores, np.sort(matrix @ query)[::-1][:k], atol=1e-5)


def test_what_is_removed_is_not_found(index: Index) -> None:
    ids, matrix = vectors(50)
    index.add(ids, matrix)
    index.remove(np.append(ids[:20], 10**6))
    found, _ = index.query(matrix[0], 50)
    assert found.tolist() == by_sorting(ids[20:], matrix[20:], matrix[0], 50)


def test_a_query_may_be_asked_among_some(index: Index) -> None:
    ids, matrix = vectors(50)
    index.add(ids, matrix)
    found, _ = index.query(matrix[0], 5, among=ids[10:30])
    assert found.tolist() == by_sorting(ids[10:30], matrix[10:30], matrix[0], 5)


def test_more_than_there_are_gives_all(index: Index) -> None:
    ids, matrix = vectors(3)
    index.add(ids, matrix)
    assert len(index.query(matrix[0], 10)[0]) == 3
    assert len(index.query(matrix[0], 10, among=ids[:2])[0]) == 2


def test_nothing_is_found_in_an_empty_index(index: Index) -> None:
    ids, scores = index.query(np.ones(WIDTH, np.float32), 3)
    assert (len(ids), len(scores)) == (0, 0)


def test_equal_scores_come_by_id() -> None:
    index = Exact()
    index.add(np.array([9, 4, 7, 2]), np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32))
    assert index.query(np.array([1, 0], np.float32), 2)[0].tolist() == [4, 7]


@pytest.mark.parametrize(("backend", "module"), [("faiss", "faiss"), ("qdrant", "qdrant_client")])
def test_a_missing_extra_is_one_line_that_names_it(backend: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(BenchError, match=rf"--backend {backend} .*pip install .*\[{backend}\]"):
        Faiss(3) if backend == "faiss" else with_qdrant.connect()


def test_a_server_that_does_not_answer_is_one_line_with_the_command_that_starts_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("qdrant_client", reason="the extra qdrant is not installed")
    monkeypatch.setenv("BENCH_QDRANT_URL", "http://127.0.0.1:1")
    with pytest.raises(BenchError, match=r"no Qdrant server answers at http://127.0.0.1:1 .*docker run"):
        with_qdrant.connect()


def test_only_the_difference_is_sent_to_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qdrant_client = pytest.importorskip("qdrant_client", reason="the extra qdrant is not installed")
    client = qdrant_client.QdrantClient(":memory:")
    monkeypatch.setattr(with_qdrant, "connect", lambda: client)
    sent: list[int] = []
    add = with_qdrant.Qdrant.add
    monkeypatch.setattr(
        with_qdrant.Qdrant, "add", lambda self, ids, rows: (sent.extend(ids.tolist()), add(self, ids, rows))
    )
    about = About("/clips", "clip:x", "1", "", "", 10.0, WIDTH, {})
    opened = Store(tmp_path, about)
    _, matrix = vectors(4)
    for number, row in enumerate(matrix[:3]):
        opened.add(f"{number}.mp4", Entry(1, 1, 0, 2.0, ""), row[None])
    opened.save()
    with_qdrant.synced(opened)
    assert sent == [0, 1, 2]
    opened.remove({"1.mp4"})
    opened.add("3.mp4", Entry(1, 1, 0, 2.0, ""), matrix[3:])
    opened.save()
    index = with_qdrant.synced(opened)
    assert sent == [0, 1, 2, 3]
    assert sorted(index.ids().tolist()) == [0, 2, 3]
    with_qdrant.synced(opened)
    assert sent == [0, 1, 2, 3]
