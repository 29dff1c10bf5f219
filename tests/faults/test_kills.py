"""A run that is killed again and again, wherever it is, ends with the record of one that never was."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.runs import bench, same

KILLS = 20


def is_at_work(results: Path, pid: int) -> bool:
    """Whether the process has taken the lock: what it imports before is not worth a kill."""
    return any(f'"pid": {pid}}}' in path.read_text() for path in results.glob("*/*/*/*/lock"))


@pytest.mark.slow
def test_twenty_kills_at_random_change_nothing(command: Callable[..., list[str]], tmp_path: Path) -> None:
    settings = {"variant": "additive_text", "train__epochs": 100, "train__checkpoint_every": 1, "train__holdout": 4}
    whole = bench(command("whole", **settings, train__select="val"))
    words = command("killed", **settings, train__select="val")
    draw = random.Random(0)
    for _ in range(KILLS):
        process = subprocess.Popen([sys.executable, "-m", "bench", *words], stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not is_at_work(tmp_path / "killed", process.pid):
            time.sleep(0.01)
        time.sleep(2 * draw.random())
        process.kill()
        _, said = process.communicate()
        assert "Traceback" not in said
    assert same(whole, bench(words))
    left = {path.name for path in (tmp_path / "killed").glob("*/*/*/*/*")}
    assert left >= {"model.safetensors", "features.safetensors"}
    assert not any(name.startswith(("checkpoint", "best-", "lock")) for name in left)
