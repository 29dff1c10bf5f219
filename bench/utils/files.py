"""Files: written whole or not at all, read as YAML, told apart by their checksums."""

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from bench.errors import UsageError

MOST_BYTES = 200_000  # of a YAML file: its parser takes seconds for as many
MOST_VALUES = 50_000  # of a YAML file


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it to `path` on success, removes it on any error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files private; these are results to share
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
