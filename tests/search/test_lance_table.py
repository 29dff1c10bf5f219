"""LanceDB's table: only differences are written, a kill loses nothing, errors are one line, the index finds most."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from bench.errors import BenchError
from bench.search import index_store
from bench.search.backends import lance_table
from bench.search.backends.lance_table import Lance
from bench.search.index_store import BLOCK, IndexedFile, IndexSettings, Store

lancedb = pytest.importorskip("lancedb", reason="the extra lance is not installed")

WIDTH = 16


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BENCH_LANCE_URI", raising=False)


def filled(folder: Path, *counts: int, width: int = WIDTH) -> Store:
    """An index of files 0.mp4, 1.mp4, … with that many windows each."""
    store = Store(index_store.place(folder), IndexSettings(str(folder), "clip:x", "1", "", "", 10.0, width, {}))
    for number, count in enumerate(counts):
        add(store, number, count)
    store.save()
    return store


def add(store: Store, number: int, count: int) -> None:
    rows = np.random.default_rng(number).standard_normal((count, store.about.width))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    seconds = 10.0 + 5.0 * (count - 1)
    store.add(f"{number}.mp4", IndexedFile(1, 1, 0, seconds, ""), rows.astype(np.float32))


def loaded(store: Store) -> Lance:
    backend = Lance()
    backend.load(store, None)
    return backend


def ids(backend: Lance) -> list[int]:
    return sorted(backend._table.search().select(["id"]).to_arrow()["id"].to_pylist())


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids that are written to tables, in their order."""
    seen: list[int] = []
    batch = lance_table._batch
    monkeypatch.setattr(lance_table, "_batch", lambda ids, rows: seen.extend(ids.tolist()) or batch(ids, rows))
    return seen


def test_only_the_difference_is_written(tmp_path: Path, written: list[int]) -> None:
    store = filled(tmp_path, 1, 2, 3)
    loaded(store)
    assert written == [0, 1, 2, 3, 4, 5]
    store.remove({"1.mp4"})
    add(store, 3, 2)
    store.save()
    loaded(store)
    assert written == [0, 1, 2, 3, 4, 5, 6, 7]
    assert ids(loaded(store)) == [0, 3, 4, 5, 6, 7]
    assert written == [0, 1, 2, 3, 4, 5, 6, 7]


def test_what_a_killed_process_had_written_is_not_written_again(tmp_path: Path, written: list[int]) -> None:
    filled(tmp_path, *[BLOCK] * 3)
    helper = ROOT / "tests" / "helpers" / "killed_load.py"
    assert subprocess.run([sys.executable, str(helper), str(tmp_path)], check=False).returncode == -9
    store = index_store.read(tmp_path)
    assert store is not None
    backend = loaded(store)
    assert ids(backend) == list(range(3 * BLOCK))
    assert 0 < len(written) < 3 * BLOCK


def test_a_replaced_index_leaves_no_table_behind(tmp_path: Path) -> None:
    loaded(filled(tmp_path, 2))
    second = filled(tmp_path, 3)
    assert ids(loaded(second)) == [0, 1, 2]
    assert [path.stem for path in (second.path / "lance").glob("*.lance")] == [f"bench-{second.id}"]


def test_tables_lie_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_LANCE_URI", str(tmp_path / "elsewhere"))
    store = filled(tmp_path, 2)
    assert ids(loaded(store)) == [0, 1]
    assert (tmp_path / "elsewhere" / f"bench-{store.id}.lance").is_dir() and not (store.path / "lance").exists()


def test_vectors_of_another_width_are_one_line(tmp_path: Path) -> None:
    store = filled(tmp_path, 2)
    loaded(store)
    other = filled(tmp_path, 2, width=8)
    other.id = store.id
    with pytest.raises(BenchError, match=rf"bench-{store.id} at .* holds vectors of 16 numbers, .* have 8\. Remove"):
        loaded(other)


def test_a_table_that_went_is_one_line(tmp_path: Path) -> None:
    store = filled(tmp_path, 2)
    backend = loaded(store)
    shutil.rmtree(store.path / "lance")
    with pytest.raises(BenchError, match=rf"bench-{store.id} at .* cannot be used \(.*\)\. Remove it") as caught:
        backend.query(np.ones(WIDTH, np.float32), 1)
    assert "\n" not in str(caught.value)


def test_a_broken_table_is_one_line(tmp_path: Path) -> None:
    store = filled(tmp_path, 2)
    loaded(store)
    for path in (store.path / "lance").rglob("*.manifest"):
        path.write_bytes(b"nothing")
    with pytest.raises(BenchError, match=r"cannot be used \(.*\)\. Remove it") as caught:
        loaded(store)
    assert "\n" not in str(caught.value)


def test_an_index_that_changed_since_it_was_read_is_not_written(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    stale = index_store.read(tmp_path)
    fresh = index_store.read(tmp_path)
    assert stale is not None and fresh is not None
    add(fresh, 1, 1)
    fresh.save()
    with pytest.raises(BenchError, match="another process has just indexed"):
        loaded(stale)


def test_an_index_grows_with_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lance_table, "EXACT", 255)
    monkeypatch.setattr(lance_table, "PARTITION", 256)
    store = filled(tmp_path, 250)
    assert loaded(store)._indices() == []
    add(store, 1, 50)
    store.save()
    assert loaded(store)._indices() == ["ivf1"]
    add(store, 2, 1000)
    store.save()
    backend = loaded(store)
    assert backend._indices() == ["ivf4"]
    assert backend._table.index_stats("ivf4").num_unindexed_rows == 0
    add(store, 3, 10)
    store.save()
    backend = loaded(store)
    assert backend._table.index_stats("ivf4").num_unindexed_rows == 0


def test_a_filter_finds_what_lies_in_partitions_that_are_far_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lance_table, "EXACT", 255)
    monkeypatch.setattr(lance_table, "PARTITION", 256)
    monkeypatch.setattr(lance_table, "PROBES", 1)
    backend = loaded(filled(tmp_path, 2000))
    among = np.arange(7, 2000, 333)
    assert set(backend.query(np.eye(WIDTH, dtype=np.float32)[0], 9, among)[0].tolist()) == set(among.tolist())


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("windows", "width"), [(70_000, 64), (1_000_000, 512)])
def test_the_index_finds_most_of_what_an_exact_search_finds(windows: int, width: int, tmp_path: Path) -> None:
    if windows > 100_000 and not os.environ.get("BENCH_SCALE"):
        pytest.skip("a million windows take minutes and 4 GB of disk: BENCH_SCALE=1 asks for them")
    script, out = ROOT / "tests" / "benchmarks" / "search_scale.py", tmp_path / "out.json"
    words = ["--windows", str(windows), "--width", str(width), "--backends", "numpy", "faiss", "lance"]
    subprocess.run([sys.executable, str(script), *words, "--json", str(out)], check=True)
    recall = {row["backend"]: row["recall@10"] for row in json.loads(out.read_text())["rows"]}
    assert recall["numpy"] == recall["faiss"] == 1
    assert recall["lance"] >= 0.9  # 0.994 of a million
