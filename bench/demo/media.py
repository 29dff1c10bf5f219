"""The clips of an indexed folder by id: what a browser may fetch, and nothing else.

An id is a number of the index's manifest. No request says a path, so none can climb out of the folder; and a file that
a link leads out of it is refused, though `bench index` follows such links.
"""

import stat
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


class Media:
    """The files of an index, read from where they lie below `folder`."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder.resolve()
        self._entries: dict[str, tuple[str, IndexedFile]] = {}  # id -> path below the folder, and what was indexed
        for path, entry in store.entries.items():
            if entry.seconds:  # broken files have no windows
                self._entries[str(entry.first)] = path, entry
        self._ids = {path: id for id, (path, _) in self._entries.items()}
        self.still = lru_cache(STILLS)(self._still)

    def id(self, path: str) -> str | None:
        """The id of a file, by its path below the folder, if it is indexed."""
        return self._ids.get(path)

    def file(self, id: str) -> tuple[Path, str]:
        """A clip's file and its type. Unavailable: there is none, or it cannot be shown."""
        if id not in self._entries:
            raise Unavailable("there is no such clip.")
        path, entry = self._entries[id]
        name = printable(path)
        try:
            real = (self._folder / path).resolve(strict=True)
            facts = real.stat()
        except FileNotFoundError:
            raise Unavailable(f"{name} is not there any more. Start bench demo again to forget it.") from None
        except (OSError, RuntimeError) as error:  # RuntimeError: links that go in circles
            raise Unavailable(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
        if not real.is_relative_to(self._folder):
            raise Unavailable(f"{name} is a link that leads out of the folder, so it is not shown.")
        if not stat.S_ISREG(facts.st_mode):
            raise Unavailable(f"{name} is no file.")
        if (facts.st_size, facts.st_mtime_ns) != (entry.size, entry.mtime):
            raise Unavailable(f"{name} was changed since it was indexed. Start bench demo again to index it.")
        try:
            with real.open("rb"):
                pass
        except OSError as error:
            raise Unavailable(f"{name} cannot be read: {error.strerror}. Mend its rights.") from None
        return real, TYPES.get(Path(path).suffix.lower(), "application/octet-stream")

    def _still(self, id: str, second: float) -> bytes:
        """What a clip shows at a second, as JPEG. Unavailable: as for `file`, or it cannot be decoded there."""
        path, _ = self.file(id)
        try:
            timeline = scan(path)
            times = timeline.steady * float(timeline.base)  # as the windows of the index go
            index = max(0, int(np.searchsorted(times, second, side="right")) - 1)
            picture = next(upright(path, timeline, [index]))
        except VideoError:
            raise Unavailable(f"{printable(self._entries[id][0])} cannot be decoded there: it is damaged.") from None
        return jpeg(picture, 80, STILL)
