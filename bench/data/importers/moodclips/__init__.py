"""The embedded dataset: short clips of a drawn character whose face and movement show an emotion.

Rendered on first use, the same captions and frames for the same version and seed on any machine. `grammar` and `plan`
say what is filmed and said, `canvas`, `looks`, `acting`, `figure`, `scenes` and `render` draw it, `faces` simulates a
face classifier; this module puts the folder together. What is built in: datasets/moodclips/README.md.
"""

import atexit
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

from bench.data.annotation import Annotation, load_annotation, save_annotation
from bench.data.faces import read_table
from bench.data.importers import Importer, register_dataset
from bench.data.importers.moodclips import simulated_faces
from bench.data.importers.moodclips.acting import FPS
from bench.data.importers.moodclips.render import Box, render_shot
from bench.data.importers.moodclips.shots import CONTENT, NAME, VERSION, Plan, Shot, plan
from bench.data.video import look, write_video
from bench.data.video_memory import mark, remember
from bench.errors import BenchError
from bench.utils import paths
from bench.utils.files import replacing, sha256
from bench.utils.machine import usable_cores
from bench.utils.messages import say_once
from bench.utils.processes import begin_worker, fresh_processes
from bench.utils.progress import progress

CRF = 14  # x264's quality: 3 to 5 of 255 grey levels off on average, mostly the halved colour planes; 17 KB a clip
CHUNK = 8  # clips that a worker takes at a time
FACES = "faces.parquet"
MARKER = "moodclips.json"  # written last: a folder without it is not finished

SIZES = {NAME: (1200, 120, 800), CONTENT: (3000, 0, 240)}  # clips to train, validate and test on

Size = tuple[str, int, int, int, int]  # dataset, seed, clips to train, validate and test on

# What captions and frames must give, by size: sha256 over the annotations, and over the frames before encoding
# (encoders differ). Other seeds and sizes are compared with what was written down when they were made.
CHECKSUMS: dict[Size, tuple[str, str]] = {
    (NAME, 0, 1200, 120, 800): (
        "6dc0d95fd8ae65c2f8741837689a572c4ba5016e8ff1071c50d29db477065404",
        "997095a12a7cdff32129a5bf748759635c9d2b82c7e8a781101b26e593e2c4fa",
    ),
    (NAME, 0, 8, 4, 16): (
        "54a739aaeb8853bed3ae9191aadd80024c29bd19525111813a904356781d5e03",
        "520dc45e88ae8ee951c5580666407b5359d6528d50bc21c334832ea5a608e92c",
    ),
    (CONTENT, 0, 3000, 0, 240): (
        "2e2f013fa0a74dccac59723b74b542a9e2d2f95c1dc16ed5905bceb465bbeeac",
        "441676edd12a5d6a7ea98b587815019d69e2071e1467dd91c11a1bbd98e863f4",
    ),
}


def ensure(
    folder: Path | None = None,
    *,
    dataset: str = NAME,
    seed: int = 0,
    train: int = 1200,
    val: int = 120,
    test: int = 800,
    workers: int | None = None,
) -> Path:
    """The dataset's folder, rendered if it is not there yet, and checked if it is.

    folder: where; by default below the user's cache folder, or, where that cannot be written, for this process alone.
    dataset: moodclips, or moodclips-content, which has no validation split.
    workers: processes that draw, by default one a core.
    A folder that was named and holds something else or was damaged, and captions or frames whose checksum differs, are
    a BenchError; a damaged one in the cache is rendered again, with a word. Sizes that the contents cannot fill are a
    UsageError. Nothing half-finished is ever seen under the folder's name: it is filled under another one and renamed.
    """
    size = (dataset, seed, train, val, test)
    if folder is None:
        folder = _in_cache(size)
        if (folder / MARKER).is_file():
            return folder
    elif folder.is_dir() and any(folder.iterdir()):
        _check(folder, size)
        return folder
    wanted = plan(seed, train, val, test, dataset)
    captions = captions_checksum(wanted)
    _compare(f"captions of {dataset}", captions, CHECKSUMS.get(size, (captions, ""))[0])
    with _becoming(folder) as unfinished:
        frames, files = _fill(unfinished, dataset, wanted, workers)
        _compare(f"frames of {dataset}", frames, CHECKSUMS.get(size, ("", frames))[1])
        marker = {"version": VERSION, "size": size, "captions": captions, "frames": frames, "files": files}
        with replacing(unfinished / MARKER) as temporary:
            temporary.write_text(json.dumps(marker, indent=1), encoding="utf-8")
    _remember(folder / "videos")
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

    def annotation(self, root: Path | None, split: str) -> Annotation:
        """One split, without rendering any clip where none was rendered yet."""
        return super().annotation(root, split) if root else _planned(NAME, split)

    def recognise(self, root: Path) -> bool:
        """Whether a folder was rendered to its end."""
        return _dataset_of(root) == NAME


