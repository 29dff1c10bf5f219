"""Runs over several processes and machines: the numbers of one process, one line for what goes wrong, nothing lost."""

import json
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT
from helpers.runs import bench
from helpers.torchrun import Ended, at_step, torchrun, two_machines

from bench.config import TrainConfig
from bench.data.annotation import load_annotation, save_annotation
from bench.engine.train import make_accelerator
from bench.errors import UsageError
from bench.records.record import Record
from bench.records.store import load

Command = Callable[..., list[str]]

MAY_DIFFER = {"created", "hardware", "timings", "curve", "artifacts"}  # by date, by machine, by rounding
RIVALS = {"train__batches": "similar", "train__negatives": "swapped"}
CALM = {"train__lr": 1e-4}  # at the usual 1e-3 AdamW's first steps make much of a rounding


def record_of(results: Path) -> Record:
    [path] = results.glob("*/*/*/*.json")
    return load(path)


def check_losses(one: Record, other: Record) -> None:
    losses = [[point["loss"] for point in record.curve] for record in (one, other)]
    assert np.abs(np.subtract(*losses)).max() < 1e-4


def check_equal(one: Record, several: Record) -> None:
    """Losses within 1e-4, and all the rest but what may differ."""
    check_losses(one, several)
    differing = {field.name for field in fields(Record) if getattr(one, field.name) != getattr(several, field.name)}
    assert differing <= MAY_DIFFER
    assert one.hardware["processes"] == 1
    assert several.hardware == {**one.hardware, "processes": 2}


@pytest.fixture
def odd(folder: Path) -> Path:
    """Five test clips, which two processes cannot share evenly."""
    split = load_annotation(folder, "1k-A", "msrvtt")
    save_annotation(replace(split, clips=split.clips[:5]), folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "special",
    [
        pytest.param(RIVALS, id="with rivals that ask for emotion"),
        pytest.param({"freeze": "video", "train__chunk": 1}, id="frozen and in chunks"),
    ],
)
def test_two_processes_make_the_record_of_one(
    command: Command, odd: Path, tmp_path: Path, special: dict[str, Any]
) -> None:
    settings = {"root": odd, "variant": "additive_text", **special, **CALM}
    ended = torchrun(command("two", **settings))
    assert ended.codes == [0], ended.err
    for line in ("All T2V", "msrvtt/9k/additive_text/"):
        assert ended.out.count(line) == 1  # one process alone prints
    check_equal(bench(command(**settings)), record_of(tmp_path / "two"))


@pytest.mark.slow
def test_two_machines_make_the_record_of_one_process(command: Command, odd: Path, tmp_path: Path) -> None:
    """Each with a cache folder of its own, which it fills by itself."""
    settings = {"root": odd, "train__select": "val", "train__holdout": 3, **CALM}
    words = command("two", **settings)
    homes = [tmp_path / "home 0", tmp_path / "home 1"]
    ended = two_machines(words, words, env=[{"BENCH_HOME": str(home)} for home in homes])
    assert ended.codes == [0, 0], ended.err
    check_equal(bench(command(**settings)), record_of(tmp_path / "two"))
    for home in homes:
        assert len(json.loads((home / "videos.json").read_text())["clips"]) == 17


