"""Processes: the same work on many files, one file each; and which of torchrun's processes this is.

One that dies takes no result with it.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.context import SpawnContext
from typing import Any, TypeVar

from bench.errors import BenchError

T = TypeVar("T")
Job = tuple[str, tuple[Any, ...]]  # name, arguments
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

    A file in the current folder is no module to them: they would take its pickle.py for Python's own.
    """
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    return get_context("spawn")


def in_processes(
    work: Callable[..., T], jobs: Mapping[str, tuple[Any, ...]], workers: int, died: T
) -> Generator[tuple[str, T], None, None]:
    """Each job's name with what `work` made of its arguments, in the order in which they come to an end.

    died: the result of a job whose process died, as a decoder may over a file that was made for it. Which of several
    jobs in work it was shows when each is done again alone.
    Ctrl-C is the parent's to answer: jobs in work are finished, the rest dropped.
    """
    waiting: deque[Job] = deque(jobs.items())
    suspects: deque[Job] = deque()
    while waiting or suspects:
        batch, together = (waiting, workers) if waiting else (suspects, 1)
        running: dict[Future[T], Job] = {}
        pool = ProcessPoolExecutor(together, mp_context=fresh_processes(), initializer=begin_worker)
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
            pool.shutdown(cancel_futures=True)


def begin_worker() -> None:
    """What a worker process does first: Ctrl-C is its parent's to answer, and it does not outlive that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent and parent.pid:
        end_with_parent(parent.pid)
    os.environ["OMP_NUM_THREADS"] = "1"  # for torch, should it be imported: the parallelism is over files
