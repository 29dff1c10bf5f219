"""A run, opened: its config, its data, its variant with weights, and what reads its captions and clips.

These travel together. `bench.engine.run` opens a run to train it, `bench.engine.reopen` one that is done.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from accelerate.utils import set_seed
from tokenizers import Tokenizer

from bench.config import RunConfig
from bench.data import importers
from bench.data.annotation import Annotation
from bench.data.cards import Card, load_card
from bench.data.controls import FaceTracks
from bench.data.faces import Faces
from bench.data.loading import Collator, Data, Samples, joined, open_data, open_faces
from bench.data.tokenizer import caption_tokenizer, check_vocabulary, clip_tokenizer
from bench.emotions.counterfactuals import swapped_captions
from bench.emotions.sources import SourceOptions, source_versions
from bench.engine.run_config import evaluation_control
from bench.errors import UsageError
from bench.model.checkpoints import Loaded, initialize, read_tokenizer, run_weights
from bench.model.hugging_face import read_tokenizer_of
from bench.model.model_names import hf_source
from bench.model.tiny import tiny_tokenizer
from bench.model.variant import Variant
from bench.records import store
from bench.records.artifacts import check_artifact
from bench.utils import distributed
from bench.utils.run_files import record_of


@dataclass(frozen=True)
class Opened:
    """What a run works with. The variant is where it was made, on the CPU, until somebody moves it."""

    config: RunConfig  # completed
    card: Card
    folder: Path  # the dataset's
    data: Data
    variant: Variant
    loaded: Loaded  # where the weights came from
    tokenizer: Tokenizer
    faces: Faces | None  # None: the variant sees none
    # of a frozen text tower, by `token_keys`: (P,) float32 each
    text_features: Mapping[bytes, np.ndarray] = field(default_factory=dict, kw_only=True)

    @property
    def checksums(self) -> dict[str, str]:
        """The digest of what was left of each split, by its name; and that of the `faces`, if there are some."""
        parts = (self.data.train, self.data.validation, self.data.test)
        found = {part.split: part.digest for part in parts if part and part.clips}
        return {**found, "faces": self.faces.sha256} if self.faces else found

    def samples(self, part: Annotation, control: str) -> Samples:
        """A split's samples; the facial expressions are under `control`. Clips are decoded when they are asked for.

        With `--video.cache` they are decoded here; where nothing is trained, those of the test split alone.
        """
        config = self.config
        if part is not self.data.test and not config.train.trains:
            config = replace(config, video=replace(config.video, cache=False))
        videos = [clip.video for clip in part.clips]
        tracks = None
        if self.faces:
            tracks = FaceTracks(self.faces, videos, control, config.seed, config.faces.pooling)
        return Samples(part, self.data.videos, config, tracks)

    def collator(
        self, captions: Sequence[str], control: str = "", swapped: Mapping[str, str] | None = None
    ) -> Collator:
        """Makes batches of clips and of any of these captions, whose emotions are under `control`.

        Emotions are scored only if the variant asks. Without `control` it is that of the run's evaluation. swapped:
        see `swaps`.
        """
        return Collator(
            self.tokenizer,
            self.config.model.tokens,
            self.variant.phrase,
            list(captions) if self.variant.text_needs else None,
            swapped=swapped,
            source=self.config.emotion_source,
            options=SourceOptions.of(self.config),
            control=control or evaluation_control(self.config),
            seed=self.config.seed,
            features=self.text_features,
        )

    def texts(self, *parts: Annotation | None) -> list[str]:
        """Every text that a sample of these splits may have."""
        clips = [clip for part in parts if part for clip in part.clips]
        texts = [caption for clip in clips for caption in clip.captions]
        return texts + [joined(clip) for clip in clips] if self.config.captions == "joined" else texts

    def swaps(self) -> dict[str, str]:
        """Training texts with their emotion word exchanged, if `train.negatives` asks for them: text -> swapped.

        UsageError: they are wanted and there are none.
        """
        if self.config.train.negatives == "none":
            return {}
        train = self.data.train
        found = swapped_captions(self.texts(train))
        if not found:
            raise UsageError(
                f"--train.negatives swapped: no caption of {train.dataset}/{train.split} has a word of the swap list, "
                "which is English. Leave it out."
            )
        return found


def open_run(config: RunConfig, results: Path) -> Opened:
    """Opens the run of a completed config. results: where a run that it starts from is looked for.

    UsageError: settings that do not fit the data or the weights. BenchError: videos, weights or faces that are missing.
    Differ: not all processes see the same ones.
    """
    card = load_card(config.dataset, config.root)
    with distributed.in_turns():  # one process renders or looks; the others find it done
        folder = importers.ensure(config.dataset, config.root)
        data = open_data(config, card, folder)
    variant, loaded, tokenizer = make_variant(config, data, results)
    faces = open_faces(config, folder, data) if variant.video_needs else None
    opened = Opened(config, card, folder, data, variant, loaded, tokenizer, faces)
    if distributed.world() > 1:
        distributed.agree(_seen(opened))
    return opened


def _seen(opened: Opened) -> dict[str, str]:
    """What of a run's data and first weights all processes must see alike, in words."""
    config, data = opened.config, opened.data
    parts = [part for part in (data.train, data.validation, data.test) if part]
    seen = {
        part.split: f"{len(part.clips)} clips, {data.skipped.get(part.split, 0)} left out, checksum {part.digest[:8]}"
        for part in parts
    }
    facts = [(name, count, data.videos.paths[name].stat().st_size) for name, count in data.videos.frames.items()]
    seen["the clips' lengths and file sizes"] = sha256(json.dumps(sorted(facts)).encode()).hexdigest()[:8]
    seen["faces"] = opened.faces.sha256[:8] if opened.faces else "none"
    seen["first weights"] = opened.loaded.source
    return seen | source_versions(config.emotion_source, SourceOptions.of(config))


