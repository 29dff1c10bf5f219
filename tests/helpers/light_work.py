"""Work for processes that a test starts, in a module that they import at once: no torch, no decoder."""

import os
import time
from pathlib import Path

from bench.errors import BenchError
from bench.utils.lock import locked


def double(number: int) -> int:
    if number < 0:
        os.abort()  # as a decoder does over a file that was made for it
    return 2 * number


def compete(folder: Path, log: Path, until: float) -> None:
    """Takes the lock of a folder again and again, and says in a log when it is inside."""
    while time.time() < until:
        try:
            with locked(folder, "it"), log.open("a") as file:
                file.write("in\n")
                file.flush()
                file.write("out\n")
        except BenchError:
            pass
