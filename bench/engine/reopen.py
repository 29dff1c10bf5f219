"""A run that is done, opened again: by its record, with the weights that lie beside it.

`open_model` needs no data: the weights and their tokenizer, for queries and clips of any kind. `reopen` gives all that
the run itself had, and stops where the data changed since.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from tokenizers import Tokenizer
from torch import Tensor

from bench.config import FacesConfig, ModelConfig, RunConfig, TrainConfig, VideoConfig, as_json
from bench.data import importers
from bench.data.batch import VideoBatch
from bench.data.loading import TEST, Samples
from bench.engine.evaluate import encode_clips
from bench.engine.opening import Opened, make_variant, open_run
from bench.engine.run_config import complete, evaluation_control
from bench.engine.train import make_accelerator
from bench.errors import BenchError, UsageError
from bench.model.variant import Variant
from bench.records import store
from bench.records.feature_files import read_features
from bench.records.record import Record
from bench.utils.device import AUTO
from bench.utils.run_files import features_path, results_of, weights_path


@dataclass(frozen=True)
class TrainedModel:
    """The weights of a run, without its data."""

    record: Record
    path: Path  # the record's
    config: RunConfig
    variant: Variant
    tokenizer: Tokenizer


@dataclass(frozen=True)
class Reopened(Opened):
    """A run with its record at `path`. The variant has the run's weights and is in evaluation mode."""

    record: Record
    path: Path

    @property
    def videos(self) -> list[str]:
        """The test clips, in the order of the gallery's rows."""
        return [clip.video for clip in self.data.test.clips]

    @property
    def name(self) -> str:
        """The variant's."""
        return self.record.variant

    @property
    def tokens(self) -> int:
        """How many the text tower reads."""
        return self.config.model.tokens

    @cached_property
    def test_samples(self) -> Samples:
        """The test split as in the run's evaluation."""
        return self.samples(self.data.test, evaluation_control(self.config))

    def clip(self, place: int) -> VideoBatch:
        """One test clip, frames still bytes: (1, T, S, S, 3) uint8."""
        return self.collator([]).video([self.test_samples[TEST, place]])[1]

    @cached_property
    def gallery(self) -> Tensor:
        """The features of all test clips, (N, …), on the variant's device: the run's own, or encoded again."""
        stored = read_features(self.path, self.record)
        if stored is None:
            with torch.no_grad():
                accelerator = make_accelerator(self.config.train, self.config.device)
                return encode_clips(self.variant, self.test_samples, self.collator([]), self.config, accelerator)
        if len(stored.video) != len(self.videos):
            where = features_path(self.path)
            raise BenchError(f"{where} does not hold the {len(self.videos)} test clips. Remove that file.")
        return torch.from_numpy(stored.video).to(self.variant.device)


def open_model(path: Path) -> TrainedModel:
    """The variant of the run whose record is at `path`, with its weights and tokenizer. BenchError: they are gone, or
    another program has them.
    """
    record = store.load_run(path)
    _check_not_external(record)
    weights_of(path)
    config = config_of(record)
    variant, _, tokenizer = make_variant(with_own_weights(config, record), None, results_of(path))
    return TrainedModel(record, path, config, variant, tokenizer)


def reopen(run: str, folder: Path, root: Path | None = None, device: str = AUTO) -> Reopened:
    """Opens a run: an id under the results `folder`, or a record's path. root: the dataset's folder, where it moved.

    device: where to compute, as in `choose_device`; where the run computed is of no account.
    UsageError: no such device or run; a control of the evaluation, which has no weights of its own; or an external
    model's.
    BenchError: the weights are gone, or the data changed since.
    """
    path = find_record(run, folder)
    record = store.load_run(path)
    _check_not_external(record)
    if (control := record.controls["emotions"]) != "true":
        true = record.controls["true_run"]
        raise UsageError(f"{record.run} is a control, {true} scored with {control} emotions. Name that run: {true}")
    config = config_of(record, root)
    if root is None:
        importers.check_there(config.dataset, config.root)
    config, _ = complete(config)
    video = replace(config.video, cache=False)  # a few clips are asked for, not all
    config = replace(config, video=video, device=device)
    return reopen_as(config, path, make_accelerator(config.train, device))


def reopen_as(config: RunConfig, path: Path, accelerator: Accelerator) -> Reopened:
    """The run whose record is at `path`, under a completed config that may differ in its controls and in places.

    The weights are on the accelerator's device. BenchError: they are gone, or the data changed since.
    """
    record = store.load_run(path)
    weights_of(path)
    opened = open_run(with_own_weights(config, record), results_of(path))
    faces = {"faces": record.faces["sha256"]} if record.faces else {}
    if opened.checksums != {**record.checksums, **faces}:
        raise BenchError(f"the data changed since {path} was written. Put it back, or remove that record.")
    opened.variant.to(accelerator.device).eval()
    return Reopened(**{**vars(opened), "config": config}, record=record, path=path)


def _check_not_external(record: Record) -> None:
    """UsageError where another program made the scores."""
    if record.external:
        raise UsageError(f"{record.run} was scored from another program's files, so there are no weights.")


def weights_of(path: Path) -> Path:
    """The weights of the record at `path`. BenchError: they are gone."""
    weights = weights_path(path)
    if not weights.is_file():
        raise BenchError(
            f"the weights of {path.stem} are gone ({weights}). "
            f"Remove {path}, and the records of its controls, to train that run again."
        )
    return weights


def with_own_weights(config: RunConfig, record: Record) -> RunConfig:
    """The config with the record's own weights to start from, and the tokenizer that lies in their file."""
    return replace(config, init=f"run:{record.run}", model=replace(config.model, tokenizer="captions"))


def find_record(run: str, folder: Path) -> Path:
    """The record of a run id, or at a path. UsageError, with near names, if there is none."""
    if run.endswith(".json"):
        path = Path(run).absolute()
        if path.is_file() and len(path.parents) > 3:
            return path
        raise UsageError(f"no record at {run}.")
    return store.find(run, folder)


def config_of(record: Record, root: Path | None = None) -> RunConfig:
    """The config of a record; `root` in place of its own folder. What an old record does not say is the default.

    BenchError: it has settings that are unknown here.
    """
    known, tree = as_json(RunConfig()), dict(record.config)
    parts: dict[str, Any] = {"model": ModelConfig, "video": VideoConfig, "faces": FacesConfig, "train": TrainConfig}
    settings = [(name, known) for name in tree]
    settings += [(name, known[part]) for part in parts for name in tree.get(part, {})]
    if unknown := sorted({name for name, names in settings if name not in names}):
        raise BenchError(f"{record.run} was made with settings that this bench lacks: {', '.join(unknown)}. Update it.")
    for name, part in parts.items():
        tree[name] = part(**tree.get(name, {}))
    tree["root"] = root or (Path(tree["root"]) if tree.get("root") else None)
    tree["label_map"] = Path(tree["label_map"]) if tree.get("label_map") else None
    if tree["faces"].file:
        tree["faces"] = replace(tree["faces"], file=Path(tree["faces"].file))
    return RunConfig(**tree)
