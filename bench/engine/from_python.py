"""`bench.run`: a run from a script or a notebook, with the defaults and the cards of the command line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.config import RunConfig, as_json, flat
from bench.engine import run as engine
from bench.engine.run import Run
from bench.engine.settings import parse
from bench.errors import UsageError
from bench.model.variant_registry import load_plugin
from bench.utils.names import did_you_mean


def run(
    variant: str = RunConfig.variant,
    dataset: str = RunConfig.dataset,
    *,
    results: str | Path = "results",
    plugins: str | Path | Sequence[str | Path] = (),
    **settings: Any,
) -> Run:
    """Trains a variant and scores it, or finds that this was done: `bench run` as a function.

    settings: those of `bench run --help`, those of a group as a mapping or with a dot: train={"epochs": 1} or
    **{"train.epochs": 1}; hp={"init_std": 0} are the variant's hyperparameters. What is not given comes from the
    dataset's card, then from the defaults. results: the folder of records. plugins: files that register things, or one.

    UsageError: an unknown name, a value out of range. BenchError: the work failed.
    """
    for path in [plugins] if isinstance(plugins, (str, Path)) else plugins:
        load_plugin(Path(path))
    given = {"variant": variant, "dataset": dataset, **flat_settings(settings)}
    config = parse([f"--{name}={value}" for name, value in given.items()])
    return engine.run(config, Path(results))


def flat_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted name, without those that are None; 1.0 is 1 where a whole number belongs, as in a run's id.

    UsageError: a name that no run has, or one twice.
    """
    known = flat(as_json(RunConfig()))
    given: dict[str, Any] = {}
    for name, value in _leaves(settings):
        if name not in known and not name.startswith("hp."):
            raise UsageError(f"a run has no setting '{name}'.{did_you_mean(name, known)} See `bench run --help`.")
        if name in given:
            raise UsageError(f"the setting '{name}' is given twice. Keep one of them.")
        whole = isinstance(value, float) and value.is_integer() and type(known.get(name, "")) in (int, type(None))
        given[name] = int(value) if whole else value
    return {name: value for name, value in given.items() if value is not None}


def _leaves(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        pairs += _leaves(value, f"{name}.") if isinstance(value, Mapping) else [(name, value)]
    return pairs
