"""The embedded dataset: short clips of a drawn character whose face and movement show an emotion.

Rendered on first use, the same captions and frames for the same version and seed on any machine. `grammar` and `plan`
say what is filmed and said, `canvas`, `looks`, `acting`, `figure`, `scenes` and `render` draw it, `faces` simulates a
face classifier; this module puts the folder together. What is built in: datasets/moodclips/README.md.
"""

import hashlib
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.data.annotation import load_annotation, save_annotation
from bench.data.faces import read_table
from bench.data.importers import Importer, register_dataset
from bench.data.importers.moodclips import faces
from bench.data.importers.moodclips.acting import FPS
from bench.data.importers.moodclips.plan import NAME, VERSION, Plan, Shot, plan
from bench.data.importers.moodclips.render import Box, render
from bench.data.video import write_video
from bench.errors import BenchError
from bench.utils import paths
from bench.utils.files import replacing
from bench.utils.processes import fresh_processes
from bench.utils.progress import progress

CRF = 14  # x264's quality: 3 to 5 of 255 grey levels off on average, mostly the halved colour planes; 17 KB a clip
CHUNK = 8  # clips that a worker takes at a time
MARKER = "moodclips.json"  # written last: a folder without it is not finished

# What captions and frames must give, by (seed, train, val, test): sha256 over the annotations, and over the frames
# before encoding (encoders differ). Other seeds and sizes are compared with what was written down when they were made.
CHECKSUMS: dict[tuple[int, int, int, int], tuple[str, str]] = {
    (0, 1200, 120, 240): (
        "b1f650f87fe8396d6d6810c2e836455393c350031868398b037fd829ae2e41a7",
        "2f5b550a05f2198058f4bd8a98ab07661186ce8dc2b59113eb66be5b42d733cd",
    ),
    (0, 8, 4, 16): (
        "9ffd25628f0d8a1570dad679b6705e940c4d977272c49716554df813bb9a10f3",
        "50550a8018645edefdffd68bfe8e6babc972de1fbaf421e6b5af0867e1129b6c",
    ),
}


def ensure(
    folder: Path | None = None,
    *,
    seed: int = 0,
    train: int = 1200,
    val: int = 120,
    test: int = 240,
    workers: int | None = None,
) -> Path:
    """The dataset's folder, rendered if it is not there yet, and checked if it is.

    folder: where; by default below the user's cache folder. workers: processes that draw, by default one a core.
    A folder that holds something else or was damaged, and captions or frames whose checksum differs, are a BenchError;
    sizes that the contents cannot fill are a UsageError. Nothing half-finished is ever seen under the folder's name: it
    is filled under another one and renamed.
    """
    size = (seed, train, val, test)
    folder = folder or paths.home() / NAME / f"v{VERSION}-seed{seed}-{train}-{val}-{test}"
    if folder.is_dir() and any(folder.iterdir()):
        _check(folder, size)
        return folder
    wanted = plan(*size)
    captions = captions_checksum(wanted)
    _compare("captions", captions, CHECKSUMS.get(size, (captions, ""))[0])
    with _becoming(folder) as unfinished:
        frames = _fill(unfinished, wanted, workers)
        _compare("frames", frames, CHECKSUMS.get(size, ("", frames))[1])
        clips = {path.name: path.stat().st_size for path in sorted((unfinished / "videos").iterdir())}
        marker = {"version": VERSION, "size": size, "captions": captions, "frames": frames, "clips": clips}
        with replacing(unfinished / MARKER) as temporary:
            temporary.write_text(json.dumps(marker, indent=1), encoding="utf-8")
    return folder


@register_dataset(NAME)
class Moodclips(Importer):
    """Rendered on first use, in the full size; --root says where."""

    def ensure(self, root: Path | None) -> Path:
        """The rendered folder."""
        return ensure(root)

    def prepare(self, root: Path | None) -> Path:
        """Renders it, and gives the folder."""
        return ensure(root)

    def recognise(self, root: Path) -> bool:
        """Whether a folder was rendered to its end."""
        return (root / MARKER).is_file()


