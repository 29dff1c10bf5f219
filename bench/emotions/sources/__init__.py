"""Emotion sources by name: what a variant takes as the emotions of a caption.

    @emotion_source("longest", version="1")
    def longest(captions):
        '''The longer a caption, the more joy.'''
        return [[len(caption), 0, 0, 0, 0, 0, 0, 0] for caption in captions]

One more source is one function, in a module here or in a plugin; `@source_kind` registers those that need a file or a
model of the user's, as `vad:FILE`. Metrics, subsets and filters do not ask a source: they hold to the published rule,
the NRC lexicon, so that runs with different sources are measured alike.
"""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.emotions import EMOTIONS
from bench.emotions.lexicons import lexicon_versions
from bench.emotions.scores import cached, checked
from bench.errors import UsageError
from bench.utils.device import AUTO, check_device
from bench.utils.registry import Registry
from bench.utils.source import code_digest, with_helpers

if TYPE_CHECKING:
    from bench.config import RunConfig

Score = Callable[[Sequence[str]], ArrayLike]  # n captions -> (n, 8), 0 or more, 0 where an emotion is not named
Unknown = Callable[[str], list[str]]  # a caption -> its words that the source does not know
F = TypeVar("F", bound=Callable)


@dataclass(frozen=True)
class SourceOptions:
    """What may be said of a source beside its name; each kind declares which of these it takes.

    label_map: the YAML file that maps the labels of a classifier. missing_labels: what to do with captions of which a
    file of labels says nothing. device: where a model computes, as in `bench.utils.device`. UsageError: no such name.
    """

    label_map: Path | None = None
    missing_labels: Literal["stop", "zero"] = "stop"
    device: str = AUTO

    def __post_init__(self) -> None:
        check_device(self.device)

    @classmethod
    def of(cls, config: "RunConfig") -> "SourceOptions":
        """Those of a run."""
        return cls(config.label_map, config.missing_labels, config.device)


@dataclass(frozen=True)
class EmotionSource:
    """What scores captions.

    name: as it is asked for, "nrc" or "vad:FILE". declared: its version, or what finds it out. remember: whether scores
    of many captions are kept in the cache folder. threshold: an emotion counts as named where its score is above it.
    unknown: None where a source looks no words up. needs, origin: what it takes to use it, and where it comes from.
    """

    name: str
    function: Score
    declared: str | Callable[[], str]
    remember: bool = True
    threshold: float = 0.0
    unknown: Unknown | None = None
    needs: str = ""
    origin: str = ""

    @property
    def kind(self) -> str:
        """Its name without the file or model that the user gave."""
        return self.name.partition(":")[0]

    @property
    def summary(self) -> str:
        """The first paragraph of its docstring."""
        return _summary(self.function)

    @property
    def label(self) -> str:
        """Name and version, for people."""
        return f"{self.name} ({self.version or 'unknown version'})"

    @cached_property
    def version(self) -> str:
        """What changes when its scores may: the version that it declares, or else a digest of what its code executes.

        That is its file, and what this imports of its own package. Empty for a function without a file.
        """
        if self.declared:
            return self.declared if isinstance(self.declared, str) else self.declared()
        files = with_helpers([self.function.__module__])
        return f"code {code_digest(files)[:8]}" if files else ""

    @property
    def signature(self) -> str:
        """Kind and version as they stand in a protocol signature: "nrc-lower-1", "vad-1-1a2b3c4d"."""
        parts = [part.split()[-1][:8] for part in self.version.split(",") if part.strip()]
        return re.sub(r"[^\w.+-]", "", "-".join([self.kind, *(parts or ["unknown"])]))

    def scores(self, captions: Sequence[str]) -> NDArray:
        """What it says of n captions: (n, 8), in the order of EMOTIONS.

        UsageError: it gives something else than n rows of 8 finite numbers from 0.
        """
        texts = checked(captions)
        if not texts:
            return np.zeros((0, len(EMOTIONS)), np.int64)

        def compute() -> NDArray:
            return _valid(np.asarray(self.function(texts)), self.name, len(texts))

        if not self.remember or not self.version:
            return compute()
        return _valid(cached("source", f"{self.kind} {self.version}", texts, compute), self.name, len(texts))

    def named(self, captions: Sequence[str]) -> NDArray[np.bool_]:
        """(n, 8): which emotions each caption names by it."""
        return self.scores(captions) > self.threshold


