"""Checkpoints: saved and put back to the bit, damaged, half removed, and written to a full disk."""

import errno
import json
import os
import random
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench.engine import checkpoint
from bench.engine.checkpoint import Progress, Training, has_checkpoint, load_best, resume, save_best, save_checkpoint
from bench.errors import BenchError

ACCELERATOR: Any = SimpleNamespace(is_main_process=True, process_index=0)


class Small(nn.Module):
    """A module with a buffer, and a tensor with two names."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 4)
        self.other.weight = self.one.weight
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.device = torch.device("cpu")


def fresh(seed: int = 0, fused: bool | None = None) -> Any:
    torch.manual_seed(seed)
    variant: Any = Small()
    optimizer = torch.optim.AdamW(variant.parameters(), lr=0.1, fused=fused)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    return Training(variant, optimizer, schedule, {"9k": "abc"})


def step(training: Training, now: Progress) -> None:
    """A step that draws from all three generators."""
    drawn = torch.rand(2, 4) + random.random() + float(np.random.rand())  # noqa: NPY002
    training.variant.other(training.variant.one(drawn)).square().sum().backward()
    training.optimizer.step()
    training.optimizer.zero_grad()
    training.schedule.step()
    training.variant.seen += 1
    now.step += 1
    now.curve.append({"step": now.step, "loss": float(drawn.sum())})


def end_of(training: Training, now: Progress, steps: int = 5) -> tuple[Any, ...]:
    while now.step < steps:
        step(training, now)
    return now.curve, {name: value.tolist() for name, value in training.variant.state_dict().items()}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Any, ...]]:
    """A folder with the checkpoints of steps 2 and 3, and how the training ends from either."""
    folder = tmp_path_factory.mktemp("kept") / "run"
    training, now = fresh(), Progress()
    for _ in range(3):
        step(training, now)
        if now.step == 2:
            now.best = {"step": 2, "T2V R@1": 50.0}
            save_best(training.variant, now, folder, ACCELERATOR)
        if now.step > 1:
            save_checkpoint(training, now, folder, ACCELERATOR)
    return folder, end_of(training, now)


@pytest.fixture
def folder(kept: tuple[Path, Any], tmp_path: Path) -> Path:
    return shutil.copytree(kept[0], tmp_path / "run")


def went_on(folder: Path) -> tuple[int, tuple[Any, ...]]:
    """The step that a fresh training resumes from, and how it ends."""
    training = fresh(seed=1)
    now = resume(training, folder, ACCELERATOR)
    return now.step, end_of(training, now)


def test_a_training_that_is_resumed_ends_as_one_that_never_stopped(folder: Path, kept: tuple[Path, Any]) -> None:
    assert went_on(folder) == (3, kept[1])


def test_a_checkpoint_holds_tensors_and_json_alone(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "checkpoint").iterdir()) == ["progress.json", "tensors.safetensors"]


def test_a_new_run_starts_at_nothing(tmp_path: Path) -> None:
    assert resume(fresh(), tmp_path, ACCELERATOR) == Progress()


def test_what_an_older_checkpoint_does_not_say_is_as_at_the_start(folder: Path) -> None:
    path = folder / "checkpoint" / "progress.json"
    content = json.loads(path.read_text())
    del content["sha256"], content["compiled"]
    path.write_text(json.dumps({"sha256": checkpoint._digest(content), **content}))
    now = resume(fresh(), folder, ACCELERATOR)
    assert (now.step, now.compiled) == (3, 0)


def flip(path: Path, place: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["progress.json", "tensors.safetensors"])
def test_a_flipped_bit_never_trains_on(
    folder: Path, kept: tuple[Path, Any], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Wherever it lies: from the checkpoint before, the training ends the same."""
    draw = random.Random(name)
    path = folder / "checkpoint" / name
    intact = path.read_bytes()
    for _ in range(40):
        path.write_bytes(intact)
        flip(path, draw.randrange(len(intact)), draw.randrange(8))
        copy = shutil.copytree(folder, folder.with_name("copy"), dirs_exist_ok=True)
        assert went_on(copy) == (2, kept[1])
        [line] = capsys.readouterr().err.splitlines()
        assert "damaged. Going on from the checkpoint before." in line
        shutil.rmtree(copy)


