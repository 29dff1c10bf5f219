"""The scores of a run that is done, from what lies beside its record: features, or an external model's similarity.

A matrix that is given is taken as it is: that a caption occurs twice makes no two rows equal, unless equal captions are
one question (`positives` is "equal").
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from bench.engine.reopen import open_model
from bench.engine.score_matrix import Positives, ScoreMatrix
from bench.errors import UsageError
from bench.model.losses import Similarity
from bench.model.variant import Variant
from bench.model.variant_registry import get
from bench.records.feature_files import Features, read_features, read_similarity
from bench.records.record import Record


def stored_scores(path: Path, record: Record) -> ScoreMatrix:
    """The (N, M) scores that the run's ranks are made of. UsageError: it left nothing that they follow from.

    path: the record's. A variant with a similarity of its own needs the run's weights for it; BenchError: they are
    gone.
    """
    captions, positives = record.queries["captions"], record.config.get("positives", "own")
    similarity = read_similarity(path, record)
    if similarity is not None:
        return given_scores(similarity, captions, record.video_of, positives)
    features = read_features(path, record)
    if features is None:
        raise UsageError(f"{record.run} has no features beside its record, as controls have none, or they are gone.")
    if record.external:
        return feature_scores(features, captions, record.video_of, positives)
    return feature_scores(features, captions, record.video_of, positives, _similarity(path, record))


def score_is_dot_product(record: Record) -> bool:
    """Whether a run's score is the dot product of its features, and no variant's own."""
    return record.external or get(record.variant).similarity is Variant.similarity


def given_scores(
    scores: Tensor, captions: Sequence[str], video_of: Sequence[int] | None, positives: Positives
) -> ScoreMatrix:
    """A matrix that is there, (N, M), in memory or mapped."""
    labels = captions if positives == "equal" else _apart(captions)
    rows, columns = (torch.arange(side) for side in scores.shape)
    return ScoreMatrix(partial(part_of, scores), rows, columns, labels, video_of, positives)


def feature_scores(
    features: Features,
    captions: Sequence[str],
    video_of: Sequence[int] | None,
    positives: Positives,
    similarity: Similarity | None = None,
) -> ScoreMatrix:
    """The scores of features, by default their dot products. Equal captions are scored once where their features are
    equal to the bit, as in a run.
    """
    text, video = torch.from_numpy(features.text), torch.from_numpy(features.video)
    first: dict[str, int] = {}
    like = torch.tensor([first.setdefault(caption, row) for row, caption in enumerate(captions)])
    equal = positives == "equal" or torch.equal(text[like], text)
    return ScoreMatrix(similarity or _dot, text, video, captions if equal else _apart(captions), video_of, positives)


def part_of(scores: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Some rows and columns of a matrix; neighbouring columns are read together."""
    start, stop = int(columns[0]), int(columns[-1]) + 1
    if stop - start == len(columns) and bool((columns.diff() == 1).all()):
        return scores[:, start:stop][rows]
    return scores[rows[:, None], columns]


def _apart(captions: Sequence[str]) -> list[str]:
    """A label for each query, no two alike."""
    return [str(place) for place in range(len(captions))]


def _similarity(path: Path, record: Record) -> Similarity:
    return _dot if score_is_dot_product(record) else open_model(path).variant.eval().similarity


def _dot(text: Tensor, video: Tensor) -> Tensor:  # (n, P), (m, P) -> (n, m)
    """As `Variant.similarity`, which needs no weights."""
    return text @ video.T