@register_dataset(CONTENT)
class MoodclipsContent(Importer):
    """As moodclips, but nobody in it shows an emotion; what the `tiny` weights were trained on."""

    def ensure(self, root: Path | None) -> Path:
        """The rendered folder."""
        train, val, test = SIZES[CONTENT]
        return ensure(root, dataset=CONTENT, train=train, val=val, test=test)

    def prepare(self, root: Path | None) -> Path:
        """Renders it, and gives the folder."""
        return self.ensure(root)

    def annotation(self, root: Path | None, split: str) -> Annotation:
        """One split, without rendering any clip where none was rendered yet."""
        return super().annotation(root, split) if root else _planned(CONTENT, split)

    def recognise(self, root: Path) -> bool:
        """Whether a folder was rendered to its end."""
        return _dataset_of(root) == CONTENT


def _planned(dataset: str, split: str) -> Annotation:
    """A split of the full size as it would be written, by its plan alone."""
    annotations = plan(0, *SIZES[dataset], dataset).annotations
    return next(annotation for annotation in annotations if annotation.split == split)


def _dataset_of(folder: Path) -> str:
    """Which dataset was rendered into a folder, "" if none was to its end."""
    try:
        return str(json.loads((folder / MARKER).read_text(encoding="utf-8"))["size"][0])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return ""


def captions_checksum(wanted: Plan) -> str:
    """The sha256 over all annotations: captions, subsets and twins."""
    return hashlib.sha256(" ".join(part.digest for part in wanted.annotations).encode()).hexdigest()


def frames_checksum(digests: list[str]) -> str:
    """The sha256 over the clips' digests, in order of name."""
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def film(videos: Path, shot: Shot) -> tuple[str, str, list[Box]]:
    """Draws a shot and writes its file; gives the sha256 of its frames and of its file, and the boxes of the face."""
    frames, boxes = render_shot(shot)
    path = videos / f"{shot.name}.mp4"
    write_video(path, frames, FPS, crf=CRF, whole=False)
    return hashlib.sha256(frames.tobytes()).hexdigest(), sha256(path), boxes


