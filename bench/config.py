"""What a run is made of. The only place where a default lives; a dataset's card overrides what fits it, then the user.

The defaults are the report's recipe for MSR-VTT, which is CLIP-ViP's.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter, Token

from bench.errors import UsageError
from bench.utils.device import AUTO, check_device


def _whole(kind: type, tokens: Sequence[Token]) -> int:
    """An integer as it is written: the parser alone would round 1.5."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f'"{tokens[0].value}" is no whole number.') from None


Whole = Annotated[int, Parameter(converter=_whole)]
WholeOrNone = Annotated[int | None, Parameter(converter=_whole)]


def _whole_or_auto(kind: type, tokens: Sequence[Token]) -> int | str:
    return "auto" if tokens[0].value == "auto" else _whole(int, tokens)


WholeOrAuto = Annotated[int | Literal["auto"], Parameter(converter=_whole_or_auto)]


@dataclass(frozen=True)
class ModelConfig:
    """The backbone."""

    size: Annotated[str, Parameter(alias="--model")] = "b32"
    """tiny, b32, b16, the path of a CLIPConfig .json file, or hf:DIR_OR_NAME; see `bench list models`."""

    tokenizer: str = "openai/clip-vit-base-patch32"
    """A Hugging Face name, a folder, or CLIP's bpe_simple_vocab_16e6.txt.gz; `captions` builds a small one."""

    tokens: Whole = 50
    """The longest caption, in tokens, both ends included."""


@dataclass(frozen=True)
class VideoConfig:
    """What the model sees of a clip."""

    frames: Whole = 12
    """Frames per clip, spread evenly over its whole length."""

    size: Whole = 224
    """The size of frames in pixels: the shorter side is scaled to it, then the centre is cropped."""

    cache: bool = False
    """Decode each clip once and keep its frames in memory, where they fit. For small clips only."""

    workers: WholeOrAuto = "auto"
    """Processes that decode clips; 0 decodes in the main one. auto: one less than the cores that this process may use,
    which the processes of torchrun share, if memory allows."""

    reader: Literal["pyav", "decord"] = "pyav"
    """What decodes clips. decord reads only those for which it gives the same frames as PyAV."""


@dataclass(frozen=True)
class TrainConfig:
    """The recipe. Batches are counted over all processes."""

    epochs: Whole = 5
    """Passes over the training clips; 0 scores the weights of --init without training."""

    steps: Whole = 0
    """Optimizer steps; 0 means as many as `epochs` gives."""

    batch: Whole = 64
    """Pairs of clip and caption in a batch; they are rivals in the loss."""

    batches: Literal["random", "twins", "similar"] = "random"
    """Which clips make up a batch. twins: those of one content in several moods come together, where the dataset says
    which; similar: those whose captions are alike but for emotion, in any dataset."""

    similar: float = 1.0
    """With --train.batches twins or similar: the share of a batch that such groups fill; single clips, drawn at
    random, fill the rest. Groups are drawn at random, too: even with 1, a clip has one twin and 62 random rivals in a
    batch of 64."""

    accumulation: Whole = 8
    """Batches per optimizer step. Adds no rivals."""

    chunk: Whole = 0
    """Pairs of a batch that a process has in memory at once; 0: all. The gradient is that of the whole batch
    (GradCache), at the cost of one more pass through the towers."""

    recompute: bool = False
    """Compute the towers' layers again in the backward pass, instead of keeping their activations (gradient
    checkpointing): less memory, about a third more time."""

    negatives: Literal["none", "swapped"] = "none"
    """More rivals in the loss. swapped: a caption with an emotion word brings a copy with another one ("an angry
    man" for "a happy man"), which must score lower with the caption's clip than the caption does."""

    lr: float = 1e-6
    """AdamW's learning rate at its highest."""

    beta1: float = 0.9
    """AdamW's decay of the mean gradient."""

    beta2: float = 0.98
    """AdamW's decay of the mean squared gradient."""

    weight_decay: float = 0.2
    """AdamW's weight decay, of all weights except biases and the temperature."""

    warmup: float = 0.01
    """Share of the steps in which the learning rate rises to `lr`; then it falls along a cosine."""

    grad_norm: float = 1.0
    """Gradients are scaled down to at most this norm."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 where the accelerator has it, otherwise fp32."""

    compile: Literal["auto", "on", "off"] = "auto"
    """Train with the towers' layers compiled by torch.compile; numbers change by rounding. auto: on a CUDA GPU, if
    the run is long enough to save more time than compiling takes."""

    select: Annotated[Literal["last", "val", "test"], Parameter(alias="--select")] = "last"
    """The step whose weights are scored: the last; the best in validation; or the best in test (unfair)."""

    holdout: Whole = 0
    """Videos held out of training for validation, where the dataset has no validation split of its own."""

    checkpoint_every: Whole = 10
    """Optimizer steps between checkpoints."""

    emotions: Literal["true", "shuffled", "zeroed"] = "true"
    """The emotion input in training: true, or a control. A run with a control is a run of its own."""

    freeze: Annotated[Literal["none", "video", "text", "both"], Parameter(alias="--freeze")] = "none"
    """The towers that keep their initial weights; the other tower and the variant's own parameters are trained. A
    frozen tower's features are computed once and kept; a frozen video tower sees the frames that scoring uses."""

    @property
    def trains(self) -> bool:
        """Whether there is a training: `--train.epochs 0` alone scores the first weights."""
        return bool(self.epochs or self.steps)

    @property
    def frozen_towers(self) -> tuple[str, ...]:
        """Of "video" and "text", those that `freeze` names."""
        return {"none": (), "both": ("video", "text")}.get(self.freeze, (self.freeze,))


