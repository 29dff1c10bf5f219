"""Which files are read as a dataset's clips: the originals, or small copies of them."""

import os
import shutil
from pathlib import Path

import pytest
from helpers.movies import numbered
from helpers.processes import in_this_process

from bench.data import loading
from bench.data.compress import compress
from bench.data.loading import look_at
from bench.data.video import COMPRESSED, OLD_COPIES, write_video


@pytest.fixture
def folder(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `small`; clips are looked at without processes, for these take a while to start."""
    monkeypatch.setattr(loading, "in_processes", in_this_process)
    return shutil.copytree(small, tmp_path / "folder")


def test_small_copies_are_preferred_and_new_ones_to_old_ones(folder: Path) -> None:
    for number in range(18):
        write_video(folder / OLD_COPIES / f"video{number}.mp4", numbered(2), 6)
    for copies in (OLD_COPIES, COMPRESSED):
        if copies == COMPRESSED:
            compress(folder, workers=1)
        videos = look_at(folder, [f"video{number}" for number in range(18)])[0]
        assert {path.parent for path in videos.paths.values()} == {folder / copies}
        assert videos.copies == copies


def test_copies_are_not_looked_at_again(folder: Path) -> None:
    """Damage that leaves size and date as they were is not seen: the file was not opened."""
    compress(folder, workers=1)
    copy = folder / COMPRESSED / "video1.mp4"
    facts = copy.stat()
    copy.write_bytes(bytes(facts.st_size))
    os.utime(copy, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert look_at(folder, ["video1"])[1] == {}
