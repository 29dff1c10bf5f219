"""Processes: the same work on many files, one file each; and which of torchrun's processes this is.

One that dies takes no result with it.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.context import SpawnContext
from typing import Any, TypeVar

from bench.errors import BenchError

T = TypeVar("T")

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
    work: Callable[..., T], jobs: Mapping[str, tuple[Any, ...]], workers: int
) -> Generator[tuple[str, T], None, None]:
    """Each job's name with what `work` made of its arguments, in the order in which they come to an end.

    Ctrl-C is the parent's to answer: jobs in work are finished, the rest dropped. BenchError: a process died.
    """
    pool = ProcessPoolExecutor(workers, mp_context=fresh_processes(), initializer=begin_worker)
    try:
        futures: dict[Future[T], str] = {pool.submit(work, *arguments): name for name, arguments in jobs.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise BenchError("a working process died (out of memory?); the same command goes on from here") from error
    finally:
        pool.shutdown(cancel_futures=True)


def begin_worker() -> None:
    """What a worker process does first: Ctrl-C is its parent's to answer, and it does not outlive that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent and parent.pid:
        end_with_parent(parent.pid)
    os.environ["OMP_NUM_THREADS"] = "1"  # for torch, should it be imported: the parallelism is over files
