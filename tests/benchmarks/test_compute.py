"""The script that measures the towers runs to its end, on the tiny model; no time is looked at."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("compute.py")


@pytest.mark.slow
def test_it_measures_every_way_and_writes_what_it_prints(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPT), "--device", "cpu", "--quick", "--json", str(tmp_path / "found.json")]
    own_folder = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(words, capture_output=True, text=True, env=own_folder)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["hardware"]["cpu"] and found["date"]
    rows = [row for row in found["rows"] if row["way"] != "ours" or "processes" not in row["work"]]
    assert {row["way"] for row in rows} == {"original", "ours", "compiled"}
    assert all(row["pairs_per_s"] > 0 for row in found["rows"])
    assert done.stdout.count("\n") == 2 + len(found["rows"])
    assert all(row["kept_gb"] > 0 for row in found["rows"] if row["work"].startswith("train"))


@pytest.mark.slow
def test_a_training_from_copies_is_measured_from_its_record(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPT.with_name("end_to_end.py")), "--clips", "8", "--kept", "4", "--seconds", "1"]
    words += ["--model", "tiny", "--video.size", "64", "--video.frames", "8", "--train.batch", "4"]
    words += ["--train.accumulation", "1", "--train.epochs", "2", "--json", str(tmp_path / "found.json")]
    own_folder = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(words, capture_output=True, text=True, env=own_folder)
    assert done.returncode == 0, done.stderr
    copies, memory = json.loads((tmp_path / "found.json").read_text())["rows"]
    assert copies["work"] == "bench run, small copies, 16 pairs"
    assert memory["work"] == "bench run, frames in memory, 16 pairs"
    assert all(0 <= row["waiting"] < 1 and row["pairs_per_s"] > 0 for row in (copies, memory))
