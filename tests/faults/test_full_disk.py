"""A disk that is full at the n-th file that a run writes: one line or a word, and a repetition ends the same."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.runs import bench, same

from bench.cli import main

WRITES = 6  # what is known of the videos, two checkpoints, weights, features, the record


@pytest.mark.parametrize("number", [pytest.param(n, marks=() if n == 3 else pytest.mark.slow) for n in range(1, 7)])
def test_a_full_disk_at_any_write_costs_a_repetition(
    command: Callable[..., list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    settings = {"train__steps": 2, "train__checkpoint_every": 1}
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    whole = bench(command("whole", **settings))
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "other-home"))
    capsys.readouterr()
    make, written = tempfile.mkdtemp, []

    def full(*arguments: Any, **names: Any) -> str:
        if names.get("prefix") == ".bench-":
            written.append(names["dir"])
            if len(written) == number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return make(*arguments, **names)

    with monkeypatch.context() as patch:
        patch.setattr("bench.utils.files.tempfile.mkdtemp", full)
        if number == 1:  # a cache only
            main(command("full", **settings))
            assert len(written) == WRITES
        else:
            with pytest.raises(SystemExit) as stopped:
                main(command("full", **settings))
            assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "Traceback" not in said
    assert same(whole, bench(command("full", **settings)))
