"""The ways in which people have MSR-VTT's annotations on disk, each read into the same plain values.

    official    train_val_videodatainfo.json, test_videodatainfo.json
    CLIP4Clip   MSRVTT_data.json, MSRVTT_train.9k.csv, MSRVTT_train.7k.csv, MSRVTT_JSFUSION_test.csv
    LAVIS       msrvtt_ret_train9k.json, msrvtt_ret_train7k.json, msrvtt_ret_test1k.json (also as CLIP-ViP's .jsonl)
    Frozen      MSR_VTT.json, train_list_jsfusion.txt, val_list_jsfusion.txt, jsfusion_val_caption_idx.pkl

Where a file may lie, and what it may be packed in: `annotation_files.py`. A pickle is never executed.
"""

import csv
import io
import json
import pickletools
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.data.importers.annotation_files import Captions, Source, find_files, gather, items, once
from bench.errors import BenchError

LAYOUTS = {
    "official": ("train_val_videodatainfo.json", "test_videodatainfo.json"),
    "CLIP4Clip": ("MSRVTT_data.json", "MSRVTT_train.9k.csv", "MSRVTT_train.7k.csv", "MSRVTT_JSFUSION_test.csv"),
    "LAVIS": ("msrvtt_ret_train9k.json", "msrvtt_ret_train7k.json", "msrvtt_ret_test1k.json"),
    "CLIP-ViP": ("train9k.jsonl", "train7k.jsonl", "test1ka.jsonl"),
    "Frozen": ("MSR_VTT.json", "train_list_jsfusion.txt", "val_list_jsfusion.txt", "jsfusion_val_caption_idx.pkl"),
}
LAYOUT_OF = {name: layout for layout, names in LAYOUTS.items() for name in names}


def find_sources(root: Path) -> dict[str, Source]:
    """File name -> where it is, for each annotation file of MSR-VTT under `root`."""
    return find_files(root, LAYOUT_OF)


def video_id(value: object, where: str) -> str:
    """A clip's id, 'video12', from an id or a file name; anything else is an error that says where it stands."""
    match = re.fullmatch(r"(?:.*/)?(video\d{1,5})(?:\.\w+)?", value, re.ASCII) if isinstance(value, str) else None
    if match is None:
        raise BenchError(f"{where}: {value!r} is no MSR-VTT video, which are named video0 to video9999.")
    return match[1]


def read_sentences(source: Source) -> Captions:
    """Captions of an official file or of CLIP4Clip's MSRVTT_data.json, in the order of `sen_id`."""
    sentences = items(source.json(), "sentences", source)
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
    return gather(((video_id(s.get("video_id"), str(source)), s.get("caption")) for s in sentences), source)


def read_frozen(source: Source) -> Captions:
    """Captions of Frozen-in-Time's MSR_VTT.json, in the order of the file, to which its caption indices refer."""
    annotations = items(source.json(), "annotations", source)
    return gather(((video_id(a.get("image_id"), str(source)), a.get("caption")) for a in annotations), source)


def read_pairs(source: Source) -> Captions:
    """Captions of a LAVIS list or of a CLIP-ViP .jsonl: one item a caption or one a video, in the order of the file."""
    if source.name.endswith(".jsonl"):
        try:
            # not splitlines(): a line separator U+2028 may stand inside a caption
            pairs = items([json.loads(line) for line in source.text().split("\n") if line.strip()], None, source)
        except ValueError as error:
            raise BenchError(f"{source} has a line that is no valid JSON ({error}). Get the file again.") from None
    else:
        pairs = items(source.json(), None, source)

    def captions() -> Iterable[tuple[str, object]]:
        for item in pairs:
            video = video_id(item.get("video", item.get("clip_id")), str(source))
            texts = item.get("caption", item.get("text"))
            for text in texts if isinstance(texts, list) and texts else [texts]:
                yield video, text

    return gather(captions(), source)


def read_list(source: Source) -> tuple[str, ...]:
    """Video ids of a list with one a line, or of a CSV file's column `video_id`."""
    if source.name.endswith(".csv"):
        values = [row["video_id"] for row in _rows(source, "video_id")]
    else:
        values = source.text().split()
    return once((video_id(value, str(source)) for value in values), source)


def read_test_csv(source: Source) -> dict[str, str]:
    """Video id -> its one sentence, from CLIP4Clip's MSRVTT_JSFUSION_test.csv, in the order of the file."""
    rows = _rows(source, "video_id", "sentence")
    videos = once((video_id(row["video_id"], str(source)) for row in rows), source)
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
        raise BenchError(
            f"{source} is refused: its {what} does not belong in a table of caption indices. Get it again."
        )
    values: list[tuple[bool, Any]] = [(name in TEXT, argument) for name, argument in steps if name in TEXT | NUMBER]
    keys, numbers = values[::2], values[1::2]
    if len(keys) != len(numbers) or not all(text for text, _ in keys) or any(text for text, _ in numbers):
        raise BenchError(f"{source} is no table from video to caption index. Get the file again.")
    videos = once((video_id(key, str(source)) for _, key in keys), source)
    return {video: number for video, (_, number) in zip(videos, numbers, strict=True)}


CAPTION_READERS: dict[str, Callable[[Source], Captions]] = {
    "official": read_sentences,
    "CLIP4Clip": read_sentences,
    "Frozen": read_frozen,
    "LAVIS": read_pairs,
    "CLIP-ViP": read_pairs,
}
