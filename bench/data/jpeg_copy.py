"""The file format of small copies: an MP4 whose every frame is a JPEG of its own, with a checksum.

Any frame is read without the others: its place is listed in the file's index, and libjpeg decodes it. Players show such
a file as Motion JPEG. A damaged JPEG often decodes without an error, so each holds a comment with the CRC-32 of its
bytes: damage is always found, and a copy is verified without decoding it.
"""

import io
import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from bench.data.timeline import Timeline
from bench.data.video_files import VideoError, require_bounds

QUALITY = 85  # libjpeg's, 0 to 95; sizes and differences of others are in docs/videos.md
HEAD = 20  # bytes of a JPEG before the comment: its start and the JFIF segment, which has to come first
MARK = b"\xff\xfe\x00\x0bbench"  # a comment (FF FE) of 11 bytes, length included; the CRC-32 follows in 4 bytes
BEHIND = HEAD + len(MARK) + 4


def write_jpegs(path: Path, frames: Iterable[NDArray[np.uint8]], fps: Fraction) -> None:
    """Writes frames, each (H, W, 3) uint8 RGB of one size, at `fps` a second. The sides may be odd."""
    rate = fps.limit_denominator(1001)
    with av.open(f"file:{path.absolute()}", "w", format="mp4") as file:
        stream = file.add_stream("mjpeg", rate=rate)
        stream.pix_fmt = "yuvj420p"
        for index, frame in enumerate(frames):
            if not index:
                stream.height, stream.width = frame.shape[:2]
            packet = av.Packet(_encoded(frame))
            packet.stream, packet.time_base = stream, 1 / rate
            packet.pts = packet.dts = index
            packet.duration, packet.is_keyframe = 1, True
            file.mux(packet)


def listed(path: Path, file: InputContainer, stream: VideoStream) -> Timeline | None:
    """The frames of an open small copy by its index, no frame read but the first; None where it is another file."""
    if stream.codec_context.name != "mjpeg" or "mp4" not in file.format.name:
        return None
    entries = list(stream.index_entries)
    stamps = np.array([entry.timestamp for entry in entries], dtype=np.int64)
    places = np.array([(entry.pos, entry.size) for entry in entries], dtype=np.int64).reshape(-1, 2)
    if not len(entries) or (np.diff(stamps) <= 0).any():
        return None
    with path.open("rb") as content:
        content.seek(places[0, 0])
        if content.read(HEAD + len(MARK))[HEAD:] != MARK:
            return None
    rate = Fraction(stream.average_rate or 1)
    return Timeline(stamps, stamps, stamps, stream.time_base or Fraction(1), rate, jpegs=places)


def verify(path: Path, places: NDArray[np.int64]) -> None:
    """Compares the JPEGs at `places` (n, 2), offset and size, with their checksums. VideoError: one is damaged."""
    for _ in _jpegs(path, places):
        pass


def decoded_jpegs(path: Path, places: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
    """The frames at `places` (n, 2), offset and size, as (H, W, 3) RGB of one size. VideoError: one is damaged."""
    size = None
    for jpeg in _jpegs(path, places):
        try:
            with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
                require_bounds(path, *picture.size)
                frame = np.asarray(picture)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise VideoError(f"{path}: a frame cannot be decoded; make the copy again") from error
        size = size or (*frame.shape[:2], 3)
        if frame.shape != size:
            raise VideoError(f"{path}: a frame has another size or kind of pixels; make the copy again")
        yield frame


def _encoded(frame: NDArray[np.uint8]) -> bytes:
    """A frame as a JPEG with the comment that holds its checksum."""
    content = io.BytesIO()
    Image.fromarray(frame).save(content, "JPEG", quality=QUALITY, subsampling="4:2:0", optimize=True)
    jpeg = content.getvalue()
    return jpeg[:HEAD] + MARK + zlib.crc32(jpeg).to_bytes(4, "big") + jpeg[HEAD:]


def _jpegs(path: Path, places: NDArray[np.int64]) -> Iterator[bytes]:
    """The JPEGs at `places` without the comment, each as it was encoded."""
    with path.open("rb") as file:
        for offset, size in places.tolist():
            file.seek(offset)
            content = file.read(size)
            jpeg = content[:HEAD] + content[BEHIND:]
            if content[HEAD:BEHIND] != MARK + zlib.crc32(jpeg).to_bytes(4, "big"):
                raise VideoError(f"{path}: damaged or cut off: a frame differs from its checksum; make the copy again")
            yield jpeg
