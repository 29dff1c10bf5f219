"""Processes that end with their parents, and what one that dies takes with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children
from pathlib import Path

import pytest
from helpers.light_work import double

from bench.utils.processes import OrderedProcesses, close, fresh_processes, in_processes

CHILD = """
import os, signal, sys, time
from bench.utils.processes import end_with_parent
end_with_parent(int(sys.argv[1]), signal.SIGTERM)
print(os.getpid(), flush=True)
time.sleep(60)
"""
PARENT = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())])
time.sleep(60)
"""
POOL = """
import os, time
from bench.utils.processes import in_processes

if __name__ == "__main__":
    for name, pid in in_processes(os.getpid, {"one": (), "two": ()}, 1, 0):
        print(pid, flush=True)
        if name == "two":
            time.sleep(60)
"""


def is_there(pid: int) -> bool:
    """Not so of one that has ended and that nobody has asked for its exit code yet."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("code", [[PARENT, CHILD], [POOL]], ids=["a child", "a worker"])
def test_a_child_ends_when_its_parent_is_killed(code: list[str]) -> None:
    parent = subprocess.Popen([sys.executable, "-c", *code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert is_there(child)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while is_there(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    parent.stdout.close()
    assert not is_there(child)


def test_nothing_ends_while_the_parent_is_there() -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(os.getpid())], stdout=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=3)
    child.kill()
    child.wait()
    assert child.stdout
    child.stdout.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_whose_process_dies_is_named_and_the_rest_goes_on(workers: int) -> None:
    jobs = {str(number): (number,) for number in (0, 1, -2, 3, 4, -5, 6)}
    found = dict(in_processes(double, jobs, workers, -1))
    assert found == {"0": 0, "1": 2, "-2": -1, "3": 6, "4": 8, "-5": -1, "6": 12}


def test_work_ahead_comes_in_order_and_what_a_process_dies_over_is_given_up() -> None:
    numbers = [0, 1, -2, 3, 4, 5, -6, 7]
    with OrderedProcesses(2) as pool:
        assert list(pool.ahead(double, numbers, 3, lambda number: number)) == [0, 2, -2, 6, 8, 10, -6, 14]


def test_a_broken_pool_leaves_no_process_that_it_was_starting() -> None:
    pool = ProcessPoolExecutor(2, mp_context=fresh_processes())
    with pytest.raises(BrokenProcessPool):
        pool.submit(double, -1).result()
    pool._executor_manager_thread.join()
    late = pool._mp_context.Process(target=time.sleep, args=(60,))
    late.start()
    pool._processes = {late.pid: late}
    close(pool)
    late.join(10)
    assert late.exitcode == -signal.SIGKILL


def test_work_ahead_goes_no_further_than_its_depth_and_its_processes_end() -> None:
    asked: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            yield number

    with OrderedProcesses(1) as pool:
        coming = pool.ahead(double, numbers(), 3, lambda number: number)
        assert (next(coming), asked) == (0, [0, 1, 2, 3])
        coming.close()
    assert not active_children()


def test_processes_do_not_run_the_script_that_started_them(tmp_path: Path) -> None:
    """It has no `if __name__ == "__main__"`, as scripts in notebooks and documents have none."""
    script = tmp_path / "script.py"
    script.write_text(
        "import operator\nfrom bench.utils.processes import in_processes\nprint('once')\n"
        "print(dict(in_processes(operator.neg, {'a': (1,)}, 1, 0)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert (done.stdout.splitlines(), done.stderr) == (["once", "{'a': -1}"], "")


def test_a_script_that_renders_moodclips_is_run_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from bench.data.importers import moodclips\nprint('once')\n"
        f"moodclips.ensure(moodclips.Path({str(tmp_path / 'clips')!r}), train=16, val=0, test=0, workers=2)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.splitlines()) == (0, ["once"]), done.stderr


def test_no_jobs_start_no_process() -> None:
    assert list(in_processes(double, {}, 2, -1)) == []
