"""docs/python.md, done as it says: its script runs, its tables are those of the tree."""

import re
from pathlib import Path

import pytest
from conftest import ROOT

import bench

TEXT = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
SMALL = {
    "dataset": "msrvtt",
    "init": "random",
    "model": {"size": "tiny", "tokenizer": "captions", "tokens": 32},
    "video": {"size": 64, "frames": 4, "workers": 0},
    "train": {"batch": 4, "accumulation": 1, "steps": 2, "lr": 1e-3},
}


def table(heading: str) -> list[str]:
    """The first column of the first table below a heading."""
    below = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line.split("|")[1].strip() for line in below.splitlines() if line.startswith("| ")][1:]


def test_the_script_runs(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On small data: the dictionary of settings is another, the rest is the document's to the letter."""
    [script] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    first = '{"dataset": "moodclips", "results": "results", "seed": 42}'
    assert script.count(first) == 1
    monkeypatch.chdir(tmp_path)
    names: dict = {"small": {**SMALL, "root": small, "results": "results", "seed": 42}}
    exec(script.replace(first, "small"), names)
    assert "additive_text" in capsys.readouterr().out
    assert {row["variant"] for row in names["rows"]} == {"plain", "additive_text"}
    assert names["text"].shape == names["video"].shape == (6, 128)


def test_the_script_is_about_ten_lines() -> None:
    [script] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len([line for line in script.splitlines() if line]) <= 10


def test_every_public_name_is_in_the_table() -> None:
    named = {name.split("(")[0] for cell in table("What there is") for name in re.findall(r"`([^`]+)`", cell)}
    assert named == set(bench.__all__)


def test_the_rooms_are_those_of_the_tree() -> None:
    rooms = {path.parent.name for path in Path(bench.__file__).parent.glob("*/__init__.py")}
    assert sorted(table("Layout of the code")) == sorted(f"`{room}`" for room in rooms)


def test_the_modules_beside_the_rooms_are_named() -> None:
    modules = {path.name for path in Path(bench.__file__).parent.glob("*.py")} - {"__init__.py"}
    assert modules == set(re.findall(r"`(\w+\.py)`", TEXT.split("## Layout of the code")[1]))
