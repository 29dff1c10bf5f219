"""Emotion sources by name: what a variant takes as the emotions of a caption.

    @emotion_source("longest", version="1")
    def longest(captions):
        '''The longer a caption, the more joy.'''
        return [[len(caption), 0, 0, 0, 0, 0, 0, 0] for caption in captions]

One more source is one function, in a module here or in a plugin. Metrics, subsets and filters do not ask it: they hold
to the published rule, the NRC lexicon, so that runs with different sources are measured alike.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.emotions import EMOTIONS
from bench.emotions.lexicons import lexicon_versions
from bench.emotions.scores import cached, checked
from bench.errors import UsageError
from bench.utils.registry import Registry
from bench.utils.source import code_digest, with_helpers

Score = Callable[[Sequence[str]], ArrayLike]  # n captions -> (n, 8), 0 or more, 0 where an emotion is not named
F = TypeVar("F", bound=Score)


@dataclass(frozen=True)
class EmotionSource:
    """A source as it was registered. remember: whether scores of many captions are kept in the cache folder."""

    name: str
    function: Score
    declared: str
    remember: bool

    @property
    def summary(self) -> str:
        """The first sentence of its docstring."""
        return (inspect.getdoc(self.function) or "").split("\n\n")[0].replace("\n", " ")

    @cached_property
    def version(self) -> str:
        """What changes when its scores may: the version that it declares, or else a digest of what its code executes.

        That is its file, and what this imports of its own package. Empty for a function without a file.
        """
        files = with_helpers([self.function.__module__]) if not self.declared else ()
        return self.declared or (f"code {code_digest(files)[:8]}" if files else "")


SOURCES: Registry[EmotionSource] = Registry("emotion source", "bench.emotions.sources")


def emotion_source(name: str, *, version: str = "", remember: bool = True) -> Callable[[F], F]:
    """Decorator: makes a function from n captions to (n, 8) scores in the order of EMOTIONS known as `name`.

    Scores are 0 or more; above 0 an emotion counts as named. version: raise it when the same captions would get other
    scores; by default it follows from the code. remember: False for a source that is quick, or keeps its scores itself.
    """

    def add(function: F) -> F:
        SOURCES.add(name, EmotionSource(name, function, version, remember), function)
        return function

    return add


def score_by(source: str, captions: Sequence[str]) -> NDArray:
    """What a source says of n captions: (n, 8), in the order of EMOTIONS.

    UsageError: no such source, or one that gives something else than n rows of 8 finite numbers from 0.
    """
    asked, texts = SOURCES.get(source), checked(captions)
    if not texts:
        return np.zeros((0, len(EMOTIONS)), np.int64)

    def compute() -> NDArray:
        return _valid(np.asarray(asked.function(texts)), asked.name, len(texts))

    if not asked.remember or not asked.version:
        return compute()
    return _valid(cached("source", f"{asked.name} {asked.version}", texts, compute), asked.name, len(texts))


def source_versions(source: str) -> dict[str, str]:
    """Which lexicons decide here, for the record, and the version of the source if it is none of them."""
    lexicons = lexicon_versions()
    return lexicons if source in lexicons else {**lexicons, source: SOURCES.get(source).version or "unknown version"}


def _valid(scores: NDArray, name: str, count: int) -> NDArray:
    what = f"the emotion source '{name}' gave"
    if scores.shape != (count, len(EMOTIONS)):
        raise UsageError(f"{what} an array {scores.shape} for {count} captions, not ({count}, {len(EMOTIONS)}).")
    if scores.dtype.kind not in "biuf" or not np.isfinite(scores).all() or (scores < 0).any():
        raise UsageError(f"{what} scores that are no finite numbers from 0.")
    return scores if scores.dtype.kind != "b" else scores.astype(np.int64)
