"""Files: written whole or not at all, read as YAML, told apart by their checksums."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bench.errors import UsageError

LEFTOVER_AFTER = 3600  # seconds without a change, after which nobody is writing a file any more

_UNFINISHED = ".bench-"  # how the names of folders begin in which a file is being written


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path of the same name; moves it to `path` on success, removes it on any error.

    It lies in a hidden folder beside `path`, for some libraries make temporary files of their own. What a killed
    process left of such folders, an hour ago or more, is removed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=_UNFINISHED))
    try:
        yield folder / path.name
        (folder / path.name).chmod(0o666 & ~_umask())  # some libraries make files private; these are to be shared
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _remove_leftovers(folder: Path) -> None:
    """Once a process for each folder: some have thousands of files. By age: the writer may be on another machine."""
    for left in folder.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):
            newest = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if time.time() - newest > LEFTOVER_AFTER:
                shutil.rmtree(left)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def load_yaml(path: Path, loader: type[yaml.BaseLoader | yaml.SafeLoader]) -> Any:
    """What a YAML file of the user holds; `loader` decides what values become. UsageError: no such file, or no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, yaml.YAMLError) as error:  # bytes that are no text, a date that no calendar has
        raise UsageError(f"{path} is no YAML: {' '.join(str(error).split())}.") from None


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
