"""The index on disk: what is written is read, a killed process leaves it whole, ids stay."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.errors import BenchError
from bench.search import index_store
from bench.search.index_store import IndexedFile, IndexSettings, Store
from bench.search.windows import how_many, spans


def about(folder: Path, **changes: object) -> IndexSettings:
    words: dict = {"folder": str(folder), "model": "clip:x", "digest": "1", "tokenizer": "", "results": ""}
    return IndexSettings(**{**words, "window": 10.0, "width": 2, "faces": {}, **changes})


def entry(seconds: float = 2.0, error: str = "") -> IndexedFile:
    return IndexedFile(100, 200, 0, seconds, error)


def rows(*values: float) -> np.ndarray:
    return np.array([[value, value + 0.5] for value in values], np.float32)


@pytest.fixture
def opened(tmp_path: Path) -> Store:
    """Three files: one window, two windows, one window."""
    made = Store(index_store.place(tmp_path), about(tmp_path))
    made.add("a.mp4", entry(), rows(1))
    made.add("b.mp4", entry(15.0), rows(2, 3))
    made.add("c.mp4", entry(), rows(4))
    made.save()
    return made


def content(opened: Store) -> dict[int, float]:
    """The first number of each window's features, by id."""
    return {
        id: float(row[0]) for ids, features in opened.features() for id, row in zip(ids.tolist(), features, strict=True)
    }


def again(folder: Path) -> Store:
    read = index_store.read(folder)
    assert read is not None
    return read


def test_what_was_written_is_read(tmp_path: Path, opened: Store) -> None:
    read = again(tmp_path)
    assert content(read) == {0: 1, 1: 2, 2: 3, 3: 4}
    assert (read.about, read.entries, read.id) == (opened.about, opened.entries, opened.id)
    assert [read.window(id) for id in range(4)] == [
        ("a.mp4", 0, 2.0),
        ("b.mp4", 0, 10.0),
        ("b.mp4", 5.0, 15.0),
        ("c.mp4", 0, 2.0),
    ]


def test_features_take_two_bytes_a_number(opened: Store) -> None:
    [file] = opened.path.glob("*.f16")
    assert file.stat().st_size == 4 * 2 * 2


def test_the_index_lies_in_the_cache_and_not_in_the_folder(tmp_path: Path, opened: Store, home: Path) -> None:
    assert opened.path.parent == home / "search"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_an_index_has_none(tmp_path: Path) -> None:
    assert index_store.read(tmp_path / "other") is None


def test_ids_are_never_given_again(tmp_path: Path, opened: Store) -> None:
    opened.remove({"b.mp4", "c.mp4"})
    opened.add("b.mp4", entry(15.0), rows(5, 6))
    opened.save()
    read = again(tmp_path)
    assert content(read) == {0: 1, 4: 5, 5: 6}
    assert read.window(5) == ("b.mp4", 5.0, 15.0)


def test_what_stays_keeps_its_ids_and_features(tmp_path: Path, opened: Store) -> None:
    opened.remove({"a.mp4"})
    assert content(again(tmp_path)) == {1: 2, 2: 3, 3: 4}
    assert len(list(opened.path.glob("*.f16"))) == 1


def test_a_broken_file_has_no_window(tmp_path: Path, opened: Store) -> None:
    opened.add("d.mp4", entry(0.0, "d.mp4: the file is empty"), np.zeros((0, 2), np.float32))
    opened.save()
    assert again(tmp_path).entries["d.mp4"].error == "d.mp4: the file is empty"
    assert len(again(tmp_path)) == 4


def test_everything_may_go(tmp_path: Path, opened: Store) -> None:
    opened.remove({"a.mp4", "b.mp4", "c.mp4"})
    assert content(again(tmp_path)) == {}


def test_what_a_killed_process_wrote_behind_the_manifest_is_overwritten(tmp_path: Path, opened: Store) -> None:
    [file] = opened.path.glob("*.f16")
    with file.open("ab") as part:
        part.write(b"half a window, then a power cut")
    read = again(tmp_path)
    assert content(read) == {0: 1, 1: 2, 2: 3, 3: 4}
    read.add("d.mp4", entry(), rows(7))
    read.save()
    assert content(again(tmp_path)) == {0: 1, 1: 2, 2: 3, 3: 4, 4: 7}


def test_faces_lie_beside_the_features(tmp_path: Path) -> None:
    made = Store(index_store.place(tmp_path), about(tmp_path, faces={"backend": "onnx"}))
    seen = np.linspace(0, 1, 18, dtype=np.float32).reshape(2, 9)
    made.add("a.mp4", entry(), rows(1), seen[:1])
    made.add("b.mp4", entry(), rows(2), seen[1:])
    made.save()
    np.testing.assert_allclose(again(tmp_path).faces(), seen, atol=1e-3)
    made.remove({"a.mp4"})
    np.testing.assert_allclose(again(tmp_path).faces(), seen[1:], atol=1e-3)


