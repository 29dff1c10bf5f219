"""--track and --device: where curve and metrics go, where a run computes; nothing of a run's numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from accelerate import tracking as accelerate_tracking
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker
from accelerate.utils import LoggerType
from helpers.asking import Capture, Command, failure

from bench.cli import main
from bench.config import RunConfig, identity
from bench.engine import tracking
from bench.records.store import load


class Noting(GeneralTracker):
    """Keeps what it is given."""

    name = "tensorboard"
    requires_logging_directory = True
    tracker = None
    told: list[tuple[int, dict[str, Any]]] = []  # noqa: RUF012
    started: dict[str, Any] = {}  # noqa: RUF012
    finished = 0

    def __init__(self, project: str, folder: str):
        super().__init__()
        self.started |= {"project": project, "folder": folder}

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.started["settings"] = values

    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        self.told.append((int(step or 0), values))

    def finish(self) -> None:
        type(self).finished += 1


@pytest.fixture
def noting(monkeypatch: pytest.MonkeyPatch) -> type[Noting]:
    """It stands in for TensorBoard, which need not be installed."""
    Noting.told.clear()
    Noting.finished = 0
    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, "tensorboard", Noting)
    for module in (accelerate_tracking, tracking):
        monkeypatch.setattr(module, "get_available_trackers", lambda: [LoggerType.TENSORBOARD])
    return Noting


def test_the_trackers_are_accelerate_s_own() -> None:
    kind = RunConfig.__annotations__["track"]
    assert set(get_args(kind)) == {"none", *LOGGER_TYPE_TO_CLASS}


def test_curve_and_final_metrics_reach_the_tracker(
    command: Command, tmp_path: Path, noting: type[Noting], capsys: Capture
) -> None:
    main(command(track="tensorboard"))
    [path] = (tmp_path / "results").glob("msrvtt/9k/plain/*.json")
    record = load(path)
    assert noting.started["project"] == "emotion-video-bench"
    assert noting.started["folder"] == str(path.with_suffix(""))
    assert noting.started["settings"]["run"] == record.run
    points = [(step, values["loss"]) for step, values in noting.told if "loss" in values]
    assert points == [(point["step"], point["loss"]) for point in record.curve]
    step, final = noting.told[-1]
    assert step == record.curve[-1]["step"]
    assert final["test/all/t2v/R_at_1"] == record.metrics["all"]["t2v"]["R@1"]["value"]
    assert noting.finished == 1
    assert "curve and metrics go to tensorboard" in capsys.readouterr().err


def test_without_track_nothing_is_told(command: Command, noting: type[Noting]) -> None:
    main(command(train__steps=1))
    assert not noting.told


def test_a_tracker_that_is_not_installed_is_named_with_what_to_install(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(tracking, "get_available_trackers", lambda: [])
    code, said = failure(command(track="comet_ml"), capsys)
    assert (code, said) == (2, "bench: --track comet_ml: that package is not installed. pip install comet-ml\n")


def test_neither_tracker_nor_device_makes_another_run() -> None:
    assert identity(RunConfig(track="wandb", device="cuda:1")) == identity(RunConfig())


def test_a_control_whose_true_run_is_not_there_says_first_that_it_trains(
    command: Callable[..., list[str]], capsys: Capture
) -> None:
    settings = {"variant": "additive_text", "train__steps": 1}
    main(command(**settings, emotions="shuffled"))
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("run additive_text-s42-")
    assert first.endswith("whose weights are scored with shuffled emotions, does not exist yet: it is trained first")
    main(command(**settings, emotions="zeroed"))
    assert "it is trained first" not in capsys.readouterr().err
