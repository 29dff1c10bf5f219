"""Looks for faces in a folder of clips and writes the table of `bench.data.faces`.

    bench faces --videos DIR --backend onnx --model FILE.yaml --out faces.parquet

Of each clip the frames are looked at that an evaluation sees. What is found is kept in pieces beside the output until
all is done, so a stopped run goes on where it stopped. Pictures count as clips of one frame.

A shard (`bench.utils.shards`) looks at its own clips and writes a table of these alone, its part; merging makes of all
parts the table that a run without shards would have written, byte for byte.
"""

import json
import zlib
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench import face_detection
from bench.data.annotation import ClipSource, load_annotation
from bench.data.cards import Card, load_card
from bench.data.clip_files import ClipFile, locate
from bench.data.faces import EXPRESSIONS, FACE_COLUMNS, read_table
from bench.data.video import by_stem, count_frames, find_copies, list_other_media, list_videos, sample_indices
from bench.errors import BenchError, UsageError
from bench.face_detection import ClipFrames, Face, FaceBackend, Recipe
from bench.face_detection.frames import is_picture, list_pictures
from bench.face_detection.kept_faces import Columns, KeptFaces, no_rows
from bench.utils.lock import locked
from bench.utils.machine import usable_cores
from bench.utils.outputs import check_output
from bench.utils.processes import DIED, in_processes
from bench.utils.progress import progress
from bench.utils.shards import Shard, all_parts, code_of, find_parts, owned


@dataclass(frozen=True)
class ClipFaces:
    """What was found in one clip."""

    looked_at: int  # frames
    with_face: int  # frames
    expression: str  # the top one of the largest face's mean scores; "" without a face
    score: float


@dataclass(frozen=True)
class FaceScan:
    """What `scan` found, what is wrong with each broken clip, and which other media were left out."""

    out: Path
    source: str
    was_done: bool
    seen: dict[str, ClipFaces]  # clip -> what was found; without the broken ones
    faces: int
    broken: dict[str, str]  # clip -> one line
    left_out: tuple[Path, ...]


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
    force: bool = False,
    shard: Shard | None = None,
    merge: bool = False,
) -> FaceScan:
    """Looks for faces in every clip and writes one table; if it is there already, only at what is new or was broken.

    backend, settings: see `bench.face_detection`. The clips are those below `videos`, pictures among them, or a
    dataset's; its table goes to <folder>/faces.parquet unless `out` says otherwise. frames: how many of each clip.
    workers: processes, default one a core; one that dies over a clip takes no other with it. A broken clip is left out
    and named in the summary. force: begin again, and replace the output whatever it is. shard: look at its clips alone,
    and write its part. merge: write the table from the parts of all shards, which are removed then; without any, a
    table that holds all clips is left as it is.
    UsageError: settings that do not fit, or an output of something else. BenchError: no clip, a worker died, or parts
    that are missing or do not fit.
    """
    for flag, count in (("--frames", frames), ("--workers", workers)):
        if count is not None and count < 1:
            raise UsageError(f"{flag} takes a number of at least 1, not {count}.")
    clips, out, left_out = _task(videos, dataset, root, out)
    check_output(out, [b"PAR1"], "face scores", force=force)
    detector = face_detection.build(backend, dict(settings))
    how = json.loads(json.dumps({"backend": backend, **detector.settings, "frames": frames}))
    code = code_of(__name__, type(detector).__module__)
    if merge:
        sizes = {name: _size(file) for name, file in clips.items()}
        return _merged(KeptFaces(out, how, detector.source), sizes, code, left_out, force)
    clips = owned(clips, shard)
    sizes = {name: _size(file) for name, file in clips.items()}
    kept = KeptFaces(out, how, detector.source, shard, code)
    was_done = kept.load(sizes, begin_again=force)
    jobs = {name: file for name, file in clips.items() if name not in kept.clips}
    if was_done and not jobs:
        return _summary(kept.out, True, left_out)
    done = len(clips) - len(jobs)
    recipe = Recipe.of(backend, dict(settings))
    tasks = {name: (recipe, name, file, frames) for name, file in jobs.items()}
    found = in_processes(_work, tasks, min(workers or usable_cores(), len(jobs)), (no_rows(), DIED))
    with locked(kept.out.with_name(f".{kept.out.stem}.lock"), "bench faces"):
        try:
            with closing(found):  # workers end before what they found is put down
                for name, (columns, error) in progress(found, total=len(clips), what="faces", unit="clip", done=done):
                    kept.add(name, sizes[name], columns, error)
        finally:
            kept.flush()
        kept.finish()
    return _summary(kept.out, False, left_out)


def _merged(kept: KeptFaces, sizes: dict[str, int], code: str, left_out: tuple[Path, ...], force: bool) -> FaceScan:
    """Makes the table of the parts of all shards, and removes these; leaves one that is whole as it is."""
    parts = find_parts(kept.out)
    if not force and kept.is_whole(sizes) and not parts:
        return _summary(kept.out, True, left_out)
    kept.merge(all_parts(kept.out), sizes, code)
    kept.finish()
    for path in parts.values():
        path.unlink(missing_ok=True)
    return _summary(kept.out, False, left_out)


