"""The lock on a folder: one owner, who is named; released by any end; nothing left behind."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from helpers.light_work import compete

from bench.errors import BenchError
from bench.utils.lock import locked

OWNER = """
import os, sys, time
from pathlib import Path
from bench.utils.lock import locked
with locked(Path(sys.argv[1]), "plain-s1"):
    if len(sys.argv) > 2 and os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)
    if len(sys.argv) == 2:
        print("locked", flush=True)
    time.sleep(60)
"""


def owner(folder: Path, *more: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(folder), *more], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    process, _ = owner(tmp_path / "run")
    line = f"plain-s1 is already running: process {process.pid} on {socket.gethostname()} works in"
    with pytest.raises(BenchError, match=line), locked(tmp_path / "run", "plain-s1"):
        pass
    end(process)


def test_who_waits_gets_it_when_the_owner_is_done(tmp_path: Path) -> None:
    process, _ = owner(tmp_path / "run")
    threading.Timer(0.2, process.kill).start()
    with locked(tmp_path / "run", "plain-s1", wait=60):
        assert process.wait() == -signal.SIGKILL
    end(process)


def test_who_waited_in_vain_is_told_who_has_it(tmp_path: Path) -> None:
    process, _ = owner(tmp_path / "run")
    begun = time.monotonic()
    line = f"process {process.pid} on"
    with pytest.raises(BenchError, match=line), locked(tmp_path / "run", "plain-s1", wait=0.2):
        pass
    assert time.monotonic() - begun >= 0.2
    end(process)


def test_a_killed_owner_holds_it_no_more(tmp_path: Path) -> None:
    end(owner(tmp_path / "run")[0])
    with locked(tmp_path / "run", "plain-s1"):
        pass


def test_waiting_for_a_folder_that_cannot_be_keeps_no_core_busy(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(tmp_path / "nothing")
    before = time.process_time()
    with pytest.raises(BenchError, match="removed again and again"), locked(tmp_path / "run", "plain-s1", wait=1):
        pass
    assert time.process_time() - before < 0.5


def test_a_worker_that_outlives_its_owner_does_not_hold_it(tmp_path: Path) -> None:
    process, worker = owner(tmp_path / "run", "with a worker")
    end(process)
    with locked(tmp_path / "run", "plain-s1"):
        os.kill(int(worker), signal.SIGKILL)


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    with locked(tmp_path / "run", "plain-s1"):
        assert (tmp_path / "run" / "lock").is_file()
    assert list(tmp_path.iterdir()) == []


def test_what_the_owner_made_stays(tmp_path: Path) -> None:
    with locked(tmp_path / "run", "plain-s1"):
        (tmp_path / "run" / "model").touch()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["model"]


def test_two_locks_of_one_process_are_two(tmp_path: Path) -> None:
    with locked(tmp_path / "a", "a"), locked(tmp_path / "b", "b"):
        pass


@pytest.mark.slow
def test_of_many_only_one_is_inside(tmp_path: Path) -> None:
    """Although each removes the file when it leaves."""
    context = multiprocessing.get_context("spawn")
    arguments = (tmp_path / "run", tmp_path / "log", time.time() + 4)
    processes = [context.Process(target=compete, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    lines = (tmp_path / "log").read_text().split()
    assert lines == ["in", "out"] * (len(lines) // 2)
    assert lines
