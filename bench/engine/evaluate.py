"""Features, scores, ranks: every query against the whole gallery, in both directions.

Ranks are counted, not sorted: g rivals score above the true one, e equal to it. What is made of them is in
`bench.metrics.ranking`. Scores are float32 and come in square tiles, of which one is in memory at a time; both
directions are counted in the same pass. Identical captions are encoded once and their scores are equal to the bit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor

from bench.config import RunConfig
from bench.data.loading import TEST, Collator, Samples, load
from bench.errors import BenchError
from bench.metrics.ranking import count_rivals, points, wins
from bench.model.losses import Similarity
from bench.model.variant import Variant
from bench.utils.progress import progress

BATCH = 64  # samples at once without gradient; it changes nothing but the speed
TILE = 4096  # queries and clips on the sides of a tile: 64 MiB
PAIRED = 2**26  # numbers that a similarity may make of texts and per-frame features at once: 256 MiB
BAND = 64  # rows of a tile that are worked on at once: what is made of them stays in the processor's cache

Counts = dict[str, NDArray[np.int64]]  # greater, equal: (n,) each
Ranks = dict[str, Counts]  # by direction: t2v, v2t
Band = tuple[slice, slice, NDArray[np.float32]]  # some queries, some clips, the scores of one with the other


class ScoreMatrix:
    """Every query's score with every clip; iterating gives it in bands, made anew each time and never kept.

    similarity: a variant's, which must be in evaluation mode. text, video: (N, …) features, query i's true answer
    being clip i. captions: the queries' N texts; equal ones must have equal features.
    true: (N,) float32, each query's score with its own clip. first: (N,) the first query with the same caption.

    The true scores come from the tiles on the diagonal, and are put back wherever the same caption meets the same clip
    again: so a query ties with itself and with its like exactly, whatever a second product rounds to.
    """

    def __init__(self, similarity: Similarity, text: Tensor, video: Tensor, captions: Sequence[str]):
        self.similarity, self.text, self.video = similarity, text, video
        places: dict[str, int] = {}
        self.first = np.array([places.setdefault(text, place) for place, text in enumerate(captions)], np.int32)
        scores_of(similarity, text[[0]], video[[0, 0]])  # not square: a transposed answer shows
        parts = _parts(0, len(self), TILE)
        self.true = np.concatenate([self._tile(part, part).diagonal().copy() for part in parts])  # views keep tiles

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[Band]:
        for queries, clips, scores in in_bands(self._tile, len(self), len(self)):
            yield queries, clips, self.put_back(queries, clips, scores, self.true)

    def put_back(self, queries: slice, clips: slice, scores: NDArray, true: NDArray) -> NDArray:
        """The scores of a band with those of each clip's own caption taken from `true`, (N,)."""
        own = self.first[queries, None] == self.first[clips]
        return np.where(own, true[clips], scores)

    def _tile(self, queries: slice, clips: slice) -> NDArray[np.float32]:
        """One product over the tile's different captions, then a row for every query."""
        _, rows, back = np.unique(self.first[queries], return_index=True, return_inverse=True)
        text = self.text[queries]
        if len(rows) == len(back):
            return scores_of(self.similarity, text, self.video[clips])
        return scores_of(self.similarity, text[torch.from_numpy(rows).to(text.device)], self.video[clips])[back]


class Tally:
    """Counts, for the queries of one direction, the rivals above and level with the true score.

    true: (n,) the queries' true scores, of the type of those to come. Among the scores added, each query's true one
    must be once. axis: 1 if the queries are the rows of what is added, 0 if they are the columns.
    """

    def __init__(self, true: NDArray, axis: int):
        self.true, self.axis = true, axis
        self.greater, self.equal = np.zeros(len(true), np.int64), np.full(len(true), -1, np.int64)  # not one's own

    def add(self, queries: slice, scores: NDArray) -> None:
        """The scores of some queries with some of their candidates."""
        greater, equal = count_rivals(scores, self.true[queries], self.axis)
        self.greater[queries] += greater
        self.equal[queries] += equal

    @property
    def counts(self) -> Counts:
        return {"greater": self.greater, "equal": self.equal}


class Best:
    """The k clips that score highest with each of n captions, out of bands; of equals, those with the lower numbers.

    A score and its clip make one whole number, the score's bits above the clip's, so that the numbers' order is that
    of the scores and no two are equal.
    """

    def __init__(self, n: int, k: int):
        self.keys = np.full((n, k), np.iinfo(np.int64).min)

    def add(self, band: Band) -> None:
        rows, clips, scores = band
        bits = scores.view(np.int32).astype(np.int64)
        ordered = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # IEEE 754: a negative one grows as its bits do
        keys = (ordered << 32) - np.arange(clips.start, clips.stop)
        k = self.keys.shape[1]
        self.keys[rows] = np.partition(np.concatenate([self.keys[rows], keys], axis=1), -k, axis=1)[:, -k:]

    @property
    def clips(self) -> NDArray[np.int64]:  # (n, k)
        """Best first."""
        return -np.sort(self.keys, axis=1)[:, ::-1] & 0xFFFFFFFF


