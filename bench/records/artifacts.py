"""The files that a run leaves beside its record, by the digests that stand in it: no other run's pass for them."""

from pathlib import Path

from bench.errors import BenchError
from bench.records.record import Record
from bench.utils.files import sha256
from bench.utils.run_files import features_path, weights_path


def artifacts_of(path: Path) -> dict[str, str]:
    """The digests of the files beside the record at `path`, which need not be written yet."""
    return {"weights": sha256(weights_path(path)), "features": sha256(features_path(path))}


def check_artifact(record: Record, name: str, path: Path, record_path: Path) -> None:
    """BenchError if the file at `path` is not the run's. Records of older versions hold no digests: nothing is checked.

    name: "weights", "features" or "similarity".
    """
    if (stated := record.artifacts.get(name)) and sha256(path) != stated:
        raise BenchError(
            f"{path} is not the file that {record.run} wrote: its digest differs from the record's. "
            f"Put that file back, or remove {record_path} to train that run again."
        )
