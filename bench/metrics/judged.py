"""Recall over all videos that people call relevant, of the videos that a run ranks first.

A query's own video is true by the dataset; others may suit it as well, and a metric that knows one true video alone
counts them as errors. Judgments are never complete, so three numbers stand together: recall over the relevant videos;
the same over the judged ones alone, as if the others were not in the gallery; and how many of the first k were judged.
Source: for condensed lists Sakai, Alternatives to Bpref, SIGIR 2007.
"""

from collections.abc import Collection, Sequence


def found(top: Sequence[str], relevant: Collection[str], k: int) -> bool:
    """Whether one of the first k videos is relevant. top: the first videos of a ranking, best first."""
    return any(video in relevant for video in top[:k])


def found_condensed(top: Sequence[str], relevant: Collection[str], judged: Collection[str], k: int) -> bool | None:
    """The same when videos that nobody judged are taken out of the ranking; None where `top` is too short to tell.

    relevant: some of the judged. It is told when k judged videos are in `top`, or a relevant one, or when those further
    down are irrelevant, or when more of them come among the first k than are irrelevant.
    """
    condensed = [video for video in top if video in judged]
    if found(condensed, relevant, k):
        return True
    below = set(judged) - set(top)
    if len(condensed) >= k or not below & set(relevant):
        return False
    return True if len(below - set(relevant)) < k - len(condensed) else None


def share_judged(top: Sequence[str], judged: Collection[str], k: int) -> float:
    """How many of the first k videos were judged, as a share."""
    first = top[:k]
    return sum(video in judged for video in first) / len(first)
