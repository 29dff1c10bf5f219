"""Features, scores, ranks: every query against the whole gallery, in both directions.

Ranks are counted, not sorted: g rivals score above the true one, e equal to it. What is made of them is in
`bench.metrics.ranking`. Scores are float32 and come in square tiles, of which one is in memory at a time; both
directions are counted in the same pass. Identical captions are encoded once and their scores are equal to the bit.

Both directions have a count for every caption. T2V: among the clips, how far its own clip is from the top. V2T: among
the captions, how far it is from its own clip's top; the best caption of each clip follows from that.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor

from bench.config import RunConfig
from bench.data.annotation import Annotation
from bench.data.loading import TEST, Collator, Samples
from bench.data.workers import load
from bench.engine.score_matrix import Band, Positives, ScoreMatrix
from bench.errors import BenchError
from bench.metrics.positives import counts_of
from bench.metrics.ranking import DIRECTIONS, count_rivals, points, wins
from bench.model.variant import Variant
from bench.utils import distributed
from bench.utils.progress import progress

BATCH = 64  # samples at once without gradient; it changes nothing but the speed
Counts = dict[str, NDArray[np.int64]]  # greater, equal: (n,) each
Ranks = dict[str, Counts]  # by direction: t2v, v2t


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


class Rivals:
    """Counts the rivals of one direction over the bands of a score matrix, or of what was made of its scores.

    direction: "t2v" or "v2t". own: (N,) the queries' scores with their own clips, of the type of those to come.
    """

    def __init__(self, matrix: ScoreMatrix, direction: str, own: NDArray):
        self.matrix, self.by_query = matrix, direction == "t2v"
        self.tally = Tally(matrix.best_true(own) if self.by_query else own, axis=1 if self.by_query else 0)

    def add(self, band: tuple[slice, slice, NDArray]) -> None:
        """A band in which `own` was put back."""
        queries, clips, _ = band
        if self.by_query:
            self.tally.add(queries, self.matrix.only_rivals(band, self.tally.true))
        else:
            scores = self.matrix.only_rivals(band)
            self.tally.add(self.matrix.queries_of(clips), self.matrix.columns_of(clips, scores))

    @property
    def counts(self) -> Counts:
        return self.tally.counts


class Best:
    """The k clips that score highest with each of n captions, out of bands; of equals, those with the lower numbers.

    A score and its clip make one whole number, the score's bits above the clip's, so that the numbers' order is that
    of the scores and no two are equal.
    """

    NONE = np.iinfo(np.int64).min  # in place of clips that were not seen yet

    def __init__(self, n: int, k: int):
        self.keys = np.full((n, k), self.NONE)
        self.least = np.full(n, -np.inf, np.float32)  # of a caption's k scores

    def add(self, band: Band) -> None:
        rows, clips, scores = band
        row, column = np.nonzero(scores >= self.least[rows, None])  # few, after the first band of a caption
        place = np.arange(len(row)) - np.searchsorted(row, np.arange(len(scores)))[row]
        found = np.full((len(scores), place.max(initial=-1) + 1), self.NONE)
        bits = scores[row, column].view(np.int32).astype(np.int64)
        ordered = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)  # IEEE 754: a negative one grows as its bits do
        found[row, place] = (ordered << 32) - (clips.start + column)
        k = self.keys.shape[1]
        self.keys[rows] = np.partition(np.concatenate([self.keys[rows], found], axis=1), -k, axis=1)[:, -k:]
        least = self.keys[rows].min(axis=1)
        ordered = np.where(least == self.NONE, 0, -(-least >> 32))
        scores = np.copysign(np.abs(ordered).astype(np.int32).view(np.float32), ordered)
        self.least[rows] = np.where(least == self.NONE, -np.inf, scores)

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
            for direction in DIRECTIONS
            for name, value in points(*counts_of(self.ranks, direction, video_of=self.matrix.video_of)).items()
        }


def rank(matrix: ScoreMatrix, twins: Mapping[int, int]) -> tuple[Ranks, dict[int, float]]:
    """The ranks, and for each query with a twin: 1 if its own clip scores above its twin's, 0.5 if equal, 0 if below.

    A score that is not a number is a BenchError.
    """
    pairs = np.array(list(twins.items()), np.int64).reshape(-1, 2).T  # queries, clips
    ranks, others = _count(matrix, pairs)
    return ranks, dict(zip(twins, wins(matrix.true[pairs[0]], others).tolist(), strict=True))


def best_clips(matrix: ScoreMatrix, k: int) -> NDArray[np.int64]:
    """The k clips that score highest for every query, best first: (N, min(k, M))."""
    best = Best(len(matrix), min(k, matrix.clips))
    for band in matrix:
        best.add(band)
    return best.clips


def _count(matrix: ScoreMatrix, pairs: NDArray) -> tuple[Ranks, NDArray]:
    """The ranks, and the scores of single (query, clip) `pairs`, (2, p), out of the same bands."""
    found = np.empty(pairs.shape[1], matrix.true.dtype)
    broken = np.zeros(len(matrix), np.bool_)
    ways = {direction: Rivals(matrix, direction, matrix.true) for direction in DIRECTIONS}
    for band in matrix:
        queries, clips, scores = band
        if not np.isfinite(scores).all():
            broken[queries] |= ~np.isfinite(scores).all(axis=1)
        for way in ways.values():
            way.add(band)
        row, column = pairs - [[queries.start], [clips.start]]
        here = (row >= 0) & (row < len(scores)) & (column >= 0) & (column < scores.shape[1])
        found[here] = scores[row[here], column[here]]
    if broken.any():
        raise BenchError(
            f"{broken.sum()} queries have scores that are NaN or infinite (the first is query {broken.argmax()}): the "
            "weights are broken. Remove the run's folder and train again with a lower --train.lr."
        )
    return {direction: way.counts for direction, way in ways.items()}, found


@torch.no_grad()
def evaluate(
    variant: Variant,
    samples: Samples,
    collate: Collator,
    config: RunConfig,
    accelerator: Accelerator,
    test: Annotation | None = None,
    matrix_of: Callable[..., ScoreMatrix] = ScoreMatrix,
) -> Scores:
    """Encodes a split, over all processes, and ranks every query in both directions.

    test: a test split, every caption of which is a query; of any other split the first of each clip is.
    matrix_of: makes the scores, as `ScoreMatrix` does.
    """
    variant.eval()
    captions = test.queries if test else [samples.caption(clip, None) for clip in samples.clips]
    text = encode_captions(variant, captions, collate, accelerator)
    video = encode_clips(variant, samples, collate, config, accelerator)
    positives: Positives = config.positives if test else "own"
    matrix = matrix_of(variant.similarity, text, video, captions, test.video_of if test else None, positives)
    return Scores(matrix, *rank(matrix, test.twins if test else {}))


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
    places = share_of(len(samples), accelerator.process_index, accelerator.num_processes)
    keys = [[(TEST, place) for place in places[start : start + BATCH]] for start in range(0, len(places), BATCH)]
    features, seen = [], []
    with closing(load(samples, keys, collate.video, samples.workers(keys))) as batches:
        for numbers, video in progress(batches, total=len(keys), what="encoding clips", unit="batch"):
            with accelerator.autocast():
                features.append(variant.encode_video(video.to(accelerator.device)).float())
            seen += numbers
    distributed.wait()  # for those that read their clips more slowly
    gathered = accelerator.gather(torch.cat(features))
    numbers = accelerator.gather(torch.tensor(seen, device=accelerator.device)).cpu().numpy()
    return gathered[torch.from_numpy(rows_of(numbers, len(samples))).to(gathered.device)]


def share_of(n: int, rank: int, world: int) -> list[int]:
    """The places, of n, that a process encodes. All have as many: the last ones may have some of the first, too."""
    share = -(-n // world)
    return [place % n for place in range(rank * share, (rank + 1) * share)]


def rows_of(gathered: NDArray[np.int64], n: int) -> NDArray[np.int64]:  # (m,) -> (n,)
    """For each of n places a row of what was gathered, in which places stand in any order, some twice.

    BenchError: a place is not there.
    """
    found, rows = np.unique(gathered, return_index=True)
    if found.tolist() != list(range(n)):
        raise BenchError(
            "a clip was lost on the way between processes; nothing is scored. Start the same command again."
        )
    return rows
