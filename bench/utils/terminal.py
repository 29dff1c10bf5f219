"""The terminal: text that it cannot show, names that would write over other lines, widths too narrow to wrap in."""

import codecs
import io
import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import TextIO

NARROWEST = 40  # columns; help texts are laid out for at least so many
STAND_INS = {"–": "-", "—": "-", "−": "-", "─": "-", "×": "x", "…": "...", "’": "'", "‘": "'", "“": '"', "”": '"'}
SOME = 3  # names of what was left out
HANDLER = "bench.stand_ins"  # the name under which the codecs know it


def prepare() -> None:
    """Makes printing safe in this process: nothing on stdout or stderr can fail to be encoded, and no line is endless.

    What the encoding of the terminal lacks is shown by a stand-in (– as -), or as "?".
    """
    codecs.register_error(HANDLER, _stand_in)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not so in notebooks, which show everything
            stream.reconfigure(errors=HANDLER)
    columns = shutil.get_terminal_size().columns
    if columns < NARROWEST or os.environ.get("COLUMNS", "").strip() == "0":
        os.environ["COLUMNS"] = str(max(columns, NARROWEST))


def printable(text: str) -> str:
    r"""A name on one line, as it may be printed: control characters and bytes that are no text become escapes (\r).

    A file may be called anything; a carriage return in its name would hide the line that names it.
    """
    return "".join(char if _harmless(char) else _escaped(char) for char in text)


def left_out(names: Sequence[str], what: str) -> list[str]:
    """A line that counts files that were left out and names the first SOME; no line where there are none."""
    if not names:
        return []
    some = ", ".join(names[:SOME]) + ", …" * (len(names) > SOME)
    return [printable(f"{len(names)} {what} left out: {some}")]


def not_read(names: Sequence[str]) -> list[str]:
    """The line that names files which may be taken for videos and are of kinds that are not read."""
    return left_out(names, "of kinds of video that are not read")


def clear_line(stream: TextIO) -> None:
    """Clears what is left of a progress bar, on a terminal."""
    if stream.isatty():
        print("\r\033[K", end="", file=stream)


def _harmless(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Zs"  # a no-break space is a space


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte of a file name that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def _stand_in(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    shown = (STAND_INS.get(char, "?") if _harmless(char) else _escaped(char) for char in lacking)
    return "".join(shown), error.end
