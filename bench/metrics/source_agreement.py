"""Two emotion sources over the same captions: how often each names an emotion, how far they agree, where not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS
from bench.emotions.sources import EmotionSource
from bench.metrics.estimate import Estimate
from bench.metrics.kappa import cohens_kappa
from bench.metrics.statistics import wilson


@dataclass(frozen=True)
class EmotionAgreement:
    """Of one emotion: the shares of captions that each source says name it, in percent, and Cohen's kappa."""

    emotion: str
    prevalence: Estimate
    prevalence_against: Estimate
    kappa: Estimate
    differing: int  # captions of which only one says so


@dataclass(frozen=True)
class Difference:
    """A caption, and the emotions that it names by each source."""

    caption: str
    named: tuple[str, ...]
    named_against: tuple[str, ...]


@dataclass(frozen=True)
class SourceAgreement:
    """source, against: names and versions. differences: captions of which they differ, in most emotions first.

    Equal captions count each time in the shares, once in the differences.
    """

    source: tuple[str, str]
    against: tuple[str, str]
    captions: int
    emotions: tuple[EmotionAgreement, ...]
    differences: tuple[Difference, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON types."""
        return {
            "source": dict(zip(("name", "version"), self.source, strict=True)),
            "against": dict(zip(("name", "version"), self.against, strict=True)),
            "captions": self.captions,
            "emotions": {
                one.emotion: {
                    "prevalence": one.prevalence.as_json(),
                    "prevalence_against": one.prevalence_against.as_json(),
                    "kappa": one.kappa.as_json(),
                    "differing": one.differing,
                }
                for one in self.emotions
            },
            "differences": [
                {"text": one.caption, "source": list(one.named), "against": list(one.named_against)}
                for one in self.differences
            ],
        }


def agreement(captions: Sequence[str], source: EmotionSource, against: EmotionSource) -> SourceAgreement:
    """How far two sources agree about n captions, emotion by emotion."""
    named, named_too = source.named(captions), against.named(captions)  # (n, 8) each
    apart = named != named_too
    rows: dict[str, int] = {}
    for row in np.argsort(-apart.sum(axis=1), kind="stable"):
        if apart[row].any():
            rows.setdefault(captions[row], int(row))
    return SourceAgreement(
        source=(source.name, source.version),
        against=(against.name, against.version),
        captions=len(captions),
        emotions=tuple(
            EmotionAgreement(
                emotion,
                _share(int(named[:, column].sum()), len(captions)),
                _share(int(named_too[:, column].sum()), len(captions)),
                cohens_kappa(named[:, column], named_too[:, column]),
                int(apart[:, column].sum()),
            )
            for column, emotion in enumerate(EMOTIONS)
        ),
        differences=tuple(
            Difference(caption, _names(named[row]), _names(named_too[row])) for caption, row in rows.items()
        ),
    )


def _share(count: int, n: int) -> Estimate:
    return Estimate.rounded(count / n, *wilson(count, n), scale=100)


def _names(row: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(emotion for emotion, there in zip(EMOTIONS, row, strict=True) if there)
