"""The memory of videos: what a file is known by, and that processes which write it at once lose nothing."""

import multiprocessing
import os
from pathlib import Path

import pytest
from helpers.light_work import learn

from bench.data import video_memory
from bench.data.video_memory import mark, read_memory, remember
from bench.utils.lock import locked


@pytest.mark.parametrize("name", ["clip.mp4", "folder/clip.mp4", "link/clip.mp4", "link.mp4"])
def test_a_file_is_known_by_its_true_place_its_size_and_its_date(tmp_path: Path, name: str) -> None:
    """Frozen: all that was learned before hangs on it."""
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "clip.mp4", tmp_path / "folder" / "clip.mp4"):
        path.write_bytes(b"12345")
        os.utime(path, ns=(7, 8))
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "folder" / "clip.mp4")
    assert mark(tmp_path / name) == f"{(tmp_path / name).resolve()}|5|8"
    assert mark(tmp_path / name, (1.0, None)) == f"{(tmp_path / name).resolve()}|5|8|1.0-None"


def test_what_processes_learn_at_the_same_time_is_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    remember({"before": (1, 0.5)})
    marks = [[f"{shard}-{number}" for number in range(20)] for shard in range(3)]
    context = multiprocessing.get_context("spawn")
    begin = context.Barrier(len(marks))
    processes = [context.Process(target=learn, args=(part, begin)) for part in marks]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert set(read_memory()) == {"before"}.union(*marks)
    assert [path.name for path in tmp_path.iterdir()] == ["videos.json"]


def test_where_the_lock_stays_taken_a_line_says_that_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    monkeypatch.setattr(video_memory, "PATIENCE", 0.05)
    with locked(tmp_path / "videos.lock", "another"):
        remember({"a": (1, 0.5)})
    assert (
        "videos.json cannot be written (another process holds its lock): every run will check"
        in capsys.readouterr().err
    )
    assert read_memory() == {}
