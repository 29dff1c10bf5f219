"""Text in the terminal."""

import os
import shutil
import sys
import textwrap

WIDTH = 80  # columns that prose is written for, and tables where no terminal says how wide it is
WIDEST = 160  # columns of a table: in wider ones the eye loses the line


def counted(count: int, what: str, width: int = 0) -> str:
    """A count with its noun: "1 run", "2 runs". width: columns of the number."""
    return f"{count:>{width}} {what}{'s' * (count != 1)}"


def columns() -> int:
    """How wide a table may be: as the terminal, or $COLUMNS; WIDTH where stdout is a file or a pipe."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDEST)
    return WIDTH


def wrapped(text: str, indent: int = 0, first: str | None = None, width: int = WIDTH) -> list[str]:
    """The lines of a text that stay within `width`, `indent` blanks before each; words stay whole, also longer ones.

    first: what stands before the first line in place of blanks.
    """
    start = " " * indent
    first = start if first is None else first
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=start, break_on_hyphens=False, break_long_words=False
    )
