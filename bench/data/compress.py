"""Small copies of a dataset's videos: 6 frames a second, shorter side 224, each frame a JPEG, no sound.

Reading 12 frames of a copy takes a fraction of the time that the original takes, and the published recipe trains on
copies of 6 frames a second. They go to one flat folder, DIR/videos-6fps-jpeg/<stem>.mp4; the originals stay as they
are, and so does DIR/videos-6fps, where older versions left copies in H.264: the two kinds are never mixed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.data.jpeg_copy import write_jpegs
from bench.data.scanning import scan
from bench.data.timeline import Timeline
from bench.data.upright import upright
from bench.data.video import (
    COMPRESSED,
    ENDINGS,
    OLD_COPIES,
    list_other_media,
    list_videos,
    look,
    split_by_stem,
    why_not_one,
)
from bench.data.video_files import VideoError
from bench.data.video_memory import Memory, mark, remember
from bench.errors import BenchError, UsageError
from bench.utils.files import replacing
from bench.utils.machine import usable_cores
from bench.utils.processes import DIED, in_processes
from bench.utils.progress import progress
from bench.utils.shards import Shard, owned, some_of

FPS = 6
SIDE = 224


@dataclass(frozen=True)
class Summary:
    """What `compress` did: copies made, copies that were there already, what is wrong with each broken video, which
    files were left out that may be taken for videos, and the folder of an older version's copies, if there is one.
    """

    out: Path
    done: int
    skipped: int
    broken: dict[str, str]  # stem -> one line, also where several share the stem
    left_out: tuple[Path, ...] = ()
    old: Path | None = None


def compress(
    root: Path,
    out: Path | None = None,
    workers: int | None = None,
    shard: Shard | None = None,
    merge: bool = False,
) -> Summary:
    """Makes a small copy of every video below `root` in `out` (default: root/videos-6fps-jpeg), by its stem.

    A copy that is newer than its source is left alone, so a stopped run goes on where it stopped; copies are written
    whole or not at all. Each is decoded once before it gets its name, so runs need not look at it again: that is
    remembered in the cache folder. Broken videos, and those that share a name, are left out and named in the summary.
    workers: processes, default one a core; one that dies over a video takes no other with it. shard: copy its videos
    alone. merge: copy nothing, and see that all copies are there.
    UsageError: no such folder, or workers below 1. BenchError: no video in it; with `merge`, one that has no copy.
    """
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}; name the folder that holds the videos: --root DIR")
    if workers is not None and workers < 1:
        raise UsageError(f"--workers takes a number of at least 1, not {workers}.")
    out = out or root / COMPRESSED
    sources, shared = split_by_stem(path for path in list_videos(root) if out not in path.parents)
    if not sources and not shared:
        raise BenchError(f"there is no video below {root} ({', '.join(sorted(ending[1:] for ending in ENDINGS))})")
    sources, shared = owned(sources, shard), owned(shared, shard)
    jobs = {stem: (path, out / f"{stem}.mp4") for stem, path in sources.items()}
    open_jobs = {stem: (source, copy) for stem, (source, copy) in jobs.items() if not _current(source, copy)}
    if merge and open_jobs:
        raise BenchError(
            f"{len(open_jobs)} of {len(jobs)} videos below {root} have no copy ({some_of(sorted(open_jobs))}): a shard "
            f"is missing, or they are broken. This makes them, or says why not: bench data compress --root {root}"
        )
    skipped = len(jobs) - len(open_jobs)
    workers = min(workers or usable_cores(), len(open_jobs))
    died: tuple[int, float] | str = DIED
    results = in_processes(_attempt, open_jobs, workers, died)
    broken: dict[str, str] = {}
    verified: Memory = {}
    try:
        for stem, answer in progress(results, total=len(jobs), what="compress", unit="video", done=skipped):
            if isinstance(answer, str):
                broken[stem] = answer
            else:
                verified[mark(jobs[stem][1])] = answer
    finally:
        if verified:
            remember(verified)
    done = len(open_jobs) - len(broken)
    broken |= {stem: why_not_one(stem, paths) for stem, paths in shared.items()}
    old = root / OLD_COPIES
    left_out = tuple(list_other_media(root))
    return Summary(out, done, skipped, dict(sorted(broken.items())), left_out, old if old.is_dir() else None)


def _current(source: Path, copy: Path) -> bool:
    return copy.is_file() and copy.stat().st_mtime >= source.stat().st_mtime


def _attempt(source: Path, copy: Path) -> tuple[int, float] | str:
    """Makes one copy; returns its frames and seconds, or what is wrong with the video."""
    try:
        shrink(source, copy)
    except VideoError as error:
        return str(error)
    return look(copy)


def shrink(source: Path, copy: Path) -> None:
    """Writes the small copy of one video: the frame nearest to each sixth of a second, never more or larger ones.

    As it is meant to be seen: upright, with square pixels, HDR brought to SDR. Where a frame is shown for longer than a
    sixth of a second, it is shown as long in the copy, unless only a wrong time stamp makes it so (`Timeline.steady`).
    VideoError: the source is broken, or the copy cannot be read back.
    """
    timeline = scan(source)
    rate = min(Fraction(FPS), timeline.fps)
    indices, times = np.unique(nearest(timeline, rate), return_counts=True)

    def frames() -> Iterator[NDArray[np.uint8]]:
        for frame, repeats in zip(upright(source, timeline, indices), times, strict=True):
            yield from [_small(frame)] * repeats

    with replacing(copy) as temporary:
        write_jpegs(temporary, frames(), rate)
        for _ in upright(temporary, scan(temporary), range(times.sum())):
            pass


def nearest(timeline: Timeline, rate: Fraction) -> np.ndarray:
    """The index of the frame that is nearest in time to 0, 1/rate, 2/rate, … seconds, the earlier of two equally near.

    As many as fit the video's length, at least one: (n,) int64, rising, repeated where a frame stands long.
    """
    stamps = timeline.steady
    count = max(1, round(len(stamps) / timeline.fps * rate))
    wanted = np.arange(count) * float(1 / (rate * timeline.base))
    middles = (stamps[1:] + stamps[:-1]) / 2  # up to here the earlier frame is at least as near
    return np.searchsorted(middles, wanted, side="left")


def _small(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame (H, W, 3) at the size that `resize_crop` would give it, before the crop; smaller ones as they are.

    By Pillow, whose rule that function keeps: torch would take seconds to import in every process.
    """
    height, width, _ = frame.shape
    shorter = min(height, width)
    if shorter <= SIDE:
        return frame
    size = (int(SIDE * width / shorter), int(SIDE * height / shorter))
    return np.asarray(Image.fromarray(np.ascontiguousarray(frame)).resize(size, Image.Resampling.BICUBIC))
