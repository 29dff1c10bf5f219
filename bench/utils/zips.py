"""Zip files of others: what reading one may raise, and how much may come out."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

DAMAGED = (  # beside OSError: what zipfile raises for bytes that are no zip file, or only in part
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
MOST_TIMES = 100  # as large as the zip file; videos hardly shrink in one, JSON to a tenth
MOST_ANYWAY = 1 << 30  # bytes that a zip file of any size may unpack to


def check_expansion(path: Path, entries: Iterable[zipfile.ZipInfo]) -> None:
    """BadZipFile if these entries unpack to far more than a zip file of that size can honestly hold."""
    size = sum(entry.file_size for entry in entries)
    if size > max(MOST_ANYWAY, MOST_TIMES * path.stat().st_size):
        raise zipfile.BadZipFile(f"its {path.stat().st_size} bytes unpack to {size}")
