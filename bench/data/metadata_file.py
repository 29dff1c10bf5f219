"""A table of clips and captions as people have it: metadata.csv, metadata.jsonl or metadata.parquet, read to its rows.

    rows = read_rows(Path("DIR/metadata.csv"))

The names are those of Hugging Face's video folders. A CSV may come from any program: in UTF-8 or UTF-16, with a byte
order mark, any line ends, commas, semicolons, tabs or bars between its cells, quotes and line ends in them.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.errors import BenchError
from bench.utils.names import did_you_mean

METADATA_FILES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
NEEDED = ("file_name", "text")
EMOTION_COLUMNS = ("emotion", "mood")  # two names of one column
COLUMNS = (*NEEDED, "split", *EMOTION_COLUMNS, "video_id", "start", "end")
SEPARATORS = ",;\t|"
ENCODINGS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # by the bytes that a file begins with


class MetadataRow(NamedTuple):
    """A caption and what stands beside it."""

    line: int  # of the file, from 1; of a table without lines the row
    cells: dict[str, str]  # column in small letters -> what stands there, without space around it; "" is nothing


def find_metadata(folder: Path) -> Path | None:
    """The one of METADATA_FILES that is in a folder. BenchError: there are several."""
    found = [folder / name for name in METADATA_FILES if (folder / name).is_file()]
    if len(found) > 1:
        raise BenchError(f"{folder} has {' and '.join(path.name for path in found)}. Keep one of them.")
    return found[0] if found else None


def read_rows(path: Path) -> list[MetadataRow]:
    """The rows of a table, at least one, each with the NEEDED cells.

    BenchError, with the line: it cannot be read, lacks a column, or a cell that is needed is empty.
    """
    readers: dict[str, Callable[[Path], Iterator[MetadataRow]]] = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
    try:
        rows = list(readers[path.suffix](path))
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}.") from None
    if not rows:
        raise BenchError(f"{path} has no line below its header. Add one for each caption.")
    for row in rows:
        if empty := [column for column in NEEDED if not row.cells.get(column)]:
            raise fault(path, row.line, f"{empty[0]} is empty. Fill it in, or remove the line.")
        if all(row.cells.get(name) for name in EMOTION_COLUMNS):
            raise fault(path, row.line, "emotion and mood mean the same here. Keep one of these columns.")
    return rows


def fault(path: Path, line: int, what: str) -> BenchError:
    """The error for what is wrong on a line."""
    kind = "row" if path.suffix == ".parquet" else "line"
    return BenchError(f"{path}, {kind} {line}: {what}")


def _csv(path: Path) -> Iterator[MetadataRow]:
    text = _decoded(path)
    separator = max(SEPARATORS, key=lambda one: len(set(_header(text, one)) & set(COLUMNS)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            raise fault(path, line, _why(error)) from None
        if not any(cells):
            continue
        if not header:
            header = [cell.casefold() for cell in cells]
            _check_columns(path, line, header)
            continue
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()
        if len(cells) != len(header):
            mend = f'Put quotes around a cell that holds a "{separator}".' if len(cells) > len(header) else "Add them."
            raise fault(path, line, f"it has {len(cells)} cells, the header {len(header)}. {mend}")
        yield MetadataRow(line, dict(zip(header, cells, strict=True)))
    if not header:
        raise BenchError(f"{path} is empty. It takes a header, {','.join(NEEDED)}, and a line for each caption.")


def _header(text: str, separator: str) -> list[str]:
    """The first line that is not empty, cut by a separator."""
    first = next((line for line in text.splitlines() if line.strip(f" \t{SEPARATORS}")), "")
    return [cell.strip('" ').casefold() for cell in first.split(separator)]


def _why(error: csv.Error) -> str:
    """What is wrong with a line for the csv module, in plain words."""
    if "unexpected end of data" in str(error) or "field limit" in str(error):
        return "a quote opens here and never closes. Close it, or double a quote that belongs to the text."
    if "expected after" in str(error):
        return 'a quote stands inside of a quoted text. Double it: "".'
    return f"{error}."


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    encoding = ENCODINGS.get(content[:2], "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        before = len(re.findall(rb"\r\n|\r|\n", content[: error.start]))
        what = f"the byte 0x{content[error.start]:02x} is no {'UTF-16' if encoding == 'utf-16' else 'UTF-8'}"
        raise fault(path, before + 1, f"{what}. Save the file as UTF-8.") from None
    if "\0" in text:
        raise fault(path, text[: text.index("\0")].count("\n") + 1, "there is a NUL byte. Save the file as UTF-8.")
    return text


def _jsonl(path: Path) -> Iterator[MetadataRow]:
    for line, text in enumerate(_decoded(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise fault(path, line, f"it is no JSON ({error}).") from None
        if not isinstance(values, dict):
            raise fault(path, line, 'it is no object such as {"file_name": "a.mp4", "text": "a dog runs"}.')
        cells = _cells(path, line, values)
        _check_columns(path, line, list(cells))
        yield MetadataRow(line, cells)


def _parquet(path: Path) -> Iterator[MetadataRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        columns = [name for name in table.column_names if name.casefold() in COLUMNS]
        rows = table.select(columns).to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise BenchError(f"{path} cannot be read: {' '.join(str(error).split())[:120]}.") from None
    _check_columns(path, 1, [name.casefold() for name in table.column_names])
    for line, values in enumerate(rows, start=1):
        yield MetadataRow(line, _cells(path, line, values))


def _cells(path: Path, line: int, values: dict[str, Any]) -> dict[str, str]:
    """Values as texts: those of the columns that are known must be texts, numbers or nothing."""
    cells = {}
    for name, value in values.items():
        column = name.strip().casefold()
        if value is None or value != value:  # NaN, as pandas writes what is missing
            value = ""
        if column in COLUMNS and (isinstance(value, bool) or not isinstance(value, (str, int, float))):
            raise fault(path, line, f"{column} is {json.dumps(value, default=str)[:40]}, neither text nor a number.")
        cells[column] = str(value).strip()
    return cells


def _check_columns(path: Path, line: int, header: Sequence[str]) -> None:
    """BenchError: a column that is needed is not there, or one that is known is there twice."""
    for column in COLUMNS:
        if header.count(column) > 1:
            raise fault(path, line, f"there are {header.count(column)} columns {column}. Keep one of them.")
    for column in NEEDED:
        if column not in header:
            there = ", ".join(header)[:200]
            near = did_you_mean(column, [name for name in header if name not in COLUMNS])
            mend = f"{near} Rename it to {column}." if near else " Add it, or rename the column that holds it."
            raise fault(path, line, f"there is no column {column}, only: {there}.{mend}")
