"""The benchmark of reading videos, at a small size: that it runs and what it writes, never how fast."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers.movies import numbered, write

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_formats_and_readers_are_measured(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    write(tmp_path / "clips" / "a.mp4", numbered(45))
    words = [sys.executable, str(ROOT / "tests" / "benchmarks" / "video.py"), str(tmp_path / "clips")]
    words += ["--rounds", "1", "--seconds", "0.1", "--out", str(tmp_path / "measured.json")]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "measured.json").read_text())
    rows = {(row["format"], row["reader"]): row for row in found["rows"]}
    assert {kind for kind, _ in rows} == {"original", "H.264 copy", "copy"} == set(found["clips_a_second"])
    assert {reader for _, reader in rows} == {"pyav"} | ({"decord"} if find_spec("decord") else set())
    assert rows["original", "pyav"]["difference"] == 0 < rows["copy", "pyav"]["difference"]
    assert all(rates["1"] > 0 and rates["2"] > 0 for rates in found["clips_a_second"].values())
    assert "16 cores" in done.stdout
