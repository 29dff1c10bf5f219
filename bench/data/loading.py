"""From a dataset's folder to batches: which clips are there, which caption and which frames a sample has.

A sample is a function of (seed, epoch, place in the split) and of nothing else, so a resumed run sees what an
uninterrupted one would have seen, and the number of worker processes changes nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.utils.data import Dataset

from bench.config import RunConfig
from bench.data.annotation import Annotation, Clip, ClipSource, keep, load_annotation
from bench.data.batch import SwappedBatch, TextBatch, VideoBatch
from bench.data.batches import Key, check_batches
from bench.data.cards import NO_SPLIT, Card, check_split, training_split
from bench.data.clip_files import locate
from bench.data.controls import FaceTracks, control_scores
from bench.data.faces import Faces, read_faces
from bench.data.pixels import resize_crop
from bench.data.timeline import Span
from bench.data.tokenizer import encode, token_keys
from bench.data.video import (
    find_copies,
    look,
    read_frames,
    sample_indices,
    why_not_decord,
)
from bench.data.video_memory import Memory, mark, read_memory, remember
from bench.data.workers import count_workers, decode_all
from bench.emotions import EMOTIONS
from bench.emotions.sources import SourceOptions, find_source
from bench.errors import BenchError, UsageError
from bench.utils.machine import usable_cores
from bench.utils.messages import say_once
from bench.utils.processes import DIED, in_processes
from bench.utils.progress import progress

FACES_FILE = "faces.parquet"  # in a dataset's folder, as `bench faces` leaves it

Track = tuple[np.ndarray, np.ndarray]  # (T, 8) float32 scores in the order of EMOTIONS, (T,) bool: face seen
Sample = tuple[int, str, np.ndarray, Track | None]  # place in the split, caption, frames or features, expressions
TEST = -1  # as the epoch of a key: no jitter, the first caption
HOLDOUT_SEED = 0  # one draw for all runs: they train on the same clips whatever their seed
REMEMBER_EVERY = 30.0  # seconds between two writes of what was learned: each writes all of it


@dataclass(frozen=True)
class Videos:
    """The clips that are there and can be read: where they lie, how many frames each has and how long it is."""

    paths: dict[str, Path]
    frames: dict[str, int]
    seconds: dict[str, float]
    spans: dict[str, Span | None]  # which seconds of its file a clip is; None: all
    copies: str = ""  # the folder of small copies where they lie; empty: they are the originals
    features: Mapping[str, np.ndarray] = field(default_factory=dict)  # (P,) float32 each, a frozen video tower's


@dataclass(frozen=True)
class Data:
    """A dataset, opened. `skipped` counts the clips left out of each part, by split name; `broken` says why."""

    train: Annotation
    validation: Annotation | None
    test: Annotation
    videos: Videos
    skipped: dict[str, int]
    broken: dict[str, str]  # clip -> what is wrong with its file; a clip that has none is only counted


def open_data(config: RunConfig, card: Card, folder: Path) -> Data:
    """Reads the splits that a run names and looks at every clip they need.

    Missing and broken clips stop the run here, before any training, unless `config.missing` is "skip".
    """
    split = training_split(card, config.split)
    alone = split == NO_SPLIT  # the evaluation
    training = not alone and config.train.trains
    train = Annotation(card.name, split, ()) if alone else load_annotation(folder, split, card.name)
    test = load_annotation(folder, check_split(card, config.test or card.test, "test"), card.name)
    watched = "" if alone else card.splits[split].get("validation", card.validation)
    if watched and config.train.select != "val" and not (folder / "annotations" / f"{watched}.json").is_file():
        say_once(f"{folder} lacks {watched}, the validation split: training goes on without validation.")
        watched = ""
    validation = load_annotation(folder, watched, card.name) if watched else None
    if test.twins and len(test.queries) > len(test.clips):
        raise BenchError(f"{card.name}/{test.split} has twins and several captions a clip. Keep one caption a clip.")
    if shared := {clip.video for clip in train.clips} & {clip.video for clip in test.clips}:
        raise UsageError(
            f"{len(shared)} of {len(test.clips)} test videos of {card.name}/{test.split} are in the training split "
            f"{train.split}, too. Name another: --split or --test."
        )
    parts = [part for part in (train, validation, test) if part]
    wanted = [clip.video for part in parts for clip in part.clips]
    sources = {video: source for part in parts for video, source in part.sources.items()}
    videos, broken = look_at(folder, sorted(set(wanted)), sources)
    if config.video.reader == "decord" and (left := left_to_pyav(videos)):
        say_once(left)
    left_out = [video for video in dict.fromkeys(wanted) if video not in videos.frames]
    if left_out and config.missing == "stop":
        some = ", ".join(f"{video} ({broken[video]})" if video in broken else video for video in left_out[:5])
        raise BenchError(
            f"{len(left_out)} of {len(set(wanted))} videos of {card.name}/{train.split} and {test.split} are missing "
            f"or broken under {folder}{f'/{videos.copies}' if videos.copies else ''} "
            f"({some}{', …' if len(left_out) > 5 else ''}). "
            f"Fix the folder{f' (bench data compress --root {folder} goes on)' if videos.copies else ''}, "
            "or go on without them: --missing skip (the record will say so)."
        )
    skipped = {part.split: sum(clip.video not in videos.frames for clip in part.clips) for part in parts}
    train, test = keep(train, videos.frames), keep(test, videos.frames)
    validation = keep(validation, videos.frames) if validation else None
    if validation and config.train.holdout:
        raise UsageError(
            f"{card.name} has a validation split of its own, '{validation.split}': leave out --train.holdout."
        )
    if config.train.holdout:
        train, validation = hold_out(train, config.train.holdout)
    if config.train.select == "val" and not validation:
        raise UsageError(f"--train.select val needs validation videos and {card.name} has none: --train.holdout 100")
    if len(test.clips) == 0 or (training and len(train.clips) < config.train.batch):
        raise BenchError(
            f"{len(train.clips)} clips to train on and {len(test.clips)} to test on are too few for a batch of "
            f"{config.train.batch}. Add videos under {folder}, or lower --train.batch."
        )
    check_batches(train, config.train)
    return Data(train, validation, test, videos, {part: n for part, n in skipped.items() if n}, broken)


def open_faces(config: RunConfig, folder: Path, data: Data) -> Faces:
    """The facial expressions of all clips of a run. Clips that nobody looked at stop it, unless they may be skipped."""
    path = config.faces.file or folder / FACES_FILE
    out = f" --out {path}" if config.faces.file else ""
    again = f"bench faces --dataset {config.dataset} --root {folder} --backend deepface{out}"
    if not path.is_file():
        raise BenchError(f"{config.variant} needs facial expressions and {path} is missing. Make it: {again}")
    faces = read_faces(path, f"Make it again: {again}")
    parts = [part for part in (data.train, data.validation, data.test) if part]
    wanted = dict.fromkeys(clip.video for part in parts for clip in part.clips)
    unknown = [video for video in wanted if video not in faces.videos]
    if unknown and config.missing == "stop":
        raise BenchError(
            f"{path} has no rows for {len(unknown)} of {len(wanted)} clips ({', '.join(unknown[:5])}"
            f"{', …' if len(unknown) > 5 else ''}). Run bench faces over them, or take them for clips without a face: "
            "--missing skip"
        )
    return faces


def hold_out(train: Annotation, count: int) -> tuple[Annotation, Annotation]:
    """Takes `count` clips, always the same, out of a training split, for validation with their first caption."""
    drawn = np.random.default_rng([HOLDOUT_SEED, count]).permutation(len(train.clips))[:count]
    if len(drawn) == len(train.clips):
        raise UsageError(f"--train.holdout {count} leaves none of {len(train.clips)} clips to train on.")
    names = {train.clips[place].video for place in drawn}
    rest = {clip.video for clip in train.clips} - names
    return keep(train, rest), replace(keep(train, names), split=f"{train.split}-held-out")


def look_at(
    folder: Path, wanted: Sequence[str], sources: Mapping[str, ClipSource] | None = None
) -> tuple[Videos, dict[str, str]]:
    """Which of the wanted clips are under `folder` and can be read; and why not, for those that are broken.

    sources: of their annotations. Of a clip that is a part of a file no more than the part is decoded.
    Where `bench data compress` has been, its copies are read. Every frame of a clip is decoded once, for damage that a
    reader might conceal, in processes of which one may die over it; what was learned of a file is remembered in the
    cache folder until its size or date changes, and `bench data compress` leaves there what it learned of its copies.
    """
    copies = find_copies(folder)
    present = locate(folder, wanted, sources or {})
    memory, learned = read_memory(), Memory()
    marks = {video: mark(*file) for video, file in present.items()}
    unknown = [video for video in present if marks[video] not in memory]
    broken: dict[str, str] = {}
    died: tuple[int, float] | str = DIED
    answers = in_processes(look, {video: present[video] for video in unknown}, usable_cores(), died)
    shown = progress(answers, total=len(unknown), what="looking at videos", unit="video")
    written = time.monotonic()
    for count, (video, answer) in enumerate(shown, start=1):
        if isinstance(answer, str):
            broken[video] = (
                f"{present[video].path}: {DIED}" if answer == DIED else answer
            )  # not remembered: what is mended outside the file must show
        else:
            learned[marks[video]] = answer
        if count == len(unknown) or time.monotonic() - written > REMEMBER_EVERY:
            remember(learned)
            written = time.monotonic()
    memory |= learned
    good = {video: memory[marks[video]] for video in present if video not in broken}
    frames = {video: count for video, (count, _) in good.items()}
    seconds = {video: seconds for video, (_, seconds) in good.items()}
    paths = {video: path for video, (path, _) in present.items()}
    spans = {video: span for video, (_, span) in present.items()}
    return Videos(paths, frames, seconds, spans, copies.name if copies else ""), dict(sorted(broken.items()))


def left_to_pyav(videos: Videos) -> str:
    """How many clips are not left to decord by `--video.reader decord`, by reason; empty where it reads all.

    UsageError: decord is not installed.
    """
    with ThreadPoolExecutor() as pool:
        reasons = Counter(pool.map(why_not_decord, [videos.paths[video] for video in videos.frames]))
    read = reasons.pop("", 0)
    if not reasons:
        return ""
    why = ", ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items()))
    return f"decord reads {read} of {read + reasons.total()} clips, PyAV the others because of: {why}"


def joined(clip: Clip) -> str:
    """A clip's captions as one text, as the emotion filter reads them."""
    return ". ".join(clip.captions)