def make_variant(config: RunConfig, data: Data | None, results: Path) -> tuple[Variant, Loaded, Tokenizer]:
    """The variant with its first weights, drawn with the run's seed where they are new, and its tokenizer.

    data: None if the weights are those of a former run, which bring their tokenizer.
    """
    if config.init.startswith("run:"):
        _check_weights(config.init.removeprefix("run:"), results)
    tokenizer = make_tokenizer(config, data, results)
    set_seed(config.seed)
    variant, loaded = initialize(
        config.variant,
        config.hp,
        init=config.init,
        size=config.model.size,
        frames=config.video.frames,
        vocabulary=tokenizer.get_vocab(),
        results=results,
    )
    if config.matched_parameters and not variant.added_parameters:
        raise UsageError(f"{config.variant} adds no parameters to match: leave out --matched-parameters.")
    if config.train.freeze == "both" and not variant.added_parameters:
        raise UsageError(f"{config.variant} adds no parameters: with --freeze both there is nothing to train.")
    backbone = variant.backbone
    if config.model.tokens > backbone.text_places:
        raise UsageError(f"--model.tokens {config.model.tokens}: the text tower takes at most {backbone.text_places}.")
    published = config.init.startswith(("clip:", "clip-vip:"))
    check_vocabulary(tokenizer, backbone.vocabulary, f"--model.tokenizer {config.model.tokenizer}", trained=published)
    if config.video.size != backbone.image_size:
        raise UsageError(f"--video.size {config.video.size}: the vision tower takes {backbone.image_size} pixels.")
    if backbone.frames and config.video.frames != backbone.frames:
        raise UsageError(f"--video.frames {config.video.frames}: the video tower takes {backbone.frames} frames.")
    return variant, loaded, tokenizer


def _check_weights(run: str, results: Path) -> None:
    """BenchError if the weights of a former run are another run's. A run without a record has only its weights."""
    weights = run_weights(run, results)
    if (path := record_of(weights)).is_file():
        check_artifact(store.load_run(path), "weights", weights, path)


def make_tokenizer(config: RunConfig, data: Data | None, results: Path) -> Tokenizer:
    """CLIP's or another model's, or a former run's own, or one built from the training captions."""
    if config.model.tokenizer != "captions":
        of_hf = hf_source(config.model.size) is not None
        return (read_tokenizer_of if of_hf else clip_tokenizer)(config.model.tokenizer)
    if config.init.startswith("run:"):
        return read_tokenizer(run_weights(config.init.removeprefix("run:"), results))
    assert data is not None
    if not data.train.clips:
        if config.init == "tiny":
            return tiny_tokenizer()
        raise UsageError(
            f"--model.tokenizer captions: {config.dataset} has no training captions to make it from. Name "
            "CLIP's tokenizer."
        )
    return caption_tokenizer(caption for clip in data.train.clips for caption in clip.captions)
