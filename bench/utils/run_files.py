"""Where the files of a run lie under a results folder.

    results/<dataset>/<training split>/<variant>/<run>.json                    its record
    results/<dataset>/<training split>/<variant>/<run>/model.safetensors       its weights, with the tokenizer
    results/<dataset>/<training split>/<variant>/<run>/features.safetensors    the features of its test split
    results/<dataset>/<training split>/<variant>/<run>/similarity.safetensors  of an external model without features

While it trains, its checkpoints are in that folder too.
"""

from pathlib import Path

from bench.errors import UsageError
from bench.utils.names import names_a_file

_WEIGHTS = "model.safetensors"
_PUBLISHED = "published"  # the literature's numbers, which are no records


def record_path(results: Path, dataset: str, split: str, variant: str, run: str) -> Path:
    """Where a run's record lies, written or not. UsageError: a name that would lead out of the results folder."""
    for name in (dataset, split, variant, run):
        if not names_a_file(name):
            raise UsageError(f"{name!r} cannot name a file. Names hold letters, digits and . + - _, a letter first.")
    return results / dataset / split / variant / f"{run}.json"


def record_paths(results: Path) -> list[Path]:
    """The files of all records, in order."""
    return [
        path
        for path in sorted(results.glob("*/*/*/*.json"))
        if path.relative_to(results).parts[0] != _PUBLISHED and not path.name.startswith(".")  # being written
    ]


def results_of(record: Path) -> Path:
    """The results folder in which a record lies."""
    return record.parents[3]


def folder_of(record: Path) -> Path:
    """What a run leaves beside its record: checkpoints, weights, features, logs."""
    return record.with_suffix("")


def record_of(artifact: Path) -> Path:
    """The record, there or not, of the run that left a file in its folder."""
    return artifact.parent.with_name(f"{artifact.parent.name}.json")


def weights_path(record: Path) -> Path:
    """The weights of a record's run, there or not."""
    return folder_of(record) / _WEIGHTS


def features_path(record: Path) -> Path:
    """The features of a record's run, there or not."""
    return folder_of(record) / "features.safetensors"


def similarity_path(record: Path) -> Path:
    """The similarity matrix of a record's run, there or not: kept of an external model that came without features."""
    return folder_of(record) / "similarity.safetensors"


def weights_by_run(results: Path) -> dict[str, Path]:
    """The weights that there are, by the ids of their runs; with a record or without."""
    return {path.parent.name: path for path in sorted(results.glob(f"*/*/*/*/{_WEIGHTS}"))}
