"""Pictures for pages: JPEG, and bytes as an address that asks for nothing."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def jpeg(pixels: NDArray[np.uint8], quality: int, side: int) -> bytes:
    """(H, W, 3) uint8, made smaller where it is longer or wider than `side` pixels. quality: 0 to 95."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def data_address(content: bytes, kind: str) -> str:
    """Bytes of a media type inside a page."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
