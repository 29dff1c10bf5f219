"""The NRC lexicon, as the published work used it."""

from collections.abc import Sequence

from numpy.typing import NDArray

from bench.emotions.scores import score_captions
from bench.emotions.sources import emotion_source


@emotion_source("nrc", remember=False)  # score_captions keeps its scores itself
def nrc(captions: Sequence[str]) -> NDArray:
    """How many words of a caption the NRC lexicon ties to each emotion (Mohammad and Turney, 2013)."""
    return score_captions(captions)
