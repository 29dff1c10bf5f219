"""Asking the command line in this process: what it answers, or the one line with which it fails."""

import re
from collections.abc import Callable

import pytest

from bench.cli import main

Command = Callable[..., list[str]]
Capture = pytest.CaptureFixture[str]


def failure(words: list[str], capsys: Capture) -> tuple[int, str]:
    """The exit code of a command that fails and its one line on stderr, without what it says before `bench: `."""
    with pytest.raises(SystemExit) as stop:
        main(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.startswith("bench: ")
    assert isinstance(stop.value.code, int)
    return stop.value.code, captured.err


def output(words: list[str], capsys: Capture) -> str:
    main(words)
    return capsys.readouterr().out


def without_next(err: str) -> str:
    """What a command says on stderr but for the next step, with which it ends."""
    return re.sub(r"^Next: .*\n(?: +.*\n)*\Z", "", err, flags=re.MULTILINE)