@dataclass(frozen=True)
class SourceKind:
    """A kind of sources, one for each file or model of the user's. argument: what comes behind the colon, "FILE".

    options: which of `SourceOptions` it takes. needs, origin: as of `EmotionSource`.
    """

    name: str
    argument: str
    opener: Callable[[str, SourceOptions], EmotionSource]
    options: tuple[str, ...]
    needs: str
    origin: str

    @property
    def summary(self) -> str:
        """The first paragraph of its docstring."""
        return _summary(self.opener)


SOURCES: Registry[EmotionSource | SourceKind] = Registry("emotion source", "bench.emotions.sources")


def emotion_source(
    name: str,
    *,
    version: str | Callable[[], str] = "",
    remember: bool = True,
    threshold: float = 0.0,
    unknown: Unknown | None = None,
    needs: str = "",
    origin: str = "",
) -> Callable[[F], F]:
    """Decorator: makes a function from n captions to (n, 8) scores in the order of EMOTIONS known as `name`.

    Scores are 0 or more; above `threshold`, which is from 0 up to 1, an emotion counts as named. version: raise it when
    the same captions would get other scores; by default it follows from the code. remember: False for a source that is
    quick, or keeps its scores itself. unknown: a caption -> its words that the source does not know.
    """
    check_threshold(threshold, f"the emotion source '{name}'")

    def add(function: F) -> F:
        source = EmotionSource(name, function, version, remember, threshold, unknown, needs, origin)
        SOURCES.add(name, source, function)
        return function

    return add


def source_kind(
    name: str, argument: str, *, options: tuple[str, ...] = (), needs: str = "", origin: str = ""
) -> Callable[[F], F]:
    """Decorator: makes a function (argument, options) -> `EmotionSource` known as `name:ARGUMENT`."""

    def add(function: F) -> F:
        SOURCES.add(name, SourceKind(name, argument, function, options, needs, origin), function)
        return function

    return add


def find_source(name: str, options: SourceOptions = SourceOptions()) -> EmotionSource:
    """The source of that name, with those of the options that it takes. UsageError: no such source, file or model."""
    kind, colon, argument = name.partition(":")
    found = SOURCES.get(kind)
    if isinstance(found, EmotionSource):
        if colon:
            raise UsageError(f"the emotion source '{kind}' takes nothing after a colon: --emotion-source {kind}")
        return found
    if not argument:
        raise UsageError(f"the emotion source '{kind}' needs an argument: --emotion-source {kind}:{found.argument}")
    return found.opener(argument, options)


def check_options(names: Sequence[str], options: SourceOptions) -> None:
    """UsageError for an option that none of these sources takes. A device goes with any: most run no model."""
    kinds = [SOURCES.get(name.partition(":")[0]) for name in names]
    taken = {option for kind in kinds if isinstance(kind, SourceKind) for option in kind.options}
    for option, default in vars(SourceOptions()).items():
        if option not in (*taken, "device") and getattr(options, option) != default:
            raise UsageError(f"{' and '.join(names)} takes no --{option.replace('_', '-')}. Leave it out.")


def source_versions(source: str, options: SourceOptions = SourceOptions()) -> dict[str, str]:
    """Which lexicons decide here, for the record, and the version of the source if it is none of them."""
    lexicons = lexicon_versions()
    return lexicons if source in lexicons else {**lexicons, source: find_source(source, options).version or "unknown"}


def check_threshold(threshold: float, where: str) -> None:
    """UsageError for a threshold that is not from 0 up to 1."""
    if not 0 <= threshold < 1:
        raise UsageError(f"{where}: its threshold is {threshold}; it must be from 0 up to 1.")


def _summary(function: Callable) -> str:
    return re.sub(r"\s+", " ", (inspect.getdoc(function) or "").split("\n\n")[0])


def _valid(scores: NDArray, name: str, count: int) -> NDArray:
    what = f"the emotion source '{name}' gave"
    if scores.shape != (count, len(EMOTIONS)):
        wanted = (count, len(EMOTIONS))
        raise UsageError(f"{what} scores of shape {scores.shape} for {count} captions, not {wanted}.")
    if scores.dtype.kind not in "biuf" or not np.isfinite(scores).all() or (scores < 0).any():
        raise UsageError(f"{what} scores that are not finite numbers of 0 or more.")
    return scores if scores.dtype.kind != "b" else scores.astype(np.int64)
