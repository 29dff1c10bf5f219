"""A folder of one's own: videos and a table of captions, made a dataset without code.

    DIR/metadata.csv            file_name,text and, if there is more to say: split, emotion, video_id, start, end
    DIR/…                       the videos, at any depth
    bench data prepare DIR --name mine      writes DIR/card.yaml and DIR/annotations/<split>.json

One line is one caption. A clip is a file, or the part of one between `start` and `end`; lines of one clip are its
captions. Where no line names a split, a share of the files is drawn for the test; clips of one file stay together.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from bench.data import cards
from bench.data.annotation import ANNOTATION_MARKS, Annotation, Clip, save_annotation
from bench.data.cards import WRITTEN, Card, own_card
from bench.data.metadata_file import METADATA_FILES, fault, find_metadata, read_rows
from bench.data.own_clips import OwnClip, read_clips
from bench.data.questions import USUAL
from bench.emotions import EMOTIONS
from bench.emotions.lexicons import lexicon_versions
from bench.emotions.scores import is_emotional, score_captions
from bench.errors import BenchError, UsageError
from bench.utils.files import replacing, sha256
from bench.utils.names import names_a_file
from bench.utils.outputs import check_output

TEST_SHARE = 0.2
ROLES = {"train": "train", "val": "validation", "test": "test"}
NEUTRAL = "neutral"
MOODS = (*EMOTIONS, NEUTRAL)
LARGEST_BATCH = 64
KEPT = ("title", "licence", "source")  # what people mend in a card, and a second preparation leaves alone


@dataclass(frozen=True)
class PreparedFolder:
    """What `prepare_folder` read and wrote.

    emotional: split -> clips, or queries of the test split, with an emotion. notes: what was left aside, and why.
    """

    card: Card
    folder: Path
    splits: tuple[Annotation, ...]
    emotional: dict[str, int]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        lines = [self.card.summary, f"{'split':<8} {'clips':>6} {'captions':>8} {'emotional':>9}"]
        for one in self.splits:
            counts = f"{len(one.clips):>6} {len(one.queries):>8} {self.emotional[one.split]:>9}"
            lines.append(f"{one.split:<8} {counts}")
        lines += self.notes
        lines.append(str(self.folder / "card.yaml"))
        lines.append(f"next: bench run --dataset {self.folder} --init tiny --train.epochs 0")
        return "\n".join(lines)


def prepare_folder(
    folder: Path, name: str | None = None, test_share: float | None = None, seed: int | None = None
) -> PreparedFolder:
    """Reads a folder's table and writes its card and its splits.

    name: of the dataset; the folder's if not given. test_share: of the files that are drawn for the test split where no
    line names a split, 0.2 if not given; 1 is evaluation alone. seed: of that draw, 0 if not given. What is not given
    is as in the card of an earlier preparation.

    UsageError: no such folder, or a value that does not fit. BenchError, with the line: a table that cannot be read.
    """
    table = find_metadata(folder)
    if table is None:
        raise UsageError(
            f"{folder} has no {METADATA_FILES[0]}. Put one there, with the columns file_name and text and a line for "
            f"each caption; {METADATA_FILES[1]} and {METADATA_FILES[2]} work, too. See docs/own-data.md."
        )
    old = own_card(folder)
    name = name or (old.name if old else folder.resolve().name)
    if not names_a_file(name) or name in cards.names():
        why = "is a dataset that comes with bench" if name in cards.names() else "cannot be the name of a folder"
        raise UsageError(f"'{name}' {why}. Name it: bench data prepare {folder} --name mine")
    rows = read_rows(table)
    clips = read_clips(table, rows)
    split_of, made_from = _splits(table, clips, test_share, seed, old)
    parts = {split: [clip for clip, own in zip(clips, split_of, strict=True) if own == split] for split in ROLES}
    truth = any(clip.mood in MOODS for clip in clips)
    splits, emotional = [], {}
    for split, members in parts.items():
        if members:
            annotation, emotional[split] = _annotation(name, split, members, truth)
            splits.append(annotation)
    content = hashlib.sha256("".join(one.digest for one in splits).encode()).hexdigest()
    made_from = {"file": table.name, "sha256": sha256(table), **made_from, "splits": content}
    files = len({clip.source.file for clip in clips})
    summary = f"{len(rows)} captions of {len(clips)} clips in {files} files, from {table.name}"
    card = _card(name, summary, splits, made_from, _moods(parts["test"]), old)
    _write(folder, card, splits)
    return PreparedFolder(card, folder, tuple(splits), emotional, _notes(clips, parts["test"]))


def check_fresh(card: Card, folder: Path) -> None:
    """BenchError if the table that a folder's splits were made from is another one by now, or gone."""
    table = folder / Path(card.metadata["file"]).name
    if not table.is_file() or sha256(table) != card.metadata["sha256"]:
        what = "changed since the splits were made from it" if table.is_file() else "is gone"
        raise BenchError(f"{table} {what}. Make them again: bench data prepare {folder}")


