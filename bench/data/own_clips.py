"""The clips that a table's lines are about: which file or part of one, what it is called, what is said of it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bench.data.annotation import ClipSource
from bench.data.metadata_file import EMOTION_COLUMNS, MetadataRow, fault
from bench.data.video import list_videos
from bench.utils.names import did_you_mean

SPLITS = {  # as people call them -> the split
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}


@dataclass
class OwnClip:
    """A clip while its lines are read."""

    source: ClipSource
    line: int  # the first
    captions: dict[str, int] = field(default_factory=dict)  # -> line
    said: dict[str, str] = field(default_factory=dict)  # video_id, split, emotion -> what a line says
    name: str = ""

    @property
    def mood(self) -> str:
        """What the lines say of its emotion, in small letters; "" if nothing."""
        return self.said.get(EMOTION_COLUMNS[0], "")


def read_clips(table: Path, rows: Sequence[MetadataRow]) -> list[OwnClip]:
    """The clips in the order of their first lines, with names. BenchError: lines that do not go together."""
    folder = table.parent
    there = {path.relative_to(folder).as_posix(): path for path in list_videos(folder)}
    missing = [row for row in rows if _file(row) not in there and not _inside(folder, _file(row))]
    if missing:
        first = missing[0]
        more = len({row.cells["file_name"] for row in missing}) - 1
        others = f" {more} other file{'s are' if more > 1 else ' is'} missing, too." if more else ""
        near = did_you_mean(_file(first), there)
        raise fault(table, first.line, f"there is no file {first.cells['file_name']} in {folder}.{near}{others}")
    clips: dict[ClipSource, OwnClip] = {}
    doubled: list[tuple[MetadataRow, int]] = []
    for row in rows:
        source = _source(table, row)
        clip = clips.setdefault(source, OwnClip(source, row.line))
        caption = " ".join(row.cells["text"].split())
        if caption in clip.captions:
            doubled.append((row, clip.captions[caption]))
        clip.captions.setdefault(caption, row.line)
        for column, text in _about_clip(row).items():
            if clip.said.setdefault(column, text) != text:
                same = f"line {clip.line} says {clip.said[column]} for the same clip"
                raise fault(table, row.line, f"{column} is {text}, but {same}. All lines of a clip must agree.")
    if doubled:
        (row, line), more = doubled[0], len(doubled) - 1
        others = f" {more} more line{'s repeat' if more > 1 else ' repeats'} a caption." if more else ""
        raise fault(table, row.line, f"{_file(row)} has the same caption as on line {line}. Remove one.{others}")
    _name(table, list(clips.values()))
    return list(clips.values())


def _file(row: MetadataRow) -> str:
    """The file of a row, as a path below the folder, also where Windows wrote it."""
    return PurePosixPath(row.cells["file_name"].replace("\\", "/")).as_posix()


def _inside(folder: Path, file: str) -> bool:
    """Whether a file that is no video by its ending is there all the same; it will be told to be no video, or read."""
    parts = PurePosixPath(file).parts
    return ".." not in parts and parts[:1] != ("/",) and (folder / file).is_file()


def _source(table: Path, row: MetadataRow) -> ClipSource:
    start, end = (_seconds(table, row, column) for column in ("start", "end"))
    try:
        return ClipSource(_file(row), start or 0.0, end)
    except ValueError as error:
        raise fault(table, row.line, f"{error}.") from None


def _seconds(table: Path, row: MetadataRow, column: str) -> float | None:
    """Seconds, or [hours:]minutes:seconds, of a cell; None where it is empty."""
    text = row.cells.get(column, "")
    if not text:
        return None
    if not re.fullmatch(r"(\d+:){0,2}\d+([.,]\d+)?", text, re.ASCII):
        raise fault(table, row.line, f"{column} is '{text}', not seconds such as 12.5 or 1:02:12.5.")
    seconds = 0.0
    for part in text.replace(",", ".").split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _about_clip(row: MetadataRow) -> dict[str, str]:
    """What a row says of its clip beside the caption: column -> text, where there is one."""
    cells = row.cells
    split = cells.get("split", "").casefold()
    said = {"video_id": cells.get("video_id", ""), "split": SPLITS.get(split, split)}
    said[EMOTION_COLUMNS[0]] = next((cells[name].casefold() for name in EMOTION_COLUMNS if cells.get(name)), "")
    return {column: text for column, text in said.items() if text}


def _name(table: Path, clips: Sequence[OwnClip]) -> None:
    """Names each clip: its video_id, or its file's stem; with the seconds where that alone would not tell it.

    BenchError: two clips would have one name.
    """
    files = {clip.source.file for clip in clips}
    stems = Counter(PurePosixPath(file).stem for file in files)
    ids = Counter(clip.said.get("video_id") for clip in clips)
    taken: dict[str, OwnClip] = {}
    for clip in clips:
        file, own = PurePosixPath(clip.source.file), clip.said.get("video_id")
        name = own or (file.stem if stems[file.stem] == 1 else file.as_posix())
        if clip.source.span and (not own or ids[own] > 1):
            end = "" if clip.source.end is None else _short(clip.source.end)
            name = f"{name}@{_short(clip.source.start)}-{end}"
        if name in taken:
            other = f"line {taken[name].line} names another clip '{name}', too"
            raise fault(table, clip.line, f"{other}. Set another video_id.")
        taken[name], clip.name = clip, name


def _short(seconds: float) -> str:
    """Seconds to the millisecond, without zeros behind: 3723.125, 0.5, 12."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")
