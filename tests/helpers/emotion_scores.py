"""What a source of emotion says of captions, by the source's name."""

from collections.abc import Sequence

from numpy.typing import NDArray

from bench.emotions.sources import SourceOptions, find_source


def score_by(source: str, captions: Sequence[str], options: SourceOptions = SourceOptions()) -> NDArray:  # noqa: B008
    """(n, 8), in the order of EMOTIONS."""
    return find_source(source, options).scores(captions)
