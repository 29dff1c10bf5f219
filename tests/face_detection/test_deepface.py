"""DeepFace's own path, offline: real detection, weights that the test draws at random in the real architecture."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.graphs import linear

from bench.errors import BenchError, UsageError
from bench.face_detection import ClipFrames, Face, FaceBackend, build
from bench.face_detection.frames import read_picture

pytest.importorskip("deepface", reason="the extra faces is not installed")

WEIGHTS = ".deepface/weights/facial_expression_model_weights.pth"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch):
    """What the backend sets for DeepFace is put back."""
    for name in ("DEEPFACE_HOME", "DEEPFACE_BACKEND_ENGINE", "DEEPFACE_LOG_LEVEL"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
        monkeypatch.delenv(name)


@pytest.fixture
def random_weights(tmp_path: Path) -> Path:
    """A folder with random weights for the expression classifier: the real shapes, nothing learned."""
    build_error(tmp_path)  # DeepFace picks its engine when it is first imported
    import torch
    from deepface.models.demography.pytorch.Emotion import EmotionModel

    torch.manual_seed(0)
    (tmp_path / WEIGHTS).parent.mkdir(parents=True, exist_ok=True)
    torch.save(EmotionModel().state_dict(), tmp_path / WEIGHTS)
    return tmp_path


def build_error(folder: Path, **settings: object) -> str:
    """What is said where no backend can be built."""
    with pytest.raises(BenchError) as error:
        build("deepface", {"weights": folder, "engine": "pytorch", **settings})
    return str(error.value)


@pytest.fixture
def deepface(random_weights: Path) -> FaceBackend:
    return build("deepface", {"weights": random_weights, "engine": "pytorch"})


def looked(backend: FaceBackend, path: Path) -> list[Face]:
    (faces,) = backend.faces(ClipFrames(path.stem, path, 1, np.array([0])))
    return faces


def test_with_random_weights_a_real_face_gets_seven_scores_that_add_up_to_one(deepface: FaceBackend, shared: Path):
    (face,) = looked(deepface, shared / "faces" / "happy.jpg")
    assert (len(face.scores), sum(face.scores)) == (7, pytest.approx(1, abs=1e-5))


def test_with_random_weights_the_box_lies_around_the_real_face(deepface: FaceBackend, shared: Path):
    (face,) = looked(deepface, shared / "faces" / "happy.jpg")
    x, y, w, h = face.box
    height, width, _ = read_picture(shared / "faces" / "happy.jpg").shape
    assert 0 <= x < x + w <= width and 0 <= y < y + h <= height and w * h < width * height / 2


def test_with_random_weights_a_wall_has_no_face_and_no_guess(deepface: FaceBackend, tmp_path: Path):
    import cv2

    cv2.imwrite(str(tmp_path / "wall.png"), np.full((240, 320, 3), 128, np.uint8))
    assert looked(deepface, tmp_path / "wall.png") == []


def test_the_onnx_engine_runs_a_graph_with_random_weights_too(tmp_path: Path, shared: Path):
    path = (tmp_path / WEIGHTS).with_suffix(".onnx")
    path.parent.mkdir(parents=True)
    weights = np.random.default_rng(0).random((48 * 48, 7))
    linear(path, weights, channels=1, size=48, last=True)  # DeepFace's own graph takes (1, 48, 48, 1) as well
    (face,) = looked(build("deepface", {"weights": tmp_path, "engine": "onnx"}), shared / "faces" / "happy.jpg")
    assert sum(face.scores) == pytest.approx(1, abs=1e-5)


def test_the_source_names_version_engine_detector_and_weights(deepface: FaceBackend, random_weights: Path):
    import hashlib
    from importlib.metadata import version

    digest = hashlib.sha256((random_weights / WEIGHTS).read_bytes()).hexdigest()[:8]
    said = f"deepface {version('deepface')}, engine pytorch, detector opencv, weights sha256 {digest}"
    assert deepface.source == said


def test_other_weights_in_the_same_process_are_other_scores(deepface: FaceBackend, random_weights: Path, shared: Path):
    import torch

    (before,) = looked(deepface, shared / "faces" / "happy.jpg")
    weights = torch.load(random_weights / WEIGHTS)
    weights["fc_3.bias"] += torch.arange(7)
    torch.save(weights, random_weights / WEIGHTS)
    (after,) = looked(
        build("deepface", {"weights": random_weights, "engine": "pytorch"}), shared / "faces" / "happy.jpg"
    )
    assert before.scores != after.scores


def test_missing_weights_are_one_line_with_file_place_and_command(tmp_path: Path):
    said = build_error(tmp_path)
    assert said == (
        "deepface's weights facial_expression_model_weights.pth are not there. Get them, then repeat: "
        f"curl -L --create-dirs -o {tmp_path / WEIGHTS} https://github.com/serengil/deepface_models/releases/"
        "download/v1.0/facial_expression_model_weights.pth"
    )


def test_each_engine_has_its_own_weights(tmp_path: Path):
    assert "facial_expression_model_weights.onnx" in build_error(tmp_path, engine="onnx")


def test_missing_weights_of_a_detector_are_said_too(random_weights: Path):
    said = build_error(random_weights, detector="retinaface")
    assert f"-o {random_weights / '.deepface/weights/retinaface.pth'} https://" in said


def test_an_unknown_detector_is_one_line_with_near_names(tmp_path: Path):
    assert "deepface has no detector 'retinface'. Did you mean retinaface" in build_error(
        tmp_path, detector="retinface"
    )


def test_no_detector_at_all_is_refused(tmp_path: Path):
    assert "deepface has no detector 'skip'" in build_error(tmp_path, detector="skip")  # it takes the whole frame


def test_broken_weights_are_one_line(random_weights: Path):
    (random_weights / WEIGHTS).write_bytes(b"no weights")
    said = build_error(random_weights)
    assert said.startswith("deepface cannot start with detector opencv: ") and "\n" not in said


def test_a_weights_folder_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere for --weights"):
        build("deepface", {"weights": tmp_path / "nowhere"})