class Samples(Dataset):
    """A split as samples: `samples[epoch, place]` is (place, caption, frames (T, S, S, 3) uint8, faces or None).

    tracks: the split's facial expressions, for variants that need them. Where videos have `features`, these stand in
    the place of frames, and nothing is decoded.
    """

    def __init__(self, annotation: Annotation, videos: Videos, config: RunConfig, tracks: FaceTracks | None = None):
        self.clips, self.videos, self.config, self.tracks = annotation.clips, videos, config, tracks
        self.cached: dict[str, np.ndarray] = {}
        if config.video.cache and not videos.features:
            pixels = 3 * config.video.size**2
            sizes = {clip.video: pixels * videos.frames[clip.video] for clip in self.clips}
            self.cached = decode_all(self._whole, sizes, f"{annotation.dataset}/{annotation.split}")

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: Key) -> Sample:
        epoch, place = key
        clip = self.clips[place]
        rng = None if epoch == TEST else np.random.default_rng([self.config.seed, epoch, place])
        caption = self.caption(clip, rng)
        count = self.videos.frames[clip.video]
        drawn = "video" not in self.config.train.frozen_towers  # its features are of one choice of frames
        indices = sample_indices(count, self.config.video.frames, rng if drawn else None)
        track = self.tracks[place, indices / count] if self.tracks else None
        if self.videos.features:
            return place, caption, self.videos.features[clip.video], track
        if self.cached:
            return place, caption, self.cached[clip.video][indices], track
        return place, caption, self._read(clip.video, indices), track

    def _read(self, video: str, indices: np.ndarray) -> np.ndarray:
        """Frames of a clip as the model takes them: (T, S, S, 3) uint8."""
        path, span = self.videos.paths[video], self.videos.spans[video]
        frames = read_frames(path, indices, reader=self.config.video.reader, span=span)
        return resize_crop(frames, self.config.video.size)

    def caption(self, clip: Clip, rng: np.random.Generator | None) -> str:
        """A test clip's one caption; a training clip's by `config.captions`."""
        if rng is None:
            return clip.captions[0]
        if self.config.captions == "joined":
            return joined(clip)
        return clip.captions[rng.integers(len(clip.captions))]

    def _whole(self, video: str) -> np.ndarray:
        return self._read(video, np.arange(self.videos.frames[video]))

    def workers(self, keys: Sequence[list[Key]]) -> int:
        """How many processes make these batches; none where their frames are in memory."""
        if self.cached or self.videos.features or not keys:
            return 0
        video = self.config.video
        return count_workers(video.workers, len(keys), 3 * video.size**2 * video.frames * len(keys[0]))


