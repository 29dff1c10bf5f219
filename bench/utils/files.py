"""Files: written whole or not at all, read as YAML, told apart by their checksums."""

import hashlib
import os
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

_UNFINISHED = ".bench-"  # how the names of files begin that are being written


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it to `path` on success, removes it on any error.

    What a killed process left in that folder, an hour ago or more, is removed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{_UNFINISHED}{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files private; these are results to share
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@cache
def _remove_leftovers(folder: Path) -> None:
    """Once a process for each folder: some have thousands of files. By age: the writer may be on another machine."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):
            if path.is_file() and time.time() - path.stat().st_mtime > LEFTOVER_AFTER:
                path.unlink()


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
