"""Every caption's score with every clip, in tiles of which one is in memory at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import BenchError
from bench.model.losses import Similarity

TILE = 4096  # queries and clips on the sides of a tile: 64 MiB
PAIRED = 2**26  # numbers that a similarity may make of texts and per-frame features at once: 256 MiB
BAND = 64  # rows of a tile that are worked on at once: what is made of them stays in the processor's cache

Band = tuple[slice, slice, NDArray[np.float32]]  # some queries, some clips, the scores of one with the other
Positives = Literal["own", "equal"]


class ScoreMatrix:
    """Every query's score with every clip; iterating gives it in bands, made anew each time and never kept.

    similarity: a variant's, which must be in evaluation mode. text: (N, …) features of the queries, of which equal ones
    must have equal features; captions: their N texts. video: (M, …) features of the clips. video_of: (N,) each query's
    own clip, ascending, so that the queries of a clip lie side by side; None: query i's is clip i.
    positives: "own": a query's true answer is its own clip, and a clip's are its own captions; "equal": what has the
    same caption is as true.
    true: (N,) float32, each query's score with its own clip. first: (N,) the first query with the same caption.

    The true scores come from the tiles on the diagonal, and are put back wherever the same caption meets the same clip
    again: so a query ties with itself and with its like exactly, whatever a second product rounds to.
    """

    def __init__(
        self,
        similarity: Similarity,
        text: Tensor,
        video: Tensor,
        captions: Sequence[str],
        video_of: Sequence[int] | None = None,
        positives: Positives = "own",
    ):
        self.similarity, self.text, self.video, self.positives = similarity, text, video, positives
        places: dict[str, int] = {}
        self.first = np.array([places.setdefault(text, place) for place, text in enumerate(captions)], np.int32)
        self.video_of = np.arange(len(captions)) if video_of is None else np.asarray(video_of, np.int64)
        self._several = len(captions) > self.clips
        self._starts = np.searchsorted(self.video_of, np.arange(self.clips + 1))  # of each clip's captions
        self._alike()
        scores_of(similarity, text[[0]], video[[0, 0]])  # not square: a transposed answer shows
        true = np.concatenate([self._own_scores(part) for part in _parts(0, len(self), TILE)])
        self.true = true[self.said[self.own]]

    def __len__(self) -> int:
        """How many queries there are."""
        return len(self.first)

    @property
    def clips(self) -> int:
        """How many clips there are."""
        return len(self.video)

    def __iter__(self) -> Iterator[Band]:
        for band in in_bands(self._tile, len(self), self.clips):
            yield *band[:2], self.put_back(band, self.true)

    def put_back(self, band: tuple[slice, slice, NDArray], true: NDArray) -> NDArray:
        """The scores of a band with those of each clip's own captions taken from `true`, (N,)."""
        rows, clips, pairs = self._pairs_in(band)
        scores = band[2].copy()
        scores[rows, clips] = true[self.said[pairs]]
        return scores

    def best_true(self, true: NDArray) -> NDArray:  # (N,)
        """Of each query's true answers the best score. true: (N,) the queries' scores with their own clips."""
        if self.positives == "own":
            return true
        return np.maximum.reduceat(true[self.said], np.searchsorted(self.pair[0], np.arange(len(self))))

    def only_rivals(self, band: tuple[slice, slice, NDArray], best: NDArray | None = None) -> NDArray:
        """The scores of a band in which, beside a query and its own clip, no true pair can be above or level.

        best: (N,) put in the place of the queries' scores with their own clips.
        """
        if self.positives == "own":
            return band[2]
        rows, clips, pairs = self._pairs_in(band)
        own, scores = self.own[pairs], band[2].copy()
        scores[rows[~own], clips[~own]] = -np.inf
        if best is not None:
            scores[rows[own], clips[own]] = best[self.pair[0, pairs[own]]]
        return scores

    def queries_of(self, clips: slice) -> slice:
        """The queries whose own clips these are."""
        return slice(int(self._starts[clips.start]), int(self._starts[clips.stop]))

    def columns_of(self, clips: slice, scores: NDArray) -> NDArray:
        """Of (r, clips) scores a column for each of `queries_of(clips)`: its own clip's."""
        return scores[:, self.video_of[self.queries_of(clips)] - clips.start] if self._several else scores

    def _alike(self) -> None:
        """Makes the list of all pairs of a query and a clip that has a caption of the same words.

        pair: (2, p) queries, in order, and clips. said: (p,) the clip's first caption of these words. own: (p,) bool,
        whether it is the query's own clip.
        """
        of_clip, rows = np.unique(np.stack([self.first, self.video_of]), axis=1, return_index=True)
        begin = np.searchsorted(of_clip[0], self.first)
        count = np.searchsorted(of_clip[0], self.first, side="right") - begin
        query = np.repeat(np.arange(len(self)), count)
        place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
        self.pair, self.said = np.stack([query, of_clip[1][place]]), rows[place]
        self.own = self.video_of[query] == self.pair[1]

    def _pairs_in(self, band: tuple[slice, slice, NDArray]) -> tuple[NDArray, NDArray, NDArray]:
        """Of the pairs that lie in a band: rows and columns there, and places in the list."""
        queries, clips, _ = band
        begin, end = np.searchsorted(self.pair[0], [queries.start, queries.stop])
        row, column = self.pair[:, begin:end] - [[queries.start], [clips.start]]
        here = np.flatnonzero((column >= 0) & (column < clips.stop - clips.start))
        return row[here], column[here], begin + here

    def _own_scores(self, queries: slice) -> NDArray[np.float32]:
        """Scores of queries with their own clips, from one tile."""
        clips = self.video_of[queries]
        scores = self._tile(queries, slice(int(clips[0]), int(clips[-1]) + 1))
        return scores[np.arange(len(clips)), clips - clips[0]]

    def _tile(self, queries: slice, clips: slice) -> NDArray[np.float32]:
        """One product over the tile's different captions, then a row for every query."""
        _, rows, back = np.unique(self.first[queries], return_index=True, return_inverse=True)
        text = self.text[queries]
        if len(rows) == len(back):
            return scores_of(self.similarity, text, self.video[clips])
        return scores_of(self.similarity, text[torch.from_numpy(rows).to(text.device)], self.video[clips])[back]


