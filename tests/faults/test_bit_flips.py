"""A bit that flips in what a run leaves: the same content, or one line; never another number in silence.

Those of checkpoints are in tests/engine/test_checkpoint.py, those of what is known of videos in
tests/data/test_loading.py.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.cli import main
from bench.emotions.scores import score_captions
from bench.engine.reopen import open_model
from bench.errors import BenchError
from bench.records.feature_files import read_features
from bench.records.store import load
from bench.utils.run_files import features_path, weights_path


@pytest.fixture
def record(command: Callable[..., list[str]], tmp_path: Path) -> Path:
    """The record of a run."""
    main(command(train__steps=1))
    [path] = (tmp_path / "results").glob("*/*/*/*.json")
    return path


def flips(path: Path, count: int) -> Iterator[None]:
    """Flips a bit of the file, another one each time; the file is as it was in the end."""
    intact, draw = path.read_bytes(), random.Random(0)
    for _ in range(count):
        damaged = bytearray(intact)
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        yield
    path.write_bytes(intact)


def test_of_a_record(record: Path) -> None:
    whole = load(record)
    for _ in flips(record, 60):
        try:
            assert load(record) == whole
        except BenchError as error:
            assert "\n" not in str(error)


def test_of_weights_and_features(record: Path) -> None:
    whole = load(record)
    for _ in flips(weights_path(record), 10):
        with pytest.raises(BenchError, match=r"model\.safetensors is not the file that"):
            open_model(record)
    open_model(record)
    for _ in flips(features_path(record), 30):
        with pytest.raises(BenchError, match=r"features\.safetensors is not the file that"):
            read_features(record, whole)
    assert read_features(record, whole)


def test_of_the_scores_of_captions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    captions = [f"a happy man and {number} sad dogs" for number in range(1000)]
    whole = score_captions(captions)
    [path] = (tmp_path / "emotions").iterdir()
    for _ in flips(path, 40):
        np.testing.assert_array_equal(score_captions(captions), whole)
