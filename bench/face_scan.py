"""Looks for faces in a folder of clips and writes the table of `bench.faces`.

    bench faces --videos DIR --backend onnx --model FILE.yaml --out faces.parquet

Of each clip the frames are looked at that an evaluation sees. What is found is kept in pieces beside the output until
all is done, so a stopped run goes on where it stopped. Pictures count as clips of one frame.
"""

import hashlib
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench import face_backends
from bench.data.pictures import is_picture, list_pictures
from bench.data.timeline import scan as scan_timeline
from bench.data.video import COMPRESSED, by_stem, list_videos, sample_indices
from bench.errors import BenchError, UsageError
from bench.face_backends import Backend, Clip, Face
from bench.faces import COLUMNS, EXPRESSIONS, read_table, write_faces
from bench.progress import progress

PIECE = 50  # clips in a file of what is done so far
WRITTEN = COLUMNS[:-1]  # `valid` follows from the others

Columns = dict[str, list[Any]]
Found = Generator[tuple[str, tuple[Columns, str]], None, None]  # clip, its rows, what is wrong with it


@dataclass(frozen=True)
class Seen:
    """What was found in one clip."""

    looked_at: int  # frames
    with_face: int  # frames
    expression: str  # the top one of the largest face's mean scores; "" without a face
    score: float


@dataclass(frozen=True)
class Summary:
    """What `scan` found, and what is wrong with each broken clip."""

    out: Path
    source: str
    was_done: bool
    seen: dict[str, Seen]  # clip -> what was found; without the broken ones
    faces: int
    broken: dict[str, str]  # clip -> one line


def scan(
    backend: str,
    settings: Mapping[str, Any],
    *,
    videos: Path | None = None,
    dataset: str | None = None,
    root: Path | None = None,
    out: Path | None = None,
    frames: int = 12,
    workers: int | None = None,
) -> Summary:
    """Looks for faces in every clip and writes one table; if it is there already, says so.

    backend, settings: see `bench.face_backends`. The clips are those below `videos`, pictures among them, or a
    dataset's; its table goes to <folder>/faces.parquet unless `out` says otherwise. frames: how many of each clip.
    workers: processes, default one a core. A broken clip is left out and named in the summary.
    UsageError: words that do not fit, or an output that something else has made. BenchError: no clip, or a worker died.
    """
    clips, out = _task(videos, dataset, root, out)
    if frames < 1:
        raise UsageError(f"--frames takes a number from 1 on, not {frames}.")
    looker = face_backends.build(backend, dict(settings))
    how = {"backend": backend, **looker.settings, "frames": frames}
    sizes = {name: path.stat().st_size for name, path in clips.items()}
    made = {**how, "clips": _digest(sizes)}
    if out.exists():
        return _summary(out, made, was_done=True)
    pieces = _Pieces(out, _digest(how), looker.source)
    broken = pieces.load(sizes)
    jobs = {name: path for name, path in clips.items() if name not in broken}
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    together = workers > 1
    found = _together(backend, settings, jobs, frames, workers) if together else _alone(looker, jobs, frames)
    shown = progress(found, total=len(clips), what="faces", unit="clip", done=len(broken))
    try:
        with closing(found):  # workers end before what they found is put down
            for name, (columns, error) in shown:
                broken[name] = error
                pieces.add(name, sizes[name], columns, error)
    finally:
        pieces.flush()
    errors = {name: broken[name] for name in clips if broken[name]}
    write_faces(pieces.columns(), out, looker.source, {**made, "broken": errors})
    pieces.remove()
    return _summary(out, made, was_done=False)


def _task(
    videos: Path | None, dataset: str | None, root: Path | None, out: Path | None
) -> tuple[dict[str, Path], Path]:
    """The clips by name, and where their table goes."""
    if (videos is None) == (dataset is None):
        raise UsageError("name one folder of clips or one dataset: --videos DIR, or --dataset NAME with --root DIR.")
    if videos is not None:
        if not videos.is_dir():
            raise UsageError(f"there is no folder {videos}; name the folder that holds the clips: --videos DIR")
        if out is None:
            raise UsageError("where to? --out FILE.parquet")
        folder, clips = videos, _named([*list_videos(videos), *list_pictures(videos)])
    else:
        from bench.data.importers import ensure

        folder = ensure(str(dataset), root)
        out = out or folder / "faces.parquet"
        clips = by_stem(list_videos(folder) or list_videos(folder / COMPRESSED))
    if not clips:
        raise BenchError(f"there is no clip below {folder} (mp4, avi, mkv, mov, webm, or a picture: jpg, png)")
    return clips, out


def _named(paths: list[Path]) -> dict[str, Path]:
    """Clips by stem; where two share one, by their whole name. VideoError: two share even that."""
    stems = Counter(path.stem for path in paths)
    clips = {path.stem if stems[path.stem] == 1 else path.name: path for path in paths}
    return clips if len(clips) == len(paths) else by_stem(paths)


