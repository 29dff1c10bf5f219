"""Single pictures, for which a folder of portraits can stand in where clips are looked at."""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from bench.data.upright import picture
from bench.data.video_files import BOUNDS, MAX_PIXELS, VideoError, open_local, require_bounds

ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
PICTURES = ("image2", "jpeg_pipe", "png_pipe", "webp_pipe")  # libav's names of the formats behind them


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture."""
    return path.suffix.lower() in ENDINGS


def list_pictures(folder: Path) -> list[Path]:
    """Every picture below `folder`, sorted; hidden files and folders are left out."""
    found = (path for path in folder.rglob("*") if is_picture(path) and path.is_file())
    return sorted(path for path in found if not any(part[0] == "." for part in path.relative_to(folder).parts))


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture as (H, W, 3) RGB, upright. VideoError: it cannot be decoded, or is too large."""
    try:
        with open_local(path, PICTURES) as file:
            codec = file.streams.video[0].codec_context
            if codec.width:  # otherwise it is no picture, or one that is far too large: the decoder stops at both
                require_bounds(path, codec.width, codec.height)
            codec.options = BOUNDS
            frame = next(file.decode(video=0))
            return picture(frame, frame.width, frame.height)
    except (av.FFmpegError, OSError, StopIteration, IndexError, MemoryError) as error:
        most = f"of at most {MAX_PIXELS // 10**6} million pixels"
        raise VideoError(f"{path}: no picture that can be read, {most} ({error or 'it is empty'})") from None