def captions_checksum(wanted: Plan) -> str:
    """The sha256 over all annotations: captions, subsets and twins."""
    return hashlib.sha256(" ".join(part.digest for part in wanted.annotations).encode()).hexdigest()


def frames_checksum(digests: list[str]) -> str:
    """The sha256 over the clips' digests, in order of name."""
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def film(videos: Path, shot: Shot) -> tuple[str, list[Box]]:
    """Draws a shot and writes its file; gives the sha256 of its frames before encoding, and the boxes of the face."""
    frames, boxes = render(shot)
    write_video(videos / f"{shot.name}.mp4", frames, FPS, crf=CRF)
    return hashlib.sha256(frames.tobytes()).hexdigest(), boxes


def _fill(folder: Path, wanted: Plan, workers: int | None) -> str:
    """Writes annotations, clips and side data; gives the checksum of the frames."""
    videos = folder / "videos"
    videos.mkdir()
    workers = min(workers or _cores(), max(1, len(wanted.shots) // CHUNK))
    shown = partial(progress, total=len(wanted.shots), what="rendering moodclips", unit="clip")
    if workers == 1:
        made = list(shown(film(videos, shot) for shot in wanted.shots))
    else:
        # Ctrl-C is for the parent to handle; the workers end with it.
        with fresh_processes().Pool(
            workers, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
        ) as pool:
            made = list(shown(pool.imap(partial(film, videos), wanted.shots, chunksize=CHUNK)))
    boxes = {shot.name: places for shot, (_, places) in zip(wanted.shots, made, strict=True)}
    faces.write(faces.simulate(wanted.shots, boxes), folder / "faces.parquet")
    for annotation in wanted.annotations:
        save_annotation(annotation, folder)
    return frames_checksum([digest for digest, _ in made])


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _becoming(folder: Path) -> Iterator[Path]:
    """An empty folder that takes `folder`'s name in the end, or is removed on any error.

    If another process was quicker, its folder stays. What a killed process left an hour ago or more is swept away.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}-unfinished-"
    for old in folder.parent.glob(f"{prefix}*"):
        if time.time() - old.stat().st_mtime > 3600:
            shutil.rmtree(old, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=prefix))
    try:
        yield unfinished
        unfinished.chmod(0o755)  # mkdtemp makes folders private
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        try:
            unfinished.rename(folder)
        except OSError:
            if not (folder / MARKER).is_file():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _check(folder: Path, size: tuple[int, int, int, int]) -> None:
    """Compares a finished folder with its marker and with the known checksums, by names and sizes of the clips."""
    mend = f"Delete {folder} and it is rendered again."
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        found = (marker["version"], tuple(marker["size"]))
        captions, frames, clips = marker["captions"], marker["frames"], marker["clips"]
    except FileNotFoundError:
        raise BenchError(f"{folder} is not empty and holds no moodclips. Name another folder.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{folder / MARKER} cannot be read ({error}). {mend}") from None
    if found != (VERSION, size):
        raise BenchError(
            f"{folder} holds version {found[0]} with (seed, train, val, test) = {found[1]}, "
            f"not version {VERSION} with {size}. {mend}"
        )
    annotations = tuple(load_annotation(folder, split, NAME, mend) for split in ("train", "val", "test"))
    known = CHECKSUMS.get(size, (captions, frames))
    _compare("captions", captions_checksum(Plan((), annotations)), known[0])
    _compare("frames", frames, known[1])
    for name, length in clips.items():
        path = folder / "videos" / name
        if not path.is_file() or path.stat().st_size != length:
            raise BenchError(f"{path} is missing or was altered. {mend}")
    read_table(folder / "faces.parquet", mend)


def _compare(what: str, found: str, known: str) -> None:
    if found != known:
        raise BenchError(
            f"the {what} of moodclips {VERSION} have the checksum {found[:12]}…, not {known[:12]}…, so results on them "
            "cannot be compared. Delete the rendered folder, if there is one; if this comes back, report it."
        )
