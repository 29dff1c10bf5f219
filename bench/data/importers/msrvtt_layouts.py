"""The ways in which people have MSR-VTT's annotations on disk, each read into the same plain values.

    official    train_val_videodatainfo.json, test_videodatainfo.json
    CLIP4Clip   MSRVTT_data.json, MSRVTT_train.9k.csv, MSRVTT_train.7k.csv, MSRVTT_JSFUSION_test.csv
    LAVIS       msrvtt_ret_train9k.json, msrvtt_ret_train7k.json, msrvtt_ret_test1k.json (also as CLIP-ViP's .jsonl)
    Frozen      MSR_VTT.json, train_list_jsfusion.txt, val_list_jsfusion.txt, jsfusion_val_caption_idx.pkl

A file is known by its name and may lie loose in the folder, in a sub-folder, or in a zip file, which is read in
place. Everything read here was written by others: a damaged file is an error that names it, a pickle is never executed.
"""

import csv
import io
import json
import os
import pickletools
import posixpath
import re
import stat
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bench.errors import BenchError
from bench.utils.zips import DAMAGED, check_expansion

Captions = dict[str, tuple[str, ...]]  # video id -> its captions, in sen_id order

LAYOUTS = {
    "official": ("train_val_videodatainfo.json", "test_videodatainfo.json"),
    "CLIP4Clip": ("MSRVTT_data.json", "MSRVTT_train.9k.csv", "MSRVTT_train.7k.csv", "MSRVTT_JSFUSION_test.csv"),
    "LAVIS": ("msrvtt_ret_train9k.json", "msrvtt_ret_train7k.json", "msrvtt_ret_test1k.json"),
    "CLIP-ViP": ("train9k.jsonl", "train7k.jsonl", "test1ka.jsonl"),
    "Frozen": ("MSR_VTT.json", "train_list_jsfusion.txt", "val_list_jsfusion.txt", "jsfusion_val_caption_idx.pkl"),
}
LAYOUT_OF = {name: layout for layout, names in LAYOUTS.items() for name in names}

DEPTH = 4  # sub-folders below the root; Frozen's lists lie in MSRVTT/high-quality/structured-symlinks
LONGEST_LINK = 4096  # bytes
LINKS = 8  # symlinks followed inside a zip before it is called a loop


@dataclass(frozen=True)
class Source:
    """An annotation file: a loose one, or a member of a zip file."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        return self.path.name if self.member is None else PurePosixPath(self.member).name

    @property
    def layout(self) -> str:
        return LAYOUT_OF[self.name]

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}/{self.member}"

    def under(self, root: Path) -> str:
        return str(Source(self.path.relative_to(root), self.member))

    def read(self) -> bytes:
        try:
            if self.member is None:
                if not self.path.is_file():  # a pipe would be waited for
                    raise OSError("it is no file")
                return self.path.read_bytes()
            with zipfile.ZipFile(self.path) as archive:
                member = _follow(archive, self.member)
                check_expansion(self.path, [archive.getinfo(member)])
                return archive.read(member)
        except (OSError, *DAMAGED) as error:
            raise BenchError(f"{self} cannot be read ({error}). Get the file again.") from None

    def text(self) -> str:
        try:
            return self.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BenchError(f"{self} is no UTF-8 text ({error.reason}). Get the file again.") from None

    def json(self) -> Any:
        try:
            return json.loads(self.text())
        except (ValueError, RecursionError) as error:
            raise BenchError(f"{self} is no valid JSON ({error}). Get the file again.") from None


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


def find_sources(root: Path) -> dict[str, Source]:
    """File name -> where it is, for each annotation file under `root` whose name is known.

    A loose file goes before one in a zip file, a shallow one before a deep one. Folders of videos are not searched.
    """
    loose: list[tuple[int, Path]] = []
    zips: list[tuple[int, Path]] = []
    for folder, below, names in os.walk(root, followlinks=True):
        depth = len(Path(folder).relative_to(root).parts)
        below[:] = sorted(name for name in below if depth < DEPTH and name != "videos" and not name.startswith("."))
        loose += [(depth, Path(folder, name)) for name in sorted(names) if name in LAYOUT_OF]
        zips += [(depth, Path(folder, name)) for name in sorted(names) if name.lower().endswith(".zip")]

    found: dict[str, Source] = {}
    for _, path in sorted(loose):
        found.setdefault(path.name, Source(path))
    for _, path in sorted(zips):
        try:
            if not path.is_file():
                raise OSError("it is no file")
            with zipfile.ZipFile(path) as archive:
                members = [name for name in archive.namelist() if PurePosixPath(name).name in LAYOUT_OF]
        except (OSError, *DAMAGED) as error:
            raise BenchError(f"{path} is no whole zip file ({error}). Get it again, or move it away.") from None
        for member in sorted(members, key=lambda name: (name.count("/"), name)):
            found.setdefault(PurePosixPath(member).name, Source(path, member))
    return found


def video_id(value: object, where: str) -> str:
    """A clip's id, 'video12', from an id or a file name; anything else is an error that says where it stands."""
    match = re.fullmatch(r"(?:.*/)?(video\d{1,5})(?:\.\w+)?", value, re.ASCII) if isinstance(value, str) else None
    if match is None:
        raise BenchError(f"{where}: {value!r} is no MSR-VTT video, which are named video0 to video9999.")
    return match[1]


