"""Emotions that somebody wrote down: a file of labels from people or from a language model, one caption a line.

    {"threshold": 0.3}
    {"text": "a sad cook", "scores": {"sadness": 0.9}}
    {"text": "two people shake hands", "scores": {"trust": 0.7, "joy": 0.4}}

Scores are from 0 to 1, those that are not given 0. The first line may set the threshold above which an emotion counts
as named; without it that is 0.5.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS
from bench.emotions.lexicons import digest
from bench.emotions.sources import EmotionSource, SourceOptions, check_threshold, source_kind
from bench.errors import BenchError, UsageError
from bench.utils.files import read_text
from bench.utils.messages import say_once
from bench.utils.names import did_you_mean

THRESHOLD = 0.5
FORM = 'A line is {"text": "a sad cook", "scores": {"sadness": 0.9}}'
SHOWN = 3  # captions without labels that an error names


@dataclass(frozen=True)
class Labels:
    """scores: text -> the score of each of EMOTIONS, 0 to 1."""

    scores: dict[str, tuple[float, ...]]
    threshold: float
    digest: str


@source_kind(
    "file",
    "LABELS.jsonl",
    options=("missing_labels",),
    needs='a line {"text": …, "scores": {"joy": 0.7}} for every caption, or --missing-labels zero',
    origin="people or a language model",
)
def file(argument: str, options: SourceOptions) -> EmotionSource:
    """What a file says of each caption, by people or by a language model; scores from 0 to 1."""
    path = Path(argument)
    try:
        facts = path.stat()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. {FORM}.") from None
    labels = _read(path, (facts.st_mtime_ns, facts.st_size))

    def score(captions: Sequence[str]) -> NDArray[np.float64]:
        missing = [caption for caption in captions if caption not in labels.scores]
        if missing and options.missing_labels == "stop":
            some = ", ".join(f"'{caption[:60]}'" for caption in missing[:SHOWN]) + ", …" * (len(missing) > SHOWN)
            raise BenchError(
                f"{path} has no labels for {len(missing)} of {len(captions)} captions ({some}). Add them, or take them "
                "for captions without emotion: --missing-labels zero"
            )
        if missing:
            many = f"{len(missing)} of {len(captions)} captions"
            say_once(f"{path} has no labels for {many}: taken for captions without emotion.")
        none = (0.0,) * len(EMOTIONS)
        return np.array([labels.scores.get(caption, none) for caption in captions])

    version = f"sha256 {labels.digest}"
    return EmotionSource(f"file:{argument}", score, version, remember=False, threshold=labels.threshold)


@lru_cache(maxsize=4)
def _read(path: Path, state: tuple[int, int]) -> Labels:
    try:
        lines = read_text(path).removeprefix("\ufeff").split("\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. {FORM}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8 text.") from None
    threshold = THRESHOLD
    scores: dict[str, tuple[float, ...]] = {}
    places: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        entry = _parsed(line, where)
        if not places and entry.keys() == {"threshold"}:
            if not _is_number(entry["threshold"]):
                raise UsageError(f"{where}: the threshold is {entry['threshold']!r}, not a number from 0 up to 1.")
            threshold = float(entry["threshold"])
            check_threshold(threshold, where)
            continue
        text, row = _row(entry, where)
        if scores.get(text, row) != row:
            raise UsageError(f"{where}: '{text[:60]}' has other scores on line {places[text]}. Keep one of them.")
        scores[text] = row
        places.setdefault(text, number)
    if not scores:
        raise UsageError(f"{path} has no labels. {FORM}.")
    return Labels(scores, threshold, digest({"threshold": threshold, "scores": scores}))


def _parsed(line: str, where: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"{where} is no JSON. {FORM}.") from None
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is no JSON object. {FORM}.")
    return entry


def _row(entry: dict[str, Any], where: str) -> tuple[str, tuple[float, ...]]:
    text, given = entry.get("text"), entry.get("scores")
    if not isinstance(text, str) or not isinstance(given, dict):
        raise UsageError(f"{where} has no text, or no scores. {FORM}.")
    for emotion, score in given.items():
        if emotion not in EMOTIONS:
            near = did_you_mean(emotion, EMOTIONS) or f" There are {', '.join(EMOTIONS)}."
            raise UsageError(f"{where}: '{emotion}' is none of the eight emotions.{near}")
        if not _is_number(score) or not 0 <= score <= 1:
            raise UsageError(f"{where}: {emotion} is {score!r}, not a number from 0 to 1.")
    return text, tuple(float(given.get(emotion, 0)) for emotion in EMOTIONS)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
