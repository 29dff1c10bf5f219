"""Search backends: each against a sort in float64, the same ids in the same order; one more is one file."""

import importlib.util
import os
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from helpers.asking import Capture, failure
from helpers.search import clip

from bench.cli import main
from bench.errors import BenchError, UsageError
from bench.search.backends import SEARCH_BACKENDS, SearchBackend, lance_table, qdrant_server
from bench.search.backends.exact import Exact
from bench.search.index_store import IndexedFile, IndexSettings, Store

WIDTH = 16
MODULES = {"faiss": "faiss", "lance": "lancedb", "qdrant": "qdrant_client"}  # of the extras of that name
Load = Callable[..., SearchBackend]

# the client's local mode is exact whatever it is told; a server has to be told
pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning")

PLUGIN = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "search.md").read_text(encoding="utf-8"), re.DOTALL)[0]


@pytest.fixture(params=["numpy", "faiss", "lance", "lance indexed", "qdrant", "qdrant server"])
def load(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Each backend with vectors in it, LanceDB's also with its index, which here finds all that there is.

    Qdrant's is the client's local mode and, where there is one, a server.
    """
    kind = request.param.split()[0]
    module = MODULES.get(kind)
    if module and importlib.util.find_spec(module) is None:
        pytest.skip(f"the extra {kind} is not installed")
    if request.param == "qdrant server" and not os.environ.get("BENCH_QDRANT_URL"):
        pytest.skip("no Qdrant server: BENCH_QDRANT_URL names none")
    if request.param == "qdrant":
        from qdrant_client import QdrantClient

        client = QdrantClient(":memory:")
        monkeypatch.setattr(qdrant_server, "connect", lambda: client)
    if request.param == "lance indexed":
        monkeypatch.setattr(lance_table, "EXACT", 255)  # codes of 8 bits take 256 vectors to be learned
    backend = SEARCH_BACKENDS.get(kind)()
    yield lambda *parts: loaded(backend, tmp_path, *parts)
    if kind == "qdrant":
        for collection in backend._client.get_collections().collections:  # type: ignore[attr-defined]
            backend._client.delete_collection(collection.name)  # type: ignore[attr-defined]


@dataclass
class Made:
    """What a backend takes of an index."""

    path: Path
    blocks: list[tuple[np.ndarray, np.ndarray]]
    about: IndexSettings = field(
        default_factory=lambda: IndexSettings("/clips", "clip:x", "1", "", "", 10.0, WIDTH, {})
    )
    id: str = "test"
    revision: int = 1

    @property
    def ids(self) -> np.ndarray:
        return np.concatenate([ids for ids, _ in self.blocks] or [np.zeros(0, np.int64)])

    def features(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from self.blocks

    def locked(self) -> nullcontext[None]:
        return nullcontext()

    def __len__(self) -> int:
        return len(self.ids)


def loaded(backend: SearchBackend, folder: Path, *blocks: tuple[np.ndarray, np.ndarray]) -> SearchBackend:
    backend.load(Made(folder, list(blocks)), None)  # type: ignore[arg-type]
    return backend


def vectors(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of an index, which holds float16, with ids that are neither in order nor without gaps."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((count, WIDTH)).astype(np.float32)
    ids = rng.permutation(10 * count)[:count].astype(np.int64)
    return ids, (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def by_sorting(ids: np.ndarray, matrix: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    scores = matrix.astype(np.float64) @ query.astype(np.float64)
    return [int(ids[row]) for row in sorted(range(len(ids)), key=lambda row: (-scores[row], ids[row]))[:k]]


@pytest.mark.parametrize("k", [1, 7, 400])
def test_the_best_k_are_those_of_a_sort(load: Load, k: int) -> None:
    ids, matrix = vectors(400)
    index = load(*((ids[part], matrix[part]) for part in np.array_split(np.arange(400), 3)))
    for query in vectors(5, seed=1)[1]:
        found, scores = index.query(query, k)
        assert found.tolist() == by_sorting(ids, matrix, query, k)
        np.testing.assert_allclose(scores, np.sort(matrix @ query)[::-1][:k], atol=1e-5)


def test_a_query_may_be_asked_among_some(load: Load) -> None:
    ids, matrix = vectors(50)
    index = load((ids, matrix))
    found, _ = index.query(matrix[0], 5, among=ids[10:30])
    assert found.tolist() == by_sorting(ids[10:30], matrix[10:30], matrix[0], 5)


def test_more_than_there_are_gives_all(load: Load) -> None:
    ids, matrix = vectors(3)
    index = load((ids, matrix))
    assert len(index.query(matrix[0], 10)[0]) == 3
    assert len(index.query(matrix[0], 10, among=ids[:2])[0]) == 2


def test_nothing_is_found_in_an_empty_index(load: Load) -> None:
    ids, scores = load().query(np.ones(WIDTH, np.float32), 3)
    assert (len(ids), len(scores)) == (0, 0)


def test_equal_scores_come_by_id(tmp_path: Path) -> None:
    block = np.array([9, 4, 7, 2]), np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    index = loaded(Exact(), tmp_path, block)
    assert index.query(np.array([1, 0], np.float32), 2)[0].tolist() == [4, 7]


@pytest.mark.parametrize(("backend", "module"), MODULES.items())
def test_a_missing_extra_is_one_line_that_names_it(backend: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(BenchError, match=rf"--backend {backend} .*pip install .*\[{backend}\]"):
        SEARCH_BACKENDS.get(backend)()


def test_a_server_that_does_not_answer_is_one_line_with_the_command_that_starts_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("qdrant_client", reason="the extra qdrant is not installed")
    monkeypatch.setenv("BENCH_QDRANT_URL", "http://127.0.0.1:1")
    with pytest.raises(BenchError, match=r"no Qdrant server answers at http://127.0.0.1:1 .*docker run"):
        qdrant_server.connect()


def test_only_the_difference_is_sent_to_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qdrant_client = pytest.importorskip("qdrant_client", reason="the extra qdrant is not installed")
    client = qdrant_client.QdrantClient(":memory:")
    monkeypatch.setattr(qdrant_server, "connect", lambda: client)
    sent: list[int] = []
    add = qdrant_server.Qdrant._add  # type: ignore[attr-defined]
    monkeypatch.setattr(
        qdrant_server.Qdrant, "_add", lambda self, ids, rows: (sent.extend(ids.tolist()), add(self, ids, rows))
    )
    opened = Store(tmp_path, IndexSettings("/clips", "clip:x", "1", "", "", 10.0, WIDTH, {}))
    _, matrix = vectors(4)
    for number, row in enumerate(matrix[:3]):
        opened.add(f"{number}.mp4", IndexedFile(1, 1, 0, 2.0, ""), row[None])
    opened.save()
    qdrant_server.Qdrant().load(opened, None)
    assert sent == [0, 1, 2]
    opened.remove({"1.mp4"})
    opened.add("3.mp4", IndexedFile(1, 1, 0, 2.0, ""), matrix[3:])
    opened.save()
    qdrant_server.Qdrant().load(opened, None)
    assert sent == [0, 1, 2, 3]
    again = qdrant_server.Qdrant()
    again.load(opened, None)
    assert sorted(again.query(matrix[0], 9)[0].tolist()) == [0, 2, 3]
    assert sent == [0, 1, 2, 3]


def test_a_mistyped_backend_gets_near_names() -> None:
    with pytest.raises(UsageError, match=r"'fais' is no search backend\. Did you mean faiss"):
        SEARCH_BACKENDS.get("fais")


def test_a_plugin_adds_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    from helpers.search import SeesColours

    from bench.search import models

    monkeypatch.setattr(models, "load", lambda *rest: SeesColours())
    things, modules = dict(SEARCH_BACKENDS._things), dict(SEARCH_BACKENDS._modules)
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    clip(tmp_path / "clips" / "red.mp4", "red")
    words = ["search", "red", "--videos", str(tmp_path / "clips"), "--model", "clip:colours", "--backend", "float64"]
    main([*words, "--plugin", str(plugin)])
    said = capsys.readouterr().out
    SEARCH_BACKENDS._things, SEARCH_BACKENDS._modules = things, modules
    assert "red.mp4" in said
    code, line = failure(words, capsys)
    assert code == 2 and "'float64' is no search backend" in line
