"""Files: written whole or not at all, read as YAML, told apart by their checksums."""

import errno
import hashlib
import os
import shutil
import stat
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
MOST_BYTES = 200_000  # of a YAML file: its parser takes seconds for as many
MOST_VALUES = 50_000  # of a YAML file


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


def remove_empty(folder: Path, above: Path) -> None:
    """Removes a folder if nothing is in it, then the one that it was in, and so on below `above`, which stays."""
    while folder != above:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


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


def read_text(path: Path, most: int | None = None) -> str:
    """The text of a UTF-8 file. OSError, also for what is no file: a pipe would be waited for without end.

    most: bytes that the file may have; a larger one is an OSError. UnicodeDecodeError: it is no text.
    """
    with open(path, encoding="utf-8", opener=_without_waiting) as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        if most is not None and facts.st_size > most:
            raise OSError(errno.EFBIG, f"it has {facts.st_size} bytes, {most} are the most", str(path))
        return file.read()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def load_yaml(path: Path, loader: type[yaml.BaseLoader | yaml.SafeLoader]) -> Any:
    """What a YAML file of the user holds; `loader` decides what values become.

    UsageError: no such file, no YAML, a NUL in it, or more than MOST_VALUES values with aliases written out.
    """
    try:
        read = loader(read_text(path, MOST_BYTES))
        try:
            node = read.get_single_node()
            if node is None:
                return None
            _check_values(node)
            return read.construct_document(node)
        finally:
            read.dispose()
    except RecursionError:
        raise UsageError(f"{path} is nested too deep.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, yaml.YAMLError) as error:  # bytes that are no text, a date that no calendar has
        raise UsageError(f"{path} is no YAML: {' '.join(str(error).split())}.") from None


def _check_values(root: yaml.Node) -> None:
    """YAMLError for what a few lines of YAML can make endless, a value that holds itself or many times others."""
    sizes: dict[int, int] = {}  # node -> values in it; 0 while it is looked at

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = 0
            if isinstance(node, yaml.MappingNode):
                count = sum(size(part) for pair in node.value for part in pair)
            elif isinstance(node, yaml.SequenceNode):
                count = sum(map(size, node.value))
            else:
                count = 0
                if "\0" in node.value:
                    raise yaml.YAMLError(f"a NUL stands on line {node.start_mark.line + 1}")
            sizes[id(node)] = 1 + count
        elif not sizes[id(node)]:
            raise yaml.YAMLError(f"what begins on line {node.start_mark.line + 1} holds itself")
        return sizes[id(node)]

    if size(root) > MOST_VALUES:
        raise yaml.YAMLError(f"it holds more than {MOST_VALUES} values")


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
