"""Valence and arousal of words, by the user's copy of the NRC-VAD lexicon, mapped to the eight emotions.

The map: each emotion lies where the file itself puts that emotion's name, a point of valence and arousal. A word's
score for an emotion is 1 - d / r, not below 0, where d is its distance from that point and r the distance of that point
from the middle of both scales: 1 for the name itself, 0 for a word that is no nearer to it than a word of no emotion
is. A caption has the highest score of its words. Two dimensions do not tell fear, anger and disgust apart well; the
published lexicon's third, dominance, is not used.
Source: the lexicon is Mohammad's, ACL 2018 (0 to 1) and its version 2 of 2025 (-1 to 1); the map is this suite's, the
plane of valence and arousal Russell's, A circumplex model of affect, JPSP 39(6), 1980.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS
from bench.emotions.lexicons import digest
from bench.emotions.sources import EmotionSource, SourceOptions, source_kind
from bench.emotions.unknown_words import unknown_words
from bench.errors import UsageError
from bench.utils.files import read_text

THRESHOLD = 0.5  # of the way from no emotion to the emotion's own name
RULE = 1  # raise it when the same file would give other scores
PAGE = "https://saifmohammad.com/WebPages/nrc-vad.html"
FORM = "It takes lines of word, valence, arousal, dominance, with tabs between"


@dataclass(frozen=True)
class VadLexicon:
    """places: word -> (valence, arousal), both from -1 to 1. digest: of the words and numbers."""

    places: dict[str, tuple[float, float]]
    digest: str


@source_kind("vad", "FILE", needs="the NRC-VAD lexicon, which is yours to fetch: free for research", origin=PAGE)
def vad(argument: str, options: SourceOptions) -> EmotionSource:
    """How near the words of a caption are to each emotion in valence and arousal, by a file of NRC-VAD; 0 to 1."""
    path = Path(argument)
    lexicon = _read(path, _state(path))
    anchors = np.array([_anchor(lexicon, emotion, path) for emotion in EMOTIONS])  # (8, 2)
    radii = np.linalg.norm(anchors, axis=1)  # (8,)

    def score(captions: Sequence[str]) -> NDArray[np.float64]:
        from bench.emotions.tokenize import words

        scores = np.zeros((len(captions), len(EMOTIONS)))
        for row, caption in zip(scores, captions, strict=True):
            found = [lexicon.places[word] for one in words(caption) if (word := one.lower()) in lexicon.places]
            if found:
                distances = np.linalg.norm(np.array(found)[:, None] - anchors, axis=2)  # (words, 8)
                row[:] = np.clip(1 - distances / radii, 0, None).max(axis=0)
        return scores

    def unknown(caption: str) -> list[str]:
        return unknown_words(caption, lambda word: word.lower() in lexicon.places)

    version = f"{RULE}, sha256 {lexicon.digest}"
    return EmotionSource(f"vad:{argument}", score, version, threshold=THRESHOLD, unknown=unknown)


def _anchor(lexicon: VadLexicon, emotion: str, path: Path) -> tuple[float, float]:
    place = lexicon.places.get(emotion, (0.0, 0.0))
    if place == (0.0, 0.0):
        raise UsageError(f"{path} has no valence and arousal for '{emotion}'. Is it the whole NRC-VAD lexicon? {PAGE}")
    return place


def _state(path: Path) -> tuple[int, int]:
    """What changes when the file does."""
    try:
        facts = path.stat()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Fetch the NRC-VAD lexicon: {PAGE}") from None
    return facts.st_mtime_ns, facts.st_size


@lru_cache(maxsize=4)
def _read(path: Path, state: tuple[int, int]) -> VadLexicon:
    try:
        lines = read_text(path).removeprefix("\ufeff").splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. {FORM}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start}). {FORM}.") from None
    found: dict[str, tuple[float, float]] = {}
    for number, line in enumerate(lines, 1):
        word, *numbers = line.split("\t")
        if not line.strip() or (number == 1 and word.strip().lower() in ("word", "term", "terms")):
            continue
        try:
            valence, arousal, _ = (float(value) for value in numbers[:3])
        except ValueError:
            raise UsageError(f"{path} line {number} lacks three numbers after the word. {FORM}: {PAGE}") from None
        if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
            raise UsageError(f"{path} line {number}: {valence:g} and {arousal:g} must be from 0 to 1, or from -1 to 1.")
        found[word.strip().lower()] = (valence, arousal)
    if all(min(place) >= 0 for place in found.values()):  # version 1, from 0 to 1
        found = {word: (2 * valence - 1, 2 * arousal - 1) for word, (valence, arousal) in found.items()}
    return VadLexicon(found, digest(found))
