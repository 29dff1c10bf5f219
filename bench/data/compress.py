"""Small copies of a dataset's videos: 6 frames a second, shorter side 224, H.264, no sound.

Reading 12 frames of a copy takes a fraction of the time that the original takes, and the published recipe trains on
such copies. They go to one flat folder, DIR/videos-6fps/<stem>.mp4; the originals stay as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from bench.data.decoding import decoded
from bench.data.scanning import scan
from bench.data.timeline import Timeline
from bench.data.upright import picture, square
from bench.data.video import (
    COMPRESSED,
    ENDINGS,
    list_other_media,
    list_videos,
    split_by_stem,
    why_not_one,
    write_video,
)
from bench.data.video_files import VideoError
from bench.errors import BenchError, UsageError
from bench.utils.machine import usable_cores
from bench.utils.processes import DIED, in_processes
from bench.utils.progress import progress

FPS = 6
SIDE = 224


@dataclass(frozen=True)
class Summary:
    """What `compress` did: copies made, copies that were there already, what is wrong with each broken video, and which
    files were left out that may be taken for videos.
    """

    out: Path
    done: int
    skipped: int
    broken: dict[str, str]  # stem -> one line, also where several share the stem
    left_out: tuple[Path, ...] = ()


def compress(root: Path, out: Path | None = None, workers: int | None = None) -> Summary:
    """Makes a small copy of every video below `root` in `out` (default: root/videos-6fps), by its stem.

    A copy that is newer than its source is left alone, so a stopped run goes on where it stopped; copies are written
    whole or not at all. Broken videos, and those that share a name, are left out and named in the summary. workers:
    processes, default one a core; one that dies over a video takes no other with it.
    UsageError: no such folder, or workers below 1. BenchError: no video in it.
    """
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}; name the folder that holds the videos: --root DIR")
    if workers is not None and workers < 1:
        raise UsageError(f"--workers takes a number of at least 1, not {workers}.")
    out = out or root / COMPRESSED
    sources, shared = split_by_stem(path for path in list_videos(root) if out not in path.parents)
    if not sources and not shared:
        raise BenchError(f"there is no video below {root} ({', '.join(sorted(ending[1:] for ending in ENDINGS))})")
    jobs = {stem: (path, out / f"{stem}.mp4") for stem, path in sources.items()}
    open_jobs = {stem: (source, copy) for stem, (source, copy) in jobs.items() if not _current(source, copy)}
    skipped = len(jobs) - len(open_jobs)
    workers = min(workers or usable_cores(), len(open_jobs))
    results = in_processes(_attempt, open_jobs, workers, DIED)
    shown = progress(results, total=len(jobs), what="compress", unit="video", done=skipped)
    broken = {stem: error for stem, error in shown if error}
    done = len(open_jobs) - len(broken)
    broken |= {stem: why_not_one(stem, paths) for stem, paths in shared.items()}
    left_out = tuple(list_other_media(root))
    return Summary(out, done, skipped, dict(sorted(broken.items())), left_out)


def _current(source: Path, copy: Path) -> bool:
    return copy.is_file() and copy.stat().st_mtime >= source.stat().st_mtime


def _attempt(source: Path, copy: Path) -> str:
    """Makes one copy; returns what is wrong with the video, or an empty text."""
    try:
        shrink(source, copy)
    except VideoError as error:
        return str(error)
    return ""


def shrink(source: Path, copy: Path) -> None:
    """Writes the small copy of one video: the frame nearest to each sixth of a second, never more or larger ones.

    As it is meant to be seen: upright, with square pixels, HDR brought to SDR. Where a frame is shown for longer than a
    sixth of a second, it is shown as long in the copy, unless only a wrong time stamp makes it so (`Timeline.steady`).
    VideoError: the source is broken.
    """
    timeline = scan(source)
    rate = min(Fraction(FPS), timeline.fps)
    indices, times = np.unique(nearest(timeline, rate), return_counts=True)

    def frames() -> Iterator[np.ndarray]:
        for frame, repeats in zip(decoded(source, timeline, indices), times, strict=True):
            yield from [_small(frame, timeline.aspect)] * repeats

    write_video(copy, frames(), rate)


def nearest(timeline: Timeline, rate: Fraction) -> np.ndarray:
    """The index of the frame that is nearest in time to 0, 1/rate, 2/rate, … seconds, the earlier of two equally near.

    As many as fit the video's length, at least one: (n,) int64, rising, repeated where a frame stands long.
    """
    stamps = timeline.steady
    count = max(1, round(len(stamps) / timeline.fps * rate))
    wanted = np.arange(count) * float(1 / (rate * timeline.base))
    middles = (stamps[1:] + stamps[:-1]) / 2  # up to here the earlier frame is at least as near
    return np.searchsorted(middles, wanted, side="left")


def _small(frame: av.VideoFrame, aspect: Fraction) -> np.ndarray:
    """A frame as (H, W, 3) uint8 RGB, upright, its shorter side at most SIDE; both sides are even where it shrinks."""
    width, height = square(frame.width, frame.height, aspect)
    shorter = min(width, height)
    if shorter > SIDE:
        width, height = (2 * round(side * SIDE / shorter / 2) for side in (width, height))
    return picture(frame, width, height)
