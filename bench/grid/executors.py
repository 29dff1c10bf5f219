"""Where a grid's runs happen: here, one process after another, or as jobs of a Slurm cluster.

Each cell is a `bench run` of its own, so one that fails takes no other with it. Locally, all that it says is kept in
grid.log in the run's folder, beside its record; on a cluster, the job's script and output are in slurm/ there.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from bench.errors import BenchError, UsageError
from bench.grid.plan import Cell, Grid, recall
from bench.utils.progress import LINE_EVERY

LOG = "grid.log"
PYTHON = (sys.executable, "-P")  # a file in the current folder is no module: not its random.py, not its yaml.py
_TIED = """
import signal
from bench.utils.processes import end_with_parent
end_with_parent({parent}, signal.SIGTERM)
from bench.cli import main
main()
"""
TIMEOUT = 240  # minutes that a job may take; a run that takes longer is queued again and goes on from its checkpoint

End = Literal["done", "was done", "failed", "stopped", "not started"]


@dataclass(frozen=True)
class CellOutcome:
    """What became of a cell."""

    cell: Cell
    end: End
    seconds: float = 0.0  # that its process took
    recall: float | None = None  # T2V R@1 in %, of a cell that is done
    why: str = ""  # the last error line, or what it would have waited for


def run_grid(cells: Sequence[Cell]) -> list[CellOutcome]:
    """Runs what is not done, one process after another, with one progress view; goes on after a cell that fails.

    Ctrl-C, or a scheduler's signal to end, is passed on to the run, which keeps its checkpoint; that cell is `stopped`.
    """
    outcomes: dict[str, CellOutcome] = {}
    with _View(cells) as view, _Relay() as relay:
        for cell in cells:
            lacking = [outcomes[run].cell for run in cell.needs if outcomes[run].recall is None]
            if cell.done:
                outcomes[cell.run] = _scored(cell, "was done")
            elif lacking:
                outcomes[cell.run] = CellOutcome(cell, "not started", why=f"needs {lacking[0].name or lacking[0].run}")
            elif relay.noted:
                before = any(outcome.end == "stopped" for outcome in outcomes.values())
                outcomes[cell.run] = CellOutcome(cell, "not started" if before else "stopped")
            else:
                outcomes[cell.run] = outcome = _run(cell, view, relay)
                if outcome.end != "stopped":
                    view.ended(outcome)
    return list(outcomes.values())


def submit(cells: Sequence[Cell], grid: Grid) -> dict[str, str]:
    """Makes a Slurm job of every cell that is not done, after the jobs of what it needs; job ids by run.

    The grid's `slurm` holds submitit's parameters (timeout_min, gpus_per_node, slurm_partition, slurm_setup, …). A job
    that is out of time is queued again. Jobs of one run never run together, so submitting a grid twice does no harm.
    UsageError without submitit, away from a cluster, or for parameters that it does not take; BenchError if sbatch
    refuses.
    """
    try:
        import submitit
    except ImportError:
        raise UsageError(
            "--executor slurm needs submitit, which is not here: pip install -c constraints.txt -e '.[cluster]'"
        ) from None
    parameters = {"timeout_min": TIMEOUT, **_numbers(grid.slurm)}
    jobs: dict[str, str] = {}
    for cell in cells:
        if cell.done:
            continue
        after = [f"afterok:{jobs[run]}" for run in cell.needs if run in jobs]
        own = {"name": cell.run, "slurm_dependency": ",".join([*after, "singleton"])}
        extra = {"kill-on-invalid-dep": "yes", **parameters.get("slurm_additional_parameters", {})}
        try:
            executor = submitit.AutoExecutor(cell.folder / "slurm", cluster="slurm", slurm_python=shlex.join(PYTHON))
            executor.update_parameters(**{**parameters, **own, "slurm_additional_parameters": extra})
        except RuntimeError:
            raise UsageError("there is no srun here. Submit from a machine of the cluster.") from None
        except (NameError, ValueError, TypeError, AssertionError) as error:
            raise UsageError(f"{grid.path}, slurm: {str(error).splitlines()[0]}") from None
        try:
            jobs[cell.run] = executor.submit(Job(_command(cell))).job_id
        except (submitit.core.utils.FailedJobError, submitit.core.utils.FailedSubmissionError) as error:
            raise BenchError(f"sbatch refused {cell.run}: {' '.join(str(error).split())}") from None
    return jobs


class Job:
    """What a job does. submitit asks for `checkpoint` when time is up, and queues the answer: the same run again."""

    def __init__(self, command: list[str]) -> None:
        self.command = command

    def __call__(self) -> None:
        """Runs the command; an exit code other than 0 is an error, so that `afterok` holds."""
        with subprocess.Popen(self.command) as process:
            try:
                code = process.wait()
            except BaseException:  # submitit's way out when the job has been queued again
                process.terminate()  # it keeps a checkpoint first
                raise
        if code:
            raise subprocess.CalledProcessError(code, self.command)

    def checkpoint(self) -> Any:
        """The run goes on from its own last checkpoint."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class _View:
    """One line of progress over all cells: where the grid is and what the current run prints."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.total, self.count = len(cells), sum(cell.done for cell in cells)
        self.before, self.start, self.last = self.count, time.monotonic(), 0.0
        self.left = ""
        self.bar: Any = None

    def __enter__(self) -> "_View":
        if sys.stderr.isatty():
            from tqdm import tqdm

            shape = "grid: {n_fmt}/{total_fmt} cells, {elapsed}<{remaining}{postfix}"
            self.bar = tqdm(total=self.total, initial=self.count, bar_format=shape, leave=False, dynamic_ncols=True)
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def says(self, cell: Cell, line: str) -> None:
        """A line that the current run printed."""
        now = time.monotonic()
        if self.bar is not None:
            self.bar.set_postfix_str(f"{cell.run}: {line}")
        elif now - self.last >= LINE_EVERY:
            self._print(f"{cell.run}: {line}")
            self.last = now

    def ended(self, outcome: CellOutcome) -> None:
        """A cell came to an end, whichever."""
        self.count += 1
        seconds = (time.monotonic() - self.start) / (self.count - self.before) * (self.total - self.count)
        self.left = f", {seconds / 60:.0f} min left" if seconds >= 120 else f", {seconds:.0f} s left"
        line = f"{outcome.cell.run}: {outcome.end}{f', {outcome.why}' if outcome.why else ''}"
        if self.bar is None:
            self._print(line)
            return
        self.bar.update()
        if outcome.end == "failed":
            self.bar.write(line, file=sys.stderr)

    def _print(self, line: str) -> None:
        print(f"grid: {self.count}/{self.total} cells{self.left}, {line}", file=sys.stderr)


class _Relay:
    """Passes Ctrl-C and a scheduler's signal to end on to the current run, once each, and notes them.

    Runs have a process group of their own: a terminal would send them Ctrl-C too, and the second one acts at once.
    """

    def __init__(self) -> None:
        self.noted: list[int] = []
        self.process: subprocess.Popen[str] | None = None
        self.before: dict[int, Any] = {}

    def __enter__(self) -> "_Relay":
        for number in (signal.SIGINT, signal.SIGTERM):
            self.before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        self.noted.append(number)
        if self.process is not None:
            self.process.send_signal(number)

    @contextmanager
    def start(self, command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
        """The process of a run; it does not outlive an error here."""
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, text=True, errors="replace", process_group=0, **streams) as process:
            self.process = process
            if self.noted:  # between the last look and now
                process.send_signal(self.noted[-1])
            try:
                yield process
            except BaseException:
                process.kill()
                raise
            finally:
                self.process = None


def _run(cell: Cell, view: _View, relay: _Relay) -> CellOutcome:
    """One cell from its start to its end."""
    cell.folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with (cell.folder / LOG).open("a", encoding="utf-8", buffering=1) as log:  # the run may be going on elsewhere
        print(f"$ bench {shlex.join(cell.command)}", file=log)
        view.says(cell, "starting")
        with relay.start(tied(cell.command)) as process:
            last = _follow(process.stdout, log, cell, view)
            code = process.wait()
    seconds = time.monotonic() - start
    if relay.noted and not cell.done:
        return CellOutcome(cell, "stopped", seconds, why=last)
    if code < 0:
        last = f"killed by {signal.Signals(-code).name}"
    elif code == 0 and not cell.done:
        changed = "the variant's file or a setting changed since the grid was started"
        last = f"{changed}, so this cell is now the run {Path(last).stem}. Start the grid again."
    if code or not cell.done:
        return CellOutcome(cell, "failed", seconds, why=last or f"it ended with exit code {code} and printed nothing")
    return _scored(cell, "done", seconds)


def _follow(stream: IO[str] | None, log: IO[str], cell: Cell, view: _View) -> str:
    """Keeps what a run prints, shows it line by line; returns its error, its record's path, or the last line."""
    last = error = record = ""
    for line in stream or ():
        log.write(line)
        last = line.strip() or last
        if last.startswith("bench: "):
            error = last.removeprefix("bench: ")
        if last.endswith(".json"):
            record = last
        view.says(cell, last)
    return error or record or last


def _scored(cell: Cell, end: End, seconds: float = 0.0) -> CellOutcome:
    try:
        return CellOutcome(cell, end, seconds, recall(cell))
    except BenchError as error:
        return CellOutcome(cell, "failed", seconds, why=str(error))


def _command(cell: Cell) -> list[str]:
    return [*PYTHON, "-m", "bench", *cell.command]


def tied(command: Sequence[str]) -> list[str]:
    """The process of a `bench` command that ends with this one, as if Slurm had asked it to: with a checkpoint."""
    return [*PYTHON, "-c", _TIED.format(parent=os.getpid()), *command]


def _numbers(parameters: Any) -> Any:
    """The file's texts as submitit wants them: whole numbers as numbers."""
    if isinstance(parameters, dict):
        return {name: _numbers(value) for name, value in parameters.items()}
    if isinstance(parameters, list):
        return [_numbers(value) for value in parameters]
    return int(parameters) if parameters.isdigit() else parameters
