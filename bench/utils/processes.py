"""Processes: the same work on many files, in any order or in theirs; and which of torchrun's processes this is.

One that dies takes no result of another file with it.
"""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any, Self, TypeVar

from bench.errors import BenchError

A = TypeVar("A")
T = TypeVar("T")
NamedWork = tuple[str, tuple[Any, ...]]  # name, arguments
DIED = "the process that read it died: it is damaged, or there is too little memory"

PARENT_EVERY = 1.0  # seconds between two looks at whether the parent is there


def is_main_process() -> bool:
    """Whether this process is the one that speaks, of those that torchrun started; True where it did not."""
    return os.environ.get("RANK", "0") == "0"


def end_with_parent(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """From now on this process gets the signal `by` when its parent, process `parent`, has ended, however that ended.

    A thread looks every second: it works wherever a process can ask for its parent, unlike Linux's own notice, which
    also fires when only the thread that started this process has ended.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_EVERY)
        os.kill(os.getpid(), by)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def fresh_processes() -> SpawnContext:
    """The context of processes that start anew, not as forks: a caller's decoder or classifier may have threads.

    A file in the current folder is no module to them: they would take its pickle.py for Python's own. Nor do they run
    the caller's script once more, which without `if __name__ == "__main__"` would start processes without end: all that
    they do is in bench.
    """
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    return _WithoutScript()


class _Process(SpawnProcess):
    def start(self) -> None:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")  # where a process that starts would read which script it was
        try:
            super().start()
        finally:
            sys.modules["__main__"] = script


class _WithoutScript(SpawnContext):
    Process = _Process


def in_processes(
    work: Callable[..., T], jobs: Mapping[str, tuple[Any, ...]], workers: int, died: T
) -> Generator[tuple[str, T], None, None]:
    """Each job's name with what `work` made of its arguments, in the order in which they come to an end.

    died: the result of a job whose process died, as a decoder may over a file that was made for it. Which of several
    jobs in work it was shows when each is done again alone.
    Ctrl-C is the parent's to answer: jobs in work are finished, the rest dropped.
    """
    waiting: deque[NamedWork] = deque(jobs.items())
    suspects: deque[NamedWork] = deque()
    while waiting or suspects:
        batch, together = (waiting, workers) if waiting else (suspects, 1)
        running: dict[Future[T], NamedWork] = {}
        pool = _pool(together)
        try:
            while batch or running:
                while batch and len(running) < 2 * together:  # one waits behind each in work
                    running[pool.submit(work, *batch[0][1])] = batch[0]
                    batch.popleft()
                    if batch is suspects:
                        break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    yield running.pop(future)[0], result
        except BrokenProcessPool as error:
            if not running:
                raise BenchError("working processes die before they do anything. Is there enough memory?") from error
            if batch is suspects:
                yield next(iter(running.values()))[0], died
            else:
                suspects.extend(running.values())
        finally:
            close(pool)


class OrderedProcesses:
    """Processes that work ahead of what is asked for, and give it in order.

    One that dies, as a decoder may over a file that was made for it, costs one result: what was in work is done again
    item by item, and an item over which a process of its own dies too is given up.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._together, self._alone = _pool(count), _pool(1)  # neither starts a process before it has work

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        close(self._together)
        close(self._alone)

    def start(self, work: Callable[[], object], most: int) -> None:
        """Starts processes before there is work for them, at most `most`: `work` lies in the module that they need."""
        for _ in range(min(most, self.count)):
            self._together.submit(work)

    def ahead(
        self, work: Callable[[A], T], items: Iterable[A], depth: int, died: Callable[[A], T]
    ) -> Generator[T, None, None]:
        """`work` of each item, in order, begun up to `depth` items before it is asked for.

        died: the result of an item over which a process died twice.
        """
        waiting: deque[tuple[Future[T], A]] = deque()
        try:
            for item in items:
                waiting.append((self._begin(work, item), item))
                if len(waiting) > depth:
                    yield self._end(work, *waiting.popleft(), died)
            while waiting:
                yield self._end(work, *waiting.popleft(), died)
        finally:
            for future, _ in waiting:
                future.cancel()

    def _begin(self, work: Callable[[A], T], item: A) -> Future[T]:
        try:
            return self._together.submit(work, item)
        except BrokenProcessPool:
            close(self._together)
            self._together = _pool(self.count)
            return self._together.submit(work, item)

    def _end(self, work: Callable[[A], T], future: Future[T], item: A, died: Callable[[A], T]) -> T:
        try:
            return future.result()
        except BrokenProcessPool:  # perhaps over another item that was in work at that time
            pass
        try:
            return self._alone.submit(work, item).result()
        except BrokenProcessPool:
            close(self._alone)
            self._alone = _pool(1)
            return died(item)


def close(pool: ProcessPoolExecutor) -> None:
    """Ends the processes of a pool; jobs in work are finished, those that wait dropped.

    A broken pool has ended its processes itself, but for one that it was starting as it broke: that waits for jobs for
    ever, and a plain shutdown may wait for it.
    """
    if pool._broken:
        for process in list((pool._processes or {}).values()):
            process.kill()
    pool.shutdown(cancel_futures=True)


def _pool(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=fresh_processes(), initializer=begin_worker)


def begin_worker() -> None:
    """What a worker process does first: Ctrl-C is its parent's to answer, and it does not outlive that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent and parent.pid:
        end_with_parent(parent.pid)
    os.environ["OMP_NUM_THREADS"] = "1"  # for torch, should it be imported: the parallelism is over files