Phrase = Callable[[str, tuple[str, ...]], str]  # `Variant.phrase`


class Collator:
    """Samples to batches: of captions, of clips, and of swapped captions.

    captions: every text that may come, where the variant needs emotions: they are scored once, and a control exchanges
    them among each other. phrase: how the variant words a caption. source, options: what scores them; it is asked
    nothing under a control that holds for every caption alike. swapped: caption -> the same with its emotion word
    exchanged, where such are wanted; they are scored as captions are, and under a control they exchange emotions with
    captions, so that emotions do not tell one from the other. features: `token_keys` -> (P,) float32, what a frozen
    text tower gives; a batch has them if all of its texts do.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        tokens: int,
        phrase: Phrase,
        captions: Sequence[str] | None,
        *,
        swapped: Mapping[str, str] | None = None,
        source: str = "nrc",
        options: SourceOptions = SourceOptions(),  # noqa: B008, it is frozen
        control: str = "true",
        seed: int = 0,
        features: Mapping[bytes, np.ndarray] | None = None,
    ):
        self.tokenizer, self.tokens, self.phrase = tokenizer, tokens, phrase
        self.swapped, self.features = swapped or {}, features or {}
        texts = dict.fromkeys((*(captions or ()), *self.swapped.values()))
        self.rows = {text: row for row, text in enumerate(texts)}
        self.scores, self.threshold = None, 0.0
        if captions is not None:
            found = find_source(source, options)
            self.threshold = found.threshold
            same = np.zeros((len(self.rows), len(EMOTIONS)), np.int64)
            scores = same if control in ("zeroed", "constant") else found.scores(list(self.rows))
            self.scores = control_scores(scores, control, seed, found.threshold)  # (n, 8)

    def __call__(self, samples: Sequence[Sample]) -> tuple[TextBatch, VideoBatch, SwappedBatch | None]:
        captions = [caption for _, caption, _, _ in samples]
        return self.text(captions), self.video(samples)[1], self.swaps(captions)

    def video(self, samples: Sequence[Sample]) -> tuple[list[int], VideoBatch]:
        """Clips alone, with their places in the split."""
        places, _, frames, tracks = zip(*samples, strict=True)
        faces = seen = None
        if tracks[0] is not None:
            faces, seen = (torch.from_numpy(np.stack(part)) for part in zip(*tracks, strict=True))
        found = torch.from_numpy(np.stack(frames))
        if found.dtype == torch.uint8:
            return list(places), VideoBatch(found, faces, seen)
        return list(places), VideoBatch(torch.empty(len(found), 0), faces, seen, found)

    def text(self, captions: Sequence[str]) -> TextBatch:
        """Captions alone; each must be one of those the collator was made with, or of their swapped ones."""
        emotions = None
        named: list[tuple[str, ...]] = [()] * len(captions)
        if self.scores is not None:
            scores = self.scores[[self.rows[caption] for caption in captions]]  # (B, 8)
            emotions = torch.from_numpy(scores).float()
            named = [
                tuple(name for name, score in zip(EMOTIONS, row, strict=True) if score > self.threshold)
                for row in scores
            ]
        texts = [self.phrase(caption, names) for caption, names in zip(captions, named, strict=True)]
        ids, mask = encode(self.tokenizer, texts, self.tokens)
        known = [self.features[key] for key in token_keys(ids, mask) if key in self.features] if self.features else []
        features = torch.from_numpy(np.stack(known)) if known and len(known) == len(texts) else None
        return TextBatch(torch.from_numpy(ids), torch.from_numpy(mask), emotions, self.threshold, features)

    def swaps(self, captions: Sequence[str]) -> SwappedBatch | None:
        """Those of these captions that can be swapped, swapped; None where there are none."""
        rows = [row for row, caption in enumerate(captions) if caption in self.swapped]
        if not rows:
            return None
        text = self.text([self.swapped[captions[row]] for row in rows])
        return SwappedBatch(**vars(text), rows=torch.tensor(rows))
