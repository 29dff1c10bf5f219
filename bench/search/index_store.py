"""The index of one folder on disk: a manifest, and features in float16.

    $BENCH_HOME/search/<folder's name>-<digest of its path>/
        manifest.jsonl      a line about the index, then one a file: its path and its `IndexedFile`
        features-N.f16      (windows, P), the windows of the manifest's files in their order
        faces-N.f16         (windows, 9), where faces are indexed: mean scores of EMOTIONS, share of frames with a face

The manifest is written last and replaced whole, so what it says is there. New windows are appended behind what it
counts; where some go, what stays is written anew under the next N. A window's id is never given again.

An index that is to replace one is made in a folder beside it, `…-new`, and takes its place when it is whole.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS
from bench.errors import BenchError
from bench.search.windows import how_many, spans
from bench.utils.files import replacing
from bench.utils.paths import home
from bench.utils.shards import Shard

FORMAT = 1
BLOCK = 8192  # windows read at once
FACE_COLUMNS = len(EMOTIONS) + 1  # columns of the faces: scores, share of frames with a face


class IndexedFile(NamedTuple):
    """A file of the index: what tells whether it is still the same, and its windows or what is wrong with it."""

    size: int  # bytes
    mtime: int  # nanoseconds
    first: int  # the id of its first window; the others follow
    seconds: float  # its length, which says how many windows it has; 0 for a broken file
    error: str  # one line; "" for a whole file
    still: Sequence[int] = ()  # the numbers of its windows that are left out, see `windows`


@dataclass(frozen=True)
class IndexSettings:
    """What an index was made with. All of it must be the same for a later file or a query."""

    folder: str
    model: str  # as `models.load` takes it
    digest: str  # of all that makes a clip's features
    tokenizer: str  # for models that need one named
    results: str  # the folder of records, for a run
    window: float  # seconds
    width: int  # P
    faces: dict[str, Any]  # {"backend", "settings", "pooling", "how"}, or nothing
    code: str = ""  # of what made the part of a shard


class Store:
    """An index, open to be read or changed. Its files lie in `path`."""

    def __init__(self, path: Path, about: IndexSettings) -> None:
        self.path, self.about = path, about
        self.id = uuid.uuid4().hex
        self.revision = self._next = 0
        self._generation = _next_generation(path)
        self.entries: dict[str, IndexedFile] = {}  # by path below the folder, in the order of the features
        self._new: list[tuple[NDArray[np.float16], NDArray[np.float16] | None]] = []
        self._stamp = _stamped(self.path)

    def __len__(self) -> int:
        """How many windows there are."""
        return int(self._ends[-1])

    # --- reading ---

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """The id of every window, in the order of the features."""
        firsts = np.array([entry.first for entry in self.entries.values()], np.int64)
        counts = np.diff(self._ends)
        return np.repeat(firsts - self._ends[:-1], counts) + np.arange(len(self))

    @cached_property
    def _ends(self) -> NDArray[np.int64]:  # (files + 1,): how many windows there are before each file, and in all
        window = self.about.window
        counts = (how_many(entry.seconds, window) - len(entry.still) for entry in self.entries.values())
        return np.cumsum([0, *counts])

    @cached_property
    def _by_id(self) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
        """Ids, sorted, with their rows; and the path of every file."""
        order = np.argsort(self.ids)
        return self.ids[order], order, list(self.entries)

    def row(self, id: int) -> int:
        """Which row of features and faces is a window's."""
        ids, order, _ = self._by_id
        return int(order[np.searchsorted(ids, id)])

    def window(self, id: int) -> tuple[str, float, float]:
        """The file, start and end of a window."""
        row = self.row(id)
        file = int(np.searchsorted(self._ends, row, side="right")) - 1
        path = self._by_id[2][file]
        return path, *self._spans(path)[row - int(self._ends[file])]

    def id_of(self, path: str, start: float) -> int:
        """The id of the window of a file that starts at this second."""
        return self.entries[path].first + [begun for begun, _ in self._spans(path)].index(start)

    def _spans(self, path: str) -> list[tuple[float, float]]:
        entry = self.entries[path]
        return spans(entry.seconds, self.about.window, entry.still)

    def features(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Ids and features (n, P) float32 of all windows, block after block."""
        for start in range(0, len(self), BLOCK):
            count, width = min(BLOCK, len(self) - start), self.about.width
            block = np.fromfile(self._file("features"), np.float16, count * width, offset=start * width * 2)
            yield self.ids[start : start + count], block.astype(np.float32).reshape(count, width)

    def faces(self) -> NDArray[np.float32]:
        """(windows, 9), in the order of `ids`; see above."""
        if not len(self):
            return np.zeros((0, FACE_COLUMNS), np.float32)
        return (
            np.fromfile(self._file("faces"), np.float16, len(self) * FACE_COLUMNS)
            .astype(np.float32)
            .reshape(-1, FACE_COLUMNS)
        )

    def rows(self, path: str) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Features (windows, P) of a file's windows and, where the index has them, faces (windows, 9)."""
        start, stop = self._places[path]
        parts = []
        for kind in self._kinds if stop > start else ():
            count, width = stop - start, self._width(kind)
            block = np.fromfile(self._file(kind), np.float16, count * width, offset=start * width * 2)
            parts.append(block.astype(np.float32).reshape(count, width))
        features, *faces = parts or [np.zeros((0, self._width(kind)), np.float32) for kind in self._kinds]
        return features, faces[0] if faces else None

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """Path -> its first row, and the one behind its last."""
        return dict(zip(self.entries, pairwise(self._ends.tolist()), strict=True))

    # --- changing ---

    def remove(self, paths: set[str]) -> None:
        """Forgets files with all their windows, and writes that down."""
        if not paths:
            return
        rows = np.repeat([path not in paths for path in self.entries], np.diff(self._ends))
        kept = {}
        for kind in self._kinds if len(rows) else ():
            matrix = np.fromfile(self._file(kind), np.float16, len(rows) * self._width(kind))
            kept[kind] = matrix.reshape(len(rows), -1)[rows]
        self.entries = {path: entry for path, entry in self.entries.items() if path not in paths}
        self._forget()
        self._generation += 1
        for kind, matrix in kept.items():
            with replacing(self._file(kind)) as temporary:
                matrix.tofile(temporary)
        self._write_manifest()

    def add(
        self, path: str, entry: IndexedFile, features: NDArray[np.float32], faces: NDArray[np.float32] | None = None
    ) -> None:
        """Takes a file that is not in the index yet; `save` writes it down.

        entry: `first` is given here. features: (windows, P). faces: (windows, 9), where the index has them.
        """
        self._new.append((features.astype(np.float16), None if faces is None else faces.astype(np.float16)))
        self.entries[path] = entry._replace(first=self._next)
        self._next += len(features)
        self._forget()

    def save(self) -> None:
        """Writes down what was added since the last time: first the features, then the manifest that counts them."""
        self.path.mkdir(parents=True, exist_ok=True)
        there = len(self) - sum(len(features) for features, _ in self._new)
        for place, kind in enumerate(self._kinds):
            with self._file(kind).open("ab") as file:
                file.truncate(there * self._width(kind) * 2)  # what a killed process wrote behind the manifest's count
                for parts in self._new:
                    np.asarray(parts[place], np.float16).tofile(file)
                file.flush()
                os.fsync(file.fileno())
        self._new = []
        self._write_manifest()

    def take_place_of(self, other: "Store") -> None:
        """Puts this index where another one is: its features first, then the manifest, which alone counts."""
        self.save()
        generation = max(self._generation, _next_generation(other.path))
        for kind in self._kinds:
            self._file(kind).replace(other.path / f"{kind}-{generation}.f16")
        beside, self.path, self._generation = self.path, other.path, generation
        self._write_manifest()
        shutil.rmtree(beside, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from changing the index. BenchError: one is at it, or was since this was read."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            try:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # Windows: there it is the user's care
                pass
            except OSError:
                raise BenchError(
                    f"another process is indexing {self.about.folder}. Wait until it is done, then ask again."
                ) from None
            if _stamped(self.path) != self._stamp:
                raise BenchError(f"another process has just indexed {self.about.folder}. Ask again.")
            yield

    @property
    def on_disk(self) -> bool:
        """Whether there is anything of it on disk."""
        return self._stamp is not None

    @property
    def _kinds(self) -> tuple[str, ...]:
        return ("features", "faces") if self.about.faces else ("features",)

    def _width(self, kind: str) -> int:
        return self.about.width if kind == "features" else FACE_COLUMNS

    def _file(self, kind: str) -> Path:
        return self.path / f"{kind}-{self._generation}.f16"

    def _forget(self) -> None:
        for name in ("ids", "_ends", "_by_id", "_places"):
            with suppress(AttributeError):
                delattr(self, name)

    def _write_manifest(self) -> None:
        self.revision += 1
        head = {"format": FORMAT, "id": self.id, "revision": self.revision, "generation": self._generation}
        head |= {"next": self._next, **asdict(self.about)}
        with replacing(self.path / "manifest.jsonl") as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps(head) + "\n")
            for path, entry in self.entries.items():
                file.write(json.dumps([path, *entry]) + "\n")
        self._stamp = _stamped(self.path)
        for old in set(self.path.glob("*-*.f16")) - {self._file(kind) for kind in self._kinds}:
            old.unlink(missing_ok=True)


def place(folder: Path, shard: Shard | None = None) -> Path:
    """Where the index of a folder, or the part of a shard, lies: in the user's cache, for the folder may be a camera's
    card or not ours.
    """
    real = folder.resolve()
    path = home() / "search" / f"{real.name or 'root'}-{hashlib.sha256(os.fsencode(real)).hexdigest()[:12]}"
    return shard.part(path) if shard else path


def read(folder: Path, shard: Shard | None = None) -> Store | None:
    """The index of a folder, or the part of a shard, if it is there. BenchError: it is broken, or of another format."""
    return _read(place(folder, shard))


def replacement(old: Store, about: IndexSettings) -> Store:
    """An index beside another one that it is to replace: what was begun with the same settings, or an empty one."""
    path = old.path.with_name(f"{old.path.name}-new")
    try:
        begun = _read(path)
    except BenchError:
        begun = None
    if begun is not None and begun.about == about:
        return begun
    shutil.rmtree(path, ignore_errors=True)
    return Store(path, about)


def _read(path: Path) -> Store | None:
    manifest = path / "manifest.jsonl"
    if manifest.exists() and not manifest.is_file():  # a pipe would be waited for
        raise _broken(path, "its manifest is no file")
    stamp = _stamped(path)  # before it is read: what is written meanwhile must show
    try:
        with manifest.open(encoding="utf-8") as file:
            head = json.loads(next(file))
            if head.pop("format") != FORMAT:
                raise ValueError("another format")
            identity, revision, generation, following = (
                head.pop(name) for name in ("id", "revision", "generation", "next")
            )
            store = Store(path, IndexSettings(**head))
            store.id, store.revision, store._generation, store._next = identity, revision, generation, following
            store._stamp = stamp
            for line in file:
                name, *entry = json.loads(line)
                store.entries[name] = IndexedFile(*entry[:5], *map(tuple, entry[5:]))  # older ones have no `still`
        for kind in store._kinds:
            if len(store) and store._file(kind).stat().st_size < len(store) * store._width(kind) * 2:
                raise ValueError(f"{store._file(kind).name} is shorter than the manifest says")
    except FileNotFoundError as error:
        if Path(str(error.filename)) == manifest:
            return None
        raise _broken(path, f"{error.filename} is gone") from None
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError, OverflowError) as error:
        raise _broken(path, str(error) or "an empty manifest") from None
    return store


def _next_generation(path: Path) -> int:
    return 1 + max((int(file.stem.split("-")[1]) for file in path.glob("*-*.f16")), default=-1)


def _stamped(path: Path) -> tuple[int, int] | None:
    """What changes with every new manifest; None if there is none."""
    try:
        facts = (path / "manifest.jsonl").stat()
    except FileNotFoundError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def _broken(path: Path, why: str) -> BenchError:
    return BenchError(f"the index at {path} cannot be read ({why}). Remove that folder and index again.")
