"""From video files to what a model takes of each window, decoded by processes while the model is at work.

A decoder may abort over a file that was made for it; a process of its own takes no other file with it.
"""

import time
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.pixels import resize_crop
from bench.data.scanning import scan
from bench.data.timeline import Timeline
from bench.data.upright import upright
from bench.data.video import sample_indices
from bench.errors import BenchError, UsageError
from bench.search.face_tracks import FaceDetector, FaceTrack
from bench.search.windows import check_count, frame_ranges, still_windows
from bench.utils.processes import DIED, OrderedProcesses

CHUNK = 8  # windows of a video that are decoded in one go
AHEAD = 2  # pieces of work for each process beyond the one that is waited for


def ready() -> None:
    """What a process does that is started before there is work: it imports what it will need."""


class WindowFrames(NamedTuple):
    """What a model takes of one window."""

    frames: NDArray[np.uint8]  # (T, S, S, 3)
    track: FaceTrack | None  # facial expressions, where they are asked for


@dataclass(frozen=True)
class Piece:
    """Some windows of a file, in order; or what is wrong with it, and then no more of it comes."""

    path: str  # below the folder
    seconds: float  # the video's length
    windows: list[WindowFrames]
    last: bool  # of this file
    still: tuple[int, ...] = ()  # the numbers of windows that are left out
    error: str = ""
    decoding: float = 0.0  # seconds, in a process
    faces: float = 0.0  # seconds of looking for faces, likewise


@dataclass(frozen=True)
class _Plan:
    path: str
    file: Path
    timeline: Timeline
    seconds: float
    still: tuple[int, ...]
    windows: list[NDArray[np.int64]]  # the indices of each window's frames
    spent: float


_Chunk = tuple[_Plan | Piece, int]  # a video, and the number of its first window that is to be read


def read(
    files: Mapping[str, Path],
    pool: OrderedProcesses,
    *,
    frames: int,
    size: int,
    window: float,
    detector: FaceDetector | None = None,
) -> Generator[Piece, None, None]:
    """All windows of all files, file after file, a few pieces ahead of what was asked for.

    frames, size: T and S of a window. window: its seconds. A file that cannot be read is a Piece with an error.
    """
    ahead = pool.count * AHEAD
    died: set[str] = set()

    def given_up(path: str) -> Piece:
        died.add(path)
        return _broken(path, f"{files[path]}: {DIED}")

    plan = partial(_planned, frames=frames, window=window)
    plans = pool.ahead(plan, files.items(), ahead, lambda item: given_up(item[0]))
    chunk = partial(_read, size=size, detector=detector)
    yield from pool.ahead(chunk, _chunks(plans, died), ahead, lambda work: given_up(work[0].path))


def _planned(item: tuple[str, Path], *, frames: int, window: float) -> _Plan | Piece:
    """Which frames each window of a video has."""
    path, file = item
    begun = time.perf_counter()
    try:
        timeline = scan(file)
        seconds = max(0.001, round(timeline.seconds, 3))
        check_count(seconds, window)
    except BenchError as error:
        return _broken(path, str(error))
    ranges = frame_ranges(timeline.times, seconds, window)
    still = still_windows(ranges)
    shown = np.delete(ranges, still, axis=0).tolist()
    windows = [first + sample_indices(stop - first, frames) for first, stop in shown]
    return _Plan(path, file, timeline, seconds, still, windows, time.perf_counter() - begun)


def _chunks(plans: Iterable[_Plan | Piece], died: Collection[str]) -> Iterator[_Chunk]:
    for plan in plans:
        if isinstance(plan, Piece):  # it is broken
            yield plan, 0
            continue
        for start in range(0, len(plan.windows), CHUNK):
            if plan.path not in died:  # over a chunk of it that came before
                yield plan, start


def _read(chunk: _Chunk, *, size: int, detector: FaceDetector | None) -> Piece:
    """The windows of a plan from `start` on, CHUNK of them; each frame is made small as soon as it is there."""
    plan, start = chunk
    if isinstance(plan, Piece):
        return plan
    begun, looking = time.perf_counter(), 0.0
    windows = plan.windows[start : start + CHUNK]
    wanted = np.unique(np.concatenate(windows))
    small: dict[int, NDArray[np.uint8]] = {}
    faces: dict[int, NDArray[np.float32] | None] = {}
    try:
        for index, image in zip(wanted.tolist(), upright(plan.file, plan.timeline, wanted), strict=True):
            small[index] = resize_crop(image[None], size)[0]
            if detector:
                before = time.perf_counter()
                faces[index] = detector(plan.file, len(plan.timeline), index, image)
                looking += time.perf_counter() - before
    except UsageError:  # the words were off, not the file
        raise
    except BenchError as error:
        return _broken(plan.path, str(error))
    seen = [
        WindowFrames(np.stack([small[index] for index in window.tolist()]), _track(faces, window) if detector else None)
        for window in windows
    ]
    decoding = time.perf_counter() - begun - looking + (0 if start else plan.spent)
    last = start + CHUNK >= len(plan.windows)
    return Piece(plan.path, plan.seconds, seen, last, plan.still, decoding=decoding, faces=looking)


def _track(faces: dict[int, NDArray[np.float32] | None], window: NDArray[np.int64]) -> FaceTrack:
    rows = [faces[index] for index in window.tolist()]
    scores = np.stack([np.zeros(8, np.float32) if row is None else row for row in rows])
    return FaceTrack(scores, np.array([row is not None for row in rows]))


def _broken(path: str, why: str) -> Piece:
    return Piece(path, 0.0, [], True, error=why)
