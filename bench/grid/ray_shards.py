"""Shards of bulk work on a Ray cluster: each is a `bench` command of its own, as a cell of a grid is.

Ray Data hands the shards out, one a task; a shard whose worker was lost is given to another one, which does no harm.
"""

import logging
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError, UsageError, first_line
from bench.grid.executors import tied
from bench.utils.shards import Shard

CARRIED = ("BENCH_HOME", "DEEPFACE_HOME", "HF_HOME", "HF_HUB_OFFLINE")  # of the environment, what shards are given


@dataclass(frozen=True)
class ShardOutcome:
    """What became of a shard: its exit code, and its error or the last line that it printed."""

    shard: Shard
    code: int
    said: str


def run_on_ray(command: Sequence[str], count: int, cpus: int = 1, gpus: int = 0) -> Iterator[ShardOutcome]:
    """Runs `bench COMMAND --shard i/count` for all i, as they come to an end.

    On the cluster that $RAY_ADDRESS names or that runs on this machine, else on a Ray that is started for it here. Its
    machines need bench, and the same files in the same places. cpus, gpus: what a shard gets. UsageError: Ray is not
    installed. BenchError: there is no such cluster, or it gave up.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray reports its use otherwise
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError("bench ray needs Ray, which is not here: pip install -c constraints.txt -e '.[ray]'") from None
    given = {name: os.environ[name] for name in CARRIED if name in os.environ}
    try:
        ray.init(
            include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, runtime_env={"env_vars": given}
        )
    except Exception as error:  # of many kinds, some of which are no more than Exception
        raise BenchError(f"Ray was not started, or cannot be reached: {first_line(error)}") from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    folder = str(Path.cwd())
    work = [
        {"shard": str(Shard(number, count)), "command": list(command), "folder": folder}
        for number in range(1, count + 1)
    ]
    try:
        shards = ray.data.from_items(work, override_num_blocks=count)
        for row in shards.map(_run, num_cpus=cpus, num_gpus=gpus).iter_rows():
            yield ShardOutcome(Shard.parse(row["shard"]), row["code"], row["said"])
    except ray.exceptions.RayError as error:
        raise BenchError(f"Ray gave up: {first_line(error)} Repeat the command to resume.") from None
    finally:
        ray.shutdown()


def _run(work: dict[str, Any]) -> dict[str, Any]:
    """One shard, in a worker of Ray: a process that ends with this one."""
    words = tied([*work["command"], "--shard", work["shard"]])
    done = subprocess.run(
        words, cwd=work["folder"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    lines = [line.strip() for line in [*done.stdout.splitlines(), *done.stderr.splitlines()] if line.strip()]
    errors = [line.removeprefix("bench: ") for line in lines if line.startswith("bench: ")]
    return {"shard": work["shard"], "code": done.returncode, "said": ["", *lines[-1:], *errors][-1]}
