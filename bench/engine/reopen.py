"""A run that is done, opened again: its config, its data, its weights, and the features of its test clips."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from bench.config import FacesConfig, ModelConfig, RunConfig, TrainConfig, VideoConfig
from bench.data import importers
from bench.data.batch import VideoBatch
from bench.data.faces import Faces
from bench.data.loading import TEST, Collator, Data, Samples, open_data, open_faces
from bench.engine.evaluate import encode_clips
from bench.engine.run import checksums, complete, make_variant
from bench.engine.scoring import make_samples
from bench.engine.train import make_accelerator
from bench.errors import BenchError, UsageError
from bench.model.checkpoints import read_tensors
from bench.model.variant import Variant
from bench.records import store
from bench.records.record import Record


@dataclass(frozen=True)
class Trained:
    """A record at `path`, and what it was made with. The variant has the run's weights and is in evaluation mode."""

    record: Record
    path: Path
    config: RunConfig
    folder: Path  # the dataset's
    data: Data
    faces: Faces | None
    variant: Variant
    tokenizer: Tokenizer

    @property
    def told(self) -> str:
        """The control under which the variant is told of emotion: `true`, or `constant` with matched parameters."""
        return "constant" if self.config.matched_parameters else "true"

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

    def collator(self, captions: Sequence[str], control: str = "") -> Collator:
        """Any captions to batches, as the run's own were; control: another one than `told`."""
        known = list(captions) if self.variant.text_needs else None
        return Collator(
            self.tokenizer,
            self.tokens,
            self.variant.phrase,
            known,
            source=self.config.emotion_source,
            control=control or self.told,
            seed=self.config.seed,
        )

    @cached_property
    def samples(self) -> Samples:
        """The test split; clips are decoded when they are asked for."""
        config = replace(self.config, video=replace(self.config.video, cache=False))
        return make_samples(config, self.data.test, self.data, self.faces, self.told)

    def clip(self, place: int) -> VideoBatch:
        """One test clip, frames still bytes: (1, T, S, S, 3) uint8."""
        return self.collator([]).video([self.samples[TEST, place]])[1]

    @cached_property
    def gallery(self) -> Tensor:
        """The features of all test clips, (N, …), on the variant's device: the run's own, or encoded again."""
        stored = self.path.with_suffix("") / "features.safetensors"
        if stored.is_file():
            video = read_tensors(stored).get("video")
            if video is None or len(video) != len(self.videos):
                raise BenchError(f"{stored} does not hold the {len(self.videos)} test clips. Remove that file.")
            return video.to(self.variant.device)
        with torch.no_grad():
            accelerator = make_accelerator(self.config.train)
            return encode_clips(self.variant, self.samples, self.collator([]), self.config, accelerator)


def load_trained(run: str, folder: Path, root: Path | None = None) -> Trained:
    """Opens a run: an id under the results `folder`, or a record's path. root: the dataset's folder, where it moved.

    UsageError: no such run, or a control of the evaluation, which has no weights of its own. BenchError: the weights
    are gone, or the data changed since.
    """
    path = find_record(run, folder)
    record = store.load(path)
    if (told := record.controls["emotions"]) != "true":
        true = record.controls["true_run"]
        raise UsageError(f"{record.run} is a control, {true} scored with {told} emotions. Name that run: {true}")
    config, card = complete(config_of(record, root))
    folder = path.parents[3]
    if not (path.with_suffix("") / "model.safetensors").is_file():
        raise BenchError(f"the weights of {record.run} are gone. Remove {path} to train that run again.")
    dataset = importers.ensure(config.dataset, config.root)
    data = open_data(config, card, dataset)
    variant, _, tokenizer = make_variant(replace(config, init=f"run:{record.run}"), data, folder)
    faces = open_faces(config, dataset, data) if variant.video_needs else None
    now = {**checksums(data), "faces": faces.sha256 if faces else None}
    if now != {**record.checksums, "faces": record.faces.get("sha256")}:
        raise BenchError(f"the data changed since {path} was written. Put it back, or remove that record.")
    device = make_accelerator(config.train).device
    return Trained(record, path, config, dataset, data, faces, variant.to(device).eval(), tokenizer)


def find_record(run: str, folder: Path) -> Path:
    """The record of a run id, or at a path. UsageError, with near names, if there is none."""
    if run.endswith(".json"):
        path = Path(run).absolute()
        if path.is_file() and len(path.parents) > 3:
            return path
        raise UsageError(f"no record at {run}.")
    return store.find(run, folder)


def config_of(record: Record, root: Path | None = None) -> RunConfig:
    """The config of a record; `root` in place of its own folder. What an old record does not say is the default."""
    tree = dict(record.config)
    parts: dict[str, Any] = {"model": ModelConfig, "video": VideoConfig, "faces": FacesConfig, "train": TrainConfig}
    for name, part in parts.items():
        tree[name] = part(**tree.get(name, {}))
    tree["root"] = root or (Path(tree["root"]) if tree.get("root") else None)
    if tree["faces"].file:
        tree["faces"] = replace(tree["faces"], file=Path(tree["faces"].file))
    return RunConfig(**tree)