class _Pieces:
    """What is done so far: parquet files in a hidden folder beside the output.

    Each names the settings it was made with and its clips with their sizes; what no longer fits is done again.
    """

    def __init__(self, out: Path, key: str, source: str) -> None:
        self._folder, self._key, self._source = out.parent / f".{out.stem}.parts", key, source
        self._all: Columns = {name: [] for name in WRITTEN}
        self._new: Columns = {name: [] for name in WRITTEN}
        self._clips: dict[str, tuple[int, str]] = {}  # of `_new`: size and error of each clip

    def load(self, sizes: dict[str, int]) -> dict[str, str]:
        """Reads the pieces that fit; gives the clips that are done with what is wrong with them, or an empty text."""
        done: dict[str, str] = {}
        for path in sorted(self._folder.glob("*.parquet")):
            table, _, settings = read_table(path, f"Delete {self._folder} and begin again.")
            if settings["key"] != self._key:
                continue
            fit = {name: error for name, (size, error) in settings["clips"].items() if sizes.get(name) == size}
            columns = table.select(WRITTEN).to_pydict()
            keep = [index for index, name in enumerate(columns["video"]) if name in fit and name not in done]
            for name in WRITTEN:
                self._all[name] += [columns[name][index] for index in keep]
            done |= fit
        return done

    def add(self, clip: str, size: int, columns: Columns, error: str) -> None:
        self._clips[clip] = (size, error)
        for name in WRITTEN:
            self._new[name] += columns[name]
            self._all[name] += columns[name]
        if len(self._clips) == PIECE:
            self.flush()

    def flush(self) -> None:
        """Writes down what came since the last time."""
        if self._clips:
            path = self._folder / f"{_digest([self._key, *self._clips])}.parquet"
            write_faces(self._new, path, self._source, {"key": self._key, "clips": self._clips})
            self._new, self._clips = {name: [] for name in WRITTEN}, {}

    def columns(self) -> Columns:
        """All rows, by clip, frame and face, in whatever order they came."""
        told = zip(self._all["video"], self._all["frame"], self._all["face"], strict=True)
        order = [index for _, index in sorted(((v, f, -1 if n is None else n), i) for i, (v, f, n) in enumerate(told))]
        return {name: [values[index] for index in order] for name, values in self._all.items()}

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _alone(looker: Backend, jobs: dict[str, Path], frames: int) -> Found:
    for name, path in jobs.items():
        yield name, _attempt(looker, name, path, frames)


def _together(backend: str, settings: Mapping[str, Any], jobs: dict[str, Path], frames: int, workers: int) -> Found:
    """Runs the jobs in processes. Ctrl-C is the parent's to answer: clips in work are finished, the rest dropped."""
    # Fresh processes, not forks: a decoder or a classifier of the caller may have threads running.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    words = (backend, tuple(settings.items()))
    try:
        futures: dict[Future[tuple[Columns, str]], str] = {
            pool.submit(_work, words, name, path, frames): name for name, path in jobs.items()
        }
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise BenchError("a process that looks for faces died (out of memory?); the same command goes on") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"  # for torch, which is imported later: the parallelism is over clips


@cache
def _looker(backend: str, settings: tuple[tuple[str, Any], ...]) -> Backend:
    """This process's own backend."""
    return face_backends.build(backend, dict(settings))


def _work(words: tuple[str, tuple[tuple[str, Any], ...]], name: str, path: Path, frames: int) -> tuple[Columns, str]:
    return _attempt(_looker(*words), name, path, frames)


def _attempt(looker: Backend, name: str, path: Path, frames: int) -> tuple[Columns, str]:
    """The rows of one clip and what is wrong with it, or an empty text."""
    try:
        total = 1 if is_picture(path) else len(scan_timeline(path).stamps)
        clip = Clip(name, path, total, np.unique(sample_indices(total, frames)))
        return _rows(clip, looker.faces(clip)), ""
    except UsageError:  # the words were off, not the clip
        raise
    except BenchError as error:
        return {column: [] for column in WRITTEN}, str(error)


def _rows(clip: Clip, found: list[list[Face]]) -> Columns:
    """A row for each face, the largest box of a frame first; a row of nulls for a frame without one."""
    rows: list[tuple[Any, ...]] = []
    for frame, faces in zip(clip.indices.tolist(), found, strict=True):
        here = (clip.name, frame, clip.frames)
        rows += [] if faces else [(*here, *(None,) * (len(WRITTEN) - 3))]
        for place, face in enumerate(sorted(faces, key=lambda one: -one.box[2] * one.box[3])):
            rows.append((*here, place, *face.scores, *face.box, face.confidence))
    return {column: [row[index] for row in rows] for index, column in enumerate(WRITTEN)}


def _summary(out: Path, made: dict[str, Any], was_done: bool) -> Summary:
    """What a finished table says. UsageError: it is there, and these settings have not made it."""
    table, source, settings = read_table(out, "Remove it, or name another file: --out FILE")
    if {name: settings.get(name) for name in made} != json.loads(json.dumps(made)):
        raise UsageError(
            f"{out} holds faces of other clips or settings ({source}). Remove it, or name another file: --out FILE"
        )
    videos, face = table["video"].to_pylist(), table["face"].fill_null(-1).to_numpy()
    scores = np.stack([table[name].fill_null(0).to_numpy() for name in EXPRESSIONS], axis=1)
    names, starts = np.unique(np.asarray(videos, dtype=str), return_index=True)  # rows stand by video
    seen = {}
    for name, rows in zip(names.tolist(), np.split(np.arange(len(face)), starts[1:]), strict=True):
        largest = rows[face[rows] == 0]
        missing = int((face[rows] < 0).sum())
        mean = scores[largest].mean(axis=0) if len(largest) else np.zeros(len(EXPRESSIONS))
        top = EXPRESSIONS[int(mean.argmax())] if len(largest) else ""
        seen[name] = Seen(len(largest) + missing, len(largest), top, float(mean.max()))
    return Summary(out, source, was_done, seen, int((face >= 0).sum()), settings["broken"])


def _digest(what: Any) -> str:
    """16 hex digits of anything that JSON holds."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
