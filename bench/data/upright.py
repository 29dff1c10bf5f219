"""A decoded frame as it is meant to be seen: RGB, square pixels, turned and mirrored, HDR brought to SDR."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from bench.data.decoding import decoded
from bench.data.hdr import TRANSFERS, to_sdr
from bench.data.jpeg_copy import decoded_jpegs
from bench.data.timeline import Timeline
from bench.data.video_files import require_bounds


def upright(path: Path, timeline: Timeline, indices: Iterable[int]) -> Iterator[NDArray[np.uint8]]:
    """The frames at rising `indices`, decoded one after another, as they are to be shown: (H, W, 3) RGB.

    Small copies are read by libjpeg, everything else by PyAV.
    VideoError: a frame cannot be decoded, or is too large when it is shown.
    """
    if timeline.jpegs is not None:
        yield from decoded_jpegs(path, timeline.jpegs[list(indices)])
        return
    for frame in decoded(path, timeline, indices):
        width, height = square(frame.width, frame.height, timeline.aspect)
        require_bounds(path, width, height)
        yield picture(frame, width, height)


def square(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The size of a picture with square pixels: the side that is too short grows. aspect: a pixel's width by height."""
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def picture(frame: av.VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    """A frame in (H, W, 3) RGB, upright. width, height: its size before it is turned, other than its own: bicubic."""
    hdr = frame.color_trc in TRANSFERS
    # libav's own threads, which it would start to scale, hang in the forked processes that decode in training
    how = {} if (width, height) == (frame.width, frame.height) else {"interpolation": Interpolation.BICUBIC}
    image = frame.reformat(width, height, "rgb48le" if hdr else "rgb24", threads=1, **how).to_ndarray()
    rgb = to_sdr(image.astype(np.uint16, copy=False), frame.color_trc) if hdr else image.astype(np.uint8, copy=False)
    return oriented(rgb, matrix(frame))


def matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """The part (a, b, c, d) of a frame's display matrix that turns and mirrors; (1, 0, 0, 1) without one."""
    try:
        side_data: Any = frame.side_data  # PyAV's stub takes it for another type
        data = side_data.get(Type.DISPLAYMATRIX)
    except ValueError:  # PyAV 18 stops at what it does not know, such as a photograph's EXIF: then its angle alone
        turn = np.deg2rad(frame.rotation)
        cos, sin = round(np.cos(turn)), round(np.sin(turn))
        return cos, -sin, sin, cos
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(bytes(data), dtype=np.int32)[:5].tolist()  # the third and the last row move and tilt
    return a, b, c, d


def oriented(image: NDArray[np.uint8], display: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """An image (H, W, 3) turned and mirrored as a display matrix says, to the nearest quarter turn.

    The matrix takes the pixel (x, y), y downwards, to (a x + c y, b x + d y). Source: ISO 14496-12, section 6.2.2.
    """
    a, b, c, d = display
    if abs(a) + abs(d) < abs(b) + abs(c):  # x and y change places: (x, y) -> (c y, b x)
        image, a, d = image.swapaxes(0, 1), c, b
    return image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
