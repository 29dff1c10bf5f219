"""From video files to what a model takes of each window, decoded by threads while the model is at work."""

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

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

CHUNK = 8  # windows of a video that are decoded in one go
AHEAD = 2  # pieces of work for each thread beyond the one that is waited for

A = TypeVar("A")
B = TypeVar("B")


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
    spent: float = 0.0  # seconds of decoding in a thread


@dataclass(frozen=True)
class _Plan:
    path: str
    file: Path
    timeline: Timeline
    seconds: float
    still: tuple[int, ...]
    windows: list[NDArray[np.int64]]  # the indices of each window's frames
    spent: float


def read(
    files: Mapping[str, Path], *, frames: int, size: int, window: float, detector: FaceDetector | None = None
) -> Generator[Piece, None, None]:
    """All windows of all files, file after file, a few pieces ahead of what was asked for.

    frames, size: T and S of a window. window: its seconds. A file that cannot be read is a Piece with an error.
    """
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        plans = _ahead(pool, lambda item: _planned(*item, frames, window), files.items(), threads * AHEAD)
        yield from _ahead(pool, lambda work: _read(*work, size, detector), _chunks(plans), threads * AHEAD)


def _ahead(pool: ThreadPoolExecutor, work: Callable[[A], B], items: Iterable[A], depth: int) -> Iterator[B]:
    """`work` of each item, in order, begun up to `depth` items before it is asked for."""
    waiting: deque[Future[B]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _planned(path: str, file: Path, frames: int, window: float) -> _Plan | Piece:
    """Which frames each window of a video has."""
    begun = time.perf_counter()
    try:
        timeline = scan(file)
        seconds = max(0.001, round(timeline.seconds, 3))
        check_count(seconds, window)
    except BenchError as error:
        return _broken(path, error)
    ranges = frame_ranges(timeline.times, seconds, window)
    still = still_windows(ranges)
    shown = np.delete(ranges, still, axis=0).tolist()
    windows = [first + sample_indices(stop - first, frames) for first, stop in shown]
    return _Plan(path, file, timeline, seconds, still, windows, time.perf_counter() - begun)


def _chunks(plans: Iterable[_Plan | Piece]) -> Iterator[tuple[_Plan | Piece, int]]:
    for plan in plans:
        for start in range(0, len(plan.windows) if isinstance(plan, _Plan) else 1, CHUNK):
            yield plan, start


def _read(plan: _Plan | Piece, start: int, size: int, detector: FaceDetector | None) -> Piece:
    """The windows of a plan from `start` on, CHUNK of them; each frame is made small as soon as it is there."""
    if isinstance(plan, Piece):
        return plan
    begun = time.perf_counter()
    windows = plan.windows[start : start + CHUNK]
    wanted = np.unique(np.concatenate(windows))
    small: dict[int, NDArray[np.uint8]] = {}
    faces: dict[int, NDArray[np.float32] | None] = {}
    try:
        for index, image in zip(wanted.tolist(), upright(plan.file, plan.timeline, wanted), strict=True):
            small[index] = resize_crop(image[None], size)[0]
            if detector:
                looking = time.perf_counter()
                faces[index] = detector(plan.file, len(plan.timeline), index, image)
                begun += time.perf_counter() - looking
    except UsageError:  # the words were off, not the file
        raise
    except BenchError as error:
        return _broken(plan.path, error)
    seen = [
        WindowFrames(np.stack([small[index] for index in window.tolist()]), _track(faces, window) if detector else None)
        for window in windows
    ]
    spent = time.perf_counter() - begun + (0 if start else plan.spent)
    last = start + CHUNK >= len(plan.windows)
    return Piece(plan.path, plan.seconds, seen, last, plan.still, spent=spent)


def _track(faces: dict[int, NDArray[np.float32] | None], window: NDArray[np.int64]) -> FaceTrack:
    rows = [faces[index] for index in window.tolist()]
    scores = np.stack([np.zeros(8, np.float32) if row is None else row for row in rows])
    return FaceTrack(scores, np.array([row is not None for row in rows]))


def _broken(path: str, error: BenchError) -> Piece:
    return Piece(path, 0.0, [], True, error=str(error))
