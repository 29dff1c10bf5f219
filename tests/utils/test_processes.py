"""Processes that end with their parents, and what one that dies takes with it."""

import os
import subprocess
import sys
import time

import pytest
from helpers.processes import double

from bench.utils.processes import in_processes

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


def test_no_jobs_start_no_process() -> None:
    assert list(in_processes(double, {}, 2, -1)) == []
