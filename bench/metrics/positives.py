"""Which counts answer a question: of which queries, in which direction, with how many true captions a video.

Records hold, for every caption, how far its own video is from the top (t2v), and how far the caption is from the top
of its own video (v2t). Where each video has one caption, these are the two directions. Where videos have several, V2T
has two definitions, which the field prints under one name:

    v2t      "best": a video is a query, and its rank that of its first true caption
    v2t-all  "all": every true caption of a video is a query, and the others of the same video are among its rivals. So
             with 20 captions a video a perfect model has R@1 of 5 %, R@5 of 25 % and R@10 of 50 %
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

ALL_CAPTIONS = "v2t-all"

RankCounts = Mapping[str, Mapping[str, Sequence[int]]]  # t2v, v2t -> greater, equal: (N,) each


@dataclass(frozen=True)
class Answers:
    """The counts of n queries in one direction.

    gallery: how many candidates each has. clusters: (n,) labels, equal where queries rise and fall together; None: each
    for itself. by_video: whether clusters are videos of several captions. Then no interval may take queries one by one.
    """

    greater: NDArray[np.int64]
    equal: NDArray[np.int64]
    gallery: int
    clusters: NDArray | None
    by_video: bool

    def __len__(self) -> int:
        return len(self.greater)

    @property
    def video_clusters(self) -> NDArray | None:
        """The clusters where they are videos of several captions; otherwise None.

        For intervals that take queries one by one, equal captions too, where each video has one caption.
        """
        return self.clusters if self.by_video else None


def answers(
    ranks: RankCounts,
    direction: str,
    captions: Sequence[str],
    video_of: Sequence[int] | None = None,
    rows: Sequence[int] | None = None,
) -> Answers:
    """What is known of the captions `rows`, ascending or not; None: of all.

    captions: (N,). video_of: (N,) ascending numbers of their videos from 0 without a gap; None: a video each.
    direction: one of `bench.metrics.ranking.directions`; in "v2t" with several captions a video the queries are the
    videos of which a caption is among `rows`, by number.
    Several captions of a video share its pictures: they are one cluster. Equal captions of different videos are not:
    by the commonest ones ("a man is talking") they would chain half of a test set into one. Where each video has one
    caption, equal ones are a cluster in t2v, and in v2t each query is a video of its own.
    """
    places = np.arange(len(captions)) if rows is None else np.asarray(rows, np.int64)
    counts = counts_of(ranks, direction, places, video_of)
    videos = len(captions) if video_of is None else int(video_of[-1]) + 1
    gallery = videos if direction == "t2v" else len(captions)
    if video_of is None:
        clusters = np.array([captions[row] for row in places]) if direction == "t2v" else None
        return Answers(*counts, gallery, clusters, by_video=False)
    of = None if direction == "v2t" else np.asarray(video_of)[places]
    return Answers(*counts, gallery, of, by_video=of is not None)


def counts_of(
    ranks: Mapping[str, Mapping[str, ArrayLike]],
    direction: str,
    rows: ArrayLike | None = None,
    video_of: ArrayLike | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """greater and equal of the queries of a direction, as in `answers`."""
    stored = ranks["v2t" if direction == ALL_CAPTIONS else direction]
    greater, equal = np.asarray(stored["greater"], np.int64), np.asarray(stored["equal"], np.int64)
    places = np.arange(len(greater)) if rows is None else np.asarray(rows, np.int64)
    if direction != "v2t" or video_of is None:
        return greater[places], equal[places]
    greater, equal = _of_best(greater, equal, np.asarray(video_of))
    videos = np.unique(np.asarray(video_of)[places])
    return greater[videos], equal[videos]


def _of_best(greater: NDArray, equal: NDArray, video_of: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(M,) each: the rivals above each video's best caption, all of other videos, and those level with it.

    Captions of one video that are level with each other at the best place count as one: they are no rivals.
    """
    starts = np.flatnonzero(np.diff(video_of, prepend=-1))
    least = np.minimum.reduceat(greater, starts)
    best = greater == least[video_of]
    level = np.maximum.reduceat(np.where(best, equal, 0), starts)
    return least, level + 1 - np.add.reduceat(best.astype(np.int64), starts)
