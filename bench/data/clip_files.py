"""Where the clips of a dataset lie: files found by their stems, or parts of files that a split names."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bench.data.annotation import ClipSource
from bench.data.timeline import Span
from bench.data.video import find_copies, find_videos


class ClipFile(NamedTuple):
    """A file that is there, and the seconds of it that are the clip; None: all of it."""

    path: Path
    span: Span | None = None


def locate(folder: Path, wanted: Iterable[str], sources: Mapping[str, ClipSource]) -> dict[str, ClipFile]:
    """Those of the wanted clips whose file is below `folder`; among its small copies, where there are some.

    sources: of an annotation; a clip that has none is found by the stem of its file. Copies keep the time of what they
    are copies of, so a part of a file is the same part of its copy.
    VideoError: two files of one stem.
    """
    copies = find_copies(folder)
    wanted = list(wanted)
    by_stem = {}
    if copies or any(video not in sources for video in wanted):
        by_stem = find_videos(copies or folder)
    found = {}
    for video in wanted:
        source = sources.get(video)
        if source is None or copies:
            path = by_stem.get(PurePosixPath(source.file).stem if source else video)
        else:
            path = folder / source.file
        if path is not None and path.is_file():
            found[video] = ClipFile(path, source.span if source else None)
    return found
