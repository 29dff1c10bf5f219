"""docs/score.md, done as it says in an empty folder: each command prints what stands below it."""

import re
import shlex
from pathlib import Path

import pytest
from conftest import ROOT

from bench.cli import main

TEXT = (ROOT / "docs" / "score.md").read_text(encoding="utf-8")


def steps() -> list[tuple[str, str]]:
    """The scripts and, with what they print, the commands of the page, in their order."""
    found = []
    for kind, block in re.findall(r"```(python|console)\n(.*?)```", TEXT, re.DOTALL):
        if kind == "python":
            found.append((block, ""))
        else:
            found += [(f"$ {command}", shown) for command, shown in re.findall(r"\$ (.*)\n((?:[^$].*\n)*)", block)]
    return found


def test_the_page_is_done_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`…` stands for anything: what depends on the version, and the rest of a long output."""
    monkeypatch.chdir(tmp_path)
    done = 0
    for step, shown in steps():
        if not step.startswith("$ bench "):
            exec(step, {})
            continue
        main(shlex.split(step.removeprefix("$ bench ")))
        printed = capsys.readouterr().out
        assert re.fullmatch(re.escape(shown).replace("…", ".*"), printed, re.DOTALL), f"{step}\n{printed}"
        done += 1
    assert done == 3


def test_help_leads_there(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    assert re.search(r"score +Evaluate any model from its scores or features", capsys.readouterr().out)
    main(["score", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "bench export --dataset NAME" in shown
    for option in re.findall(r"`(--[a-z-]+)", TEXT):
        assert option in shown or option in ("--format", "--root", "--baseline"), option
