"""A word on stderr, said once a process however often the reason for it comes up."""

import sys
from functools import cache

from bench.utils.processes import is_main_process
from bench.utils.terminal import clear_line, printable


@cache
def say_once(line: str) -> None:
    """Prints a line to stderr; of the processes that torchrun started, the main one does."""
    if is_main_process():
        clear_line(sys.stderr)
        print(printable(line), file=sys.stderr)
