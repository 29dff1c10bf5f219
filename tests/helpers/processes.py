"""Work for processes that a test starts; a test's own module they could not find."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.data.video import look
from bench.search import reading
from bench.utils.processes import OrderedProcesses


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
