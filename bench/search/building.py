"""Brings the index of a folder up to date: what is new or changed is encoded, what is gone is forgotten."""

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench.data.video import COPIES, ENDINGS, OTHER_MEDIA
from bench.errors import BenchError, UsageError
from bench.search.face_tracks import FaceDetector
from bench.search.index_store import IndexedFile, IndexSettings, Store, replacement
from bench.search.models import Encoder
from bench.search.reading import Piece, WindowFrames, read
from bench.utils.processes import OrderedProcesses
from bench.utils.progress import progress
from bench.utils.shards import Shard, owned

BATCH = 8  # windows that the model takes at once
LARGEST = float(np.finfo(np.float16).max)  # what an index can hold of a feature
SAVE_EVERY = 10.0  # seconds of work that an end by force may cost


@dataclass(frozen=True)
class Listing:
    """What is below a folder."""

    files: dict[str, tuple[int, int]]  # path below the folder -> bytes, mtime in nanoseconds
    hidden: list[str]  # hidden videos and folders, which are left out
    unreadable: dict[str, str]  # folders -> why
    unread: list[str]  # files that look like videos, of kinds that are not read


@dataclass
class UpdateSummary:
    """What an update did. Seconds: `waited` for frames, in the `model`, in all; `decoding`, `faces`: elsewhere."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    kept: int = 0
    windows: int = 0  # encoded now
    indexed: int = 0  # windows in the index
    waited: float = 0.0
    model: float = 0.0
    total: float = 0.0
    decoding: float = 0.0
    faces: float = 0.0
    broken: dict[str, str] = field(default_factory=dict)  # path -> one line, also from before
    hidden: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def walk(folder: Path) -> Listing:
    """Every video below a folder, at any depth; links to folders are followed, no folder is read twice.

    Left out are hidden files and folders, the small copies of `bench data compress`, and kinds of videos that are not
    read. UsageError: no such folder.
    BenchError: it cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}. Name the folder that holds the clips.")
    found = Listing({}, [], {}, [])
    seen: set[Path] = set()

    def cannot(error: OSError) -> None:
        where = Path(str(error.filename))
        if where == folder:
            raise BenchError(f"{folder} cannot be read: {error.strerror}. Change its permissions.")
        found.unreadable[where.relative_to(folder).as_posix()] = str(error.strerror)

    for parent, folders, names in os.walk(folder, followlinks=True, onerror=cannot):
        here = Path(parent)
        if here.resolve() in seen:
            folders[:] = []
            continue
        seen.add(here.resolve())
        below = "" if here == folder else f"{here.relative_to(folder).as_posix()}/"
        found.hidden.extend(f"{below}{name}/" for name in sorted(folders) if name[0] == ".")
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in COPIES)
        videos = sorted(name for name in names if Path(name).suffix.lower() in ENDINGS)
        found.hidden.extend(below + name for name in videos if name[0] == ".")
        found.unread.extend(
            below + name for name in sorted(names) if Path(name).suffix.lower() in OTHER_MEDIA and name[0] != "."
        )
        for name in videos:
            if name[0] == ".":
                continue
            try:
                facts = (here / name).stat()
            except OSError:  # a link to nothing: it is reported when it is read
                found.files[below + name] = (0, 0)
                continue
            if stat.S_ISREG(facts.st_mode):
                found.files[below + name] = (facts.st_size, facts.st_mtime_ns)
    return found


def update(
    store: Store,
    encoder: Encoder,
    folder: Path,
    found: Listing,
    pool: OrderedProcesses,
    detector: FaceDetector | None,
    retry: bool,
) -> UpdateSummary:
    """Encodes what is new or changed since the index was written, forgets what is gone, and touches nothing else.

    What is done is written down every few seconds and when the work is stopped. retry: read broken files again that
    did not change. pool: what reads them. detector: for an index with faces.
    """
    clock = time.perf_counter()
    summary = UpdateSummary(hidden=found.hidden, unreadable=found.unreadable, unread=found.unread)
    old, todo = compared(store, found, retry, summary)
    if old or todo:  # a look that changes nothing needs no lock
        with store.locked():
            store.remove(old)
            if todo:
                _encode(store, encoder, folder, {path: found.files[path] for path in todo}, pool, detector, summary)
    count(store, summary)
    summary.total = time.perf_counter() - clock
    return summary


def compared(store: Store, found: Listing, retry: bool, summary: UpdateSummary) -> tuple[set[str], list[str]]:
    """What an index has to forget, and what it has to take, in order; both are counted. retry: as in `update`."""
    same = {path for path, entry in store.entries.items() if _same(path, entry, found, retry)}
    old = store.entries.keys() - same
    todo = [path for path in found.files if path not in same]
    summary.kept, summary.gone = len(same), len(old - found.files.keys())
    summary.changed = len(old & found.files.keys())
    summary.new = len(todo) - summary.changed
    return old, todo


def count(store: Store, summary: UpdateSummary) -> None:
    """Says of an index what it holds now."""
    summary.broken = {path: entry.error for path, entry in store.entries.items() if entry.error}
    summary.indexed = len(store)


def rebuild(
    old: Store,
    about: IndexSettings,
    encoder: Encoder,
    folder: Path,
    found: Listing,
    pool: OrderedProcesses,
    detector: FaceDetector | None,
) -> tuple[Store, UpdateSummary]:
    """Makes an index beside a folder's own and puts it in its place when it is whole; until then the old one answers.

    What an interrupted one has done is kept for the next time. BenchError: as `update`; the old index is as it was.
    """
    with old.locked():
        new = replacement(old, about)
        try:
            summary = update(new, encoder, folder, found, pool, detector, retry=True)
        except BenchError:
            shutil.rmtree(new.path, ignore_errors=True)
            raise
        new.take_place_of(old)
    return new, summary


