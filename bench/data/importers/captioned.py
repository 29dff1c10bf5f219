"""What preparing a dataset of captioned clips has in common, whatever its files look like.

    prepared = prepare_splits("msvd", {"train": {video: captions}, …}, facts)

The splits are held against the card's numbers, the emotion filter is run, the subsets of test queries are found, and
one normalized annotation per split is written; nothing is written where a number differs.

The filter reads the captions of a training video joined, and those of a test clip each alone, as they are queries.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.annotation import Annotation, Clip, save_annotation
from bench.data.cards import load_card, what_it_needs
from bench.data.importers import Importer
from bench.data.importers.annotation_files import Captions, Source, find_files
from bench.emotions import EMOTIONS
from bench.emotions.lexicons import lexicon_versions
from bench.emotions.scores import BOUND, matches_pattern, score_captions, vader_compound
from bench.errors import BenchError

JOIN = ". "  # between the captions of a video when the filter reads them as one text


@dataclass(frozen=True)
class Written:
    """One split on disk. emotional: videos (train) or queries (test) that pass the filter."""

    split: str
    path: Path
    videos: int
    captions: int
    emotional: int
    sha256: str


@dataclass(frozen=True)
class Prepared:
    """What was found and written.

    sources: what was read -> from which file(s). layouts: where a dataset comes in several, those of which a file lies
    in the folder. skipped: split -> why it could not be written. unchecked: splits whose numbers the card takes from
    publications, so that they were not held against the files.
    """

    sources: dict[str, str]
    splits: tuple[Written, ...]
    skipped: dict[str, str]
    layouts: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"layouts found: {', '.join(self.layouts)}"] if self.layouts else []
        lines += [f"{what} from {files}" for what, files in self.sources.items()]
        lines.append(f"{'split':<12} {'videos':>6} {'captions':>8} {'emotional':>9}  sha256")
        for split in self.splits:
            lines.append(
                f"{split.split:<12} {split.videos:>6} {split.captions:>8} {split.emotional:>9}  {split.sha256[:12]}"
            )
        lines += [
            f"{split}: its numbers in the card were not checked on real files; compare them with yours"
            for split in self.unchecked
        ]
        lines += [f"{split} was not written: {why}" for split, why in self.skipped.items()]
        lines.append(str(self.splits[0].path.parent))
        return "\n".join(lines)


@dataclass(frozen=True)
class SplitsRead:
    """What was read of a dataset's files: split -> its clips, what from which files, split -> why it is not there."""

    splits: dict[str, Captions]
    sources: dict[str, list[Source]]
    skipped: dict[str, str]


class AnnotatedFolder(Importer):
    """A folder of the user's, whose annotation files `prepare` reads. A subclass says which and how.

    files: the names of all files that it knows. own: those of them that no other dataset has.
    """

    files: tuple[str, ...]
    own: tuple[str, ...]

    def ensure(self, root: Path | None) -> Path:
        """The folder; a split that is missing there is reported when it is opened."""
        return self.folder(root)

    def recognise(self, root: Path) -> bool:
        """Whether a folder has annotations of this dataset, written by `prepare` or as they were downloaded."""
        try:
            return super().recognise(root) or bool(find_files(root, self.own))
        except BenchError:  # a broken zip file
            return False


class CaptionedClips(AnnotatedFolder, ABC):
    """One whose splits follow from the files alone."""

    @abstractmethod
    def read(self, found: Mapping[str, Source]) -> SplitsRead:
        """The splits that the files found make up."""

    def prepare(self, root: Path | None) -> Prepared:
        """Reads the files and writes root/annotations/<split>.json. BenchError: a fault in them, or none is there."""
        folder = self.folder(root)
        read = self.read(find_files(folder, self.files))
        if not read.splits:
            card = load_card(self.name)
            raise BenchError(f"{folder} holds no annotations of {card.title}.{what_it_needs(card, folder)}")
        sources = {
            what: ", ".join(file.under(folder) for file in files) for what, files in read.sources.items() if files
        }
        return prepare_splits(self.name, folder, read.splits, sources, read.skipped)