def in_bands(tile: Callable[[slice, slice], NDArray], n: int, m: int) -> Iterator[Band]:
    """The (n, m) matrix of which `tile` gives any part: tile by tile, each in bands of its rows."""
    for rows in _parts(0, n, TILE):
        for columns in _parts(0, m, TILE):
            scores = tile(rows, columns)
            for band in _parts(rows.start, rows.stop, BAND):
                yield band, columns, scores[band.start - rows.start : band.stop - rows.start]


@torch.no_grad()
def scores_of(similarity: Similarity, text: Tensor, video: Tensor) -> NDArray[np.float32]:
    """(r, …), (c, …) features -> (r, c) scores, in memory. BenchError: a similarity that gives another shape.

    Features of several vectors, (c, T, P), go in parts: a text-conditioned pooling makes (r, c, T, P) of them.
    """
    rows = max(1, PAIRED // video.numel()) if video.ndim > 2 else max(1, len(text))
    parts = [similarity(part, video).float().cpu().numpy() for part in text.split(rows)]
    for part, scores in zip(text.split(rows), parts, strict=True):
        if scores.shape != (len(part), len(video)):
            raise BenchError(
                f"the variant's similarity gives {scores.shape} for {len(part)} captions and {len(video)} clips. "
                "It must give a row for every caption and a column for every clip."
            )
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _parts(start: int, stop: int, size: int) -> Iterator[slice]:
    return (slice(begin, min(begin + size, stop)) for begin in range(start, stop, size))
