"""When a probe is measured again: where its code or lists changed, and for nothing else."""

import shutil
from pathlib import Path

import pytest

from bench.analysis.code_digest import code_digest, measuring_files
from bench.utils.paths import HERE


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package's files, to be changed."""
    return shutil.copytree(HERE, tmp_path / "bench", ignore=shutil.ignore_patterns("__pycache__"))


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_copy_has_the_same_digest(copy: Path) -> None:
    assert code_digest(copy) == code_digest()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("emotions/__init__.py", '"joy": "sadness"', '"joy": "fear"'),  # what a swap turns to
        ("data/video_emotions.py", "SHARE = 0.25", "SHARE = 0.3"),
        ("data/faces.py", "def pooled", "def pooled_otherwise"),
        ("utils/text_yaml.py", "class TextLoader", "class OtherLoader"),
        ("metrics/statistics.py", "RESAMPLES = 1000", "RESAMPLES = 999"),
        ("emotions/swaps.yaml", "happy", "glad"),
        ("analysis/probe.py", "_SAME = 0.99", "_SAME = 0.9"),
    ],
)
def test_a_change_of_what_is_measured_by_changes_it(copy: Path, file: str, old: str, new: str) -> None:
    before = code_digest(copy)
    rewrite(copy / file, old, new)
    assert code_digest(copy) != before


def test_a_new_file_in_the_room_of_emotions_changes_it(copy: Path) -> None:
    before = code_digest(copy)
    (copy / "emotions" / "another.py").write_text("WORDS = ('glad',)\n", encoding="utf-8")
    assert code_digest(copy) != before


def test_a_comment_a_docstring_and_code_of_another_room_do_not(copy: Path) -> None:
    before = code_digest(copy)
    emotions = copy / "emotions" / "__init__.py"
    emotions.write_text("# a comment\n" + emotions.read_text(encoding="utf-8").replace("The eight", "All eight"))
    rewrite(copy / "search" / "windows.py", "def ", "def other_")
    rewrite(copy / "config.py", "Where to compute", "Where models compute")  # of a setting, shown by --help
    assert code_digest(copy) == before


def test_models_and_pictures_are_no_part_of_it() -> None:
    rooms = {path.relative_to(HERE).parts[0] for path in measuring_files()}
    assert not rooms & {"model", "search", "demo", "report", "grid", "face_detection"}