def _items(value: object, key: str | None, source: Source) -> list[dict]:
    """The list of objects in parsed JSON, under `key` or at the top."""
    items = value.get(key) if key is not None and isinstance(value, dict) else value
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        what = f"no list of objects under {key!r}" if key else "no list of objects"
        raise BenchError(f"{source} holds {what}: it is not the file that its name says. Get it again.")
    return items


def _gather(pairs: Iterable[tuple[str, object]], source: Source) -> Captions:
    captions: dict[str, list[str]] = {}
    for video, caption in pairs:
        if not isinstance(caption, str) or not caption.strip():
            raise BenchError(f"{source}: a caption of {video} is {caption!r}, not a text. Get the file again.")
        captions.setdefault(video, []).append(caption)
    return {video: tuple(texts) for video, texts in captions.items()}


def read_sentences(source: Source) -> Captions:
    """Captions of an official file or of CLIP4Clip's MSRVTT_data.json, in the order of `sen_id`."""
    sentences = _items(source.json(), "sentences", source)
    ids: list[Any] = [sentence.get("sen_id") for sentence in sentences]
    odd = next((place for place, number in enumerate(ids) if not isinstance(number, int)), None)
    if odd is not None:
        raise BenchError(
            f"{source}: sentence {odd} has {ids[odd]!r} as sen_id, not a whole number. Get the file again."
        )
    if len(set(ids)) < len(ids):
        twice = next(number for number, other in zip(sorted(ids), sorted(ids)[1:], strict=False) if number == other)
        raise BenchError(f"{source}: sen_id {twice} occurs twice. Get the file again.")
    sentences.sort(key=lambda sentence: sentence["sen_id"])
    return _gather(((video_id(s.get("video_id"), str(source)), s.get("caption")) for s in sentences), source)


def read_frozen(source: Source) -> Captions:
    """Captions of Frozen-in-Time's MSR_VTT.json, in the order of the file, to which its caption indices refer."""
    annotations = _items(source.json(), "annotations", source)
    return _gather(((video_id(a.get("image_id"), str(source)), a.get("caption")) for a in annotations), source)


def read_pairs(source: Source) -> Captions:
    """Captions of a LAVIS list or of a CLIP-ViP .jsonl: one item a caption or one a video, in the order of the file."""
    if source.name.endswith(".jsonl"):
        try:
            # not splitlines(): a line separator U+2028 may stand inside a caption
            items = _items([json.loads(line) for line in source.text().split("\n") if line.strip()], None, source)
        except ValueError as error:
            raise BenchError(f"{source} has a line that is no valid JSON ({error}). Get the file again.") from None
    else:
        items = _items(source.json(), None, source)

    def pairs() -> Iterable[tuple[str, object]]:
        for item in items:
            video = video_id(item.get("video", item.get("clip_id")), str(source))
            texts = item.get("caption", item.get("text"))
            for text in texts if isinstance(texts, list) and texts else [texts]:
                yield video, text

    return _gather(pairs(), source)


def read_list(source: Source) -> tuple[str, ...]:
    """Video ids of a list with one a line, or of a CSV file's column `video_id`."""
    if source.name.endswith(".csv"):
        values = [row["video_id"] for row in _rows(source, "video_id")]
    else:
        values = source.text().split()
    return _once((video_id(value, str(source)) for value in values), source)


