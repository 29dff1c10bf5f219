"""An archive of records gives what the folder gives; broken and hostile ones give one line."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from helpers.records import make_record

from bench.errors import BenchError
from bench.records import archive as module
from bench.records.store import load_records, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two records, each at its place under a results folder."""
    results = tmp_path / "results"
    for variant in ("plain", "toy"):
        save(make_record(variant=variant), results)
    return results


def pack(folder: Path) -> Path:
    path = folder.with_suffix(".tar.xz")
    subprocess.run(["tar", "-C", folder, "-cJf", path, *(one.name for one in folder.iterdir())], check=True)
    return path


def test_an_archive_gives_what_its_folder_gives(folder: Path) -> None:
    (folder / "notes.txt").write_text("no record")
    assert load_records(pack(folder)) == load_records(folder)


def add(path: Path, name: str, content: bytes) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return path


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.xz"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(BenchError, match=r"x\.tar\.xz is no archive of records"):
        load_records(path)


def test_a_cut_archive_is_named(folder: Path) -> None:
    path = pack(folder)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BenchError, match="is no archive of records"):
        load_records(path)


def test_a_broken_record_is_named_by_its_place(tmp_path: Path) -> None:
    path = add(tmp_path / "x.tar.xz", "moodclips/train/plain/one.json", b"{")
    with pytest.raises(BenchError, match=r"x\.tar\.xz/moodclips/train/plain/one\.json: it is no JSON"):
        load_records(path)


def test_a_record_at_another_place_is_refused(folder: Path, tmp_path: Path) -> None:
    one = next(folder.rglob("*.json"))
    path = add(tmp_path / "x.tar.xz", "elsewhere/one.json", one.read_bytes())
    with pytest.raises(BenchError, match="holds the run that belongs at"):
        load_records(path)


def test_an_empty_archive_has_no_records(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"^no records under .*x\.tar\.xz\. Make one"):
        load_records(add(tmp_path / "x.tar.xz", "a.txt", b""))


def test_a_huge_entry_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    with pytest.raises(BenchError, match="one above 10 bytes"):
        load_records(add(tmp_path / "x.tar.xz", "a/b/c/d.json", b"0" * 11))
