"""Faces looked for in shards: the table of one run, to the byte; and what is said of parts that do not fit together."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from helpers.sidecars import known
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.cli import main
from bench.data.faces import read_table, write_faces
from bench.data.video import write_video
from bench.errors import BenchError, UsageError
from bench.face_detection import scan as module
from bench.face_detection.backends.sidecar import Sidecar
from bench.face_detection.scan import FaceScan, scan
from bench.utils.shards import Shard, owned

NAMES = [f"clip{index}" for index in range(7)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of 40 frames, the last of them broken, and beside them a sidecar that knows all but one of the whole."""
    folder = tmp_path_factory.mktemp("clips")
    for name in NAMES:
        write_video(folder / "clips" / f"{name}.mp4", np.zeros((40, 32, 32, 3), np.uint8), 10)
    (folder / "clips" / f"{NAMES[-1]}.mp4").write_bytes(b"no video")
    known(folder / "known.parquet", *NAMES[1:])
    return folder / "clips"


def looked(clips: Path, out: Path, **how: Any) -> FaceScan:
    return scan("sidecar", {"model": clips.parent / "known.parquet"}, videos=clips, out=out, workers=1, **how)


@pytest.fixture(scope="module")
def unsharded(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return looked(clips, tmp_path_factory.mktemp("whole") / "faces.parquet").out.read_bytes()


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clips that the backend is asked about."""
    names: list[str] = []
    real = Sidecar.faces
    monkeypatch.setattr(Sidecar, "faces", lambda self, clip: (names.append(clip.name), real(self, clip))[1])
    return names


def parts(clips: Path, out: Path, count: int = 3, **how: Any) -> list[Path]:
    return [looked(clips, out, shard=Shard(number, count), **how).out for number in range(1, count + 1)]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), count=st.integers(1, 9))
def test_shards_that_are_stopped_and_repeated_in_any_order_make_the_table_of_one_run(
    data: st.DataObject, count: int, clips: Path, unsharded: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("shards") / "faces.parquet"
    numbers = list(range(1, count + 1))
    again = data.draw(st.lists(st.sampled_from(numbers), max_size=2))
    for number in data.draw(st.permutations([*numbers, *again])):
        shard = Shard(number, count)
        left = data.draw(st.integers(0, len(owned(dict.fromkeys(NAMES), shard))))  # clips until it is stopped
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Stopped):
            patch.setattr(module, "_attempt", stopping(left))
            looked(clips, out, shard=shard)
        looked(clips, out, shard=shard)
    assert looked(clips, out, merge=True).was_done is False
    assert out.read_bytes() == unsharded
    assert [path.name for path in out.parent.iterdir()] == ["faces.parquet"]


class Stopped(Exception):
    """Stands for whatever ends a process."""


def stopping(left: int) -> Callable[..., Any]:
    """Looks at so many clips, then ends."""
    real, done = module._attempt, []

    def attempt(*clip: Any) -> Any:
        if len(done) == left:
            raise Stopped
        done.append(clip)
        return real(*clip)

    return attempt


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_shard_that_was_killed_goes_on_with_what_it_had(clips: Path, tmp_path: Path, looked_at: list[str]) -> None:
    """Two pieces of two clips are written down; over the third piece the process waits."""
    names = [f"clip{index}" for index in range(40)]
    for name in names:
        (tmp_path / "many" / f"{name}.mp4").parent.mkdir(exist_ok=True)
        (tmp_path / "many" / f"{name}.mp4").hardlink_to(clips / "clip0.mp4")
    known(tmp_path / "known.parquet", *names)
    code = (
        "import sys, time; from pathlib import Path; from bench.face_detection import scan as module\n"
        "from bench.face_detection import kept_faces; from bench.utils.shards import Shard\n"
        "kept_faces.PIECE, write, pieces, folder = 2, kept_faces.write_faces, [], Path(sys.argv[1])\n"
        "kept_faces.write_faces = lambda *one: (pieces.append(1), time.sleep(600 * (len(pieces) == 3)), write(*one))\n"
        "module.scan('sidecar', {'model': folder / 'known.parquet'}, videos=folder / 'many', "
        "out=folder / 'faces.parquet', workers=1, shard=Shard(1, 2))"
    )
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.DEVNULL)
    while len(list(tmp_path.glob(".faces.1-of-2.parts/[0-9a-f]*.parquet"))) < 2 and run.poll() is None:
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait(timeout=120) == -signal.SIGKILL
    looked(tmp_path / "many", tmp_path / "faces.parquet", shard=Shard(1, 2))
    assert len(looked_at) == len(owned(dict.fromkeys(names), Shard(1, 2))) - 4
    looked(tmp_path / "many", tmp_path / "faces.parquet", shard=Shard(2, 2))
    looked(tmp_path / "many", tmp_path / "faces.parquet", merge=True)
    looked(tmp_path / "many", tmp_path / "whole.parquet")
    assert (tmp_path / "faces.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_merging_again_leaves_the_table_as_it_is(clips: Path, tmp_path: Path) -> None:
    parts(clips, tmp_path / "faces.parquet")
    looked(clips, tmp_path / "faces.parquet", merge=True)
    again = looked(clips, tmp_path / "faces.parquet", merge=True)
    assert again.was_done


def test_a_shard_looks_only_at_what_the_merged_table_lacks(
    clips: Path, tmp_path: Path, unsharded: bytes, looked_at: list[str]
) -> None:
    out = tmp_path / "faces.parquet"
    out.write_bytes(unsharded)
    parts(clips, out)
    assert looked_at == ["clip0"]  # of which the sidecar knows nothing; broken ones are tried again
    looked(clips, out, merge=True)
    assert out.read_bytes() == unsharded


def test_a_missing_shard_is_named(clips: Path, tmp_path: Path) -> None:
    parts(clips, tmp_path / "faces.parquet")[1].unlink()
    with pytest.raises(BenchError, match=r"of 3 shards 1 are missing. Run --shard 2/3"):
        looked(clips, tmp_path / "faces.parquet", merge=True)
    assert not (tmp_path / "faces.parquet").exists()


def test_a_part_with_other_settings_is_named(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.parquet"
    parts(clips, out)[1].unlink()
    looked(clips, out, shard=Shard(2, 3), frames=4)
    with pytest.raises(
        BenchError, match=r"faces.2-of-3.parquet .* with other settings or code .* Repeat it: --shard 2/3"
    ):
        looked(clips, out, merge=True)


def test_a_table_of_other_settings_is_replaced_only_on_demand(clips: Path, tmp_path: Path, unsharded: bytes) -> None:
    out = tmp_path / "faces.parquet"
    looked(clips, out, frames=4)
    with pytest.raises(UsageError, match=r"faces\.parquet holds faces that were found with other settings"):
        looked(clips, out, shard=Shard(1, 3))
    parts(clips, out, force=True)
    with pytest.raises(UsageError, match=r"faces\.parquet holds faces that were found with other settings"):
        looked(clips, out, merge=True)
    looked(clips, out, merge=True, force=True)
    assert out.read_bytes() == unsharded


def test_a_part_by_other_code_is_named(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "faces.parquet"
    parts(clips, out)
    monkeypatch.setattr(module, "code_of", lambda *modules: "another commit's")
    with pytest.raises(BenchError, match=r"faces.1-of-3.parquet .* with other settings or code"):
        looked(clips, out, merge=True)
    with pytest.raises(UsageError, match=r"faces.1-of-3.parquet holds faces that were found with other settings"):
        looked(clips, out, shard=Shard(1, 3))
    parts(clips, out, force=True)
    looked(clips, out, merge=True)


def test_a_part_of_another_shard_s_clips_is_named(clips: Path, tmp_path: Path) -> None:
    first, second, _ = parts(clips, tmp_path / "faces.parquet")
    first.replace(second)
    Shard(1, 3).part(tmp_path / "faces.parquet").write_bytes(second.read_bytes())
    with pytest.raises(BenchError, match=r"faces.2-of-3.parquet holds clips of another shard"):
        looked(clips, tmp_path / "faces.parquet", merge=True)


def test_clips_that_are_new_since_are_named_with_their_shard(clips: Path, tmp_path: Path) -> None:
    out, new = tmp_path / "faces.parquet", clips / "new.mp4"
    parts(clips, out)
    new.write_bytes((clips / "clip0.mp4").read_bytes())
    [shard] = [Shard(number, 3) for number in (1, 2, 3) if Shard(number, 3).owns("new")]
    said = rf"{shard.part(out).name} lacks 1 clips that are new or changed \(new\). Repeat it: --shard {shard}"
    try:
        with pytest.raises(BenchError, match=said):
            looked(clips, out, merge=True)
        looked(clips, out, shard=shard)
        assert "new" in looked(clips, out, merge=True).broken  # of which the sidecar knows nothing
    finally:
        new.unlink()


def test_a_part_that_is_something_else_is_named(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.parquet"
    [first, *_] = parts(clips, out)
    table, source, _ = read_table(first, "")
    write_faces(table.to_pydict(), first, source, {"how": pyarrow.parquet.read_metadata(first).num_rows})
    with pytest.raises(BenchError, match=r"faces\.1-of-3\.parquet"):
        looked(clips, out, merge=True)


def test_one_shard_is_not_done_twice_at_a_time(clips: Path, tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from bench.utils.lock import locked
with locked(Path({str(tmp_path / ".faces.1-of-3.lock")!r}), "bench faces"):
    print("in", flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "in\n"
        with pytest.raises(BenchError, match="bench faces is already running: process"):
            looked(clips, tmp_path / "faces.parquet", shard=Shard(1, 3))
        other.communicate("\n")


def test_the_command_does_shards_and_merges_them(
    clips: Path, tmp_path: Path, unsharded: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["faces", "--backend", "sidecar", "--model", str(clips.parent / "known.parquet"), "--videos", str(clips)]
    words += ["--out", str(tmp_path / "faces.parquet"), "--workers", "1"]
    for last in (["--shard", "2/2"], ["--shard", "1/2"], ["--merge"]):
        with pytest.raises(SystemExit) as stop:  # one clip is broken, and the sidecar does not know another
            main([*words, *last])
            raise SystemExit(0)
        assert stop.value.code in (0, 1)
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "faces.parquet")
    assert (tmp_path / "faces.parquet").read_bytes() == unsharded