def test_an_index_in_place_of_another_leaves_nothing_of_it(tmp_path: Path, opened: Store) -> None:
    new = Store(opened.path, about(tmp_path, width=3))
    new.add("z.mp4", entry(), np.ones((1, 3), np.float32))
    new.save()
    assert content(again(tmp_path)) == {0: 1}
    assert len(list(opened.path.glob("*.f16"))) == 1
    assert new.id != opened.id


@pytest.mark.parametrize("damage", ["", "{}", "no JSON", '["a"]'])
def test_a_broken_manifest_says_what_to_remove(tmp_path: Path, opened: Store, damage: str) -> None:
    (opened.path / "manifest.jsonl").write_text(damage)
    with pytest.raises(BenchError, match=r"cannot be read .* Remove that folder and index again"):
        index_store.read(tmp_path)


def test_features_that_are_gone_or_short_are_an_error(tmp_path: Path, opened: Store) -> None:
    [file] = opened.path.glob("*.f16")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BenchError, match="is shorter than the manifest says"):
        index_store.read(tmp_path)
    file.unlink()
    with pytest.raises(BenchError, match="is gone"):
        index_store.read(tmp_path)


def test_another_format_is_no_index_of_ours(tmp_path: Path, opened: Store) -> None:
    manifest = opened.path / "manifest.jsonl"
    head, *rest = manifest.read_text().splitlines()
    manifest.write_text("\n".join([json.dumps({**json.loads(head), "format": 99}), *rest]))
    with pytest.raises(BenchError, match="another format"):
        index_store.read(tmp_path)


def test_one_process_at_a_time_changes_an_index(opened: Store) -> None:
    pytest.importorskip("fcntl", reason="no file locks on this system")
    with (
        opened.locked(),
        pytest.raises(BenchError, match="another process is indexing"),
        Store(opened.path, opened.about).locked(),
    ):
        pass
    with opened.locked():
        pass


def test_what_another_process_wrote_since_is_not_overwritten(tmp_path: Path, opened: Store) -> None:
    late = again(tmp_path)
    with opened.locked():
        opened.remove({"a.mp4"})
    with pytest.raises(BenchError, match=r"another process has just indexed .* Ask again"), late.locked():
        pass
    with again(tmp_path).locked():
        pass


# --- windows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (2, [(0, 2)]),
        (10, [(0, 10)]),
        (12.4, [(0, 12.4)]),
        (13, [(0, 10), (5, 13)]),
        (20, [(0, 10), (5, 15), (10, 20)]),
        (22, [(0, 10), (5, 15), (10, 22)]),
        (0, []),
    ],
)
def test_a_video_is_split_into_windows_that_overlap_by_half(seconds: float, expected: list) -> None:
    assert spans(seconds, 10) == expected


@pytest.mark.parametrize("window", [2.0, 10.0])
def test_windows_cover_a_video_and_overlap_their_neighbours_alone(window: float) -> None:
    for seconds in np.linspace(0.1, 100, 997):
        found = spans(float(seconds), window)
        assert len(found) == how_many(float(seconds), window)
        assert (found[0][0], found[-1][1]) == (0, float(seconds))
        assert all(after[0] < before[1] for before, after in pairwise(found))
        assert all(after[0] >= before[1] for before, after in zip(found, found[2:], strict=False))
        assert all(end - start <= 1.25 * window + 1e-9 for start, end in found)


def test_an_index_from_before_windows_could_be_left_out_is_read(tmp_path: Path, opened: Store) -> None:
    manifest = opened.path / "manifest.jsonl"
    head, *lines = manifest.read_text(encoding="utf-8").splitlines()
    before = [json.dumps(json.loads(line)[:6]) for line in lines]
    manifest.write_text("\n".join([head, *before]) + "\n", encoding="utf-8")
    assert content(again(tmp_path)) == {0: 1, 1: 2, 2: 3, 3: 4}


def test_windows_that_are_left_out_have_neither_an_id_nor_features(tmp_path: Path, opened: Store) -> None:
    entry = IndexedFile(1, 1, 0, 40.0, "", still=(1, 2, 4))  # of 7 windows
    opened.add("still.mp4", entry, np.arange(8, 12, dtype=np.float32)[:, None].repeat(opened.about.width, 1))
    opened.save()
    read = again(tmp_path)
    first = read.entries["still.mp4"].first
    assert [read.window(id)[1:] for id in range(first, first + 4)] == [(0, 10), (15, 25), (25, 35), (30, 40)]
    assert read.id_of("still.mp4", 15.0) == first + 1 and len(read) == 8
