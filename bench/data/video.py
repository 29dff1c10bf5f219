"""Videos in and out: frames by index, the same from every reader; files by name; H.264 files with PyAV.

A frame's index is its place in presentation order among the frames that a player shows. A file that is cut off, damaged
or no video is a `VideoError` and never a black or a repeated frame. Frames come as they are meant to be seen: turned
and mirrored as the header says, with square pixels, HDR brought to SDR.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from bench.data import decord_reader
from bench.data.decoding import decoded
from bench.data.jpeg_copy import verify
from bench.data.scanning import scan
from bench.data.timeline import Span, Timeline
from bench.data.upright import matrix, square, upright
from bench.data.video_files import VideoError
from bench.utils.files import replacing
from bench.utils.terminal import SOME

__all__ = [
    "COMPRESSED",
    "COPIES",
    "ENDINGS",
    "OLD_COPIES",
    "OTHER_MEDIA",
    "VideoError",
    "VideoInfo",
    "by_stem",
    "check",
    "count_frames",
    "find_copies",
    "find_videos",
    "list_other_media",
    "list_videos",
    "look",
    "probe",
    "read_frames",
    "sample_indices",
    "split_by_stem",
    "why_not_decord",
    "why_not_one",
    "write_video",
]

ReaderName = Literal["pyav", "decord"]

COMPRESSED = "videos-6fps-jpeg"  # the folder, below a dataset's root, of the copies that `bench data compress` makes
OLD_COPIES = "videos-6fps"  # of those that it made before, in H.264; read where there are no others
COPIES = (COMPRESSED, OLD_COPIES)
ENDINGS = {
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3gpp", ".3g2", ".f4v", ".mkv", ".mk3d", ".webm", ".avi", ".divx"),
    *(".ts", ".mts", ".m2ts", ".m2t", ".wmv", ".asf", ".flv", ".mpg", ".mpeg", ".mpe", ".vob", ".ogv", ".ogm"),
    *(".mxf", ".dv", ".rm", ".rmvb", ".gif"),
}
OTHER_MEDIA = {  # what people take for videos and `list_videos` leaves out
    *(".webp", ".swf", ".heic", ".wtv", ".braw", ".r3d"),  # libav reads none of it, or only stills
    *(".amv", ".dav", ".insv", ".lrv", ".mod", ".nsv", ".ogg", ".ogx", ".tod"),  # cameras', or mostly sound
    *(".h264", ".264", ".h265", ".265", ".hevc", ".av1", ".m1v", ".m2v", ".mjpg", ".mjpeg", ".ivf", ".y4m", ".yuv"),
    *(".m3u8", ".mpd"),  # lists of other files; the line above: coded frames without times
}
LATE = 1.0  # seconds by which the part of a file may end after the file: people round the ends of parts
SCANNED = 16  # files of which a process keeps the list of frames: their parts are asked for in turn
BT601 = {"colorspace": "smpte170m", "color_primaries": "smpte170m", "color_trc": "smpte170m", "color_range": "tv"}


@dataclass(frozen=True)
class VideoInfo:
    """What a reader gets of a video: frames, their mean rate a second, size as shown (square pixels, upright), length.

    seconds: for how long frames are shown; a frame whose time stamp is wrong by minutes adds nothing (see `Timeline`).
    """

    frames: int
    fps: float
    width: int
    height: int
    seconds: float


def probe(path: Path, span: Span | None = None) -> VideoInfo:
    """A video's frames, rate and size, without decoding more than one frame (a few milliseconds).

    span: of this part alone.

    `frames` does not repeat the container's claim: the video packets that are to be shown are counted, and a file that
    holds fewer packets or ends earlier than its header says is a VideoError. Where packets tell too little (AVI, VP8)
    the frames are counted by decoding them. Damage inside a packet comes to light when it is decoded: see `check`.
    """
    timeline, shown = _frames_of(path, span)
    return _info(timeline, next(decoded(path, timeline, [shown.start])), shown, span)


def count_frames(path: Path, span: Span | None = None) -> int:
    """How many frames a video, or a part of one, has, without decoding any."""
    return len(_frames_of(path, span)[1])


def check(path: Path, span: Span | None = None) -> VideoInfo:
    """As `probe`, but decodes every frame with PyAV and takes no concealed damage: slow (0.1 s a clip) and sure.

    The frames of a small copy have checksums, so they are not decoded.
    """
    timeline, shown = _frames_of(path, span)
    if timeline.jpegs is not None:
        verify(path, timeline.jpegs[shown.start : shown.stop])
        return _info(timeline, next(decoded(path, timeline, [shown.start])), shown, span)
    frames = decoded(path, timeline, shown)
    first = next(frames)
    for _ in frames:
        pass
    return _info(timeline, first, shown, span)


def look(path: Path, span: Span | None = None) -> tuple[int, float] | str:
    """The frames and seconds of a video of which `check` finds nothing wrong, or what it finds."""
    try:
        info = check(path, span)
        return info.frames, info.seconds
    except VideoError as error:
        return str(error)


def read_frames(
    path: Path, indices: Sequence[int] | np.ndarray, *, reader: ReaderName = "pyav", span: Span | None = None
) -> np.ndarray:
    """Frames of a video by index: (T, H, W, 3) uint8 RGB, in the order asked for; an index may occur again.

    indices: T integers in 0 … probe(path, span).frames - 1. span: the part of the file in which they are counted; what
    lies before the key frame that the part needs, or behind it, is not decoded. reader: "decord" is used for files of
    which `decord_reader` has checked that it gives the frames asked for; PyAV reads the others. Decoding takes one
    thread: the parallelism is over videos. Damage inside a frame is an error in PyAV and in small copies; decord
    conceals it where it can: `check` a doubtful video once.
    VideoError: not a whole video, an index out of range, or a frame that cannot be decoded.
    UsageError: decord is asked for and not installed.
    """
    timeline, shown = _frames_of(path, span)
    asked = np.asarray(indices, dtype=np.int64)
    count = len(shown)
    if not asked.size:
        raise VideoError(f"{path}: no frame was asked for")
    if asked.min() < 0 or asked.max() >= count:
        wrong = asked[(asked < 0) | (asked >= count)][0]
        raise VideoError(f"{path}: there is no frame {wrong}, the video has {count} (0 to {count - 1})")
    unique, places = np.unique(asked + shown.start, return_inverse=True)
    frames = decord_reader.read(path, timeline, unique) if reader == "decord" else None
    if frames is None:
        frames = np.stack(list(upright(path, timeline, unique)))
    return frames if len(unique) == len(asked) and (places[1:] > places[:-1]).all() else frames[places]  # copies them


def why_not_decord(path: Path) -> str:
    """Why `read_frames(reader="decord")` reads a file with PyAV; empty where decord reads it."""
    return decord_reader.refusal(path, scan(path))


def _frames_of(path: Path, span: Span | None) -> tuple[Timeline, range]:
    """A video's frames, and which of them a part of it has. VideoError: the video is over before the part is."""
    if span is None:
        timeline = scan(path)
        return timeline, range(len(timeline))
    try:
        facts = path.stat()
    except OSError as error:
        raise VideoError(f"{path}: cannot be read: {error.strerror}") from None
    timeline = _scanned(path, facts.st_size, facts.st_mtime_ns)
    shown = timeline.between(span)
    start, end = span
    if not shown or (end is not None and end > timeline.seconds + LATE):
        part = f"from {start:g} s on" if end is None else f"from {start:g} to {end:g} s"
        raise VideoError(f"{path}: the part {part} is not in it, it lasts {timeline.seconds:.2f} s")
    return timeline, shown


