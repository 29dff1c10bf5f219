"""Outputs: a file that a command writes never takes the place of a file of another kind."""

import stat
from collections.abc import Sequence
from pathlib import Path

from bench.errors import UsageError

_HEAD = 4096  # bytes in which a mark must stand


def check_output(path: Path, marks: Sequence[bytes], kind: str, *, force: bool = False, mend: str = "") -> None:
    """UsageError if `path` is there and is not of the kind that is about to be written.

    marks: what files of that kind have near their beginning, any of them. An empty file may be replaced.
    force: replaces any file; folders and devices are refused even so. mend: the end of the message.
    """
    try:
        facts = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return  # where even the folder cannot be made, writing says so
    if not stat.S_ISREG(facts.st_mode):
        raise UsageError(f"{path} is no file that could be replaced. Name another one.")
    if force or not facts.st_size:
        return
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not any(mark in head for mark in marks):
        raise UsageError(f"{path} is there already and holds no {kind}. {mend or 'Name another file, or add --force.'}")
