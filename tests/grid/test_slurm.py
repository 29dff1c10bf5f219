"""A grid on a cluster: one job a cell, in the order in which they need each other."""

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.grids import Write, read
from helpers.records import make_record

from bench.errors import BenchError, UsageError
from bench.grid.executors import submit
from bench.grid.plan import read_grid
from bench.records import store


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where `sbatch` leaves a copy of every script that it is given, named by its job id: 17, 18, …"""
    scripts = tmp_path / "scripts"
    commands = tmp_path / "bin"
    scripts.mkdir()
    commands.mkdir()
    count = f'number=$((17 + $(ls {scripts} | wc -l)))\ncp "$1" {scripts}/$number\necho "Submitted batch job $number"\n'
    for name, body in (("sbatch", count), ("srun", "exit 1\n")):
        (commands / name).write_text(f"#!/bin/sh\n{body}")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    return scripts


def flags(script: Path) -> dict[str, str]:
    """What a job script asks Slurm for."""
    return dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)$", script.read_text(), re.M))


def submit_grid(path: Path) -> dict[str, str]:
    return submit(read(path), read_grid(path))


def test_every_cell_becomes_one_job(write: Write, cluster: Path) -> None:
    grid = write([{"seed": [1, 2]}])
    assert submit_grid(grid) == {cell.run: job for cell, job in zip(read(grid), ["17", "18"], strict=True)}
    assert [flags(cluster / job)["job-name"] for job in ("17", "18")] == [cell.run for cell in read(grid)]


def test_a_job_runs_the_cell_s_command(write: Write, cluster: Path) -> None:
    grid = write([{"variant": "additive_text"}])
    submit_grid(grid)
    [cell] = read(grid)
    [script] = cluster.iterdir()
    [folder] = re.findall(rf"{re.escape(sys.executable)} -P -u -m submitit.core._submit (\S+)", script.read_text())
    assert Path(folder) == cell.folder / "slurm"
    with (cell.folder / "slurm" / "17_submitted.pkl").open("rb") as file:
        job = pickle.load(file)  # what submitit hands to the node
    assert job.function.command == [sys.executable, "-P", "-m", "bench", *cell.command]
    assert "--variant=additive_text" in cell.command
    assert f"--results={grid.parent / 'results'}" in cell.command


def test_a_job_starts_after_the_one_whose_weights_it_needs(write: Write, cluster: Path) -> None:
    submit_grid(write([{"name": "start"}, {"init": "cell:start", "seed": 7}]))
    assert flags(cluster / "17")["dependency"] == "singleton"
    assert flags(cluster / "18")["dependency"] == "afterok:17,singleton"
    assert flags(cluster / "18")["kill-on-invalid-dep"] == "yes"


def test_the_job_of_a_control_starts_after_its_true_run(write: Write, cluster: Path) -> None:
    submit_grid(write([{"variant": "additive_text", "emotions": "shuffled"}]))
    assert flags(cluster / "18")["dependency"] == "afterok:17,singleton"


def test_what_is_done_is_not_submitted_nor_waited_for(write: Write, cluster: Path) -> None:
    grid = write([{"name": "start"}, {"init": "cell:start", "seed": 7}])
    start, tuned = read(grid)
    made = store.save(make_record(), grid.parent / "other")
    start.record.parent.mkdir(parents=True)
    made.rename(start.record)
    assert submit_grid(grid) == {tuned.run: "17"}
    assert flags(cluster / "17")["dependency"] == "singleton"


def test_the_file_s_parameters_reach_slurm(write: Write, cluster: Path) -> None:
    slurm = {
        "timeout_min": 90,
        "gpus_per_node": 1,
        "cpus_per_task": 8,
        "mem_gb": 32,
        "slurm_partition": "gpu",
        "slurm_setup": ["module load cuda"],
        "slurm_additional_parameters": {"nice": 100},
    }
    submit_grid(write([{"seed": 1}], slurm=slurm))
    asked = flags(cluster / "17")
    assert (asked["time"], asked["gpus-per-node"], asked["cpus-per-task"], asked["mem"]) == ("90", "1", "8", "32GB")
    assert (asked["partition"], asked["nice"]) == ("gpu", "100")
    assert "\nmodule load cuda\n" in (cluster / "17").read_text()


@pytest.mark.parametrize(
    ("slurm", "line"),
    [
        ({"timeout": 90}, "slurm: "),
        ({"slurm_partitoin": "gpu"}, "Unknown argument 'partitoin'"),
        ({"timeout_min": "1h"}, 'Parameter "timeout_min" expected type'),
    ],
)
def test_parameters_that_are_off_are_one_line(write: Write, cluster: Path, slurm: dict, line: str) -> None:
    with pytest.raises(UsageError) as error:
        submit_grid(write([{"seed": 1}], slurm=slurm))
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_away_from_a_cluster_it_says_so(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="there is no srun here"):
        submit_grid(write([{"seed": 1}]))


def test_without_submitit_it_names_the_extra(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UsageError, match=r"pip install -c constraints.txt -e '\.\[cluster\]'"):
        submit_grid(write([{"seed": 1}]))


def test_what_sbatch_refuses_is_one_line(write: Write, cluster: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: invalid partition' >&2\nexit 1\n")
    with pytest.raises(BenchError, match=r"sbatch refused plain-s1-.*invalid partition"):
        submit_grid(write([{"seed": 1}]))


@pytest.fixture
def node(cluster: Path, tmp_path: Path) -> Callable[[], subprocess.Popen[str]]:
    """Starts the script of job 17 as a node would: with an `srun` that only runs what follows its own options."""
    skip = 'while [ "${1#-}" != "$1" ]; do case "$1" in --unbuffered) shift;; *) shift 2;; esac; done'
    (tmp_path / "bin" / "srun").write_text(f'#!/bin/sh\n{skip}\nexec "$@"\n')
    (tmp_path / "bin" / "scontrol").write_text(f'#!/bin/sh\necho "$@" > {tmp_path / "scontrol"}\n')
    (tmp_path / "bin" / "scontrol").chmod(0o755)
    numbers = {"JOB_ID": "17", "NTASKS": "1", "NNODES": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    environment = {**os.environ, **{f"SLURM_{name}": value for name, value in numbers.items()}}

    def start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        script = (cluster / "17").read_text().replace("\nsrun", "\nexec srun")  # to signal the process by its id
        return subprocess.Popen(["bash", "-c", script], env=environment, stdout=pipe, stderr=pipe, text=True)

    return start


@pytest.mark.slow
def test_a_job_script_does_the_run(write: Write, node: Callable) -> None:
    grid = write([{"seed": 1}])
    submit_grid(grid)
    process = node()
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    [cell] = read(grid)
    assert store.load(cell.record).run == cell.run


@pytest.mark.slow
def test_a_job_whose_run_fails_fails(write: Write, node: Callable) -> None:
    submit_grid(write([{"split": "7k"}]))
    process = node()
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "7k.json is missing" in errors


@pytest.mark.slow
def test_a_job_that_is_out_of_time_is_queued_again_and_goes_on(write: Write, node: Callable, tmp_path: Path) -> None:
    grid = write([{"seed": 1}], {"epochs": 200, "checkpoint_every": 20})
    submit_grid(grid)
    [cell] = read(grid)
    process = node()
    deadline = time.monotonic() + 120
    while not (cell.folder / "checkpoint").is_dir() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGUSR2)
    process.communicate(timeout=60)
    assert (tmp_path / "scontrol").read_text() == "requeue 17\n"
    assert (cell.folder / "checkpoint").is_dir()
    process = node()
    _, errors = process.communicate(timeout=300)
    assert "going on after step" in errors
    assert store.load(cell.record).run == cell.run
