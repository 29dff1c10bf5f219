"""Videos in and out: writing H.264 files with PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from bench.errors import BenchError
from bench.files import replacing

BT601 = {"colorspace": "smpte170m", "color_primaries": "smpte170m", "color_trc": "smpte170m", "color_range": "tv"}


class VideoError(BenchError):
    """A video that cannot be read or written, with its path and what is wrong."""


def write_video(path: Path, frames: np.ndarray, fps: float | Fraction, *, crf: int = 18) -> None:
    """Writes an H.264 file (yuv420p, no audio), whole or not at all.

    frames: (T, H, W, 3) uint8 RGB, T ≥ 1. An odd height or width gains one row or column that repeats the last one,
    because 4:2:0 chroma needs even sizes. fps: frames a second. crf: x264's quality, 0 (lossless) to 51.
    One thread and no B-frames: the same bytes from the same x264 on any machine, and simple time stamps for readers.
    Colours are BT.601 and tagged so: readers that look at the tag and readers that assume it agree.
    """
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not frames.size:
        raise VideoError(f"{path}: frames must be (T, H, W, 3) uint8 with T > 0, not {frames.shape} {frames.dtype}")
    _, height, width, _ = frames.shape
    frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    rate = Fraction(fps).limit_denominator(1001)
    with replacing(path) as temporary, av.open(str(temporary), "w") as file:
        stream = file.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "fast", "bf": "0", **BT601})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.codec_context.thread_count = 1
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG
            )
            picture.pts, picture.time_base = index, 1 / rate
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
