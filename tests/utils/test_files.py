"""Files that are written whole or not at all, and what a killed process leaves of one."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.utils import files
from bench.utils.files import LEFTOVER_AFTER, remove_empty, replacing

KILLED = """
import os, signal, sys
from pathlib import Path
from bench.utils.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """All there is in `tmp_path`: left by a process that was killed while it wrote."""
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "record.json")])
    [path] = tmp_path.iterdir()
    files._remove_leftovers.cache_clear()
    return path


@pytest.mark.parametrize(("age", "stays"), [(LEFTOVER_AFTER + 60, False), (LEFTOVER_AFTER - 60, True)])
def test_an_old_leftover_goes_with_the_next_write(left: Path, age: int, stays: bool) -> None:
    for path in (*left.iterdir(), left):
        os.utime(path, (time.time() - age,) * 2)
    with replacing(left.with_name("other.json")) as temporary:
        temporary.write_text("whole")
    assert left.exists() == stays
    assert left.with_name("other.json").read_text() == "whole"


def test_hidden_files_of_others_stay(tmp_path: Path) -> None:
    other = tmp_path / ".settings"
    other.mkdir()
    os.utime(other, (0, 0))
    files._remove_leftovers.cache_clear()
    with replacing(tmp_path / "settings.json") as temporary:
        temporary.touch()
    assert other.exists()


def test_a_file_that_its_writer_made_private_is_shared(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    with replacing(tmp_path / "a") as temporary:
        temporary.touch(0o600)
    os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_error_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text("before")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("record.json", "before")]


def test_empty_folders_are_removed_up_to_the_first_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "kept").touch()
    remove_empty(tmp_path / "a" / "b" / "c", tmp_path)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["kept"]
    (tmp_path / "a" / "kept").unlink()
    remove_empty(tmp_path / "a", tmp_path)
    assert tmp_path.is_dir() and not list(tmp_path.iterdir())
