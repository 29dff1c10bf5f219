"""Annotation files as people have them on disk: found by name in a folder, read whatever they are packed in.

A file is known by its name and may lie loose in the folder, in a sub-folder, gzipped (`x.json.gz` is `x.json`), or in a
zip file, which is read in place. Everything read here was written by others: a damaged file is an error that names it,
and of a pickle no instruction is executed that does more than write down texts, numbers, lists and dictionaries.
"""

import gzip
import io
import json
import os
import pickle
import posixpath
import stat
import zipfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bench.errors import BenchError
from bench.utils.zips import DAMAGED, MOST_ANYWAY, check_expansion

Captions = dict[str, tuple[str, ...]]  # video -> its captions, in order

DEPTH = 4  # sub-folders below the root; Frozen's lists lie in MSRVTT/high-quality/structured-symlinks
LONGEST_LINK = 4096  # bytes
LINKS = 8  # symlinks followed inside a zip before it is called a loop
PACKED = ".gz"


@dataclass(frozen=True)
class Source:
    """An annotation file: a loose one, gzipped or not, or a member of a zip file."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """The file's name, without .gz."""
        return _unpacked(self.path.name if self.member is None else PurePosixPath(self.member).name)

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}/{self.member}"

    def under(self, root: Path) -> str:
        return str(Source(self.path.relative_to(root), self.member))

    def read(self) -> bytes:
        try:
            return _unzipped(self._packed(), (self.member or self.path.name).endswith(PACKED))
        except (OSError, *DAMAGED) as error:
            raise BenchError(f"{self} cannot be read ({error}). Get the file again.") from None

    def _packed(self) -> bytes:
        if self.member is None:
            if not self.path.is_file():  # a pipe would be waited for
                raise OSError("it is no file")
            return self.path.read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            member = _follow(archive, self.member)
            check_expansion(self.path, [archive.getinfo(member)])
            return archive.read(member)

    def text(self) -> str:
        try:
            return self.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BenchError(f"{self} is no UTF-8 text ({error.reason}). Get the file again.") from None

    def lines(self) -> list[str]:
        """The lines that are not empty, without blanks at their ends; a separator U+2028 may stand inside one."""
        return [line.strip() for line in self.text().split("\n") if line.strip()]

    def json(self) -> Any:
        try:
            return json.loads(self.text())
        except (ValueError, RecursionError) as error:
            raise BenchError(f"{self} is no valid JSON ({error}). Get the file again.") from None

    def plain_pickle(self) -> Any:
        """What a pickle of texts, numbers, lists and dictionaries holds; one that names anything else is refused."""
        try:
            return _PlainUnpickler(io.BytesIO(self.read()), encoding="utf-8").load()
        except _PICKLE_FAULTS as error:
            raise BenchError(f"{self} is no pickle of plain captions ({error}). Get the file again.") from None


# What the unpickler raises for bytes that are no pickle.
_PICKLE_FAULTS = (
    pickle.UnpicklingError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    EOFError,
    ArithmeticError,
    MemoryError,
)


