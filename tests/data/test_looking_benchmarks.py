"""The benchmarks of what comes before training and of busy machines, at small size: what they write, never how fast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")


def benchmark(name: str, out: Path, *words: str) -> tuple[list[dict], str]:
    command = [sys.executable, str(ROOT / "tests" / "benchmarks" / name), *words, "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())["rows"], done.stdout


@pytest.mark.slow
def test_rendering_looking_and_decoding_are_measured(tmp_path: Path) -> None:
    words = ["--cores", "1", "--originals", "2", "--small", "2", "--seconds", "0.2", "--rounds", "1"]
    rows, said = benchmark("looking.py", tmp_path / "out.json", *words)
    assert [(row["work"], row["clips"]) for row in rows] == [
        (work, 2) for work in ("look", "in threads", "look, small", "look again", "render", "decode")
    ]
    assert all(row["seconds"] > 0 and row["clips_a_second"] > 0 for row in rows)
    assert "on 16" in said


@pytest.mark.slow
def test_training_beside_other_work_is_measured_and_losses_stay(tmp_path: Path) -> None:
    """How threads wait changes no number; how many there are may change the last digits."""
    rows, _ = benchmark("busy.py", tmp_path / "out.json", "--steps", "1", "--clips", "32", "--rounds", "1")
    found = {row["threads"]: row for row in rows}
    assert found["bench"]["losses_apart"] == 0
    assert found["one thread"]["losses_apart"] < 1e-4
    assert all(row["alone"] > 0 and row["beside"] > 0 for row in rows)
