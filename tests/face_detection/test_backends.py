"""Backends by name, the words they take, and scores that another program wrote."""

from pathlib import Path

import numpy as np
import pytest

from bench.data.faces import BOX, EXPRESSIONS, write_faces
from bench.errors import BenchError, UsageError
from bench.face_detection import FACE_BACKENDS, ClipFrames, build, face_backend


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """Scores of a clip of 10 frames: a happy face in frame 0, two faces in frame 5."""
    scores = np.zeros((3, 7))
    scores[0, EXPRESSIONS.index("happy")] = scores[1, 0] = scores[2, 4] = 1
    columns = {"video": ["a"] * 3, "frame": [0, 5, 5], "frames": [10] * 3, "face": [0, 0, 1]}
    columns |= {name: scores[:, index].tolist() for index, name in enumerate(EXPRESSIONS)}
    columns |= {**{side: [9, 8, 7] for side in BOX}, "confidence": [0.5] * 3}
    write_faces(columns, tmp_path / "told.parquet", "simulated: by hand", {})
    return tmp_path / "told.parquet"


def asked(model: Path, indices: list[int], frames: int, name: str = "a") -> list[list[str]]:
    """The top expression of each face in each frame."""
    found = build("sidecar", {"model": model}).faces(ClipFrames(name, Path("a.mp4"), frames, np.array(indices)))
    return [[EXPRESSIONS[int(np.argmax(face.scores))] for face in faces] for faces in found]


def test_there_are_three_backends():
    assert list(FACE_BACKENDS) == ["deepface", "onnx", "sidecar"]


def test_an_unknown_backend_is_one_line_with_near_names():
    with pytest.raises(UsageError, match=r"'depface' is no face backend\. Did you mean deepface"):
        build("depface", {})


def test_a_name_that_is_taken_is_an_error():
    with pytest.raises(UsageError, match=r"the face backend 'onnx' is registered twice: in .*onnx\.py and in"):
        face_backend("onnx")(type("Mine", (), {"__module__": __name__}))


def test_a_setting_that_a_backend_does_not_take_is_one_line():
    with pytest.raises(UsageError, match=r"'sidecar' takes no --detector. It takes: --model"):
        build("sidecar", {"detector": "opencv", "model": Path("a")})


def test_a_setting_that_a_backend_needs_is_one_line():
    with pytest.raises(UsageError, match="'sidecar' needs --model FILE"):
        build("sidecar", {})


def test_a_sidecar_answers_with_the_frame_nearest_in_time(told: Path):
    assert asked(told, [0, 24, 26, 99], 100) == [["happy"], ["happy"], ["angry", "sad"], ["angry", "sad"]]


def test_a_sidecar_of_something_simulated_is_still_called_so(told: Path):
    assert build("sidecar", {"model": told}).source.startswith("simulated: by hand (sidecar, sha256 ")


def test_a_clip_that_a_sidecar_lacks_is_one_line(told: Path):
    with pytest.raises(BenchError, match=r"told.parquet has no scores of b"):
        asked(told, [0], 10, name="b")


def test_a_sidecar_that_is_no_table_of_faces_is_one_line(tmp_path: Path):
    (tmp_path / "a.parquet").write_text("no parquet")
    with pytest.raises(BenchError, match=r"a.parquet cannot be read as parquet .* --model takes a parquet file"):
        build("sidecar", {"model": tmp_path / "a.parquet"})
