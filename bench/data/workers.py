"""Processes that decode clips: batches in order from them, and all frames of a split at once.

How many there are changes the time alone.
"""

import math
import shutil
import signal
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from multiprocessing import active_children, get_all_start_methods
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from bench.data.video import VideoError
from bench.errors import BenchError
from bench.utils.machine import available_memory, processes_here, usable_cores
from bench.utils.messages import say_once
from bench.utils.processes import fresh_processes
from bench.utils.progress import progress

PREFETCH = 2  # batches that a worker has ready, beside the one in its hands
SHARED_MEMORY = Path("/dev/shm")  # where workers put batches on Linux; Docker gives 64 MB unless it is told otherwise
FILLED = 0.8  # of the free memory, by frames that are kept: the rest is for the model
CHUNK_BYTES = 4_000_000  # of frames that a worker gives at once where all are decoded

Read = Callable[[str], np.ndarray]


def load(samples: Dataset, keys: Sequence[list[Any]], collate: Callable, workers: int) -> Generator[Any, None, None]:
    """Batches in the order of `keys`, made by `workers` processes, or here by none.

    Whoever stops before the end closes it (contextlib.closing): workers end with it, and by nothing else.
    """
    forked = get_all_start_methods()[0] == "fork"  # the system's own way; workers that start anew are started with care
    batches = DataLoader(
        samples,
        batch_sampler=keys,
        collate_fn=collate,
        num_workers=workers,
        prefetch_factor=PREFETCH if workers else None,
        multiprocessing_context=None if forked or not workers else fresh_processes(),
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_signals_to_the_parent,
        generator=torch.Generator(),  # of its own: the global one must be as a checkpoint left it
    )
    trouble = None
    others = set(active_children())
    iterator: Any = iter(batches)
    own = set(active_children()) - others
    try:
        yield from iterator
    except BenchError as error:  # from a worker it comes with a traceback in its message
        reason = str(error).strip().splitlines()[-1].removeprefix(f"{VideoError.__module__}.VideoError: ")
        trouble = type(error)(reason)
    finally:
        if own:
            iterator._shutdown_workers()  # an exception may hold the iterator until the process ends
            for worker in own:
                worker.kill()  # one that hangs in a clip: it is deaf to what PyTorch ends workers with
    if trouble:
        raise trouble


def count_workers(setting: int | Literal["auto"], batches: int, batch_bytes: int) -> int:
    """How many processes make so many batches of so many bytes, by `--video.workers`.

    auto: the cores that this process may use, shared with the other processes of torchrun on this machine; one of them
    is the main process's where there are more. Half of the free memory, and of the shared memory through which batches
    come, is theirs: where that is too little for one, the main process decodes, and says so.
    """
    cores = usable_cores()
    if setting != "auto":
        return min(setting, batches, cores)
    free = available_memory()
    shared = shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else free
    fit = min(free, shared) // (2 * processes_here()) // ((PREFETCH + 1) * batch_bytes)
    if not fit and batches:
        say_once(
            f"clips are decoded in the main process, which is slow: batches of {batch_bytes / 1e6:.0f} MB need more "
            f"than the {min(free, shared) / 1e6:.0f} MB of {'shared ' if shared < free else ''}memory that are free"
            f"{' (docker run --shm-size 8g)' if shared < free else ''}."
        )
    return min(max(1, cores // processes_here() - 1), batches, fit)


def decode_all(read: Read, sizes: Mapping[str, int], what: str) -> dict[str, np.ndarray]:
    """All frames of these clips, by clip, decoded by all cores; nothing, with a word, where memory is too small.

    read: gives a clip's frames. sizes: the bytes that they take, by clip. what: whose frames they are.
    """
    needed, free = sum(sizes.values()), available_memory() // processes_here()
    if needed > FILLED * free:
        say_once(
            f"--video.cache: the frames of {what}, {len(sizes)} clips, take {needed / 1e6:.1f} MB of memory and "
            f"{free / 1e6:.1f} MB are free. Frames are not kept: clips are decoded when they are needed."
        )
        return {}
    clips = list(sizes)
    each = max(1, math.floor(CHUNK_BYTES * len(clips) / max(1, needed)))
    chunks = [clips[start : start + each] for start in range(0, len(clips), each)]
    workers = min(max(1, usable_cores() // processes_here()), len(chunks))
    with closing(load(_Whole(read), chunks, list, workers if workers > 1 else 0)) as made:
        decoded = (clip for chunk in made for clip in chunk)
        return dict(progress(decoded, total=len(clips), what="decoding clips", unit="clip"))


class _Whole(Dataset):
    """Clips by name, each with all its frames."""

    def __init__(self, read: Read) -> None:
        self.read = read

    def __getitem__(self, video: str) -> tuple[str, np.ndarray]:
        return video, self.read(video)


def _leave_signals_to_the_parent(worker: int) -> None:
    """Ctrl-C goes to every process of a terminal, Slurm's signal to end to every one of a job.

    The step in hand still needs its clips; after it the parent keeps a checkpoint and ends its workers.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
