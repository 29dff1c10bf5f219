"""The features beside a record: they come back as they were, and a broken file is one line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.records import make_record

from bench.errors import BenchError
from bench.records.feature_files import Features, read_features, save_features
from bench.utils.files import sha256
from bench.utils.run_files import features_path

RECORD = make_record()


def test_features_come_back_as_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    text = rng.normal(size=(4, 3)).astype(np.float32)
    video = rng.normal(size=(3, 2, 4)).astype(np.float32).transpose(2, 1, 0)  # per frame, not side by side in memory
    save_features(tmp_path / "run.json", Features(text, video))
    found = read_features(tmp_path / "run.json", RECORD)
    assert found is not None
    np.testing.assert_array_equal(found.text, text)
    np.testing.assert_array_equal(found.video, video)


def test_where_a_run_left_none_there_are_none(tmp_path: Path) -> None:
    assert read_features(tmp_path / "run.json", RECORD) is None


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x02\0\0\0\0\0\0\0{}"], ids=["empty", "text", "no video"])
def test_a_broken_file_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = features_path(tmp_path / "run.json")
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BenchError, match=r"features\.safetensors cannot be read .*Remove it") as error:
        read_features(tmp_path / "run.json", RECORD)
    assert "\n" not in str(error.value)


def test_another_run_s_features_are_refused(tmp_path: Path) -> None:
    rows = np.eye(3, dtype=np.float32)
    path = tmp_path / "run.json"
    save_features(path, Features(rows, rows))
    record = replace(RECORD, artifacts={"features": sha256(features_path(path))})
    assert read_features(path, record)
    save_features(path, Features(rows, rows[::-1]))
    with pytest.raises(BenchError, match=r"features\.safetensors is not the file that plain.* wrote"):
        read_features(path, record)