def read_test_csv(source: Source) -> dict[str, str]:
    """Video id -> its one sentence, from CLIP4Clip's MSRVTT_JSFUSION_test.csv, in the order of the file."""
    rows = _rows(source, "video_id", "sentence")
    videos = _once((video_id(row["video_id"], str(source)) for row in rows), source)
    return {video: row["sentence"] for video, row in zip(videos, rows, strict=True)}


def _rows(source: Source, *columns: str) -> list[dict[str, str]]:
    """The rows of a CSV file, by the names in its first line.

    BenchError for two columns named as one of `columns`, and, with its number, for a line that has one of them empty,
    more fields than there are names (as an unquoted comma makes them), or a NUL.
    """
    text = source.text()
    before, nul, _ = text.partition("\0")
    if nul:
        raise BenchError(f"{source}: line {before.count(chr(10)) + 1} has a NUL. Get the file again.")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows: list[dict[str, str]] = []
    try:
        header = reader.fieldnames or ()
        for column in columns:
            if header.count(column) > 1:
                raise BenchError(f"{source}: line 1 names the column {column} twice. Get the file again.")
        for row in reader:
            if None in row:
                raise BenchError(
                    f"{source}: line {reader.line_num} has {len(header) + len(row[None])} fields, not {len(header)}. "
                    "Put a text with a comma in quotes, or get the file again."
                )
            rows.append(row)
            _check_fields(row, columns, source, reader.line_num)
    except csv.Error as error:
        raise BenchError(f"{source}: line {reader.line_num} is no valid CSV ({error}). Get the file again.") from None
    if not rows:
        _check_fields({}, columns, source, 2)
    return rows


def _check_fields(row: dict[str, str], columns: tuple[str, ...], source: Source, line: int) -> None:
    for column in columns:
        if not (row.get(column) or "").strip():
            raise BenchError(f"{source}: line {line} has no {column}. Get the file again.")


def _once(videos: Iterable[str], source: Source) -> tuple[str, ...]:
    seen: dict[str, None] = {}
    for video in videos:
        if video in seen:
            raise BenchError(f"{source} names {video} twice. Get the file again.")
        seen[video] = None
    if not seen:
        raise BenchError(f"{source} is empty. Get the file again.")
    return tuple(seen)


STRUCTURE = {"PROTO", "FRAME", "MARK", "BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE", "SETITEM", "SETITEMS", "STOP"}
TEXT = {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE"}
NUMBER = {"BININT", "BININT1", "BININT2"}


def read_indices(source: Source) -> dict[str, int]:
    """Video id -> index of its test caption, from Frozen's pickle, in its order.

    A pickle is a program. This one is read as data: its instructions are listed, not run, and any that is not needed
    to write down one dictionary of texts and small numbers is an error. Keys and values then stand in the list in turn.
    """
    data = source.read()
    try:
        steps = [(code.name, argument) for code, argument, _ in pickletools.genops(data)]
    except ValueError as error:
        raise BenchError(f"{source} is no whole pickle ({error}). Get the file again.") from None
    foreign = [name for name, _ in steps if name not in STRUCTURE | TEXT | NUMBER | {"EMPTY_DICT"}]
    if foreign or [name for name, _ in steps].count("EMPTY_DICT") != 1:
        what = f"{foreign[0]} instruction" if foreign else "number of dictionaries"
        raise BenchError(f"{source} is refused: its {what} has no place in a table of caption indices. Get it again.")
    values: list[tuple[bool, Any]] = [(name in TEXT, argument) for name, argument in steps if name in TEXT | NUMBER]
    keys, numbers = values[::2], values[1::2]
    if len(keys) != len(numbers) or not all(text for text, _ in keys) or any(text for text, _ in numbers):
        raise BenchError(f"{source} is no table from video to caption index. Get the file again.")
    videos = _once((video_id(key, str(source)) for _, key in keys), source)
    return {video: number for video, (_, number) in zip(videos, numbers, strict=True)}


CAPTION_READERS: dict[str, Callable[[Source], Captions]] = {
    "official": read_sentences,
    "CLIP4Clip": read_sentences,
    "Frozen": read_frozen,
    "LAVIS": read_pairs,
    "CLIP-ViP": read_pairs,
}