class _PlainUnpickler(pickle.Unpickler):
    """A pickle can call only what it finds by name, and here it finds nothing."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _unpacked(name: str) -> str:
    return name.removesuffix(PACKED)


def _unzipped(content: bytes, packed: bool) -> bytes:
    if not packed:
        return content
    with gzip.open(io.BytesIO(content)) as file:
        unpacked = file.read(MOST_ANYWAY + 1)
    if len(unpacked) > MOST_ANYWAY:
        raise OSError(f"its {len(content)} bytes unpack to more than {MOST_ANYWAY}")
    return unpacked


def _follow(archive: zipfile.ZipFile, member: str) -> str:
    """The name of the plain file that `member` stands for: a symlink is followed, but only to members of the zip."""
    for _ in range(LINKS):
        entry = archive.getinfo(member)
        if not stat.S_ISLNK(entry.external_attr >> 16):
            return member
        if entry.file_size > LONGEST_LINK:
            raise zipfile.BadZipFile(f"it is a link of {entry.file_size} bytes")
        link = archive.read(member).decode("utf-8", "replace")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(member), link))
        if target not in archive.namelist():
            raise zipfile.BadZipFile(f"it is a link to {link!r}, which is not in the zip file")
        member = target
    raise zipfile.BadZipFile("it is a link that leads nowhere")


def find_files(root: Path, names: Collection[str]) -> dict[str, Source]:
    """File name -> where it is, for each of the names that is found under `root`, loose, gzipped or in a zip file.

    A loose file goes before one in a zip file, a shallow one before a deep one. Folders of videos are not searched.
    """
    loose: list[tuple[int, Path]] = []
    zips: list[tuple[int, Path]] = []
    for folder, below, files in os.walk(root, followlinks=True):
        depth = len(Path(folder).relative_to(root).parts)
        below[:] = sorted(name for name in below if depth < DEPTH and name != "videos" and not name.startswith("."))
        loose += [(depth, Path(folder, name)) for name in sorted(files) if _unpacked(name) in names]
        zips += [(depth, Path(folder, name)) for name in sorted(files) if name.lower().endswith(".zip")]

    found: dict[str, Source] = {}
    for _, path in sorted(loose):
        found.setdefault(_unpacked(path.name), Source(path))
    for _, path in sorted(zips):
        try:
            if not path.is_file():
                raise OSError("it is no file")
            with zipfile.ZipFile(path) as archive:
                members = [name for name in archive.namelist() if _unpacked(PurePosixPath(name).name) in names]
        except (OSError, *DAMAGED) as error:
            raise BenchError(f"{path} is no whole zip file ({error}). Get it again, or move it away.") from None
        for member in sorted(members, key=lambda name: (name.count("/"), name)):
            found.setdefault(_unpacked(PurePosixPath(member).name), Source(path, member))
    return found


def once(videos: Iterable[str], source: Source) -> tuple[str, ...]:
    """The videos in order. BenchError: one is named twice, or there is none."""
    seen: dict[str, None] = {}
    for video in videos:
        if video in seen:
            raise BenchError(f"{source} names {video} twice. Get the file again.")
        seen[video] = None
    if not seen:
        raise BenchError(f"{source} is empty. Get the file again.")
    return tuple(seen)


def gather(pairs: Iterable[tuple[str, object]], source: Source) -> Captions:
    """The captions of each video, in order. BenchError: one is no text or has nothing in it, or there is none."""
    captions: dict[str, list[str]] = {}
    for video, caption in pairs:
        if not isinstance(caption, str) or not caption.strip():
            raise BenchError(f"{source}: a caption of {video} is {caption!r}, not a text. Get the file again.")
        captions.setdefault(video, []).append(caption)
    if not captions:
        raise BenchError(f"{source} is empty. Get the file again.")
    return {video: tuple(texts) for video, texts in captions.items()}


def items(value: object, key: str | None, source: Source) -> list[dict]:
    """The list of objects in parsed JSON, under `key` or at the top."""
    found = value.get(key) if key is not None and isinstance(value, dict) else value
    if not isinstance(found, list) or not found or not all(isinstance(item, dict) for item in found):
        what = f"no list of objects under {key!r}" if key else "no list of objects"
        raise BenchError(f"{source} holds {what}: its content does not fit its name. Get it again.")
    return found


def lists_by_video(value: object, source: Source) -> dict[str, list]:
    """Video -> a list of something, from parsed JSON or a pickle; anything else is an error."""
    if not isinstance(value, dict) or not value or not all(isinstance(listed, list) for listed in value.values()):
        raise BenchError(
            f"{source} holds no table from video to list: its content does not fit its name. Get it again."
        )
    return {str(video): listed for video, listed in value.items()}


def text_of(item: dict, key: str, source: Source) -> str:
    """What an object of a JSON file has under `key`, if that is a text."""
    value = item.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BenchError(f"{source} has an item whose {key!r} is {value!r}, not a text. Get the file again.")
    return value


def pick(captions: Captions, videos: Iterable[str], source: Source) -> Captions:
    """The captions of the videos that the list `source` names, in its order; one that has none is an error."""
    picked = {}
    for video in videos:
        if video not in captions:
            raise BenchError(f"{source} names {video}, for which there are no captions. Get the files again.")
        picked[video] = captions[video]
    return picked
