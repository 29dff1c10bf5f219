"""What a file is known by in the memory of videos."""

import os
from pathlib import Path

import pytest

from bench.data.video_memory import mark


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