def _task(
    videos: Path | None, dataset: str | None, root: Path | None, out: Path | None
) -> tuple[dict[str, ClipFile], Path, tuple[Path, ...]]:
    """The clips by name, where their table goes, and what was left out that may be taken for videos."""
    if (videos is None) == (dataset is None):
        raise UsageError("name one folder of clips or one dataset: --videos DIR, or --dataset NAME with --root DIR.")
    if videos is not None:
        if not videos.is_dir():
            raise UsageError(f"there is no folder {videos}; name the folder that holds the clips: --videos DIR")
        if out is None:
            raise UsageError("where to? --out FILE.parquet")
        folder, files = videos, _named([*list_videos(videos), *list_pictures(videos)])
        clips = {name: ClipFile(path) for name, path in files.items()}
    else:
        from bench.data.importers import ensure, named

        dataset, root = named(str(dataset), root)
        folder = ensure(dataset, root)
        out = out or folder / "faces.parquet"
        clips = _of_dataset(load_card(dataset, root), folder)
    if out.is_dir():
        raise UsageError(f"--out must name a parquet file; {out} is a folder. Try: --out {out / 'faces.parquet'}")
    if not clips:
        raise BenchError(f"there is no clip below {folder} (mp4, avi, mkv, mov, webm, or a picture: jpg, png)")
    known = {file.path for file in clips.values()}
    return clips, out, tuple(path for path in list_other_media(folder) if path not in known)


def _of_dataset(card: Card, folder: Path) -> dict[str, ClipFile]:
    """A dataset's clips: every video of its folder; of a folder of one's own those that its splits name."""
    if not card.metadata:
        paths = list_videos(folder) or list_videos(find_copies(folder) or folder)
        return {name: ClipFile(path) for name, path in by_stem(paths).items()}
    sources: dict[str, ClipSource] = {}
    for split in card.splits:
        sources |= load_annotation(folder, split, card.name).sources
    return locate(folder, sources, sources)


def _named(paths: list[Path]) -> dict[str, Path]:
    """Clips by stem; where two share one, by their whole name. VideoError: two share even that."""
    stems = Counter(path.stem for path in paths)
    clips = {path.stem if stems[path.stem] == 1 else path.name: path for path in paths}
    return clips if len(clips) == len(paths) else by_stem(paths)


def _size(file: ClipFile) -> int:
    """What tells a clip from another one of its name: the size of its file; of a part of one its seconds count, too."""
    size = file.path.stat().st_size
    return size if file.span is None else zlib.crc32(f"{size}|{file.span}".encode())


@cache
def _detector(recipe: Recipe) -> FaceBackend:
    """This process's own backend."""
    return recipe.build()


def _work(recipe: Recipe, name: str, file: ClipFile, frames: int) -> tuple[Columns, str]:
    return _attempt(_detector(recipe), name, file, frames)


def _attempt(detector: FaceBackend, name: str, file: ClipFile, frames: int) -> tuple[Columns, str]:
    """The rows of one clip and what is wrong with it, or an empty text."""
    try:
        total = 1 if is_picture(file.path) else count_frames(*file)
        clip = ClipFrames(name, file.path, total, np.unique(sample_indices(total, frames)), file.span)
        return _rows(clip, detector.faces(clip)), ""
    except UsageError:  # the settings are wrong, not the clip
        raise
    except BenchError as error:
        return no_rows(), str(error)


def _rows(clip: ClipFrames, found: list[list[Face]]) -> Columns:
    """A row for each face, the largest box of a frame first; a row of nulls for a frame without one."""
    rows: list[tuple[Any, ...]] = []
    for frame, faces in zip(clip.indices.tolist(), found, strict=True):
        here = (clip.name, frame, clip.frames)
        rows += [] if faces else [(*here, *(None,) * (len(FACE_COLUMNS) - 3))]
        for place, face in enumerate(sorted(faces, key=lambda one: -one.box[2] * one.box[3])):
            rows.append((*here, place, *face.scores, *face.box, face.confidence))
    return {column: [row[index] for row in rows] for index, column in enumerate(FACE_COLUMNS)}


def _summary(out: Path, was_done: bool, left_out: tuple[Path, ...]) -> FaceScan:
    """What a finished table says."""
    table, source, settings = read_table(out, "Remove it and begin again.")
    face = table["face"].fill_null(-1).to_numpy()
    scores = np.stack([table[name].fill_null(0).to_numpy() for name in EXPRESSIONS], axis=1)
    names, video = np.unique(np.asarray(table["video"].to_pylist(), dtype=str), return_inverse=True)
    seen = {}
    for index, rows in enumerate(np.split(np.arange(len(face)), np.bincount(video).cumsum())[: len(names)]):
        largest = rows[face[rows] == 0]  # one in each frame that has a face
        mean = scores[largest].mean(axis=0) if len(largest) else np.zeros(len(EXPRESSIONS))
        top = EXPRESSIONS[int(mean.argmax())] if len(largest) else ""
        looked_at = len(largest) + int((face[rows] < 0).sum())
        seen[str(names[index])] = ClipFaces(looked_at, len(largest), top, float(mean.max()))
    broken = {name: error for name, (_, error) in settings["clips"].items() if error}
    return FaceScan(out, source, was_done, seen, int((face >= 0).sum()), broken, left_out)
