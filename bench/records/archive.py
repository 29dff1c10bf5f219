"""Records of many runs in one file, `NAME.tar.xz`: what they share, as the captions, is then there once.

tar -C FOLDER --sort=name -cJf NAME.tar.xz moodclips
"""

import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bench.errors import BenchError

MOST = 1 << 28  # bytes of a record; one of 59 800 queries has 17 million
MOST_FILES = 10_000  # records of an archive


def read_archive(path: Path) -> Iterator[tuple[PurePosixPath, str]]:
    """Where each record lay in its results folder, and its text; nothing is unpacked to the disk.

    Files other than .json are passed over. BenchError: it is no such archive, is damaged, or holds too much.
    """
    try:
        with tarfile.open(path, "r:xz") as archive:
            for number, entry in enumerate(archive):
                if number == MOST_FILES or entry.size > MOST:
                    raise BenchError(f"{path} holds more than {MOST_FILES} files, or one above {MOST} bytes.")
                if entry.isreg() and entry.name.endswith(".json"):
                    file = archive.extractfile(entry)
                    assert file is not None  # of a regular file
                    yield PurePosixPath(entry.name), file.read().decode()
    except (tarfile.TarError, lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise BenchError(f"{path} is no archive of records ({error}). Fetch it again, or name a folder.") from None
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}.") from None