@pytest.mark.slow
def test_a_killed_process_ends_the_run_with_a_line_and_a_checkpoint(command: Command, tmp_path: Path) -> None:
    words = command("killed", train__checkpoint_every=2, **CALM)
    script = at_step(2, "if rank == 1: os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    ended = torchrun(words, script=script)
    assert ended.codes != [0]
    [line] = ended.said
    assert line.startswith("another process of this run ended or cannot be reached any more")
    shutil.copytree(tmp_path / "killed", tmp_path / "alone")
    again = torchrun(words)
    assert again.codes == [0], again.err
    assert "going on after step 2 of 6" in again.err
    whole = bench(command(train__checkpoint_every=2, **CALM))
    check_equal(whole, record_of(tmp_path / "killed"))
    check_losses(whole, bench(command("alone", train__checkpoint_every=2, **CALM)))  # resumed by one process


@pytest.mark.slow
def test_torchrun_may_start_the_processes_again(command: Command, tmp_path: Path) -> None:
    restarted = "os.environ['TORCHELASTIC_RESTART_COUNT'] == '1'"
    script = at_step(2, f"if rank == 1 and not {restarted}: os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    words = command("killed", train__checkpoint_every=2)
    fresh_store = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # else new processes may read the old ones' addresses
    ended = torchrun(words, script=script, options=["--max-restarts", "1"], env=fresh_store)
    assert ended.codes == [0], ended.err
    assert "going on after step 2 of 6" in ended.err
    assert len(record_of(tmp_path / "killed").curve) == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("if rank == 0: os.kill(os.getppid(), signal.SIGTERM)", id="to torchrun alone"),
        pytest.param("[os.kill(p, signal.SIGTERM) for p in [os.getpid(), os.getppid()][:2 - rank]]", id="to all"),
        pytest.param("if rank == 1: os.kill(os.getpid(), signal.SIGTERM)", id="to one process"),
    ],
)
def test_a_signal_to_end_keeps_the_last_step(command: Command, tmp_path: Path, code: str) -> None:
    script = at_step(10, code, tmp_path)
    ended = torchrun(command(train__epochs=400), script=script)
    assert ended.codes != [0]
    [line] = ended.said
    [progress] = (tmp_path / "results").glob("*/*/*/*/checkpoint/progress.json")
    step = json.loads(progress.read_text())["step"]
    assert line == f"stopped after step {step} of 1200. Repeat the command to resume."
    assert step > 10


@pytest.mark.slow
def test_no_process_outlives_a_torchrun_that_is_killed(command: Command, tmp_path: Path) -> None:
    script = at_step(10, "if rank == 0: os.kill(os.getppid(), signal.SIGKILL)", tmp_path)
    ended = torchrun(command(train__epochs=4000), script=script)  # waits for all that write to its stderr
    assert ended.codes == [-signal.SIGKILL]
    assert "stopped after step" in ended.err


@pytest.mark.slow
def test_a_word_that_is_off_is_said_once(command: Command) -> None:
    ended = torchrun(command(variant="additve_text"))
    assert ended.codes == [1]
    [line] = ended.said
    assert "'additve_text' is no variant. Did you mean additive_text?" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, r"rank 1 on \S+: 1 of 18 videos of msrvtt/9k and 1k-A are missing or broken under .*\(video3\)"),
        (
            {"missing": "skip"},
            r"rank 1 on (\S+) differs from rank 0 on \1 \(9k: 11 clips, 1 left out, checksum \w+, not",
        ),
    ],
    ids=["which stops it", "which it may skip"],
)
def test_a_machine_that_lacks_a_video_is_named(
    command: Command, small: Path, folder: Path, settings: dict[str, str], line: str
) -> None:
    (folder / "videos" / "video3.mp4").unlink()
    words = [command(root=root, **settings) for root in (small, folder)]
    check_one_line(two_machines(*words), line)


@pytest.mark.slow
def test_a_machine_with_other_code_is_named(command: Command, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for package in ("bench", "variants", "datasets"):
        shutil.copytree(ROOT / package, other / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "bench" / "engine" / "train.py").open("a") as file:
        file.write("CHANGED = True\n")
    ended = two_machines(command(), command(), code=[ROOT, other])
    check_one_line(ended, r"rank 1 on (\S+) differs from rank 0 on \1 \(bench: \S+ with the checksum \w+, not")


@pytest.mark.slow
def test_a_results_folder_of_one_machine_alone_is_named(command: Command) -> None:
    words = [command(results) for results in ("here", "there")]
    check_one_line(two_machines(*words), r"rank 1 on \S+ does not see what rank 0 writes to --results \S+")


def test_more_processes_than_gpus_are_told_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.raises(
        UsageError, match=r"8 processes were started on this machine, which has 4 GPUs\. --nproc-per-node 4"
    ):
        make_accelerator(TrainConfig())


def check_one_line(ended: Ended, line: str) -> None:
    assert 0 not in ended.codes
    assert len(ended.said) == 1, ended.err
    assert re.match(line, ended.said[0]), ended.said
