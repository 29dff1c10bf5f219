"""The config: what it refuses, and what of it makes a run another run."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pytest

from bench.config import (
    IDENTITY_DEFAULTS,
    NOT_IDENTITY,
    FacesConfig,
    ModelConfig,
    RunConfig,
    TrainConfig,
    VideoConfig,
    as_json,
    identity,
)
from bench.errors import UsageError

SECTIONS: dict[str, type] = {"model": ModelConfig, "video": VideoConfig, "faces": FacesConfig, "train": TrainConfig}


def changed(name: str, value: Any) -> RunConfig:
    """The default config with one setting changed, by its dotted name."""
    config = RunConfig()
    section, _, leaf = name.rpartition(".")
    if section:
        return replace(config, **{section: replace(getattr(config, section), **{leaf: value})})
    return replace(config, **{leaf: value})


def leaves() -> list[str]:
    """Every setting's dotted name."""
    names = [field.name for field in fields(RunConfig) if field.name not in SECTIONS]
    return names + [f"{section}.{field.name}" for section, kind in SECTIONS.items() for field in fields(kind)]


def another(name: str) -> Any:
    """A sound value for a setting that is not its default."""
    value: Any = RunConfig()
    for part in name.split("."):
        value = getattr(value, part)
    choices = {"captions": "joined", "missing": "skip", "train.precision": "bf16", "train.select": "val"}
    choices |= {"train.compile": "on"}
    choices |= {"device": "cpu", "track": "wandb"}
    choices |= {"train.batches": "similar", "train.negatives": "swapped", "train.freeze": "video"}
    choices |= {"missing_labels": "zero", "emotions": "shuffled", "train.emotions": "zeroed", "faces.pooling": "max"}
    if name in choices:
        return choices[name]
    if name in ("root", "faces.file", "label_map"):
        return Path("elsewhere")
    if name == "video.workers":
        return 3
    if isinstance(value, bool):
        return not value
    if isinstance(value, dict):
        return {"init_std": "0"}
    return value / 2 if isinstance(value, float) else value + type(value)(1)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("model.tokens", 2, "--model.tokens takes a number of at least 3, not 2."),
        ("video.frames", 0, "--video.frames takes a number of at least 1, not 0."),
        ("video.size", 0, "--video.size takes a number of at least 1, not 0."),
        ("video.workers", -1, "--video.workers takes a number of at least 0, not -1."),
        ("train.batch", 1, "--train.batch takes a number of at least 2, not 1."),
        ("train.accumulation", 0, "--train.accumulation takes a number of at least 1, not 0."),
        ("train.epochs", -1, "--train.epochs takes a number of at least 0, not -1."),
        ("train.checkpoint_every", 0, "--train.checkpoint_every takes a number of at least 1, not 0."),
        ("train.steps", -1, "--train.steps takes a number of at least 0, not -1."),
        ("train.holdout", -1, "--train.holdout takes a number of at least 0, not -1."),
        ("train.weight_decay", -0.1, "--train.weight_decay takes a number of at least 0, not -0.1."),
        ("seed", -1, "--seed takes a number of at least 0, not -1."),
        ("device", "tpu", "--device takes auto, cpu, cuda, cuda:N or mps, not 'tpu'."),
        ("device", "cuda:", "--device takes auto, cpu, cuda, cuda:N or mps, not 'cuda:'."),
        ("train.lr", 0.0, "--train.lr takes a number above 0, not 0.0."),
        ("train.lr", float("nan"), "--train.lr takes a number above 0, not nan."),
        ("train.grad_norm", -1.0, "--train.grad_norm takes a number above 0, not -1.0."),
        ("train.warmup", 1.0, "--train.warmup takes a number from 0 up to 1, not 1.0."),
        ("train.beta1", -0.1, "--train.beta1 takes a number from 0 up to 1, not -0.1."),
        ("train.similar", 0.0, "--train.similar takes a share above 0 and up to 1, not 0.0."),
        ("train.similar", 1.5, "--train.similar takes a share above 0 and up to 1, not 1.5."),
        ("train.beta2", 1.0, "--train.beta2 takes a number from 0 up to 1, not 1.0."),
    ],
)
def test_a_value_out_of_range_is_named_with_its_range(name: str, value: Any, line: str) -> None:
    with pytest.raises(UsageError) as error:
        changed(name, value)
    assert str(error.value) == line


@pytest.mark.parametrize("name", leaves())
def test_every_setting_but_those_of_place_and_speed_makes_another_run(name: str) -> None:
    same = identity(changed(name, another(name))) == identity(RunConfig())
    assert same == (name in NOT_IDENTITY)


@pytest.mark.parametrize("name", leaves())
def test_every_setting_says_what_its_absence_from_an_id_means(name: str) -> None:
    assert (name in IDENTITY_DEFAULTS) != (name in NOT_IDENTITY), f"give {name} a line in bench.config, see there"


@dataclass(frozen=True)
class LongerTrain(TrainConfig):
    """The recipe with one more setting."""

    label_smoothing: float = 0.0


@dataclass(frozen=True)
class LongerRun(RunConfig):
    """A run with one more setting at the top and one in a section."""

    augment: str = "none"
    train: TrainConfig = field(default_factory=LongerTrain)


@pytest.mark.parametrize("given", [{}, {"variant": "additive_text", "seed": 7, "hp": {"init_std": "0.02"}}])
def test_a_new_setting_at_its_default_changes_no_identity(given: dict[str, Any]) -> None:
    assert identity(LongerRun(**given)) == identity(RunConfig(**given))


def test_a_new_setting_at_another_value_makes_another_run() -> None:
    assert identity(LongerRun(augment="flip")) == {"augment": "flip"}
    assert identity(LongerRun(train=LongerTrain(label_smoothing=0.1))) == {"train.label_smoothing": 0.1}


@dataclass(frozen=True)
class FasterTrain(TrainConfig):
    """The recipe with another default."""

    lr: float = 1e-5


def test_a_default_that_changes_later_leaves_former_identities_alone() -> None:
    assert identity(RunConfig(train=FasterTrain())) == {"train.lr": 1e-5}
    assert identity(RunConfig(train=FasterTrain(lr=1e-6))) == identity(RunConfig()) == {}


def test_a_whole_number_is_the_same_setting_with_and_without_a_point() -> None:
    assert identity(RunConfig(train=TrainConfig(grad_norm=2))) == identity(RunConfig(train=TrainConfig(grad_norm=2.0)))


def test_as_json_gives_the_config_back() -> None:
    config = replace(changed("train.lr", 3e-5), root=Path("some/folder"), hp={"init_std": "0.5"})
    tree = as_json(config)
    sections = {name: kind(**tree.pop(name)) for name, kind in SECTIONS.items()}
    assert RunConfig(**{**tree, "root": Path(tree["root"])}, **sections) == config


def test_the_defaults_are_the_published_recipe() -> None:
    """12 frames, 224 px, 50 tokens, 64 x 8, AdamW 1e-6 (0.9, 0.98), decay 0.2, 1 % warm-up, 5 epochs, seed 42."""
    config, recipe = RunConfig(), RunConfig().train
    assert (config.video.frames, config.video.size, config.model.tokens, config.seed) == (12, 224, 50, 42)
    assert (recipe.batch, recipe.accumulation, recipe.epochs) == (64, 8, 5)
    assert (recipe.lr, recipe.beta1, recipe.beta2) == (1e-6, 0.9, 0.98)
    assert (recipe.weight_decay, recipe.warmup, recipe.grad_norm) == (0.2, 0.01, 1.0)
