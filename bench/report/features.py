"""A run's features, as `bench run` left them beside its record."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.records.feature_files import read_features
from bench.records.record import Record
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