@dataclass(frozen=True)
class Scores:
    """What an evaluation gives. twin_wins: see `rank`."""

    matrix: ScoreMatrix
    ranks: Ranks
    twin_wins: dict[int, float]

    def points(self) -> dict[str, float]:
        """Recalls and ranks without intervals, e.g. "T2V R@1"."""
        return {
            f"{direction.upper()} {name}": round(value, 4)
            for direction, counts in self.ranks.items()
            for name, value in points(counts["greater"], counts["equal"]).items()
        }


def rank(matrix: ScoreMatrix, twins: Mapping[int, int]) -> tuple[Ranks, dict[int, float]]:
    """The ranks, and for each query with a twin: 1 if its own clip scores above its twin's, 0.5 if equal, 0 if below.

    A score that is not a number is a BenchError.
    """
    pairs = np.array(list(twins.items()), np.int64).reshape(-1, 2).T  # queries, clips
    ranks, others = _count(matrix, pairs)
    return ranks, dict(zip(twins, wins(matrix.true[pairs[0]], others).tolist(), strict=True))


def best_clips(matrix: ScoreMatrix, k: int) -> NDArray[np.int64]:
    """The k clips that score highest for every query, best first: (N, min(k, N))."""
    best = Best(len(matrix), min(k, len(matrix)))
    for band in matrix:
        best.add(band)
    return best.clips


def _count(matrix: ScoreMatrix, pairs: NDArray) -> tuple[Ranks, NDArray]:
    """The ranks, and the scores of single (query, clip) `pairs`, (2, p), out of the same bands."""
    found = np.empty(pairs.shape[1], matrix.true.dtype)
    broken = np.zeros(len(matrix), np.bool_)
    t2v, v2t = Tally(matrix.true, axis=1), Tally(matrix.true, axis=0)
    for queries, clips, scores in matrix:
        if not np.isfinite(scores).all():
            broken[queries] |= ~np.isfinite(scores).all(axis=1)
        t2v.add(queries, scores)
        v2t.add(clips, scores)
        row, column = pairs - [[queries.start], [clips.start]]
        here = (row >= 0) & (row < len(scores)) & (column >= 0) & (column < scores.shape[1])
        found[here] = scores[row[here], column[here]]
    if broken.any():
        raise BenchError(
            f"{broken.sum()} queries have scores that are no numbers (the first is query {broken.argmax()}): the "
            "weights are broken. Remove the run's folder and train again with a lower --train.lr."
        )
    return {"t2v": t2v.counts, "v2t": v2t.counts}, found


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


@torch.no_grad()
def evaluate(
    variant: Variant,
    samples: Samples,
    collate: Collator,
    config: RunConfig,
    accelerator: Accelerator,
    twins: Mapping[int, int] | None = None,
    matrix_of: Callable[[Similarity, Tensor, Tensor, Sequence[str]], ScoreMatrix] = ScoreMatrix,
) -> Scores:
    """Encodes a test split, over all processes, and ranks every query in both directions.

    matrix_of: makes the scores, of a variant's similarity, text and video features and captions.
    """
    variant.eval()
    captions = [samples.caption(clip, None) for clip in samples.clips]
    text = encode_captions(variant, captions, collate, accelerator)
    video = encode_clips(variant, samples, collate, config, accelerator)
    matrix = matrix_of(variant.similarity, text, video, captions)
    return Scores(matrix, *rank(matrix, twins or {}))


def encode_captions(variant: Variant, captions: Sequence[str], collate: Collator, accelerator: Accelerator) -> Tensor:
    """(n, …) features, in the order of `captions`; equal captions are encoded once."""
    rows = {caption: row for row, caption in enumerate(dict.fromkeys(captions))}
    unique, parts = list(rows), []
    with torch.no_grad(), accelerator.autocast():
        for start in range(0, len(unique), BATCH):
            batch = collate.text(unique[start : start + BATCH]).to(accelerator.device)
            parts.append(variant.encode_text(batch).float())
    return torch.cat(parts)[[rows[caption] for caption in captions]]


def encode_clips(
    variant: Variant, samples: Samples, collate: Collator, config: RunConfig, accelerator: Accelerator
) -> Tensor:
    """(N, …) features, in the order of the split. Each process encodes a share; every clip comes back once."""
    world, rank = accelerator.num_processes, accelerator.process_index
    share = -(-len(samples) // world)
    places = [
        place % len(samples) for place in range(rank * share, (rank + 1) * share)
    ]  # equal shares: some clips twice
    keys = [[(TEST, place) for place in places[start : start + BATCH]] for start in range(0, share, BATCH)]
    features, seen = [], []
    with closing(load(samples, keys, collate.video, config.video.workers)) as batches:
        for numbers, video in progress(batches, total=len(keys), what="encoding clips", unit="batch"):
            with accelerator.autocast():
                features.append(variant.encode_video(video.to(accelerator.device)).float())
            seen += numbers
    gathered = accelerator.gather(torch.cat(features))
    numbers = accelerator.gather(torch.tensor(seen, device=accelerator.device)).cpu().numpy()
    unique, first = np.unique(numbers, return_index=True)
    if unique.tolist() != list(range(len(samples))):
        raise BenchError(
            "a clip was lost on the way between processes; nothing is scored. Start the same command again."
        )
    return gathered[torch.from_numpy(first).to(gathered.device)]
