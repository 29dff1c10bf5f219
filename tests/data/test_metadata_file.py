"""Tables of captions as people have them: what is read of each, and the line that is named where it cannot be."""

import json
from pathlib import Path

import pandas as pd
import pytest

from bench.data.metadata_file import find_metadata, read_rows
from bench.errors import BenchError

TEXTS = {"a.mp4": 'he said "hi", and\nleft', "b.mp4": "müde; happy"}


def cells(path: Path) -> list[tuple[str, str]]:
    return [(row.cells["file_name"], row.cells["text"]) for row in read_rows(path)]


def table(folder: Path, content: bytes | str, name: str = "metadata.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_csv_of_any_program_is_read(tmp_path: Path, separator: str, encoding: str, ends: str) -> None:
    """Written by pandas, which knows nothing of the reader."""
    frame = pd.DataFrame({"file_name": list(TEXTS), "text": list(TEXTS.values())})
    path = tmp_path / "metadata.csv"
    frame.to_csv(path, sep=separator, encoding=encoding, lineterminator=ends, index=False)
    assert cells(path) == list(TEXTS.items())


def test_jsonl_and_parquet_hold_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame({"file_name": list(TEXTS), "text": list(TEXTS.values()), "start": [1.5, None]})
    frame.to_json(tmp_path / "metadata.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "metadata.parquet")
    for name in ("metadata.jsonl", "metadata.parquet"):
        assert cells(tmp_path / name) == list(TEXTS.items())
        assert [row.cells["start"] for row in read_rows(tmp_path / name)] == ["1.5", ""]


def test_the_header_may_have_other_columns_capitals_and_space(tmp_path: Path) -> None:
    path = table(tmp_path, "id, File_Name ,Text,note\n1,a.mp4, a dog ,x\n")
    assert cells(path) == [("a.mp4", "a dog")]


def test_a_line_is_counted_as_an_editor_counts_it(tmp_path: Path) -> None:
    path = table(tmp_path, 'file_name,text\n\na.mp4,"one\ntwo\nthree"\n\nb.mp4,four\n')
    assert [row.line for row in read_rows(path)] == [3, 7]


def test_empty_cells_behind_the_last_column_are_no_fault(tmp_path: Path) -> None:
    assert cells(table(tmp_path, "file_name;text;;\na.mp4;a dog;;;;\n")) == [("a.mp4", "a dog")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", r"metadata\.csv is empty"),
        ("\n \n", r"metadata\.csv is empty"),
        ("file_name,text\n", "has no line below its header"),
        ("file_name,caption\na.mp4,b\n", r"line 1: there is no column text, only: file_name, caption\."),
        ("\n\nvideo,text\na.mp4,b\n", "line 3: there is no column file_name"),
        ("file_name,text,text\na.mp4,b,c\n", "line 1: there are 2 columns text"),
        ("file_name,text\na.mp4,b\nb.mp4\n", r"line 3: it has 1 cells, the header 2\. Add them"),
        (
            "file_name,text\na.mp4,b, c\n",
            'line 2: it has 3 cells, the header 2. Put quotes around a cell that holds a ","',
        ),
        ("file_name;text\na.mp4;b; c\n", 'holds a ";"'),
        ("file_name,text\na.mp4,\n", "line 2: text is empty"),
        ('file_name,text\na.mp4,"b\nb.mp4,c\n', "line 2: a quote opens here and never closes"),
        ('file_name,text\na.mp4,b\nb.mp4,"a "happy" man"\n', "line 3: a quote stands inside of a quoted text"),
        (b"file_name,text\r\na.mp4,b\r\nb.mp4,caf\xe9\r\n", r"line 3: the byte 0xe9 is no UTF-8"),
        ("file_name,text\na.mp4,b\0\n", "line 2: there is a NUL byte"),
        ("file_name,text,mood,emotion\na.mp4,b,joy,fear\n", "line 2: emotion and mood mean the same"),
    ],
)
def test_what_cannot_be_meant_is_one_line_that_says_where(tmp_path: Path, content: bytes | str, says: str) -> None:
    with pytest.raises(BenchError, match=says.replace('"', ".")) as error:
        read_rows(table(tmp_path, content))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (['{"file_name": "a.mp4", "text": "b"', "{}"], "line 1: it is no JSON"),
        (['{"file_name": "a.mp4", "text": "b"}', "", "[1]"], "line 3: it is no object"),
        ([json.dumps({"file_name": "a.mp4", "text": ["b", "c"]})], r'line 1: text is \["b", "c"\], neither text nor'),
        ([json.dumps({"file_name": "a.mp4"})], "line 1: there is no column text"),
        ([json.dumps({"file_name": "a.mp4", "text": None})], "line 1: text is empty"),
    ],
)
def test_a_jsonl_names_its_line_too(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(BenchError, match=says):
        read_rows(table(tmp_path, "\n".join(lines), "metadata.jsonl"))


def test_a_parquet_names_its_row_and_a_broken_one_itself(tmp_path: Path) -> None:
    pd.DataFrame({"file_name": ["a.mp4", "b.mp4"], "text": ["c", ""]}).to_parquet(tmp_path / "metadata.parquet")
    with pytest.raises(BenchError, match=r"metadata\.parquet, row 2: text is empty"):
        read_rows(tmp_path / "metadata.parquet")
    with pytest.raises(BenchError, match=r"metadata\.parquet cannot be read: "):
        read_rows(table(tmp_path, "no table", "metadata.parquet"))


def test_one_table_a_folder(tmp_path: Path) -> None:
    assert find_metadata(tmp_path) is None
    path = table(tmp_path, "")
    assert find_metadata(tmp_path) == path
    table(tmp_path, "", "metadata.jsonl")
    with pytest.raises(BenchError, match=r"has metadata\.csv and metadata\.jsonl\. Keep one"):
        find_metadata(tmp_path)
