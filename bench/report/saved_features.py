"""Runs' features, as `bench run` left them beside their records: which runs have some, and which can be mapped."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.metrics.statistics import MIN_QUERIES
from bench.records.feature_files import read_features
from bench.records.record import Record
from bench.report.figures import Context
from bench.utils.run_files import record_path


def unit_features(record: Record, results: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """(N, P) of the captions and of the clips; None where the run left none (controls of the evaluation leave none).

    None too where they are not vectors of unit norm and of one width: the contract leaves such features to variants
    whose score is not their dot product. Late fusion's, for one, are two vectors in one, of which a caption's second is
    its emotion label itself. results: the folder with the records. BenchError: the file is broken.
    """
    path = record_path(results, record.dataset, record.split, record.variant, record.run)
    found = read_features(path, record)
    if found is None:
        return None
    text, video = found
    if text.ndim != 2 or text.shape != video.shape or len(text) != len(record.queries["captions"]):
        return None
    if not all(np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3) for rows in (text, video)):
        return None
    return text, video


def mappable_features(record: Record, results: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """(N, P) of the captions and of the clips; None where there are none, or none that a map can show."""
    features = unit_features(record, results)
    if features is None or len(features[0]) < MIN_QUERIES or features[0].shape[1] < 2:
        return None
    return features if all(np.ptp(rows, axis=0).max() > 1e-5 for rows in features) else None  # all in one point


def best_mapped(context: Context) -> Record | None:
    """Of the other variants, best first, the first run whose features can be mapped beside the baseline's.

    None without one, or where the baseline's own cannot be mapped. Both must have been asked the same queries.
    """
    base = context.base.records[0] if context.base else None
    if base is None or mappable_features(base, context.results) is None:
        return None
    for family in context.others:
        other = family.records[0]
        alike = other.queries == base.queries and other.subsets == base.subsets
        if alike and mappable_features(other, context.results) is not None:
            return other
    return None