def _splits(
    table: Path, clips: Sequence[OwnClip], test_share: float | None, seed: int | None, old: Card | None
) -> tuple[list[str], dict[str, Any]]:
    """The split of each clip, and the share and the seed of the draw; nothing where the lines name splits."""
    if any("split" in clip.said for clip in clips):
        if test_share is not None or seed is not None:
            raise UsageError(f"{table} names the split of each clip: leave out --test-share and --seed.")
        return _stated_splits(table, clips), {}
    before = old.metadata if old else {}
    draw = {
        "test_share": before.get("test_share", TEST_SHARE) if test_share is None else test_share,
        "seed": before.get("seed", 0) if seed is None else seed,
    }
    return _drawn_splits(table, clips, **draw), draw


def _notes(clips: Sequence[OwnClip], tests: Sequence[OwnClip]) -> tuple[str, ...]:
    """What people should know of the emotions that the lines state, and of the test split."""
    notes = []
    if other := Counter(clip.mood for clip in clips if clip.mood and clip.mood not in MOODS):
        notes.append(f"ignored, not an emotion: {', '.join(map(repr, other))}; emotions are {', '.join(MOODS)}")
    unknown = sum(clip.mood not in MOODS for clip in tests)
    if unknown and any(clip.mood in MOODS for clip in clips):
        notes.append(f"{unknown} of {len(tests)} test clips have no emotion stated: --emotions oracle is not possible")
    if len(tests) == 1:
        notes.append("the test split has one clip, so every query finds it. For more: --test-share, or more videos")
    return tuple(notes)


def _stated_splits(table: Path, clips: Sequence[OwnClip]) -> list[str]:
    """The split of each clip, as the lines say."""
    for clip in clips:
        said = clip.said.get("split", "")
        if said not in ROLES:
            what = f"'{said}' is no split" if said else "the split is empty, and other lines name one"
            raise fault(table, clip.line, f"{what}. There are {', '.join(ROLES)}.")
    if all(clip.said["split"] != "test" for clip in clips):
        raise BenchError(f"{table}: no line has the split test. Set it on the lines of the clips to be searched.")
    return [clip.said["split"] for clip in clips]


def _drawn_splits(table: Path, clips: Sequence[OwnClip], test_share: Any, seed: Any) -> list[str]:
    """The split of each clip: a share of the files is drawn for the test, whatever the order of the lines."""
    if not (isinstance(test_share, (int, float)) and 0 < test_share <= 1):
        raise UsageError(f"--test-share takes a share above 0 and up to 1, not {test_share}.")
    if not (isinstance(seed, int) and seed >= 0):
        raise UsageError(f"--seed takes a number of at least 0, not {seed}.")
    files = sorted({clip.source.file for clip in clips})
    if test_share < 1 and len(files) == 1:
        raise BenchError(
            f"{table} has clips of only one file, and a file is never divided between splits. Take all for the test: "
            "--test-share 1; or name each line's split in a column split."
        )
    most = len(files) if test_share == 1 else len(files) - 1
    count = min(max(1, round(test_share * len(files))), most)
    drawn = {files[place] for place in np.random.default_rng(seed).permutation(len(files))[:count]}
    return ["test" if clip.source.file in drawn else "train" for clip in clips]


def _moods(tests: Sequence[OwnClip]) -> list[str]:
    """The moods of the test clips, if every clip has one."""
    moods = {clip.mood for clip in tests}
    return [mood for mood in MOODS if mood in moods] if moods <= set(MOODS) else []