def pending(store: Store, found: Listing) -> bool:
    """Whether `update` would find something to do."""
    same = {path for path, entry in store.entries.items() if _same(path, entry, found, retry=False)}
    return len(same) < len(store.entries) or not found.files.keys() <= same


def of_shard(shard: Shard, found: Listing, whole: Store | None) -> Listing:
    """The part of a listing that a shard has to index: its files, without those that the folder's index has."""
    same = {path for path, entry in whole.entries.items() if _same(path, entry, found, retry=False)} if whole else set()
    return replace(found, files={path: facts for path, facts in owned(found.files, shard).items() if path not in same})


def to_read(store: Store | None, found: Listing, retry: bool) -> int:
    """How many files `update` would read; without an index all of them."""
    entries = store.entries if store is not None else {}
    return sum(path not in entries or not _same(path, entries[path], found, retry) for path in found.files)


def _same(path: str, entry: IndexedFile, found: Listing, retry: bool) -> bool:
    if path not in found.files:  # below a folder that cannot be read now nothing is known to be gone
        return any(path.startswith(folder + "/") for folder in found.unreadable)
    return found.files[path] == (entry.size, entry.mtime) and not (retry and entry.error)


def _encode(
    store: Store,
    encoder: Encoder,
    folder: Path,
    files: dict[str, tuple[int, int]],
    pool: OrderedProcesses,
    detector: FaceDetector | None,
    summary: UpdateSummary,
) -> None:
    """Adds files to the index, with progress."""
    model = encoder.described
    frames, size, window = model.frames, model.size, store.about.window
    paths = {path: folder / path for path in files}
    saved = time.monotonic()
    try:
        with closing(read(paths, pool, frames=frames, size=size, window=window, detector=detector)) as pieces:
            done = _files(_waited(pieces, summary), encoder, summary)
            for piece, features, faces in progress(
                done, total=len(files), what="indexing", unit="clip", note=lambda: f"{summary.windows} windows"
            ):
                entry = IndexedFile(
                    *files[piece.path], first=0, seconds=piece.seconds, error=piece.error, still=piece.still
                )
                store.add(piece.path, entry, features, faces if store.about.faces else None)
                if time.monotonic() - saved > SAVE_EVERY:
                    store.save()
                    saved = time.monotonic()
    finally:  # Ctrl-C too keeps what is done; where nothing was, no index of a broken model stays
        if store.entries or store.on_disk:
            store.save()


def _waited(pieces: Iterator[Piece], summary: UpdateSummary) -> Iterator[Piece]:
    """Passes pieces on and counts how long they were waited for."""
    while True:
        begun = time.perf_counter()
        piece = next(pieces, None)
        summary.waited += time.perf_counter() - begun
        if piece is None:
            return
        summary.decoding += piece.decoding
        summary.faces += piece.faces
        yield piece


def _files(
    pieces: Iterator[Piece], encoder: Encoder, summary: UpdateSummary
) -> Iterator[tuple[Piece, np.ndarray, np.ndarray]]:
    """Whole files: the last piece of each, the features (windows, P) and the faces (windows, 9) of all its windows.

    The model takes BATCH windows at once, of one file or of several.
    """
    nothing = np.zeros((0, encoder.described.width), np.float32), np.zeros((0, 9), np.float32)
    waiting: list[WindowFrames] = []  # not yet encoded
    rows: list[tuple[np.ndarray, np.ndarray]] = []  # encoded, of files that are not whole yet
    ends: list[tuple[Piece, int]] = []  # last pieces, and how many windows of theirs are in `rows` and `waiting`

    def flush(least: int) -> None:
        while len(waiting) >= least and waiting:
            batch = waiting[:BATCH]
            del waiting[:BATCH]
            begun = time.perf_counter()
            features = encoder.windows(batch)
            summary.model += time.perf_counter() - begun
            if not (np.abs(features) <= LARGEST).all():  # NaN is not
                what = "larger than an index holds" if np.isfinite(features).all() else "no numbers"
                raise BenchError(f"{encoder.described.name} gives features that are {what}: its weights are broken.")
            faces = [one.track.summary() if one.track else np.zeros(9, np.float32) for one in batch]
            rows.extend(zip(features, faces, strict=True))
            summary.windows += len(batch)

    def whole(ends: list[tuple[Piece, int]]) -> Iterator[tuple[Piece, np.ndarray, np.ndarray]]:
        while ends and ends[0][1] <= len(rows):
            piece, count = ends.pop(0)
            features, faces = zip(*rows[:count], strict=True) if count else ((), ())
            del rows[:count]
            yield piece, *((np.stack(features), np.stack(faces)) if count else nothing)

    count, broken = 0, ""
    for piece in pieces:
        if piece.path == broken:
            continue
        if piece.error:  # windows of it that came before are worth nothing, nor are those that are on their way
            broken = piece.path
            drop = min(count, len(waiting))
            del waiting[len(waiting) - drop :]
            del rows[len(rows) - (count - drop) :]
            count = 0
        waiting.extend(piece.windows)
        count += len(piece.windows)
        if piece.last:
            ends.append((piece, count))
            count = 0
        flush(BATCH)
        yield from whole(ends)
    flush(1)
    yield from whole(ends)
