"""What a process may use of its machine: affinity, and the limits of both versions of cgroups, as files."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bench.utils import machine
from bench.utils.machine import (
    CpuTimes,
    available_memory,
    cpu_times,
    free_cores,
    processes_here,
    say_if_busy,
    usable_cores,
)
from bench.utils.messages import say_once

MANY = 10**15  # bytes: more than any machine has
Limits = Callable[..., None]


@pytest.fixture
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Limits:
    """Puts this process in a cgroup of these files; as kernel and container show them."""

    def put(place: str, files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "cgroup" / name).write_text(text)
        (tmp_path / "own").write_text(place)
        monkeypatch.setattr(machine, "CGROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(machine, "OWN_CGROUP", tmp_path / "own")

    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    return put


@pytest.mark.parametrize(
    ("place", "files", "cores"),
    [
        ("0::/\n", {}, 16),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 16),
        ("0::/\n", {"cpu.max": "250000 100000\n"}, 3),
        ("0::/\n", {"cpu.max": "1000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "9900000 100000\n"}, 16),
        ("0::/job/step\n", {"job/step/cpu.max": "max 100000\n", "job/cpu.max": "400000 100000\n"}, 4),
        ("3:cpu,cpuacct:/\n0::/\n", {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ("3:cpu,cpuacct:/\n0::/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 16),
        ("3:cpu:/docker/1f\n", {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
    ],
    ids=["none", "no limit", "2.5", "0.01", "99", "above", "version 1", "version 1, no limit", "container"],
)
def test_a_quota_of_time_limits_cores(limits: Limits, place: str, files: dict[str, str], cores: int) -> None:
    limits(place, files)
    assert usable_cores() == cores


def test_affinity_limits_cores() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from bench.utils.machine import usable_cores; print(usable_cores())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


@pytest.mark.parametrize(
    ("place", "files", "left"),
    [
        (
            "0::/\n",
            {"memory.max": "1000\n", "memory.current": "700\n", "memory.stat": "anon 5\ninactive_file 100"},
            400,
        ),
        ("0::/\n", {"memory.max": "1000\n", "memory.current": "1200\n"}, 0),
        ("0::/a\n", {"a/memory.max": "max\n", "a/memory.current": "7\n"}, None),
        (
            "8:memory:/a\n",
            {
                "memory/a/memory.limit_in_bytes": "900\n",
                "memory/a/memory.usage_in_bytes": "600\n",
                "memory/a/memory.stat": "inactive_file 1\ntotal_inactive_file 50\n",
            },
            350,
        ),
    ],
    ids=["version 2", "over it", "no limit", "version 1"],
)
def test_a_limit_of_memory_counts_without_cached_files(
    limits: Limits, place: str, files: dict[str, str], left: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(place, files)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": MANY}))
    assert available_memory() == (MANY if left is None else left)


def test_without_limits_memory_is_what_the_system_has(limits: Limits) -> None:
    limits("0::/\n", {})
    assert 0 < available_memory() <= psutil.virtual_memory().total


def test_torchrun_says_how_many_processes_share_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes_here() == 1
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert processes_here() == 4


def test_cores_that_others_keep_busy_are_not_free() -> None:
    """One process spins on each core for as long as this one waits: no core is left to it whole."""
    code = "while True: pass"
    since = cpu_times()
    cores = usable_cores()
    others = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(cores)]
    try:
        time.sleep(1.0)
        left = free_cores(since)  # while they run: those that have ended would count as this process's own
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert left < 0.7 * cores


@pytest.mark.parametrize(("worked", "threads", "said"), [(1.9, None, True), (1.9, "1", False), (0.2, None, False)])
def test_a_busy_machine_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    worked: float,
    threads: str | None,
    said: bool,
) -> None:
    """Two cores, of which others used 1.9 or 0.2 for a second."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    monkeypatch.setattr(machine, "usable_cores", lambda: 2)
    monkeypatch.setattr(machine, "cpu_times", lambda: CpuTimes(1.0, worked, 0.0))
    if threads is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    say_once.cache_clear()
    say_if_busy(CpuTimes(0.0, 0.0, 0.0))
    line = (
        "this machine is busy: other programs leave 0.1 of 2 cores free. That makes it slower and changes no result.\n"
    )
    assert capsys.readouterr().err == (line if said else "")


def test_own_work_leaves_cores_as_free_as_they_were() -> None:
    """This process works through a stretch of time in which the machine worked for as long."""
    before = CpuTimes(clock=0.0, worked=0.0, own=0.0)
    cores = len(machine._affinity())
    for worked, own, left in ((1.0, 1.0, cores), (cores, 1.0, 1.0), (cores, 0.0, 0.0), (0.0, 5.0, cores)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(machine, "cpu_times", lambda: CpuTimes(1.0, worked, own))  # noqa: B023
            assert free_cores(before) == pytest.approx(min(left, usable_cores()))
