"""The faces of single frames: one score for several faces, and the images are not decoded again."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.registries import forgotten

from bench import face_detection
from bench.data.faces import EXPRESSIONS
from bench.emotions import EMOTIONS
from bench.errors import UsageError
from bench.face_detection import ClipFrames, Face, face_backend
from bench.face_detection.frames import read_picture
from bench.search.face_tracks import FaceDetector
from bench.utils.plugins import load_plugin
from bench.utils.processes import fresh_processes

SMALL, LARGE = (0, 0, 2, 2), (0, 0, 9, 9)


class TwoFaces:
    """A small angry face, 0.8, and a large happy one, 0.6 with 0.2 of anger; in dark frames none."""

    source = "made up"

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"at": "here"}

    def faces(self, clip: ClipFrames) -> list[list[Face]]:
        def face(box: tuple[int, int, int, int], **scores: float) -> Face:
            return Face(tuple(scores.get(name, 0.0) for name in EXPRESSIONS), box, 1.0)

        bright = clip.images.mean() > 100
        return [[face(SMALL, angry=0.8), face(LARGE, happy=0.6, angry=0.2)] if bright else []]


@pytest.fixture
def two_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_detection, "build", lambda name, settings: TwoFaces())


@pytest.mark.parametrize(("pooling", "joy", "anger"), [("largest", 0.6, 0.2), ("mean", 0.3, 0.5), ("max", 0.6, 0.8)])
def test_several_faces_become_one_as_for_a_run(two_faces: None, pooling: str, joy: float, anger: float) -> None:
    scores = FaceDetector("x", {}, pooling)(Path("nowhere.mp4"), 10, 3, np.full((4, 4, 3), 255, np.uint8))
    assert scores is not None
    found = dict(zip(EMOTIONS, scores.tolist(), strict=True))
    assert (found["joy"], found["anger"]) == (pytest.approx(joy), pytest.approx(anger))


def test_a_frame_without_a_face_has_no_scores(two_faces: None) -> None:
    assert FaceDetector("x", {}, "largest")(Path("nowhere.mp4"), 10, 3, np.zeros((4, 4, 3), np.uint8)) is None


def test_the_backend_s_settings_are_remembered(two_faces: None) -> None:
    assert FaceDetector("x", {}, "largest").how == {"at": "here"}


def test_another_process_builds_its_own_detector_once_with_the_plugin_that_brings_it(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from bench import face_backend\nfrom bench.face_detection import Face\n\n\n"
        '@face_backend("mine_for_processes")\nclass Mine:\n    source, settings = "mine", {}\n\n'
        "    def faces(self, clip):\n        return [[Face((0.5,) * 7, (0, 0, 9, 9), 1.0)]]\n"
    )
    with forgotten():
        load_plugin(plugin)
        detector = FaceDetector("mine_for_processes", {}, "largest")
        image = np.zeros((4, 4, 3), np.uint8)
        with ProcessPoolExecutor(1, mp_context=fresh_processes()) as pool:
            found = pool.submit(detector, Path("nowhere.mp4"), 10, 3, image).result()
        np.testing.assert_array_equal(found, detector(Path("nowhere.mp4"), 10, 3, image))
        copies = [pickle.loads(pickle.dumps(detector)) for _ in range(2)]
        assert copies[0] is copies[1]


def test_a_backend_that_other_processes_cannot_import_is_refused() -> None:
    with forgotten():
        face_backend("of_the_script")(type("Mine", (), {"__module__": "__main__", "source": "", "settings": {}}))
        with pytest.raises(UsageError, match=r"'of_the_script' is not in a module that other .* --plugin FILE"):
            pickle.dumps(FaceDetector("of_the_script", {}, "largest"))


@pytest.mark.parametrize(("picture", "emotion"), [("happy", "joy"), ("angry", "anger"), ("surprised", "surprise")])
def test_a_real_classifier_sees_what_is_written_on_a_picture(
    shared: Path, tmp_path: Path, picture: str, emotion: str
) -> None:
    pytest.importorskip("onnxruntime", reason="the extra faces is not installed")
    pytest.importorskip("cv2", reason="the extra faces is not installed")
    model = tmp_path / "model.yaml"
    labels = "[angry, disgust, fear, happy, sad, surprise, neutral]"
    file = shared / "faces" / "fer2013_mini_xception.onnx"
    model.write_text(f"file: {file}\nsize: 64\ncolour: grey\nrange: [-1, 1]\nlabels: {labels}\n")
    path = shared / "faces" / f"{picture}.jpg"
    scores = FaceDetector("onnx", {"model": model}, "largest")(path, 1, 0, read_picture(path))
    assert scores is not None
    assert EMOTIONS[int(scores.argmax())] == emotion