@lru_cache(maxsize=SCANNED)
def _scanned(path: Path, size: int, date: int) -> Timeline:
    """As `scan`, kept while the file has this size and date: to list the frames all of it is read."""
    return scan(path)


def _info(timeline: Timeline, first: av.VideoFrame, shown: range, span: Span | None) -> VideoInfo:
    width, height = square(first.width, first.height, timeline.aspect)
    a, b, c, d = matrix(first)
    if abs(a) + abs(d) < abs(b) + abs(c):
        width, height = height, width
    fps = float(timeline.fps)
    start, end = span or (0.0, None)
    seconds = min(timeline.seconds, end or timeline.seconds) - start
    return VideoInfo(frames=len(shown), fps=fps, width=width, height=height, seconds=seconds)


def sample_indices(n: int, count: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """Which `count` of a video's n frames a model sees, uniform in time: (count,) int64, rising.

    Without rng (test): linspace(0, n-1, count), truncated. With rng (training): the first index is drawn from
    0 … ⌊n/(count-1)⌋, the last from n-1-⌊n/(count-1)⌋ … n-1, the others lie evenly between (the report's recipe,
    CLIP-ViP's). Videos with fewer frames than `count` give some frames more than once, in order. Where n is so small
    that the two ranges overlap, first and last change places if they are drawn crossed. count = 1 gives frame 0, with
    rng any frame. ValueError where n or count is below 1.
    """
    if n < 1 or count < 1:
        raise ValueError(f"cannot take {count} frames of {n}")
    first, last = 0, n - 1
    if rng is not None and count == 1:
        first = last = int(rng.integers(n))
    elif rng is not None:
        slack = min(n // (count - 1), n - 1)
        first, last = sorted((int(rng.integers(slack + 1)), int(rng.integers(n - 1 - slack, n))))
    return np.linspace(first, last, count).astype(np.int64)


def find_videos(folder: Path) -> dict[str, Path]:
    """Every video below `folder` by its stem, at any depth, sorted; VideoError where some share a stem."""
    return by_stem(list_videos(folder))


def by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """Videos by stem; VideoError where some share one, so that the name alone would not tell which is meant."""
    found, shared = split_by_stem(paths)
    if shared:
        (stem, some), *others = shared.items()
        more = ", ".join([name for name, _ in others[:SOME]] + ["…"] * (len(others) > SOME))
        raise VideoError(
            f"{why_not_one(stem, some)}" + (f" Likewise {len(others)} more such names: {more}." if others else "")
        )
    return found


def split_by_stem(paths: Iterable[Path]) -> tuple[dict[str, Path], dict[str, list[Path]]]:
    """The videos that have a stem of their own, and those that share one, both by stem and in the given order."""
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(path.stem, []).append(path)
    alone = {stem: group[0] for stem, group in groups.items() if len(group) == 1}
    return alone, {stem: group for stem, group in groups.items() if len(group) > 1}


def why_not_one(stem: str, paths: Sequence[Path]) -> str:
    """What is said of videos that share a stem."""
    named = " and ".join(map(str, paths[:SOME])) + " and others" * (len(paths) > SOME)
    count = "two" if len(paths) == 2 else str(len(paths))
    return f"{count} videos are named {stem}: {named}. Remove or rename all but one."


def find_copies(folder: Path) -> Path | None:
    """The small copies that are read in place of the videos below `folder`, or None: new ones before old ones."""
    return next((folder / name for name in COPIES if (folder / name).is_dir()), None)


def list_videos(folder: Path) -> list[Path]:
    """Every video below `folder`, also those that share a stem: sorted paths with one of the ENDINGS.

    Left out: hidden files and folders, and the small copies in folders named as in COPIES, unless `folder` is one of
    them. Links to folders are followed; no folder is read twice.
    """
    return _below(folder, ENDINGS)


def list_other_media(folder: Path) -> list[Path]:
    """What `list_videos` leaves out although it may be taken for a video: sorted paths with one of OTHER_MEDIA."""
    return _below(folder, OTHER_MEDIA)


def _below(folder: Path, endings: set[str]) -> list[Path]:
    found: list[Path] = []
    seen: set[Path] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = Path(parent).resolve()
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in COPIES and real not in seen)
        if real not in seen:
            found += [Path(parent, name) for name in files if name[0] != "." and Path(name).suffix.lower() in endings]
        seen.add(real)
    return sorted(path for path in found if path.is_file())


def write_video(
    path: Path, frames: Iterable[np.ndarray], fps: float | Fraction, *, crf: int = 18, whole: bool = True
) -> None:
    """Writes an H.264 file (yuv420p, no audio), whole or not at all.

    frames: (T, H, W, 3) uint8 RGB, T ≥ 1, or anything that yields (H, W, 3). An odd height or width gains one row or
    column that repeats the last one, because 4:2:0 chroma needs even sizes. fps: frames a second. crf: x264's quality,
    0 (lossless) to 51. One thread and no B-frames: the same bytes from the same x264 on any machine, and simple time
    stamps for readers. Colours are BT.601 and tagged so: readers that look at the tag and readers that guess agree.
    whole: False writes under the name at once, into a folder that nobody sees before all is written.
    """
    rate = Fraction(fps).limit_denominator(1001)
    coming = iter(frames)
    first = next(coming, None)
    if first is None or first.ndim != 3 or first.shape[-1] != 3 or first.dtype != np.uint8 or not first.size:
        what = "none" if first is None else f"{first.shape} {first.dtype}"
        raise VideoError(f"{path}: frames to write must be (H, W, 3) uint8, at least one; got {what}")
    height, width, _ = first.shape
    place = replacing(path) if whole else nullcontext(path)
    with place as temporary, av.open(f"file:{temporary.absolute()}", "w") as file:
        stream = file.add_stream(
            "libx264", rate=rate, options={"crf": str(crf), "preset": "veryfast", "bf": "0", **BT601}
        )
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.codec_context.thread_count = 1
        for index, frame in enumerate(chain([first], coming)):
            even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            picture = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG, threads=1
            )
            picture.pts, picture.time_base = index, 1 / rate
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