def _fill(folder: Path, dataset: str, wanted: Plan, workers: int | None) -> tuple[str, dict[str, str]]:
    """Writes annotations, clips and side data; gives the checksum of the frames, and the digests of the files.

    Annotations have a digest of their own.
    """
    videos = folder / "videos"
    videos.mkdir()
    workers = min(workers or usable_cores(), max(1, len(wanted.shots) // CHUNK))
    shown = partial(progress, total=len(wanted.shots), what=f"rendering {dataset}", unit="clip")
    if workers == 1:
        made = list(shown(film(videos, shot) for shot in wanted.shots))
    else:
        # Ctrl-C is for the parent to handle; the workers end with it.
        with fresh_processes().Pool(workers, initializer=begin_worker) as pool:
            made = list(shown(pool.imap(partial(film, videos), wanted.shots, chunksize=CHUNK)))
    boxes = {shot.name: places for shot, (_, _, places) in zip(wanted.shots, made, strict=True)}
    simulated_faces.write(simulated_faces.simulate(wanted.shots, boxes), folder / FACES)
    for annotation in wanted.annotations:
        save_annotation(annotation, folder)
    files = {f"videos/{shot.name}.mp4": digest for shot, (_, digest, _) in zip(wanted.shots, made, strict=True)}
    files = {FACES: sha256(folder / FACES), **dict(sorted(files.items()))}
    return frames_checksum([digest for digest, _, _ in made]), files


def _remember(videos: Path) -> None:
    """Leaves with what is known of video files that these are good, so that no run decodes them to find that out.

    They are as the encoder wrote them, by their digests, and alike in frames and seconds; one is looked at.
    """
    clips = sorted(videos.iterdir())
    learned = look(clips[0])
    if not isinstance(learned, str):
        remember({mark(clip): learned for clip in clips})


def _in_cache(size: Size) -> Path:
    """The folder of that size below the cache folder, intact or absent; a temporary one where the cache is no place."""
    dataset, seed, train, val, test = size
    folder = paths.home() / dataset / f"v{VERSION}-seed{seed}-{train}-{val}-{test}"
    try:
        if (folder / MARKER).is_file():
            try:
                _check(folder, size)
                return folder
            except BenchError as error:
                if _has_own_faces(folder):
                    raise
                say_once(f"{error} That is done now.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder.parent).close()
        if folder.is_dir():
            aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-unfinished-"))
            folder.rename(aside / folder.name)
            shutil.rmtree(aside, ignore_errors=True)
        return folder
    except OSError as error:
        say_once(
            f"{folder.parent} cannot be written ({error.strerror}): {dataset} is rendered for this command only. "
            "To keep its clips, set BENCH_HOME to a folder of yours."
        )
        return _temporary() / folder.name


def _has_own_faces(folder: Path) -> bool:
    """Whether `bench faces` was run over it, which may have taken hours."""
    try:
        return read_table(folder / FACES, "")[1] != simulated_faces.SOURCE
    except BenchError:
        return False


@cache
def _temporary() -> Path:
    """A folder that goes when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


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


def _check(folder: Path, size: Size) -> None:
    """Compares a finished folder with its marker and with the known checksums: every file by its digest.

    Faces that `bench faces` put in the place of the simulated ones are the user's own.
    """
    mend = f"Delete {folder} and it is rendered again."
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        found = (marker["version"], tuple(marker["size"]))
        captions, frames, files = marker["captions"], marker["frames"], dict(marker.get("files") or {})
    except FileNotFoundError:
        raise BenchError(f"{folder} is not empty and holds no {size[0]}. Name another folder.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{folder / MARKER} cannot be read ({error}). {mend}") from None
    if found != (VERSION, size):
        raise BenchError(
            f"{folder} holds version {found[0]} with (dataset, seed, train, val, test) = {found[1]}, "
            f"not version {VERSION} with {size}. {mend}"
        )
    if not files:
        raise BenchError(f"{folder} was rendered by an older version, without digests of its files. {mend}")
    annotations = tuple(load_annotation(folder, split, size[0], mend) for split in ("train", "val", "test"))
    known = CHECKSUMS.get(size, (captions, frames))
    _compare(f"captions of {size[0]}", captions_checksum(Plan((), annotations)), known[0])
    _compare(f"frames of {size[0]}", frames, known[1])
    _, source, _ = read_table(folder / FACES, mend)
    if source != simulated_faces.SOURCE:
        files.pop(FACES, None)
    for name, digest in files.items():
        if not (folder / name).is_file() or sha256(folder / name) != digest:
            raise BenchError(f"{folder / name} is missing or was altered. {mend}")


def _compare(what: str, found: str, known: str) -> None:
    if found != known:
        raise BenchError(
            f"the {what} {VERSION} have the checksum {found[:12]}…, not {known[:12]}…, so results on them "
            "cannot be compared. Delete the rendered folder, if there is one; if this comes back, report it."
        )
