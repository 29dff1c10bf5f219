"""Opens videos and pictures as files of this machine and as nothing else, within bounds.

libav takes names for addresses (`http:clip.mp4`, `12:30:00.mp4`), reads play lists that name other files, and allocates
what a header asks for. Here a name is always that of a local file, play lists are no videos, and sizes are bounded.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from bench.errors import BenchError

MAX_PIXELS = 8192 * 8192  # of one picture: 8K films have half as many, and its RGB copy takes 200 MB
BOUNDS = {"max_pixels": str(MAX_PIXELS)}  # for decoders; they read sizes of their own
CONTAINERS = (  # libav's names; not among them are play lists (hls, dash, concat), which name other files
    "mov",
    "matroska",
    "webm",
    "avi",
    "mpegts",
    "mpeg",
    "mpegvideo",
    "asf",
    "flv",
    "ogg",
    "gif",
    "mxf",
    "dv",
    "rm",
    "nut",
)


class VideoError(BenchError):
    """A video that cannot be read or written, with its path and what is wrong."""


def open_local(path: Path, formats: tuple[str, ...]) -> InputContainer:
    """Opens a file by its absolute path; only the named formats, no protocol but `file`, no picture above MAX_PIXELS.

    VideoError: it is empty, or no file. FileNotFoundError, av.FFmpegError: as libav says.
    """
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):  # a pipe would be waited for
        raise VideoError(f"{path}: cannot be read: it is no file")
    if not facts.st_size:
        raise VideoError(f"{path}: the file is empty")
    bounds = {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(formats),
        "pattern_type": "none",  # the name of a picture is no pattern for many
        **BOUNDS,
    }
    return av.open("file:" + os.path.abspath(path), options=bounds, metadata_errors="replace")  # noqa: PTH100


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """An open video and its picture stream, decoding with one thread, damage an error; every failure a VideoError."""
    try:
        with open_local(path, CONTAINERS) as file:
            stream = _pictures(path, file)
            stream.codec_context.options = {"err_detect": "explode", **BOUNDS}
            stream.codec_context.thread_count = 1
            yield file, stream
    except FileNotFoundError:
        raise VideoError(f"{path}: no such file") from None
    except MemoryError:
        raise VideoError(f"{path}: there is not enough memory to decode it") from None
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, av.InvalidDataError) or error.errno == errno.EINVAL:  # EINVAL: none of the formats
            raise VideoError(f"{path}: damaged, cut off or not a video") from error
        raise VideoError(f"{path}: cannot be read: {error.strerror}") from error


def _pictures(path: Path, file: InputContainer) -> VideoStream:
    """The stream that a player would show; VideoError where there is none that can be decoded within bounds."""
    stream = file.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        kinds = ["a cover" if s.type == "video" else s.type for s in file.streams]
        raise VideoError(f"{path}: there is no moving picture in it, only {', '.join(kinds) or 'nothing'}")
    if stream.codec_context is None:  # `encv` and the like
        raise VideoError(f"{path}: its pictures are encrypted or of a codec that cannot be read here")
    require_bounds(path, stream.codec_context.width, stream.codec_context.height)
    return stream


def require_bounds(path: Path, width: int, height: int) -> None:
    """VideoError where a picture has more than MAX_PIXELS, or, as libav says of many of those, none."""
    if not 0 < width * height <= MAX_PIXELS:
        size = f"{width} × {height} pixels" if width * height else "without a size, or too large"
        raise VideoError(f"{path}: its pictures are {size}; at most {MAX_PIXELS // 10**6} million pixels are decoded")
