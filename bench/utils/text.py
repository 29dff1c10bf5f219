"""Text in the terminal."""

import textwrap

WIDTH = 80  # columns that output is written for


def wrapped(text: str, indent: int = 0, first: str | None = None) -> list[str]:
    """The lines of a text that stay within WIDTH, `indent` blanks before each; words stay whole, also longer ones.

    first: what stands before the first line in place of blanks.
    """
    start = " " * indent
    first = start if first is None else first
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=start, break_on_hyphens=False, break_long_words=False
    )