def prepare_splits(
    dataset: str, folder: Path, splits: Mapping[str, Captions], sources: dict[str, str], skipped: dict[str, str]
) -> Prepared:
    """Annotates the splits by their roles in the card, checks their numbers and writes them."""
    expected = load_card(dataset).splits
    facts = {"sources": sources, "lexicons": lexicon_versions()}
    annotations = []
    for split, captions in splits.items():
        clips = tuple(Clip(video, texts) for video, texts in captions.items())
        make = annotate_test if expected[split]["role"] == "test" else annotate_training
        annotations.append(make(dataset, split, clips, facts))
    for annotation in annotations:
        check_counts(annotation, expected[annotation.split], sources)
    paths = save_all(annotations, folder)
    return Prepared(
        sources=sources,
        splits=tuple(written(annotation, path) for annotation, path in zip(annotations, paths, strict=True)),
        skipped=skipped,
        unchecked=tuple(split for split in splits if not expected[split].get("checked", True)),
    )


def annotate_training(dataset: str, split: str, clips: tuple[Clip, ...], facts: dict) -> Annotation:
    """A split to train or validate on; the filter reads all captions of a clip as one text."""
    found = counts(*verdicts([JOIN.join(clip.captions) for clip in clips]))
    return Annotation(dataset, split, clips, facts={**facts, "filter": filter_facts("joined"), "emotional": found})


def annotate_test(dataset: str, split: str, clips: tuple[Clip, ...], facts: dict) -> Annotation:
    """A split to test on: every caption is a query, and the subsets are of queries."""
    carried, known = carried_by([caption for clip in clips for caption in clip.captions])
    subsets = {name: places(carries) for name, carries in carried.items()}
    return Annotation(dataset, split, clips, subsets=subsets, facts={**facts, **known})


def carried_by(queries: Sequence[str]) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Subset -> (n,) bool, which queries are in it; and what the filter read and found, for the facts."""
    by_vader, by_pattern = verdicts(queries)
    scores = score_captions(queries)  # (n, 8)
    carried = {"emotion": by_vader | by_pattern, "any-nrc": (scores > 0).any(axis=1)}
    carried |= {name: scores[:, column] > 0 for column, name in enumerate(EMOTIONS)}
    return carried, {"filter": filter_facts("one"), "emotional": counts(by_vader, by_pattern)}


def places(members: np.ndarray) -> tuple[int, ...]:
    """The places where a (n,) mask is true."""
    return tuple(np.flatnonzero(members).tolist())


def verdicts(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) bool each: which texts pass the emotion filter by VADER, and which by its pattern."""
    return np.abs(vader_compound(texts)) > BOUND, matches_pattern(texts)


def counts(by_vader: np.ndarray, by_pattern: np.ndarray) -> dict[str, int]:
    """How many pass the filter by VADER, by the pattern, by the pattern alone, and by either."""
    parts = {"vader": by_vader, "pattern": by_pattern, "pattern_only": by_pattern & ~by_vader}
    return {name: int(part.sum()) for name, part in {**parts, "either": by_vader | by_pattern}.items()}


def filter_facts(captions: str) -> dict[str, object]:
    """What the filter read, for the facts: the captions of a video `joined`, or the `one` sentence of a query."""
    return {"captions": captions, "rule": f"NLTK VADER |compound| > {BOUND}, or the pattern"}


def check_counts(annotation: Annotation, expected: dict, sources: dict[str, str]) -> None:
    """Every number of the card against what was found; BenchError for the first that differs.

    A split that the card marks `checked: false` is let through: its numbers are from publications.
    """
    if not expected.get("checked", True):
        return
    found: dict = {"videos": len(annotation.clips), "captions": sum(len(clip.captions) for clip in annotation.clips)}
    for group in ("emotional", "emotional_joined"):
        if group in annotation.facts and group in expected:
            found |= {f"{group}.{name}": count for name, count in annotation.facts[group].items()}
            expected = expected | {f"{group}.{name}": count for name, count in expected[group].items()}
    for name, count in found.items():
        if count != expected[name]:
            where = "; ".join(f"{what} from {names}" for what, names in sources.items())
            split = f"{annotation.dataset}/{annotation.split}"
            raise BenchError(f"{split}: {name} is {count}, the card says {expected[name]} ({where}).")


def save_all(annotations: Sequence[Annotation], folder: Path) -> list[Path]:
    """Writes every split and gives their files."""
    try:
        return [save_annotation(annotation, folder) for annotation in annotations]
    except OSError as error:
        raise BenchError(f"{folder / 'annotations'} cannot be written ({error.strerror}). Work on a copy.") from None


def written(annotation: Annotation, path: Path) -> Written:
    """What is said of a split that was written."""
    captions = sum(len(clip.captions) for clip in annotation.clips)
    emotional = annotation.facts["emotional"]["either"]
    if "emotion" in annotation.subsets:
        emotional = len(annotation.subsets["emotion"])
    return Written(annotation.split, path, len(annotation.clips), captions, emotional, annotation.digest)
