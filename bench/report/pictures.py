"""Small pictures of clips, for pages: one frame from the middle, as a data address."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.annotation import keep, load_annotation
from ..data.importers import ensure
from ..data.loading import look_at
from ..data.pixels import resize_crop
from ..data.video import read_frames
from ..errors import BenchError
from ..results import Record

SIZE = 96  # pixels
QUALITY = 70


def dataset_folder(record: Record) -> Path | None:
    """Where the clips of a record's dataset lie, if they are at hand: where the run found them, or rendered."""
    root = record.config.get("root")
    try:
        return ensure(record.dataset, Path(root) if root else None)
    except BenchError:
        return None


def thumbnails(record: Record, clips: Iterable[int]) -> dict[int, str]:
    """Clip of the test split -> a JPEG as a data address; without those that cannot be read."""
    folder = dataset_folder(record)
    wanted = {record.queries["videos"][clip]: clip for clip in clips}
    if folder is None or not wanted:
        return {}
    try:
        split = keep(load_annotation(folder, record.test, record.dataset), wanted)
    except BenchError:
        return {}
    videos, _ = look_at(folder, sorted(clip.video for clip in split.clips))
    return {
        wanted[video]: jpeg(resize_crop(read_frames(videos.paths[video], [frames // 2]), SIZE)[0])
        for video, frames in videos.frames.items()
    }


def jpeg(frame: NDArray[np.uint8]) -> str:
    """(H, W, 3) uint8 as a data address."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=QUALITY)
    return data_address(buffer.getvalue(), "image/jpeg")


def data_address(content: bytes, kind: str) -> str:
    """Bytes inside a page, so that nothing is requested."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
