"""The clips of an indexed folder by id: what a browser may fetch, and nothing else.

An id is a number of the index's manifest. No request says a path, so none can climb out of the folder; and a file that
a link leads out of it is refused, though `bench index` follows such links.
"""

import errno
import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from bench.data.scanning import scan
from bench.data.upright import upright
from bench.data.video_files import VideoError
from bench.errors import BenchError
from bench.search.index_store import IndexedFile, Store
from bench.utils.images import jpeg
from bench.utils.terminal import printable

# What browsers play; the others have a still picture. The codec inside may still be one that a browser lacks.
TYPES = {".mp4": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}  # mov's own type is declined, mp4's is played
STILL = 480  # pixels of a still's longer side, at most
STILLS = 256  # kept in memory, 20 KB each


class Unavailable(BenchError):
    """A clip that cannot be shown; the message says why, and names no folder."""


@dataclass(frozen=True)
class OpenClip:
    """A clip's open file. descriptor: to be closed. facts: of that file. kind: its media type."""

    descriptor: int
    facts: os.stat_result
    kind: str

    @property
    def path(self) -> Path:
        """Opens the same file again, whatever has its name by now."""
        return Path(f"/dev/fd/{self.descriptor}")


class Media:
    """The files of an index, read from where they lie below `folder`.

    Links are followed once, here. Later a file is opened without following any, looked at, and given away open: what is
    put in its place meanwhile is never read.
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder.resolve()
        self._entries: dict[str, tuple[str, IndexedFile]] = {}  # id -> path below the folder, and what was indexed
        for path, entry in store.entries.items():
            if entry.seconds:  # broken files have no windows
                self._entries[str(entry.first)] = path, entry
        self._ids = {path: id for id, (path, _) in self._entries.items()}
        self._places = {id: self._place(path) for id, (path, _) in self._entries.items()}
        self.still = lru_cache(STILLS)(self._still)

    def id(self, path: str) -> str | None:
        """The id of a file, by its path below the folder, if it is indexed."""
        return self._ids.get(path)

    def check(self, id: str) -> None:
        """Unavailable: there is no such clip, or it cannot be shown."""
        os.close(self.open(id).descriptor)

    def open(self, id: str) -> OpenClip:
        """A clip's file, opened to be read; the caller closes it. Unavailable: as for `check`."""
        if id not in self._entries:
            raise Unavailable("there is no such clip.")
        path, entry = self._entries[id]
        name, place = printable(path), self._places[id]
        if place is None:
            raise Unavailable(f"{name} is a link that leads out of the folder, so it is not shown.")
        try:
            descriptor = _open_below(self._folder, place)
        except FileNotFoundError:
            raise Unavailable(f"{name} is not there any more. Start bench demo again to forget it.") from None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise Unavailable(f"{name} is a link since it was indexed, so it is not shown.") from None
            raise Unavailable(f"{name} cannot be read: {error.strerror}. Change its permissions.") from None
        facts = os.fstat(descriptor)
        wrong = ""
        if not stat.S_ISREG(facts.st_mode):
            wrong = f"{name} is no file."
        elif (facts.st_size, facts.st_mtime_ns) != (entry.size, entry.mtime):
            wrong = f"{name} was changed since it was indexed. Start bench demo again to index it."
        if wrong:
            os.close(descriptor)
            raise Unavailable(wrong)
        return OpenClip(descriptor, facts, TYPES.get(Path(path).suffix.lower(), "application/octet-stream"))

    def _place(self, path: str) -> Path | None:
        """Where a file lies below the folder, without links; None if it does not."""
        try:
            real = (self._folder / path).resolve()
        except (OSError, RuntimeError):  # RuntimeError: links that go in circles
            return None
        return real.relative_to(self._folder) if real.is_relative_to(self._folder) else None

    def _still(self, id: str, second: float) -> bytes:
        """What a clip shows at a second, as JPEG. Unavailable: as for `check`, or it cannot be decoded there."""
        clip = self.open(id)
        try:
            timeline = scan(clip.path)
            index = max(0, int(np.searchsorted(timeline.times, second, side="right")) - 1)
            picture = next(upright(clip.path, timeline, [index]))
        except VideoError:
            raise Unavailable(f"{printable(self._entries[id][0])} cannot be decoded there: it is damaged.") from None
        finally:
            os.close(clip.descriptor)
        return jpeg(picture, 80, STILL)


def _open_below(folder: Path, place: Path) -> int:
    """Opens a file below a folder to be read, following no link on the way; a pipe is not waited for."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in place.parts[:-1]:
            below = os.open(part, flags | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        return os.open(place.name, flags, dir_fd=here)
    finally:
        os.close(here)
