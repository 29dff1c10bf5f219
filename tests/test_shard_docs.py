"""docs/cluster.md, "Bulk work in shards": its commands, done as it says, in place of Slurm by a loop over the array."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from helpers.sidecars import known

from bench.cli import main
from bench.data.video import write_video

TEXT = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8").partition("## Bulk work in shards")[2]
COMMANDS = re.findall(r"^    (.*)$", TEXT.partition("\n## ")[0], re.M)
SBATCH = """#!/bin/sh
for word; do
    if [ "$before" = --array ]; then last=${word#1-}; fi
    if [ "$before" = --wrap ]; then wrapped=$word; fi
    before=$word
done
for SLURM_ARRAY_TASK_ID in $(seq "${last:-1}"); do export SLURM_ARRAY_TASK_ID; sh -c "$wrapped" || exit 1; done
"""


def commands(start: str) -> list[str]:
    """Those that begin so, over few shards and with a backend that needs no weights."""
    found = [command for command in COMMANDS if command.startswith(start)]
    assert found, start
    here = [
        command.replace("--backend onnx --model classifier.yaml", "--backend sidecar --model known.parquet")
        for command in found
    ]
    return [command.replace("/8", "/3").replace("1-8", "1-3").replace("seq 8", "seq 3") for command in here]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with clips and, on its PATH, bench and sbatch."""
    for index in range(5):
        write_video(tmp_path / "DIR" / f"clip{index}.mp4", np.zeros((20, 32, 32, 3), np.uint8), 10)
    known(tmp_path / "known.parquet", *(f"clip{index}" for index in range(5)))
    (tmp_path / "bin").mkdir()
    for name, script in (
        ("sbatch", SBATCH),
        ("bench", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m bench "$@"\n'),
    ):
        (tmp_path / "bin" / name).write_text(script)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no sh")
@pytest.mark.parametrize("way", [["sbatch"], ["seq", "bench faces"]])
def test_the_commands_make_the_table_of_one_run(place: Path, way: list[str]) -> None:
    for start in way:
        for command in commands(start):
            subprocess.run(command, shell=True, check=True, capture_output=True)
    main(["faces", "--videos", "DIR", "--backend", "sidecar", "--model", "known.parquet", "--out", "whole.parquet"])
    assert Path("faces.parquet").read_bytes() == Path("whole.parquet").read_bytes()


def test_every_command_that_the_section_names_takes_shards() -> None:
    """Those of its table, and those that Ray and GNU parallel run (tests/grid/test_ray.py runs the first for real)."""
    from bench.commands import app, sharding

    table = re.findall(r"^\| `bench (.*?)` \|", TEXT, re.M)
    named = [shlex.split(command) for command in table]
    named += [shlex.split(command.partition(" -- ")[2]) for command in commands("bench ray")]
    named += [shlex.split(command.partition("bench ")[2]) for command in commands("parallel")]
    assert len(named) == 6
    assert [words for words in named if not {"shard", "merge"} <= sharding._parameters(tuple(words))] == []
    names = [(name,) for name in app] + [("data", name) for name in app["data"]]
    every = {" ".join(name) for name in names if name[-1][0] != "-" and "shard" in sharding._parameters(name)}
    assert every == {"data compress", "faces", "emotions", "index"}