@pytest.mark.parametrize("length", [0, 100])
def test_a_file_cut_short_is_damaged(folder: Path, kept: tuple[Path, Any], length: int) -> None:
    os.truncate(folder / "checkpoint" / "tensors.safetensors", length)
    assert went_on(folder) == (2, kept[1])


def test_a_damaged_checkpoint_never_takes_the_place_of_the_good_one(folder: Path) -> None:
    flip(folder / "checkpoint" / "tensors.safetensors", -1)
    training = fresh()
    now = resume(training, folder, ACCELERATOR)
    step(training, now)
    save_checkpoint(training, now, folder, ACCELERATOR)
    flip(folder / "checkpoint" / "tensors.safetensors", -1)
    assert went_on(folder)[0] == 2


def test_two_damaged_checkpoints_are_one_line(folder: Path) -> None:
    for name in ("checkpoint", "checkpoint.old"):
        flip(folder / name / "progress.json", 100)
    with pytest.raises(BenchError, match=r"progress\.json is damaged\. .*Remove .* to start again") as error:
        went_on(folder)
    assert "\n" not in str(error.value)


def test_damaged_best_weights_are_one_line(folder: Path) -> None:
    flip(folder / "best-2.safetensors", -1)
    with pytest.raises(BenchError, match=r"best-2\.safetensors is missing or damaged"):
        went_on(folder)


def test_best_weights_come_back_while_a_checkpoint_speaks_of_them(folder: Path) -> None:
    training = fresh()
    now = resume(training, folder, ACCELERATOR)
    load_best(training.variant, now, folder)
    assert training.variant.seen == 2
    for number in (4, 5):
        step(training, now)
        now.best = {"step": number, "T2V R@1": 60.0}
        save_best(training.variant, now, folder, ACCELERATOR)
        save_checkpoint(training, now, folder, ACCELERATOR)
    assert sorted(path.name for path in folder.glob("best-*")) == ["best-4.safetensors", "best-5.safetensors"]


def test_a_pickled_checkpoint_is_refused_unread(folder: Path) -> None:
    (folder / "checkpoint" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(BenchError, match="made by an older version"):
        went_on(folder)


def test_other_data_are_refused(folder: Path) -> None:
    training = fresh()
    training.checksums["9k"] = "def"
    with pytest.raises(BenchError, match=r"was made from other data or weights \(9k changed\)"):
        resume(training, folder, ACCELERATOR)


def test_what_a_broken_removal_left_is_no_checkpoint(folder: Path) -> None:
    for name in ("checkpoint", "checkpoint.old"):
        (folder / name / "progress.json").unlink()
    assert not has_checkpoint(folder)
    assert resume(fresh(), folder, ACCELERATOR) == Progress()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("place", ["save_tensors", "sha256"])
def test_a_full_disk_is_one_line_and_the_former_checkpoint_is_intact(
    folder: Path, kept: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    training = fresh()
    now = resume(training, folder, ACCELERATOR)
    step(training, now)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, place, full)
        with pytest.raises(BenchError, match=r"step 4 cannot be written: No space left on device\. .*kept in"):
            save_checkpoint(training, now, folder, ACCELERATOR)
    assert sorted(path.name for path in folder.iterdir()) == ["best-2.safetensors", "checkpoint", "checkpoint.old"]
    assert went_on(folder) == (3, kept[1])


@pytest.mark.parametrize("fused", [True, None])
def test_a_checkpoint_of_another_kind_of_optimizer_step_goes_on(tmp_path: Path, fused: bool | None) -> None:
    """One kernel for all parameters, as on a GPU, or none: this machine's choice, and the same numbers."""
    before, now = fresh(fused=None if fused else True), Progress()
    for _ in range(3):
        step(before, now)
    save_checkpoint(before, now, tmp_path, ACCELERATOR)
    expected_curve, expected = end_of(before, now)
    after = fresh(seed=1, fused=fused)
    curve, weights = end_of(after, resume(after, tmp_path, ACCELERATOR))
    assert after.optimizer.param_groups[0]["fused"] == fused
    assert curve == expected_curve
    for name, value in expected.items():
        np.testing.assert_allclose(weights[name], value, rtol=1e-4)
