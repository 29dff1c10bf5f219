"""`bench ray`: what it hands out and what it makes of the outcomes; and, marked slow, a real Ray on two cores."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.asking import Capture, failure
from helpers.sidecars import known

from bench.cli import main
from bench.data.video import write_video
from bench.errors import BenchError
from bench.grid import ray_shards
from bench.grid.ray_shards import ShardOutcome, run_on_ray
from bench.utils.shards import Shard

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    for index in range(6):
        write_video(tmp_path / "clips" / f"clip{index}.mp4", np.zeros((20, 32, 32, 3), np.uint8), 10)
    known(tmp_path / "known.parquet", *(f"clip{index}" for index in range(6)))
    return tmp_path / "clips"


@pytest.fixture
def handed_out(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], int, int, int]]:
    """What was asked of Ray, in whose place the shards run here, one after another, the last one first."""
    asked: list[tuple[list[str], int, int, int]] = []

    def run(command: Sequence[str], count: int, cpus: int, gpus: int) -> Iterator[ShardOutcome]:
        asked.append((list(command), count, cpus, gpus))
        for number in range(count, 0, -1):
            shard = Shard(number, count)
            try:
                main([*command, "--shard", str(shard)])
            except SystemExit as stop:
                yield ShardOutcome(shard, int(stop.code or 0), "what went wrong")
            else:
                yield ShardOutcome(shard, 0, "")

    monkeypatch.setattr(ray_shards, "run_on_ray", run)
    return asked


def faces(clips: Path, out: str, *more: str) -> list[str]:
    words = ["faces", "--backend", "sidecar", "--model", str(clips.parent / "known.parquet")]
    return [*words, "--videos", str(clips), "--out", str(clips.parent / out), *more]


def test_shards_are_run_and_merged(clips: Path, handed_out: list, capsys: Capture) -> None:
    main(["ray", "4", "--cpus", "1", "--", *faces(clips, "faces.parquet")])
    assert handed_out == [([*faces(clips, "faces.parquet"), "--workers", "1"], 4, 1, 0)]
    assert capsys.readouterr().out.splitlines()[-1] == str(clips.parent / "faces.parquet")
    main(faces(clips, "whole.parquet", "--workers", "1"))
    assert (clips.parent / "faces.parquet").read_bytes() == (clips.parent / "whole.parquet").read_bytes()


def test_a_shard_has_as_many_processes_as_cores_unless_the_command_says(clips: Path, handed_out: list) -> None:
    main(["ray", "1", "--cpus", "3", "--gpus", "1", "--", "data", "compress", "--root", str(clips)])
    main(["ray", "1", "--cpus", "3", "--", "data", "compress", "--root", str(clips), "--workers=1"])
    root = ["data", "compress", "--root", str(clips)]
    assert handed_out == [([*root, "--workers", "3"], 1, 3, 1), ([*root, "--workers=1"], 1, 3, 0)]


def test_a_shard_that_failed_is_said_and_merging_says_what_is_missing(
    clips: Path, handed_out: list, capsys: Capture
) -> None:
    (clips / "clip3.mp4").write_bytes(b"no video")
    with pytest.raises(SystemExit) as stop:
        main(["ray", "2", "--", *faces(clips, "faces.parquet", "--workers", "1")])
    said = capsys.readouterr()
    [shard] = [Shard(number, 2) for number in (1, 2) if Shard(number, 2).owns("clip3")]
    assert f"shard {shard} ended with exit code 1: what went wrong\n" in said.err
    assert stop.value.code == 1 and f"clip3: {clips / 'clip3.mp4'}: damaged" in said.out  # as without shards


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["0", "--", "faces"], "bench ray takes a number of shards of at least 1, not 0"),
        (["2", "--", "run", "--variant", "plain"], "'run --variant plain' cannot be done in shards"),
        (["2", "--", "data", "prepare", "moodclips"], "'data prepare moodclips' cannot be done in shards"),
        (["2", "--", "nonsense"], "'nonsense' cannot be done in shards"),
        (["2"], "'' cannot be done in shards"),
    ],
)
def test_words_that_do_not_fit_are_one_line(words: list[str], said: str, capsys: Capture) -> None:
    code, line = failure(["ray", *words], capsys)
    assert (code, said in line) == (2, True), line


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, line = failure(["ray", "2", "--", "data", "compress", "--root", "."], capsys)
    assert (code, "pip install -c constraints.txt -e '.[ray]'" in line) == (2, True)


DIES_ONCE = '''
import os, signal
from multiprocessing import parent_process
from pathlib import Path
from bench.face_detection import Face, face_backend

@face_backend("dies_once")
class DiesOnce:
    """A happy face in every frame; the first process that looks at clip3 is killed."""
    source, settings = "made up", {}

    def faces(self, clip):
        if clip.name == "clip3" and not Path("killed").exists():
            Path("killed").touch()
            os.kill(parent_process().pid, signal.SIGKILL)  # the shard; this is a process of its own
        return [[Face((0, 0, 0, 1, 0, 0, 0), (0, 0, 9, 9), 1.0)] for _ in clip.indices]
'''


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_real_ray_does_what_one_run_does_also_after_a_shard_was_killed(clips: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    (tmp_path / "dies_once.py").write_text(DIES_ONCE, encoding="utf-8")
    words = [
        "faces",
        "--backend",
        "dies_once",
        "--plugin",
        "dies_once.py",
        "--videos",
        "clips",
        "--workers",
        "1",
        "--out",
    ]
    ray = [sys.executable, "-P", "-m", "bench", "ray", "3", "--", *words, "faces.parquet"]
    here = {**os.environ, "RAY_ADDRESS": "local", "RAY_worker_niceness": "0", "PYTHONPATH": str(ROOT)}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(ray, cwd=tmp_path, env=here, capture_output=True, text=True, check=False)

    [shard] = [Shard(number, 3) for number in (1, 2, 3) if Shard(number, 3).owns("clip3")]
    first = run()
    assert first.returncode == 1, first.stderr
    assert f"shard {shard} ended with exit code -9" in first.stderr
    assert f"of 3 shards 1 are missing. Run --shard {shard}" in first.stderr
    assert len(list(tmp_path.glob("faces.*-of-3.parquet"))) == 2
    second = run()
    assert second.returncode == 0, second.stderr
    assert second.stdout.splitlines()[-1] == "faces.parquet"
    whole = [sys.executable, "-P", "-m", "bench", *words, "whole.parquet"]
    subprocess.run(whole, cwd=tmp_path, env=here, capture_output=True, check=True)
    assert (tmp_path / "faces.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


@pytest.mark.slow
def test_ray_tells_nobody_of_its_use(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    from ray._common.usage.usage_lib import usage_stats_enabled

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    enabled = []

    def init(**how: object) -> None:
        enabled.append(usage_stats_enabled())
        raise ConnectionError("no cluster\nmore of it")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(BenchError, match=r"Ray was not started, or cannot be reached: no cluster$"):
        next(run_on_ray(["faces"], 2))
    assert enabled == [False]
