"""docs/cluster.md, done as it says, but over a small dataset: this machine is all of its machines, by another name.

Slurm is four lines of shell: `srun` starts what follows its options once for each of two machines and hands on SIGTERM,
`scontrol` names the machines and notes what is queued again, `sbatch` keeps the scripts that it is given.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from helpers.torchrun import LIMIT

from bench.cli import main
from bench.records.store import load

TEXT = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (.*)", TEXT, re.M)
SRUN = """
while [ "${1#-}" != "$1" ]; do shift 2; done
"$@" & one=$!
"$@" & other=$!
trap 'kill -TERM $one $other' TERM
wait $one $other
wait $one && wait $other
"""
SCONTROL = 'if [ "$1" = show ]; then echo localhost; else echo "$@" >> requeued; fi'
SBATCH = 'cp "$1" "script-$(ls | wc -l)"; echo "Submitted batch job $(ls | wc -l)"'


@pytest.fixture
def settings(small: Path) -> dict:
    return {
        "dataset": "msrvtt",
        "root": str(small),
        "init": "random",
        "model": {"size": "tiny", "tokenizer": "captions", "tokens": 32},
        "video": {"size": 64, "frames": 4, "workers": 0},
        "train": {"batch": 4, "accumulation": 1, "epochs": 2, "lr": 1e-3},
    }


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with the commands of Slurm."""
    for name, body in (("srun", SRUN), ("scontrol", SCONTROL), ("sbatch", SBATCH)):
        (tmp_path / "bin" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{body}")
        (tmp_path / "bin" / name).chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    path = [str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return work


def start(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_torchrun_on_two_machines_and_on_one(place: Path, settings: dict) -> None:
    """Two processes on each: the first and one other machine's first open the data before the rest do."""
    (place / "run.yaml").write_text(yaml.safe_dump({"variant": "additive_text", **settings}))
    alone, *together = [command for command in COMMANDS if command.startswith("torchrun")]
    port = free_port()
    machines = [start(shlex.split(command.replace("node1:29500", f"localhost:{port}"))) for command in together]
    for machine in machines:
        _, errors = machine.communicate(timeout=LIMIT)
        assert machine.returncode == 0, errors
    [path] = (place / "results").glob("*/*/*/*.json")
    assert load(path).hardware["processes"] == 4
    again = start(shlex.split(alone))
    out, errors = again.communicate(timeout=LIMIT)
    assert "done before" in errors
    assert out.count(f"{path.relative_to(place)}") == 1


@pytest.mark.slow
def test_a_slurm_job_that_is_out_of_time_is_queued_again_and_goes_on(
    place: Path, settings: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings["train"]["epochs"] = 100
    (place / "run.yaml").write_text(yaml.safe_dump({"variant": "plain", **settings}))
    [script] = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    job = str(free_port())  # which decides the port
    facts = {"JOB_ID": job, "JOB_NODELIST": "node[1-2]", "NNODES": "2", "GPUS_ON_NODE": "1", "CPUS_PER_TASK": "1"}
    for name, value in facts.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    process = start(["bash", "-c", script])
    deadline = time.monotonic() + LIMIT
    while not list(place.glob("results/*/*/*/*/checkpoint")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGUSR1)
    _, errors = process.communicate(timeout=LIMIT)
    assert (place / "requeued").read_text() == f"requeue {job}\n", errors
    step = int(re.findall(r"^bench: stopped after step (\d+) of 300", errors, re.M)[0])
    process = start(["bash", "-c", script])
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, errors
    assert f"going on after step {step} of 300" in errors
    [path] = (place / "results").glob("*/*/*/*.json")
    assert len(load(path).curve) == 300


def test_a_grid_becomes_jobs(place: Path, settings: dict, capsys: pytest.CaptureFixture[str]) -> None:
    [shown] = [block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if "cells" in block]
    grid = yaml.load(shown, yaml.BaseLoader)
    assert grid["settings"].keys() <= settings.keys()
    (place / "grid.yaml").write_text(yaml.safe_dump({**grid, "settings": settings}))
    [command] = [command for command in COMMANDS if command.startswith("bench grid")]
    main(shlex.split(command.removeprefix("bench ")))
    assert "6 cells submitted" in capsys.readouterr().out
    scripts = [path.read_text() for path in place.glob("script-*")]
    assert len(scripts) == 6
    for line in ("--time=240", "--gpus-per-node=1", "--cpus-per-task=8", "--partition=gpu"):
        assert all(line in script for script in scripts)


def test_every_command_of_the_page_is_run_here() -> None:
    assert [command.split()[0] for command in COMMANDS] == ["torchrun", "torchrun", "torchrun", "bench"]
