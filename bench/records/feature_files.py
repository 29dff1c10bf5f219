"""The features of a run's test split, or the similarity of an external model, in a file beside its record."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.records.artifacts import check_artifact
from bench.records.record import Record
from bench.utils.run_files import features_path, similarity_path
from bench.utils.tensor_files import save_tensors

if TYPE_CHECKING:
    from torch import Tensor

_SIMILARITY = "similarity"


class Features(NamedTuple):
    """(N, …) captions and (M, …) videos, float32: of unit norm and of one width, unless the variant brings a similarity
    of its own. Row i of `video` is the true answer to row i of `text`, or row `record.video_of[i]`.
    """

    text: NDArray[np.float32]
    video: NDArray[np.float32]


def save_features(record: Path, features: Features) -> None:
    """Writes the file beside the record at `record`, whole or not at all."""
    import torch

    tensors = {name: torch.from_numpy(np.ascontiguousarray(rows)) for name, rows in features._asdict().items()}
    save_tensors(tensors, features_path(record))


def read_features(path: Path, record: Record) -> Features | None:
    """What lies beside the record at `path`; None where there is nothing, as with controls of the evaluation.

    BenchError: the file is broken, or another run's.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = features_path(path)
    if not file.is_file():
        return None
    check_artifact(record, "features", file, path)
    try:
        found = load_file(file)
        return Features(found["text"], found["video"])
    except (OSError, SafetensorError, KeyError) as error:
        raise BenchError(f"{file} cannot be read ({error}). Remove it, and go on without the features.") from None


def save_similarity(record: Path, similarity: "Tensor") -> None:
    """Writes an external model's (N, M) scores beside the record at `record`, whole or not at all."""
    save_tensors({_SIMILARITY: similarity}, similarity_path(record))


def read_similarity(path: Path, record: Record) -> "Tensor | None":
    """(N, M) scores that lie beside the record at `path`, mapped; None where there are none.

    BenchError: the file is broken, or another run's.
    """
    from safetensors import SafetensorError, safe_open

    file = similarity_path(path)
    if not file.is_file():
        return None
    check_artifact(record, _SIMILARITY, file, path)
    try:
        with safe_open(file, framework="pt") as opened:
            return opened.get_tensor(_SIMILARITY)
    except (OSError, SafetensorError) as error:
        raise BenchError(f"{file} cannot be read ({error}). Remove it, and score that model again.") from None
