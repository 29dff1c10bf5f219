"""Text in the terminal."""

import textwrap

WIDTH = 80  # columns that output is written for


def wrapped(text: str, indent: int = 0) -> list[str]:
    """The lines of a text that stay within WIDTH, `indent` blanks before each; hyphenated words stay whole."""
    start = " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False)
