"""Datasets by name: how each comes to be a folder of annotations and videos."""

from pathlib import Path

from ..errors import UsageError
from . import moodclips


def ensure(dataset: str, root: Path | None) -> Path:
    """The folder of a dataset, ready to open. moodclips is rendered on first use; the others are the user's folder."""
    if dataset == "moodclips":
        return moodclips.ensure(root)
    if root is None:
        raise UsageError(
            f"where is {dataset}? --root DIR, the folder that `bench data prepare {dataset}` has written to."
        )
    if not (root / "annotations").is_dir():
        raise UsageError(f"{root} has no annotations. Write them: bench data prepare {dataset} --root {root}")
    return root
