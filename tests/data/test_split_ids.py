"""Ids of queries and videos, and what is wrong with a list of them."""

from pathlib import Path

import pytest

from bench.data.annotation import Annotation, Clip
from bench.data.split_ids import ids_of, places, read_ids
from bench.errors import BenchError, UsageError


def test_a_query_is_called_as_its_video_or_by_its_place_among_the_videos_captions() -> None:
    one = Annotation("d", "s", (Clip("b", ("x",)), Clip("a", ("y",))))
    assert ids_of(one) == (["b", "a"], ["b", "a"])
    several = Annotation("d", "s", (Clip("b", ("x", "y")), Clip("a", ("z",))))
    assert ids_of(several) == (["b#0", "b#1", "a#0"], ["b", "a"])


@pytest.mark.parametrize("text", ["a\nb c\n", "\ufeffa\r\nb c\r\n", "a\nb c", "a\nb c\n\n"])
def test_one_id_a_line_of_any_system(text: str, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(text.encode())
    assert read_ids(tmp_path / "ids.txt") == ["a", "b c"]


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"a\n\nb\n", "line 2 is empty"), (b"", "line 1 is empty"), (b"\xff\xfe", "no text in UTF-8"), (None, "No such")],
)
def test_a_file_without_ids_is_one_line(content: bytes | None, line: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "ids.txt").write_bytes(content)
    with pytest.raises(UsageError, match=line):
        read_ids(tmp_path / "ids.txt")


def test_ids_say_where_each_is() -> None:
    assert places(["c", "a", "b"], ["a", "b", "c"], "ids.txt", "videos of d/s") == [1, 2, 0]


@pytest.mark.parametrize(
    ("ids", "line"),
    [
        (["a", "b", "a", "b"], "ids.txt: 'a' occurs twice (ids 1 and 3)."),
        (["a", "x", "y"], "ids.txt: 'x' (id 2) is none of the 3 videos of d/s."),
        (["a"], "ids.txt lacks 2 of the 3 videos of d/s; the first is 'b'."),
    ],
)
def test_the_first_id_that_is_off_is_named(ids: list[str], line: str) -> None:
    with pytest.raises(BenchError) as error:
        places(ids, ["a", "b", "c"], "ids.txt", "videos of d/s")
    assert str(error.value) == line
