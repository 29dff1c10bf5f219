"""Grids that run for real over small clips: what becomes of every cell, Ctrl-C, and jobs for Slurm as submitted."""

import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from helpers.records import make_record
from helpers.registries import loaded

from bench.cli import main
from bench.errors import BenchError, UsageError
from bench.grid.executors import LOG, CellOutcome, run_grid, submit
from bench.grid.plan import Cell, plan, read_grid
from bench.grid.render import summary
from bench.records import store

Write = Callable[..., Path]

PLUGIN = """
from bench import Variant, register

@register("mine")
class Mine(Variant):
    \"\"\"As plain.\"\"\"
"""


@pytest.fixture(scope="module")
def write(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Writes a grid over `small` in which a run takes seconds: write(cells, train={"epochs": 400}, slurm={})."""

    def make(cells: list[dict], train: dict | None = None, slurm: dict | None = None) -> Path:
        settings = {
            "dataset": "msrvtt",
            "root": str(small),
            "init": "random",
            "model": {"size": "tiny", "tokenizer": "captions", "tokens": 32},
            "video": {"size": 64, "frames": 4, "workers": 0},
            "train": {"batch": 4, "accumulation": 1, "epochs": 2, "lr": 1e-3, **(train or {})},
        }
        path = tmp_path_factory.mktemp("grid") / "grid.yaml"
        path.write_text(yaml.safe_dump({"settings": settings, "cells": cells, "slurm": slurm or {}}))
        return path

    return make


def read(path: Path) -> list[Cell]:
    return plan(read_grid(path), path.parent / "results")


# --- here -----------------------------------------------------------------------------------------------------------


def command(grid: Path) -> list[str]:
    return ["grid", str(grid), "--results", str(grid.parent / "results")]


@pytest.fixture(scope="module")
def ran(write: Write) -> SimpleNamespace:
    """A grid that was run: one cell that succeeds, one whose split is nowhere, one that would start from that."""
    grid = write([{"name": "start"}, {"name": "broken", "split": "7k"}, {"init": "cell:broken", "seed": 7}])
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main(command(grid))
    start, broken, last = read(grid)
    return SimpleNamespace(
        grid=grid, code=stop.value.code, out=out.getvalue(), err=err.getvalue(), start=start, broken=broken, last=last
    )


def ends(outcomes: list[CellOutcome]) -> list[str]:
    return [outcome.end for outcome in outcomes]


def test_a_grid_goes_on_after_a_cell_that_fails_but_not_from_it(ran: SimpleNamespace) -> None:
    assert re.findall(r"^(\w+(?: started)?) .* (\S+-s\d+-\w{8})", ran.out, re.M) == [
        ("done", ran.start.run),
        ("failed", ran.broken.run),
        ("not started", ran.last.run),
    ]
    assert "\n             needs broken\n" in ran.out


def test_a_grid_with_a_cell_that_failed_exits_with_1(ran: SimpleNamespace) -> None:
    assert ran.code == 1


def test_a_cell_that_is_done_shows_the_recall_of_its_record(ran: SimpleNamespace) -> None:
    record = store.load(ran.start.record)
    value = record.metrics["all"]["t2v"]["R@1"]["value"]
    assert re.search(rf"^done +{value:.1f} +\d+  {record.run}", ran.out, re.M)


def test_a_cell_that_fails_says_its_error_line(ran: SimpleNamespace) -> None:
    assert re.search(r"^ +\S+/annotations/7k\.json\s+is\s+missing", ran.out, re.M)


def test_all_that_a_cell_says_is_kept_after_its_command(ran: SimpleNamespace) -> None:
    kept = (ran.broken.folder / LOG).read_text(encoding="utf-8")
    assert re.match(r"\$ bench run --dataset=msrvtt .*\nbench: \S+/7k.json is missing", kept)
    assert f"{ran.broken.folder / LOG}\n" in ran.out


def test_the_summary_ends_with_the_next_step(ran: SimpleNamespace) -> None:
    folder = ran.grid.parent / "results"
    assert ran.out.endswith(f"\n3 cells: 1 done, 1 failed, 1 not started\nbench compare --results {folder}\n")


def test_progress_is_told_in_plain_lines_where_there_is_no_terminal(ran: SimpleNamespace) -> None:
    lines = ran.err.splitlines()
    assert lines[0] == f"grid: 0/3 cells, {ran.start.run}: starting"
    assert any(re.fullmatch(rf"grid: 1/3 cells, \d+ \w+ left, {ran.start.run}: done", line) for line in lines)
    assert re.match(rf"grid: 2/3 cells, \d+ \w+ left, {ran.broken.run}: failed, .*7k.json is missing", lines[-1])


def test_cells_that_are_done_are_not_run_again(ran: SimpleNamespace) -> None:
    before = ran.start.record.stat().st_mtime_ns, (ran.start.folder / LOG).stat().st_mtime_ns
    assert ends(run_grid([ran.start])) == ["was done"]
    assert (ran.start.record.stat().st_mtime_ns, (ran.start.folder / LOG).stat().st_mtime_ns) == before


def test_a_broken_record_fails_with_its_fault(write: Write) -> None:
    [cell] = read(write([{"seed": 1}]))
    cell.record.parent.mkdir(parents=True)
    cell.record.write_text("{}", encoding="utf-8")
    [outcome] = run_grid([cell])
    assert outcome.end == "failed"
    assert f"{cell.record}" in outcome.why


def test_a_file_in_the_current_folder_is_no_module_of_a_cell(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain `python -m bench` would run it in place of the standard library's."""
    for name in ("random", "yaml"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger was run')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    [outcome] = run_grid(read(write([{"split": "7k"}])))
    assert "7k.json is missing" in outcome.why


@pytest.mark.slow
def test_a_variant_that_changes_in_the_meantime_is_the_reason(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    grid = write([{"variant": "mine"}])
    with loaded(plugin):
        cells = plan(read_grid(grid), grid.parent / "results", [plugin])
    plugin.write_text(f"{PLUGIN}    changed = True\n", encoding="utf-8")
    [outcome] = run_grid(cells)
    [made] = (grid.parent / "results").glob("*/*/mine/*.json")
    assert made.stem != cells[0].run
    assert outcome.end == "failed"
    changed = "the variant's file or a setting changed since the grid was started"
    assert outcome.why == f"{changed}, so this became {made.stem}. Start the grid again."


def test_the_summary_fits_80_columns(tmp_path: Path, write: Write) -> None:
    cells = read(write([{"variant": "additive_text", "hp": {"init_std": [0, 1]}, "train": {"lr": [1e-3, 1e-4]}}]))
    why = "a long line of words that says what went wrong and where, and with which words it can be mended " * 2
    text = summary([CellOutcome(cell, "failed", 12345.6, why=why) for cell in cells], Path("results"))
    assert max(len(line) for line in text.splitlines() if LOG not in line) <= 80


@pytest.mark.slow
def test_starts_and_controls_run_in_their_order(write: Write) -> None:
    cells = [
        {"variant": "additive_text", "emotions": ["shuffled"], "init": "cell:start"},
        {"name": "start", "variant": "plain"},
    ]
    outcomes = run_grid(read(write(cells)))
    assert ends(outcomes) == ["done"] * 3
    start, true, control = (store.load(outcome.cell.record) for outcome in outcomes)
    assert f"init:run:{start.run}" in true.protocol
    assert true.controls["emotions"] == "true"
    assert control.controls["emotions"] == "shuffled"
    assert control.controls["true_run"] == true.run


@pytest.mark.parametrize("whom", ["the grid alone", "its process group"])
@pytest.mark.slow
def test_ctrl_c_keeps_the_run_s_checkpoint_and_the_grid_goes_on(write: Write, whom: str) -> None:
    grid = write([{"name": "start"}, {"init": "cell:start", "seed": 7}], {"epochs": 400, "checkpoint_every": 1})
    words = [sys.executable, "-P", "-m", "bench", *command(grid)]
    start, _ = read(grid)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not (start.folder / "checkpoint").is_dir() and time.monotonic() < deadline:
        time.sleep(0.05)
    if whom == "the grid alone":
        process.send_signal(signal.SIGINT)
    else:
        os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "bench: stopped." in errors
    assert re.search(rf"^stopped .*{start.run}", said, re.M)
    step = int(re.search(r"stopped after step (\d+) of 1200", said)[1])  # type: ignore[index]
    again = subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while "going on" not in (log := (start.folder / LOG).read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    again.send_signal(signal.SIGINT)
    assert again.wait(timeout=60) == 130
    assert f"going on after step {step} of 1200" in log


@pytest.mark.slow
def test_a_killed_grid_leaves_no_run_alive_and_its_checkpoint_kept(write: Write) -> None:
    grid = write([{"name": "start"}], {"epochs": 400, "checkpoint_every": 50})
    words = [sys.executable, "-P", "-m", "bench", *command(grid)]
    [cell] = read(grid)
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (cell.folder / "checkpoint").is_dir() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    while (cell.folder / "lock").is_file() and time.monotonic() < deadline:  # the run's own, while it is there
        time.sleep(0.05)
    kept = json.loads((cell.folder / "checkpoint" / "progress.json").read_text())["step"]
    assert kept % 50  # the step in hand when the grid was killed
    assert not cell.done


# --- on a cluster ---------------------------------------------------------------------------------------------------


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
