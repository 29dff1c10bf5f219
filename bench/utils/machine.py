"""What of this machine a process may use: its cores, its memory, and how busy it is with other work.

A container or a job of a scheduler sees all cores and all memory of its machine and may use a part: by affinity
(Slurm, taskset) or by the limits of its cgroup (docker --cpus and --memory, Kubernetes, Slurm).
"""

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from bench.utils.messages import say_once

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
BUSY = 0.7  # of the usable cores; where fewer are free, a word is said


def usable_cores() -> int:
    """Cores that this process may use: those of its affinity, and no more than its cgroup has time for; at least 1."""
    return max(1, min([len(_affinity()), *(math.ceil(quota) for quota in _quotas())]))


def available_memory() -> int:
    """Bytes that this process can take before the machine swaps, or its cgroup's limit ends it."""
    return max(0, int(min([psutil.virtual_memory().available, *_room()])))


def processes_here() -> int:
    """Processes that torchrun started on this machine, which share its cores and memory; 1 where it did not."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


class CpuTimes(NamedTuple):
    """Seconds: of the clock; that the cores of this process's affinity have worked; that it and its children have."""

    clock: float
    worked: float
    own: float


def cpu_times() -> CpuTimes:
    """Now, to be handed to `free_cores` later."""
    cores = _affinity()
    worked = sum(_working(times) for core, times in enumerate(psutil.cpu_times(percpu=True)) if core in cores)
    return CpuTimes(time.monotonic(), worked, sum(os.times()[:4]))


def free_cores(since: CpuTimes) -> float:
    """How many of the usable cores other programs left to this process and its children since a moment, in the mean."""
    now = cpu_times()
    others = (now.worked - since.worked - (now.own - since.own)) / max(0.01, now.clock - since.clock)
    return min(usable_cores(), max(0.0, len(_affinity()) - max(0.0, others)))


def say_if_busy(since: CpuTimes) -> None:
    """One line where other programs kept cores busy since a moment.

    Not where the number of threads is set: whoever does that, torchrun among them, shares out the cores himself.
    """
    cores, free = usable_cores(), free_cores(since)
    if "OMP_NUM_THREADS" not in os.environ and free < BUSY * cores:
        say_once(
            f"this machine is busy: other programs leave {free:.1f} of {cores} "
            f"{'core' if cores == 1 else 'cores'} free. That makes it slower and changes no result."
        )


def _affinity() -> set[int]:
    """The numbers of the cores on which this process may run."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _working(times: Any) -> float:
    """The seconds of a core that were work. Linux counts guests' time twice: as theirs, and as a user's."""
    idle = (times.idle, *(getattr(times, name, 0) for name in ("iowait", "guest", "guest_nice")))
    return sum(times) - sum(idle)


def _quotas() -> Iterator[float]:
    """Cores that this process's cgroup, and each above it, has time for; none where that is not limited."""
    for folder in _cgroups("cpu"):
        for pair in (_numbers(folder / "cpu.max"), _numbers(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")):
            if len(pair) == 2 and min(pair) > 0:  # "max 100000", and -1 in version 1: no limit
                yield pair[0] / pair[1]


def _room() -> Iterator[float]:
    """Bytes that are left in this process's cgroup, and in each above it; what only caches files can be taken."""
    names = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    for folder in _cgroups("memory"):
        for limit, usage in names:
            pair = _numbers(folder / limit, folder / usage)
            if len(pair) == 2:
                yield pair[0] - pair[1] + _cached_files(folder / "memory.stat")


def _cached_files(path: Path) -> int:
    try:
        lines = dict(line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines())
        return int(lines.get("total_inactive_file", lines.get("inactive_file", 0)))
    except (OSError, ValueError):
        return 0


def _cgroups(controller: str) -> Iterator[Path]:
    """The folders of this process's cgroup and of those above it; version 2, or version 1 of this controller.

    A container sees its own cgroup in the topmost folder, whatever the name in /proc says.
    """
    try:
        lines = OWN_CGROUP.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = CGROUPS / controller if controllers else CGROUPS
        folder = top / place.lstrip("/")
        yield folder
        for above in folder.parents:
            if not above.is_relative_to(top):
                break
            yield above


def _numbers(*paths: Path) -> list[float]:
    """The numbers in these files, which may say "max"; nothing where one of them is not there."""
    try:
        words = [word for path in paths for word in path.read_text(encoding="utf-8").split()]
        return [float(word) for word in words if word != "max"]
    except (OSError, ValueError):
        return []
