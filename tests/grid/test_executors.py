"""Grids that run for real over small clips: what becomes of every cell, and Ctrl-C."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.grids import Write, read
from helpers.registries import loaded

from bench.cli import main
from bench.grid.executors import LOG, CellOutcome, run_grid
from bench.grid.grid_render import summary
from bench.grid.plan import plan, read_grid
from bench.records import store

PLUGIN = """
from bench import Variant, register

@register("mine")
class Mine(Variant):
    \"\"\"As plain.\"\"\"
"""


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
    assert outcome.why == f"{changed}, so this cell is now the run {made.stem}. Start the grid again."


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
