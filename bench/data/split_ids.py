"""An id for each query and each video of a test split, so that files of other programs can say which rows are whose."""

from collections.abc import Sequence
from pathlib import Path

from bench.data.annotation import Annotation
from bench.errors import BenchError, UsageError
from bench.utils.files import read_text


def query_ids(videos: Sequence[str], video_of: Sequence[int] | None) -> list[str]:
    """Of the queries of a split, in its order: that of its video, or VIDEO#0, VIDEO#1, … where videos have several.

    video_of: (N,) ascending, the video of each query; None: a video each.
    """
    if video_of is None:
        return list(videos)
    first: dict[int, int] = {}
    return [f"{videos[of]}#{place - first.setdefault(of, place)}" for place, of in enumerate(video_of)]


def ids_of(test: Annotation) -> tuple[list[str], list[str]]:
    """Of a test split: those of its queries and of its videos."""
    videos = [clip.video for clip in test.clips]
    several = test.video_of if len(test.queries) > len(videos) else None
    return query_ids(videos, several), videos


def read_ids(path: Path) -> list[str]:
    """One id a line, UTF-8, with or without a byte order mark, in lines of any system.

    UsageError: no such file, or an empty line between others.
    """
    try:
        lines = read_text(path).removeprefix("\ufeff").rstrip("\n").split("\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}.") from None
    if empty := [number for number, line in enumerate(lines, start=1) if not line.strip()]:
        raise UsageError(f"{path}: line {empty[0]} is empty. It takes one id a line.")
    return [line.strip() for line in lines]


def places(ids: Sequence[str], wanted: Sequence[str], where: str, what: str) -> list[int]:
    """For each wanted id its place among `ids`, which hold each of them once and no other.

    where: the file. what: e.g. "queries of msrvtt/1k-A". BenchError, one line with the first: an id that is there
    twice, one that is not wanted, one that is missing.
    """
    found: dict[str, int] = {}
    known = set(wanted)
    for place, name in enumerate(ids):
        if name in found:
            raise BenchError(f"{where}: {name!r} occurs twice (ids {found[name] + 1} and {place + 1}).")
        if name not in known:
            raise BenchError(f"{where}: {name!r} (id {place + 1}) is none of the {len(wanted)} {what}.")
        found[name] = place
    if missing := [name for name in wanted if name not in found]:
        raise BenchError(f"{where} lacks {len(missing)} of the {len(wanted)} {what}; the first is {missing[0]!r}.")
    return [found[name] for name in wanted]
