"""One split of a dataset, normalized: which clips, which captions, which subsets of the queries.

Every dataset ends as a folder of the same shape, whatever its importer read:

    <folder>/annotations/<split>.json      one Annotation
    <folder>/videos/…                      the clips, any depth, found by file stem or where `sources` says
"""

import hashlib
import json
from collections.abc import Container
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any

from bench.data.timeline import Span
from bench.errors import BenchError
from bench.utils.files import read_text, replacing
from bench.utils.outputs import check_output

FORMAT = 1
ANNOTATION_MARKS = (b'{\n "format": ',)  # how a file begins that `save_annotation` wrote


@dataclass(frozen=True)
class Clip:
    """A video by its file stem, and what people said of it."""

    video: str
    captions: tuple[str, ...]


@dataclass(frozen=True)
class ClipSource:
    """The file of a clip, below the dataset's folder with / between names; and which seconds of it the clip is.

    start: 0 is the first frame. end: None is the end of the file. ValueError: a file outside of the folder, or seconds
    that no part can have.
    """

    file: str
    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.file).parts
        if not parts or parts[0] == "/" or ".." in parts or "\0" in self.file:
            raise ValueError(f"'{self.file}' is no file inside of the folder")
        if not 0 <= self.start < (inf if self.end is None else self.end):
            end = "the end" if self.end is None else f"{self.end:g} s"
            raise ValueError(f"a part cannot go from {self.start:g} s to {end}")

    @property
    def span(self) -> Span | None:
        """The seconds, or None where the clip is the whole file."""
        return None if self.start == 0 and self.end is None else (self.start, self.end)


@dataclass(frozen=True)
class Annotation:
    """The clips of one split, in order.

    Every caption of a test split is a query, clip by clip; where each clip has one, query i is of clip i.
    subsets: name -> indices of queries; they restrict the queries of a test split, never its gallery.
    twins: index -> index of the clip that differs in emotion alone (both ways), where a dataset has such. Those of a
    test split are measured, those of a training split make up batches.
    sources: clip -> its file, for clips that are not found by the stem of a file of their own.
    facts: what the importer wants to be remembered (counts, layout, caption mode), plain JSON.
    """

    dataset: str
    split: str
    clips: tuple[Clip, ...]
    subsets: dict[str, tuple[int, ...]] = field(default_factory=dict)
    twins: dict[int, int] = field(default_factory=dict)
    facts: dict = field(default_factory=dict)
    sources: dict[str, ClipSource] = field(default_factory=dict)

    @property
    def queries(self) -> list[str]:
        """The captions of all clips, clip by clip."""
        return [caption for clip in self.clips for caption in clip.captions]

    @property
    def video_of(self) -> list[int]:
        """The clip of each query, by index."""
        return [index for index, clip in enumerate(self.clips) for _ in clip.captions]

    @cached_property
    def digest(self) -> str:
        """The sha256 over clips, captions, subsets, twins and sources: with one digest splits ask the same."""
        content = _as_json(self)
        del content["facts"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _as_json(annotation: Annotation) -> dict[str, Any]:
    """Plain JSON; without sources where there are none, as in files from before there were any.

    Nothing is copied, as `asdict` would do with every caption.
    """
    content = {each.name: getattr(annotation, each.name) for each in fields(annotation)}
    content["clips"] = [vars(clip) for clip in annotation.clips]
    content["sources"] = {video: vars(source) for video, source in annotation.sources.items()}
    if not annotation.sources:
        del content["sources"]
    return content


def save_annotation(annotation: Annotation, folder: Path) -> Path:
    """Writes <folder>/annotations/<split>.json, whole or not at all. UsageError: a file of another kind is there."""
    path = folder / "annotations" / f"{annotation.split}.json"
    check_output(path, ANNOTATION_MARKS, "annotation that bench wrote", mend="Move it away.")
    with replacing(path) as temporary:
        content = {"format": FORMAT, "sha256": annotation.digest, **_as_json(annotation)}
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def load_annotation(folder: Path, split: str, dataset: str, mend: str = "") -> Annotation:
    """Reads a split of a dataset back.

    BenchError: the file is missing, broken, altered or another dataset's. It ends with `mend`, by default how to write
    the file again.
    """
    path = folder / "annotations" / f"{split}.json"
    mend = mend or f"Write it: bench data prepare {dataset} --root {folder}"
    try:
        raw = json.loads(read_text(path))
        if raw["format"] != FORMAT:
            raise BenchError(f"{path} has format {raw['format']}, not {FORMAT}. {mend}")
        stated = raw["sha256"]
        annotation = Annotation(
            dataset=raw["dataset"],
            split=raw["split"],
            clips=tuple(Clip(clip["video"], tuple(clip["captions"])) for clip in raw["clips"]),
            subsets={name: tuple(indices) for name, indices in raw["subsets"].items()},
            twins={int(one): other for one, other in raw["twins"].items()},
            facts=raw["facts"],
            sources={video: ClipSource(**one) for video, one in raw.get("sources", {}).items()},
        )
    except FileNotFoundError:
        raise BenchError(f"{path} is missing. {mend}") from None
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}. {mend}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BenchError(f"{path} cannot be read ({error}). {mend}") from None
    if stated != annotation.digest:
        raise BenchError(f"{path} was altered since it was written. {mend}")
    if annotation.dataset != dataset:
        raise BenchError(f"{path} is of the dataset '{annotation.dataset}', not '{dataset}'. Name that one, or {mend}")
    return annotation


def keep(annotation: Annotation, videos: Container[str]) -> Annotation:
    """The split with only those of its clips that are in `videos`; subsets and twins follow their clips."""
    places = [index for index, clip in enumerate(annotation.clips) if clip.video in videos]
    moved = {old: new for new, old in enumerate(places)}
    left = [query for query, clip in enumerate(annotation.video_of) if clip in moved]
    renumbered = {old: new for new, old in enumerate(left)}
    return replace(
        annotation,
        clips=tuple(annotation.clips[index] for index in places),
        subsets={
            name: tuple(renumbered[query] for query in members if query in renumbered)
            for name, members in annotation.subsets.items()
        },
        twins={moved[one]: moved[other] for one, other in annotation.twins.items() if one in moved and other in moved},
        sources={video: source for video, source in annotation.sources.items() if video in videos},
    )