def _annotation(dataset: str, split: str, clips: Sequence[OwnClip], truth: bool) -> tuple[Annotation, int]:
    """A split, and how many of its clips, or queries of a test split, have an emotion.

    truth: whether emotions are what the lines say of the clips; otherwise what the emotion filter finds in captions.
    """
    members: dict[str, NDArray[np.bool_]]
    owners = [clip for clip in clips for _ in clip.captions]
    queries = [caption for clip in clips for caption in clip.captions]
    if truth:
        members = {mood: np.array([clip.mood == mood for clip in owners]) for mood in MOODS}
        emotional = np.array([clip.mood in EMOTIONS for clip in owners])
    else:
        scores = score_captions(queries) > 0  # (n, 8)
        members = {"any-nrc": (scores.sum(axis=1) > 0), **dict(zip(EMOTIONS, scores.T, strict=True))}
        emotional = is_emotional(queries)
    named = {"emotion": emotional, **members}
    subsets = {name: tuple(np.flatnonzero(which).tolist()) for name, which in named.items() if split == "test"}
    annotation = Annotation(
        dataset,
        split,
        tuple(Clip(clip.name, tuple(clip.captions)) for clip in clips),
        subsets={name: places for name, places in subsets.items() if places},
        facts={"emotions": "stated" if truth else "filter", "lexicons": {} if truth else lexicon_versions()},
        sources={clip.name: clip.source for clip in clips},
    )
    if split == "test":
        return annotation, int(emotional.sum())
    return annotation, len({clip.name for clip, found in zip(owners, emotional, strict=True) if found})


def _card(
    name: str, summary: str, splits: Sequence[Annotation], made_from: dict[str, Any], moods: list[str], old: Card | None
) -> Card:
    by_name = {one.split: one for one in splits}
    test = by_name["test"]
    stated = test.facts["emotions"] == "stated"
    recipe = {**old.recipe} if old else {}
    if "train" in by_name:
        recipe["train"] = {**recipe.get("train", {}), "batch": _batch(len(by_name["train"].clips), old)}
    content = {
        "name": name,
        "title": name,
        "summary": summary,
        "licence": "not stated",
        "source": "the user's own",
        "train": "train" if "train" in by_name else "",
        "validation": "val" if "val" in by_name else "",
        "test": "test",
        "splits": {
            split: {
                "role": ROLES[split],
                "videos": len(one.clips),
                "captions": len(one.queries),
                "summary": "drawn at random" if "seed" in made_from else "as the table says",
            }
            for split, one in by_name.items()
        },
        "subsets": {subset: _meaning(subset, stated, len(places)) for subset, places in test.subsets.items()},
        "question": [USUAL, *(["ranks:emotion"] if "emotion" in test.subsets else [])],
        "moods": moods,
        "recipe": recipe,
        "metadata": made_from,
    }
    return Card(**{**content, **({kept: getattr(old, kept) for kept in KEPT} if old else {})})


def _batch(clips: int, old: Card | None) -> Any:
    """The largest batch that so many training clips fill, or the one that people wrote into the old card, if filled."""
    if old and "train" in old.splits:
        written, usual = old.recipe.get("train", {}).get("batch"), _fitting(old.splits["train"]["videos"])
        if written not in (None, usual):
            return min(written, max(2, clips)) if isinstance(written, int) else written  # a run says what is wrong
    return _fitting(clips)


def _fitting(clips: int) -> int:
    return max(2, min(LARGEST_BATCH, clips))


def _meaning(subset: str, stated: bool, count: int) -> str:
    if subset == "emotion":
        what = "for a clip of which an emotion is stated" if stated else "that pass the emotion filter"
    elif subset == "any-nrc":
        what = "with a word of any of the eight emotions in the NRC lexicon"
    elif stated:
        what = "for a clip without emotion" if subset == NEUTRAL else f"for a clip of {subset}"
    else:
        what = f"with a word of {subset} in the NRC lexicon"
    return f"queries {what} ({count})"


def _write(folder: Path, card: Card, splits: Sequence[Annotation]) -> None:
    """Writes the splits, removes those of an earlier preparation that are no more, and then the card."""
    path = folder / "card.yaml"
    check_output(path, [WRITTEN.encode()], "card that bench wrote", mend="Move it away.")
    content = {name: value for name, value in vars(card).items() if value or name == "train"}
    text = f"{WRITTEN}: see docs/own-data.md. {', '.join(KEPT)} and recipe may be changed.\n"
    text += yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    try:
        for annotation in splits:
            save_annotation(annotation, folder)
        for split in ROLES.keys() - {annotation.split for annotation in splits}:
            _remove(folder / "annotations" / f"{split}.json")
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{folder} cannot be written ({error.strerror}). Work on a copy.") from None


def _remove(path: Path) -> None:
    check_output(path, ANNOTATION_MARKS, "annotation that bench wrote", mend="Move it away.")
    path.unlink(missing_ok=True)
