"""Work for processes that a test starts; a test's own module they could not find."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.data.video import look
from bench.errors import BenchError
from bench.search import reading
from bench.utils.lock import locked
from bench.utils.processes import OrderedProcesses


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


def read_or_abort(chunk: Any, *, size: int, detector: Any) -> reading.Piece:
    """As the search reads a part of a video, but over the third part of `evil.mp4` it aborts, as libav may."""
    plan, start = chunk
    if plan.path == "evil.mp4" and start == 2 * reading.CHUNK:
        os.abort()
    return real_read(chunk, size=size, detector=detector)


real_read = reading._read


def look_or_abort(path: Path, span: None = None) -> tuple[int, float] | str:
    """As a run looks at a clip, but over `video3` it aborts."""
    if path.stem == "video3":
        os.abort()
    return look(path)


def in_this_process(work: Callable, jobs: Mapping, workers: int, died: Any) -> Iterator:
    """What `in_processes` does, at once; what a test put in place of something is seen."""
    for name, arguments in jobs.items():
        yield name, work(*arguments)


class OrderedThreads(OrderedProcesses):
    """`OrderedProcesses` with threads of this process: what a test put in place of something is seen."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._together = self._alone = ThreadPoolExecutor(count)  # type: ignore[assignment]
