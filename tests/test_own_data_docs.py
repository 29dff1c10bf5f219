"""docs/own-data.md, done as it says: its table lies beside the six real clips, each command answers as it shows."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

from bench.cli import main

TEXT = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
FAULTS = {
    "column": "file_name,texts\ntest.mp4,a pool\n",
    "file": "file_name,text\ntest.mp4,a pool\ntets.mp4,a pool\n",
    "doubled": "file_name,text\ntest.mp4,a pool\ntest.mp4,the water\ntest.mp4,a  pool\n",
    "cells": "file_name,text\ntest.mp4,a pool, blue\n",
    "quote": 'file_name,text\ntest.mp4,"a pool\ntest.mp4,the water\n',
}


def asked(block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that are shown as its answer."""
    for part in block.split("$ ")[1:]:
        command, *shown = part.splitlines()
        yield command, shown


def answer(command: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    try:
        main(shlex.split(command.removeprefix("bench ")))
        return capsys.readouterr().out.splitlines()
    except SystemExit:
        return capsys.readouterr().err.splitlines()


def check(shown: list[str], said: list[str]) -> None:
    """Every line that is shown was said, in order; … is what it likes, and so is a run's id, which has code in it."""
    patterns = [re.escape(line).replace("…", ".*") for line in shown if line != "…"]
    patterns = [re.sub(r"s42\\-[0-9a-f]{8}", r"s42-[0-9a-f]{8}", pattern) for pattern in patterns]
    places = [next((i for i, line in enumerate(said) if re.fullmatch(one, line)), None) for one in patterns]
    assert None not in places, (patterns, said)
    assert places == sorted(places)
    if not any("…" in line for line in shown):
        assert len(said) == len(shown), said


@pytest.mark.slow
def test_the_transcript_is_what_the_commands_say(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [table] = re.findall(r"```csv\n(.*?)```", TEXT, re.DOTALL)
    before, walk, faults = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for name, content in FAULTS.items():
        folder = Path("faults") / name
        folder.mkdir(parents=True)
        (folder / "metadata.csv").write_text(content, encoding="utf-8")
        shutil.copyfile(shared / "videos" / "test.mp4", folder / "test.mp4")
    Path("clips").mkdir()
    for path in (shared / "videos").iterdir():
        shutil.copyfile(path, Path("clips") / path.name)
    for command, shown in [*asked(before), *asked(faults)]:
        check(shown, answer(command, capsys))
    assert [path for path in Path("clips").iterdir() if path.suffix not in (".mp4", ".avi")] == []
    Path("clips/metadata.csv").write_text(table, encoding="utf-8")
    for command, shown in asked(walk):
        check(shown, answer(command, capsys))
    written = {path.relative_to("clips").as_posix() for path in Path("clips").rglob("*") if path.is_file()}
    left = {name for name in written if not name.endswith((".mp4", ".avi"))}
    assert left == {"metadata.csv", "card.yaml", "annotations/test.json"}


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["data", "prepare"], ("metadata.csv", "file_name", "text", "split", "emotion", "--name", "--test-share")),
        (["run"], ("metadata.csv", "tiny")),
    ],
)
def test_help_alone_leads_to_a_folder_of_one_s_own(
    command: list[str], says: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    main([*command, "--help"])
    text = capsys.readouterr().out
    assert [word for word in says if word not in text] == []


def test_every_column_that_is_read_is_in_the_table() -> None:
    from bench.data.metadata_file import COLUMNS

    assert [column for column in COLUMNS if f"`{column}`" not in TEXT] == []
