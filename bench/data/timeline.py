"""When each frame of a video is shown, whether the file is whole, and the way from a frame's index to its picture.

libav conceals much: it shows damaged frames as well as it can, and drops frames that an edit list hides. So the frames
are first listed from the packets (cheap: nothing is decoded), then decoded and matched by time stamp, strictly.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from bench.errors import BenchError

SLACK = 0.5  # seconds by which a file may end before its header says: sound and picture seldom end together


class VideoError(BenchError):
    """A video that cannot be read or written, with its path and what is wrong."""


@dataclass(frozen=True)
class Timeline:
    """The frames of a video in the order in which they are shown.

    stamps: (n,) int64, rising, in units of `base` seconds. keys: stamps at which decoding may start; none where stamps
    do not lead to a frame, so that frames are counted from the first. plain: no frame is hidden or counted by decoding.
    fps: frames a second, the mean where the rate varies.
    """

    stamps: np.ndarray
    keys: np.ndarray
    base: Fraction
    fps: Fraction
    plain: bool


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """An open video and its picture stream, decoding with one thread, damage an error; every failure a VideoError."""
    try:
        if path.stat().st_size == 0:
            raise VideoError(f"{path}: the file is empty")
        with av.open(str(path)) as file:
            stream = file.streams.best("video")
            if not isinstance(stream, VideoStream):
                raise VideoError(f"{path}: there is no picture in it, only {', '.join(s.type for s in file.streams)}")
            stream.codec_context.options = {"err_detect": "explode"}
            stream.codec_context.thread_count = 1
            yield file, stream
    except FileNotFoundError:
        raise VideoError(f"{path}: no such file") from None
    except av.InvalidDataError as error:
        raise VideoError(f"{path}: damaged, cut off or not a video") from error
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: cannot be read: {error.strerror}") from error


def scan(path: Path) -> Timeline:
    """Lists a video's frames from its packets and makes sure that the file is whole.

    Packets tell how many frames there are, except in AVI (time stamps are made up where frames are reordered) and VP8
    (some frames are never shown): there the frames are decoded and counted. How many frames the header claims plays no
    part: it counts hidden ones and stays when the end is cut off.
    VideoError: no video, no frame, or a file that ends earlier than its header says.
    """
    with opened(path) as (file, stream):
        if "mp4" in file.format.name and _box_is_cut(path):
            raise VideoError(f"{path}: cut off, its last part is longer than the file")
        end, pictures = Fraction(0), []
        for packet in file.demux():
            if packet.is_corrupt:
                raise VideoError(f"{path}: cut off in the middle of a frame")
            if packet.pts is not None:
                end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
            if packet.stream_index == stream.index and packet.size:
                pictures.append((packet.pts, packet.is_keyframe, packet.is_discard))
        promised = Fraction((file.duration or 0) + min(0, file.start_time or 0), av.time_base)
        if end < promised - SLACK:
            raise VideoError(f"{path}: cut off after {float(end):.1f} s, its header promises {float(promised):.1f} s")

        stamps = [stamp for stamp, _, hidden in pictures if stamp is not None and not hidden]
        keys = [stamp for stamp, key, _ in pictures if stamp is not None and key]
        tells = "avi" not in file.format.name and stream.codec.name not in ("vp8", "libvpx")
        tells = tells and len(set(stamps)) == sum(not hidden for _, _, hidden in pictures)
        base = stream.time_base or Fraction(1)
        rate = Fraction(stream.average_rate or 1)
    if not tells:
        stamps = _counted(path)
    if not stamps:
        raise VideoError(f"{path}: there is no frame in it")
    shown = np.array(sorted(stamps), dtype=np.int64)
    if len(shown) > 1:
        rate = (len(shown) - 1) / (int(shown[-1] - shown[0]) * base)
    keys = sorted({int(shown[0]), *keys}) if tells else []  # a stream may start without a key frame
    return Timeline(shown, np.array(keys, dtype=np.int64), base, rate, plain=tells and len(shown) == len(pictures))


def _box_is_cut(path: Path) -> bool:
    """Whether a box of an MP4 file ends behind the file's end: nothing else gives away a cut file in fragments.

    A box is a size, a type (4 bytes each) and its content; size 1: the size is in the 8 bytes behind the type, size 0:
    the box goes up to the end. Source: ISO 14496-12, section 4.2.
    """
    length = path.stat().st_size
    place = 0
    with path.open("rb") as file:
        while place + 16 <= length:
            file.seek(place)
            size, kind, long_size = struct.unpack(">I4sQ", file.read(16))
            size = long_size if size == 1 else size
            if size < 8:
                return False
            place += size
            if place > length and kind in (b"mdat", b"moof", b"moov"):
                return True
    return False


def _counted(path: Path) -> list[int]:
    """The stamps of all frames by decoding them; frames without one follow their forerunner at the usual distance."""
    stamps: list[int] = []
    with opened(path) as (file, stream):
        base = stream.time_base or Fraction(1)
        step = max(1, round(1 / (Fraction(stream.average_rate or 1) * base)))
        for frame in file.decode(stream):
            earliest = stamps[-1] + 1 if stamps else frame.pts or 0
            stamps.append(frame.pts if frame.pts is not None and frame.pts >= earliest else earliest - 1 + step)
    return stamps


def decoded(path: Path, timeline: Timeline, indices: Iterable[int]) -> Iterator[av.VideoFrame]:
    """The frames at `indices` (rising, each once), jumping over what no wanted frame is built on.

    VideoError: a frame cannot be decoded, is damaged, or has another size than the first.
    """
    count = len(timeline.stamps)
    by_stamp = len(timeline.keys) > 0
    addresses = timeline.stamps if by_stamp else np.arange(count)
    with opened(path) as (file, stream):
        coming = _addressed(file.decode(stream), by_stamp)
        at, size = int(addresses[0]), None
        for index in indices:
            address = int(addresses[index])
            if by_stamp and (key := int(timeline.keys[timeline.keys <= address][-1])) > at:
                file.seek(key, stream=stream)
                coming = _addressed(file.decode(stream), by_stamp)
            at, frame = next(((place, frame) for place, frame in coming if place >= address), (-1, None))
            if frame is None or at != address or frame.is_corrupt:
                raise VideoError(f"{path}: frame {index} of {count} cannot be decoded; the file is damaged or cut off")
            size = size or (frame.width, frame.height)
            if size != (frame.width, frame.height):
                raise VideoError(f"{path}: frame {index} has another size than those before; re-encode the video")
            yield frame


def _addressed(frames: Iterator[av.VideoFrame], by_stamp: bool) -> Iterator[tuple[int, av.VideoFrame]]:
    """Each frame with its address: its time stamp, or its place where time stamps do not lead to frames."""
    if not by_stamp:
        return enumerate(frames)
    return ((frame.pts, frame) for frame in frames if frame.pts is not None)
