"""Curve and final metrics for an experiment tracker, through Accelerate's own: `--track tensorboard | wandb | …`.

Off unless it is asked for. A local tracker writes beside the run's weights; what a service keeps is its own matter.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.tracking import filter_trackers, get_available_trackers

from bench.config import RunConfig, as_json, flat
from bench.errors import UsageError
from bench.records.record import Record

PROJECT = "emotion-video-bench"
NONE = "none"
_RUN_NAME = {"wandb": "name", "mlflow": "run_name", "trackio": "name", "swanlab": "experiment_name"}
_PACKAGE = {"tensorboard": "'emotion-video-bench[track]'"}  # what to install, where it is not called as the tracker is


def check_tracker(name: str) -> None:
    """UsageError, with what to install: a tracker whose package is not there."""
    if name != NONE and name not in [str(found) for found in get_available_trackers()]:
        package = _PACKAGE.get(name, name.replace("_", "-"))
        raise UsageError(f"--track {name}: that package is not installed. pip install {package}")


@contextmanager
def tracked(config: RunConfig, run: str, folder: Path, accelerator: Accelerator) -> Iterator[None]:
    """Within, what `log_point` and `log_metrics` are given reaches the tracker; at the end it is closed.

    folder: the run's, where a tracker that writes files has them.
    """
    if config.track != NONE:
        folder.mkdir(parents=True, exist_ok=True)
        accelerator.project_configuration.set_directories(str(folder))
        accelerator.project_configuration.logging_dir = str(folder)
        accelerator.log_with = filter_trackers([config.track], str(folder))
        names = {config.track: {_RUN_NAME[config.track]: run}} if config.track in _RUN_NAME else {}
        accelerator.init_trackers(PROJECT, {"run": run, **_settings(config)}, names)
        if accelerator.is_main_process:
            print(f"curve and metrics go to {config.track}, {PROJECT}/{run}", file=sys.stderr)
    try:
        yield
    finally:
        for tracker in accelerator.trackers:
            tracker.finish()
        accelerator.trackers = []


def log_point(point: Mapping[str, Any], accelerator: Accelerator) -> None:
    """A point of the training curve, with the validation that belongs to it."""
    accelerator.log({_name(key): value for key, value in flat(point).items() if key != "step"}, step=point["step"])


def log_metrics(record: Record, accelerator: Accelerator) -> None:
    """The run's final metrics, of every subset and direction."""
    values = {
        f"test/{subset}/{direction}/{metric}": number["value"]
        for subset, metrics in record.metrics.items()
        for direction in record.directions
        for metric, number in metrics[direction].items()
        if number["value"] is not None
    }
    accelerator.log({_name(key): value for key, value in values.items()}, step=record.selection["step"])


def _settings(config: RunConfig) -> dict[str, Any]:
    """Settings as trackers take them: numbers and text."""
    settings = flat(as_json(config))
    hp = settings.pop("hp")
    settings |= {f"hp.{name}": value for name, value in hp.items()}
    return {name: value if isinstance(value, (bool, int, float)) else str(value) for name, value in settings.items()}


def _name(key: str) -> str:
    """A metric's name as every tracker takes it: MLflow refuses "@"."""
    return key.replace("@", "_at_").replace(" ", "_").replace("val.", "val/")
