"""Work for processes that a test starts, in a module that they import at once: no torch, no decoder."""

import os
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

from bench.data.video_memory import remember
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


def learn(marks: list[str], begin: Barrier) -> None:
    """Adds videos to the memory one after another, at the same time as others do."""
    begin.wait()
    for number, mark in enumerate(marks, start=1):
        remember({mark: (number, 0.5)})
