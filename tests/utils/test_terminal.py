"""Terminals that cannot show everything, names that would write over lines, and widths that nothing fits in."""

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import ROOT

from bench.commands.answers import compressed
from bench.utils import terminal
from bench.utils.terminal import printable


def ask(*words: str | bytes, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **variables}
    return subprocess.run([sys.executable, "-m", "bench", *words], capture_output=True, env=environment, timeout=60)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("café – 猫.mp4", "café – 猫.mp4"),
        ("a\rb\nc\td", r"a\rb\nc\td"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("na\udcefve.mp4", r"na\xefve.mp4"),  # a byte that is no UTF-8, as Python keeps it
        ("\u202egpj.exe", r"\u202egpj.exe"),  # written from right to left
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_a_name_is_printed_on_one_line_without_control_characters(name: str, shown: str) -> None:
    assert printable(name) == shown


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_help_is_shown_in_any_encoding(encoding: str) -> None:
    done = ask("grid", "--help", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"Run every cell of a grid: variants" in done.stdout


def test_a_locale_without_utf_8_shows_a_table_with_stand_ins() -> None:
    """`bench compare` prints lines, dashes and signs that ASCII has not."""
    words = ("compare", "--results", str(ROOT / "tests" / "old_records"))
    done = ask(*words, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0, done.stderr
    assert "--------" in done.stdout.decode("ascii")


@pytest.mark.parametrize("word", [b"fr\xffob", b"emotions"])
def test_arguments_that_are_no_utf_8_do_not_crash(word: bytes) -> None:
    done = ask(word, b"na\xefve")
    assert b"Traceback" not in done.stderr
    assert rb"\xff" in done.stderr or rb"na\xefve" in done.stdout


def test_a_carriage_return_in_a_name_does_not_hide_the_error() -> None:
    done = ask("run", "--config", "none\r.yaml")
    assert done.returncode == 2
    assert done.stderr == rb"bench: none\r.yaml cannot be read: No such file or directory." + os.linesep.encode()


@pytest.mark.parametrize(
    ("words", "columns"), [("--help", "0"), ("--help", "-1"), ("run --help", "1"), ("run --help", "2")]
)
def test_help_ends_however_narrow_the_terminal(words: str, columns: str) -> None:
    done = ask(*words.split(), COLUMNS=columns)
    assert done.returncode == 0, done.stderr
    assert b"Usage: bench" in done.stdout


def test_a_stream_that_is_no_file_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks put a stream of their own in the place of stdout."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.prepare()
    print("3–4 ×", end="")
    assert stream.getvalue() == "3–4 ×"


def test_names_of_broken_clips_are_printed_on_one_line() -> None:
    summary: Any = SimpleNamespace(
        broken={"a\rb": "it is empty"}, left_out=[], done=1, skipped=0, out=Path("copies"), old=None
    )
    assert compressed(summary).splitlines()[0] == r"a\rb: it is empty"