@dataclass(frozen=True)
class FacesConfig:
    """Facial expressions, for variants that use them."""

    file: Path | None = None
    """What `bench faces` wrote; the dataset folder's faces.parquet if not given."""

    pooling: Literal["largest", "mean", "max"] = "largest"
    """What a variant sees of a frame with several faces."""


@Parameter(name="*")
@dataclass(frozen=True)
class RunConfig:
    """One run: a variant, what it is trained on, and how."""

    variant: str = "plain"
    """Which variant; see `bench list variants`."""

    dataset: str = "moodclips"
    """Which dataset; see `bench list datasets`. Or a folder of yours with videos and a metadata.csv."""

    split: str = ""
    """The training split; the card's own if not given. none: evaluation alone, with --train.epochs 0."""

    test: str = ""
    """The test split; the card's own if not given."""

    root: Path | None = None
    """The dataset's folder, on which `bench data prepare` was run. Generated datasets need none."""

    init: str = ""
    """The initial weights: random, tiny (comes with bench), clip-vip:FILE, clip:DIR_OR_NAME, run:ID. A model
    hf:DIR has its own."""

    hp: dict[str, str] = field(default_factory=dict)
    """The variant's hyperparameters: --hp.init_std 0.02"""

    positives: Literal["own", "equal"] = "own"
    """Which answers are true: a query's own video and a video's own captions; or also those with an equal caption."""

    captions: Literal["sampled", "joined"] = "sampled"
    """A training clip's text: one caption, drawn again each epoch, or all of them joined into one text."""

    missing: Literal["stop", "skip"] = "stop"
    """What to do when videos are missing or broken."""

    emotions: Literal["true", "shuffled", "zeroed", "random", "opposite", "oracle"] = "true"
    """The emotion input when scoring: true, or a control, which scores the weights of the true run. oracle: the scores
    are told the true mood of query and clip, where a dataset has it: the ceiling, not a result."""

    emotion_source: str = "nrc"
    """How the emotions of a caption are found; see `bench list emotion-sources`."""

    label_map: Path | None = None
    """For classifier:NAME_OR_DIR, the YAML file that maps its labels to the eight emotions."""

    missing_labels: Literal["stop", "zero"] = "stop"
    """For file:LABELS.jsonl, what to do with captions that it does not list; zero: they name no emotion."""

    matched_parameters: bool = False
    """Train and score with one constant emotion for everything: the same parameters, no information."""

    device: str = AUTO
    """Where to compute: auto (a CUDA GPU where there is one, otherwise the CPU), cpu, cuda, cuda:1, …, mps."""

    track: Literal[
        "none", "tensorboard", "wandb", "mlflow", "comet_ml", "aim", "clearml", "dvclive", "swanlab", "trackio"
    ] = "none"
    """Also send curve and final metrics to this tracker, whose package you install. By default nothing is sent."""

    seed: Whole = 42
    """The seed of the initial weights, the order of the clips, their captions and frames, and controls' emotions."""

    model: ModelConfig = field(default_factory=ModelConfig)
    video: VideoConfig = field(default_factory=VideoConfig)
    faces: FacesConfig = field(default_factory=FacesConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        for name, low in (("model.tokens", 3), ("video.frames", 1), ("video.size", 1), ("train.batch", 2)):
            _at_least(name, _look_up(self, name), low)
        for name in ("train.accumulation", "train.checkpoint_every"):
            _at_least(name, _look_up(self, name), 1)
        if self.video.workers != "auto":
            _at_least("video.workers", self.video.workers, 0)
        for name in ("train.epochs", "train.steps", "train.holdout", "train.chunk", "seed"):
            _at_least(name, _look_up(self, name), 0)
        _at_least("train.weight_decay", self.train.weight_decay, 0)
        for name in ("train.lr", "train.grad_norm"):
            if not _look_up(self, name) > 0:
                raise UsageError(f"--{name} takes a number above 0, not {_look_up(self, name)}.")
        for name in ("train.warmup", "train.beta1", "train.beta2"):
            if not 0 <= _look_up(self, name) < 1:
                raise UsageError(f"--{name} takes a number from 0 up to 1, not {_look_up(self, name)}.")
        check_device(self.device)
        if not 0 < self.train.similar <= 1:
            raise UsageError(f"--train.similar takes a share above 0 and up to 1, not {self.train.similar}.")
        if self.train.select != "last" and not self.train.trains:
            raise UsageError(
                f"--train.select {self.train.select} chooses among the steps of a training: with --train.epochs 0 is "
                "none."
            )
        if self.train.freeze != "none" and not self.train.trains:
            raise UsageError(
                f"--freeze {self.train.freeze} leaves towers out of a training: with --train.epochs 0 is none."
            )
        if self.matched_parameters and (self.emotions, self.train.emotions) != ("true", "true"):
            raise UsageError("--matched-parameters is a control of its own: leave out --emotions and --train.emotions.")


def as_json(config: RunConfig) -> dict[str, Any]:
    """The whole tree as plain JSON values."""
    return json.loads(json.dumps(asdict(config), default=str))


def without_controls(config: RunConfig) -> RunConfig:
    """The run that a control is compared with: the same settings, true emotions."""
    return replace(config, emotions="true", matched_parameters=False, train=replace(config.train, emotions="true"))


# What the weights that come with bench were made for: `--init tiny` takes these settings where nobody names others.
FOR_TINY: dict[str, Any] = {
    "model": {"size": "tiny", "tokenizer": "captions", "tokens": 32},
    "video": {"size": 64, "frames": 8},
    "train": {"accumulation": 1, "lr": 1e-3, "weight_decay": 0.05, "warmup": 0.1},
}

# What a setting was when an id does not speak of it. Frozen: the ids of all runs hang on it, so no line is changed, not
# even when a default above is. A new setting gets its line when it is added, with the value that changes nothing.
IDENTITY_DEFAULTS: dict[str, Any] = {
    "variant": "plain",
    "dataset": "moodclips",
    "split": "",
    "test": "",
    "init": "",
    "hp": {},
    "positives": "own",
    "captions": "sampled",
    "emotion_source": "nrc",
    "missing": "stop",
    "emotions": "true",
    "matched_parameters": False,
    "seed": 42,
    "model.size": "b32",
    "model.tokenizer": "openai/clip-vit-base-patch32",
    "model.tokens": 50,
    "video.frames": 12,
    "video.size": 224,
    "faces.pooling": "largest",
    "train.epochs": 5,
    "train.steps": 0,
    "train.batch": 64,
    "train.batches": "random",
    "train.similar": 1.0,
    "train.negatives": "none",
    "train.accumulation": 8,
    "train.lr": 1e-6,
    "train.beta1": 0.9,
    "train.beta2": 0.98,
    "train.weight_decay": 0.2,
    "train.warmup": 0.01,
    "train.grad_norm": 1.0,
    "train.precision": "auto",
    "train.select": "last",
    "train.holdout": 0,
    "train.emotions": "true",
    "train.freeze": "none",
}
# Where files lie, what reads them (readers give the same frames, by a check) and in how many processes, how often the
# state is saved: no number changes with it. Nor, but for rounding, with compiled layers, or with what is computed in
# chunks or twice to save memory; a variant's own random draws change with chunks as they do with processes. What a
# label map says is in the version of the emotion source; whether a missing label stops a run decides if there are
# numbers, not which. Nor is it another run on another device, as on another machine: the record says which it was.
NOT_IDENTITY = (
    *("root", "faces.file", "video.workers", "video.cache", "video.reader", "train.checkpoint_every"),
    *("label_map", "missing_labels", "device", "track", "train.chunk", "train.recompute", "train.compile"),
)


def identity(config: RunConfig) -> dict[str, Any]:
    """What of a config makes its run another run: the settings that differ from IDENTITY_DEFAULTS, by dotted name.

    Equal for two configs that give the same numbers. A setting that is not in the list yet counts from its own default,
    so that adding one changes no id.
    """
    defaults = {**flat(as_json(type(config)())), **IDENTITY_DEFAULTS}
    settings = {name: value for name, value in flat(as_json(config)).items() if name not in NOT_IDENTITY}
    return {name: _canonical(value) for name, value in settings.items() if value != defaults[name]}


def flat(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a config as JSON, by dotted name; `hp` is one setting."""
    settings: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict) and name != "hp":
            settings |= {f"{name}.{leaf}": found for leaf, found in value.items()}
        else:
            settings[name] = value
    return settings


def _canonical(value: Any) -> Any:
    """One number for 2 and 2.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _look_up(config: RunConfig, name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _at_least(name: str, value: float, low: float) -> None:
    if not value >= low:
        raise UsageError(f"--{name} takes a number of at least {low}, not {value}.")
