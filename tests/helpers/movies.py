"""Video files that tests make: frames that carry their own number, in any container, whole or broken."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

BITS, STRIPE = 8, 16


def numbered(count: int, height: int = 96, width: int = BITS * STRIPE) -> np.ndarray:
    """Frames (count, height, width, 3): the upper half spells the frame's number in white and black stripes."""
    y, x = np.mgrid[:height, :width]
    frames = np.zeros((count, height, width, 3), dtype=np.uint8)
    frames[..., 0], frames[..., 1], frames[..., 2] = x, 2 * y, 40
    for index in range(count):
        stripes = (index >> (x[: height // 2] * BITS // width)) & 1
        frames[index, : height // 2] = 255 * stripes[..., None]
    return frames


def number(frame: np.ndarray) -> int:
    """The number that a frame of `numbered` spells, also after lossy coding and a change of size."""
    height, width, _ = frame.shape
    stripe = width / BITS
    row = frame[height // 4, :, 1]
    return sum(int(row[int((bit + 0.5) * stripe)] > 127) << bit for bit in range(BITS))


def write(
    path: Path,
    frames: np.ndarray,
    *,
    codec: str = "libx264",
    fps: int = 30,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    stamps: list[int] | None = None,
    base: Fraction | None = None,
    rotation: int = 0,
    matrix: tuple[int, ...] = (),
    aspect: Fraction | None = None,
    pixels: str = "yuv420p",
    every: int = 12,
    form: str | None = None,
) -> Path:
    """Encodes frames with plain PyAV; `stamps` in units of `base` seconds; a key frame at least `every` frames.

    matrix: a display matrix of nine numbers, in place of a rotation in degrees. aspect: a pixel's width by its height.
    form: libav's name of the container, where the name of the file does not tell.
    """
    base = base or Fraction(1, fps)
    with _usual_priority(), av.open(f"file:{path}", "w", format=form, options=container or {}) as file:
        stream = file.add_stream(codec, rate=fps, options=options or {})
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], pixels
        stream.codec_context.gop_size, stream.codec_context.thread_count = every, 1
        stream.codec_context.time_base = base
        if rotation:
            stream.set_display_rotation(rotation)
        if matrix:
            stream.set_display_matrix(matrix)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = index if stamps is None else stamps[index], base
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    return path


@contextmanager
def _usual_priority() -> Iterator[None]:
    """Leaves the process as urgent as it was: for root SVT-AV1 makes it SCHED_FIFO, above all others, and so for all
    that it starts later, in which threads then wait for ever for each other.
    """
    if not hasattr(os, "sched_getscheduler"):  # not on Linux
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def write_sound(path: Path) -> Path:
    """A file with sound and no picture."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        for index in range(20):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            sound.sample_rate, sound.pts = 44100, index * 1024
            file.mux(stream.encode(sound))
        file.mux(stream.encode(None))
    return path


def write_cover(path: Path) -> Path:
    """A file with sound and the picture of its cover."""
    with av.open(str(path), "w", format="mp4") as file:
        sound, cover = file.add_stream("aac", rate=44100), file.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        for index in range(20):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 44100, index * 1024
            file.mux(sound.encode(silence))
        file.mux(cover.encode(av.VideoFrame.from_ndarray(numbered(1, 48, 64)[0], format="rgb24")))
        file.mux(cover.encode(None))
        file.mux(sound.encode(None))
    return path


def encrypt(path: Path) -> Path:
    """Says in the header of an H.264 file that its pictures are encrypted, as copy protection does."""
    content = path.read_bytes()
    place = content.index(b"avc1", content.index(b"stsd"))
    path.write_bytes(content[:place] + b"encv" + content[place + 4 :])
    return path


def cut(path: Path, share: float) -> Path:
    """Cuts a file off after a share of its bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def spoil(path: Path, start: float, stop: float) -> Path:
    """Overwrites a stretch of a file, given as shares of its length, with noise."""
    content = bytearray(path.read_bytes())
    first, last = int(len(content) * start), int(len(content) * stop)
    content[first:last] = np.random.default_rng(0).bytes(last - first)
    path.write_bytes(content)
    return path
