"""A lock on a folder: one process at a time works in it, and a second one is told who that is."""

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import BenchError
from bench.utils.messages import say_once

if sys.platform != "win32":
    import fcntl

_NAME = "lock"
_ATTEMPTS = 100  # at a file that its former owner removes at this moment
_EVERY = 0.01  # seconds between two looks at whether the owner is done

_held: set[int] = set()  # descriptors; a process that was forked off must not keep them


@contextmanager
def locked(folder: Path, what: str, wait: float = 0) -> Iterator[None]:
    """Holds the lock of `folder`, which is made if it is not there, and removed in the end if nothing else is in it.

    The lock is flock's on a file in the folder, in which the owner's host and process are written; the system releases
    it when the owner ends, however it ends. Over NFS it holds between machines where the server has a lock service
    (NFS 4, or 3 with lockd) and the mount is not `nolock` or `local_lock`; a file system that refuses flock, and
    Windows, have no lock: a word on stderr says so.

    BenchError, one line with the owner: another process holds it, and did so for `wait` seconds. what: what is locked,
    for that line.
    """
    descriptor = _take(folder / _NAME, what, time.monotonic() + wait)
    if descriptor is None:
        yield
        return
    _held.add(descriptor)
    try:
        yield
    finally:
        _held.discard(descriptor)
        with contextlib.suppress(OSError):
            (folder / _NAME).unlink()  # while it is held: whoever opened it before sees that it is gone
            folder.rmdir()
        os.close(descriptor)


def _take(path: Path, what: str, until: float) -> int | None:
    """The descriptor of the lock; None where there are no locks. until: when to give up on one that another holds."""
    if sys.platform == "win32":
        return None
    attempts = 0
    while attempts < _ATTEMPTS or time.monotonic() < until:
        if attempts >= _ATTEMPTS:  # the folder may be a link to nothing: no reason to keep a core busy
            time.sleep(_EVERY)
        attempts += 1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except (FileNotFoundError, FileExistsError):  # the owner is removing the folder at this moment
            if path.parent.is_file():
                raise
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_same(descriptor, path):
                os.close(descriptor)
                continue
            owner = {"host": socket.gethostname(), "pid": os.getpid()}
            with contextlib.suppress(OSError):  # a full disk: the lock holds, its owner is not named
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(owner).encode(), 0)
            return descriptor
        except BlockingIOError:
            written = os.pread(descriptor, 1000, 0)
            os.close(descriptor)
            if time.monotonic() < until:
                time.sleep(_EVERY)
                continue
            raise BenchError(
                f"{what} is already running: {_described(written)} works in {path.parent}. "
                "Wait for it or end it, then repeat the command."
            ) from None
        except OSError as error:
            os.close(descriptor)
            say_once(f"{path.parent} cannot be locked ({error.strerror}): run nothing else in it.")
            return None
    raise BenchError(f"{path} is removed again and again by another process. Wait for it, then repeat the command.")


def _is_same(descriptor: int, path: Path) -> bool:
    """Whether the path still leads to the open file, and not to nothing or to that of a later owner."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _described(owner: bytes) -> str:
    try:
        content = json.loads(owner)
        return f"process {int(content['pid'])} on {content['host']}"
    except (ValueError, KeyError, TypeError):  # it has not written that down yet
        return "another process"


def _let_go() -> None:
    """In a forked process: a worker that outlives a killed owner for a moment must not hold the lock for it."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_let_go)
