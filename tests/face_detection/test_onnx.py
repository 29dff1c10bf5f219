"""Classifiers in ONNX: what the YAML file says is what the classifier is given, and faces are where they are."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.graphs import linear

from bench.data.faces import EXPRESSIONS
from bench.errors import BenchError, UsageError
from bench.face_detection import ClipFrames, Face, build
from bench.face_detection.frames import read_picture

pytest.importorskip("cv2", reason="the extra faces is not installed")
pytest.importorskip("onnxruntime", reason="the extra faces is not installed")


def described(folder: Path, **about: Any) -> Path:
    path = folder / "classifier.yaml"
    path.write_text(yaml.safe_dump(about))
    return path


def looked(model: Path, path: Path) -> list[Face]:
    """The faces of a picture."""
    (faces,) = build("onnx", {"model": model}).faces(ClipFrames(path.stem, path, 1, np.array([0])))
    return faces


@pytest.fixture
def xception(shared: Path, tmp_path: Path) -> Path:
    """A real classifier of expressions."""
    file = str(shared / "faces" / "fer2013_mini_xception.onnx")
    return described(tmp_path, file=file, size=64, colour="grey", range=[-1, 1], labels=list(EXPRESSIONS))


@pytest.fixture
def portrait(shared: Path) -> Path:
    return shared / "faces" / "happy.jpg"


def mean_colour(tmp_path: Path, **about: Any) -> Path:
    """A classifier whose first three scores are the face's mean colour, in the channels' order; the others are 0."""
    last = about.pop("last", False)
    linear(tmp_path / "mean.onnx", np.eye(3, 7), channels=3, size=1, last=last)
    return described(tmp_path, **{"file": "mean.onnx", "size": 1, "colour": "rgb", "labels": [*EXPRESSIONS], **about})


def colours(portrait: Path, face: Face) -> list[float]:
    """The mean red, green and blue of a face's box, 0..1."""
    x, y, w, h = face.box
    return list(read_picture(portrait)[y : y + h, x : x + w].mean(axis=(0, 1)) / 255)


@pytest.mark.parametrize(
    ("picture", "expression"),
    [
        ("angry", "angry"),
        ("disgusted", "disgust"),
        ("fearful", "fear"),
        ("happy", "happy"),
        ("neutral", "neutral"),
        ("sad", "sad"),
        ("surprised", "surprise"),
    ],
)
def test_a_real_classifier_labels_a_real_face_right(shared: Path, xception: Path, picture: str, expression: str):
    faces = looked(xception, shared / "faces" / f"{picture}.jpg")
    largest = max(faces, key=lambda face: face.box[2] * face.box[3])
    assert EXPRESSIONS[int(np.argmax(largest.scores))] == expression


def test_a_picture_without_a_face_has_none(shared: Path, xception: Path, tmp_path: Path):
    import cv2

    cv2.imwrite(str(tmp_path / "wall.png"), np.full((240, 320, 3), 128, np.uint8))
    assert looked(xception, tmp_path / "wall.png") == []


def test_a_face_at_the_edge_is_found_and_its_box_ends_there(xception: Path, portrait: Path, tmp_path: Path):
    import cv2

    whole = read_picture(portrait)
    x, _, w, _ = looked(xception, portrait)[0].box
    cut = whole[:, x + w // 6 :]  # a sixth of the face is beyond the edge
    cv2.imwrite(str(tmp_path / "cut.png"), cut[..., ::-1])
    assert [face.box[0] for face in looked(xception, tmp_path / "cut.png")] == [0]


def test_confidence_lies_between_0_and_1(xception: Path, portrait: Path):
    assert all(0 < face.confidence < 1 for face in looked(xception, portrait))


@pytest.mark.parametrize(("colour", "order"), [("rgb", [0, 1, 2]), ("bgr", [2, 1, 0])])
def test_channels_come_in_the_order_that_is_asked_for(tmp_path: Path, portrait: Path, colour: str, order: list[int]):
    (face,) = looked(mean_colour(tmp_path, colour=colour), portrait)
    expected = np.array(colours(portrait, face))[order]
    assert np.allclose(face.scores[:3], expected, atol=1 / 255)


def test_channels_may_be_last(tmp_path: Path, portrait: Path):
    (face,) = looked(mean_colour(tmp_path, last=True), portrait)
    assert np.allclose(face.scores[:3], colours(portrait, face), atol=1 / 255)


def test_pixels_are_brought_to_the_range_and_normalized(tmp_path: Path, portrait: Path):
    (face,) = looked(mean_colour(tmp_path, range=[0, 2], mean=[-0.1, -0.2, -0.3], std=[4, 5, 6]), portrait)
    expected = (2 * np.array(colours(portrait, face)) + [0.1, 0.2, 0.3]) / [4, 5, 6]
    assert np.allclose(face.scores[:3], expected, atol=1 / 255)


def test_labels_say_which_score_is_which(tmp_path: Path, portrait: Path):
    labels = ["happy", "sad", "neutral", "angry", "disgust", "fear", "surprise"]
    (face,) = looked(mean_colour(tmp_path, labels=labels), portrait)
    named = dict(zip(EXPRESSIONS, face.scores, strict=True))
    assert np.allclose([named[name] for name in ("happy", "sad", "neutral")], colours(portrait, face), atol=1 / 255)


def test_logits_become_scores(tmp_path: Path, portrait: Path):
    (plain,) = looked(mean_colour(tmp_path), portrait)
    (face,) = looked(mean_colour(tmp_path, softmax=True), portrait)
    raised = np.exp(plain.scores)
    assert np.allclose(face.scores, raised / raised.sum(), atol=1e-6)


def test_logits_that_are_not_called_so_are_one_line(tmp_path: Path, portrait: Path):
    with pytest.raises(UsageError, match=r"mean.onnx gives 7 numbers from -1 to 0, .* softmax: true"):
        looked(mean_colour(tmp_path, range=[-1, 0]), portrait)


def test_a_wrong_size_is_one_line(tmp_path: Path):
    with pytest.raises(UsageError, match=r"mean.onnx does not take what .*classifier.yaml describes"):
        build("onnx", {"model": mean_colour(tmp_path, size=2)})


def test_an_unknown_output_is_one_line(tmp_path: Path):
    with pytest.raises(UsageError, match=r"an input or output that mean.onnx does not have. It has: pixels; scores"):
        build("onnx", {"model": mean_colour(tmp_path, output="logits")})


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"labels": ["anger", *EXPRESSIONS[1:]]}, "labels must hold angry, .*; 'angry' is not there once"),
        ({"colour": "gray"}, "colour is one of grey, rgb, bgr, not 'gray'"),
        ({"size": "64x64"}, "size is the side of a square in pixels, not '64x64'"),
        ({"colour": ["grey"]}, r"colour is one of grey, rgb, bgr, not \['grey'\]"),
        ({"file": 3}, "file is a name, not 3"),
        ({"file": None}, "file is a name, not None"),
        ({"output": ["scores"]}, r"output is a name, not \['scores'\]"),
        ({"size": True}, "size is the side of a square in pixels, not True"),
        ({"softmax": "no"}, "softmax is true or false, without quotes, not 'no'"),
        ({"mean": [1, 2]}, r"mean takes 1 or 3 numbers, not \[1, 2\]"),
        ({"mean": [1, 2], "colour": "grey"}, r"mean takes 1 number, not \[1, 2\]"),
        ({"mean": "0.5"}, "mean takes 1 or 3 numbers, not '0.5'"),
        ({"mean": float("nan")}, "mean takes 1 or 3 numbers, not nan"),
        ({"std": 0}, "std takes 1 or 3 numbers, none of them 0, not 0"),
        ({"std": [1, 0.0, 1]}, r"std takes 1 or 3 numbers, none of them 0, not \[1, 0.0, 1\]"),
        ({"std": float("inf")}, "std takes 1 or 3 numbers, none of them 0, not inf"),
        ({"range": 1}, "range takes 2 numbers, not 1"),
        ({"range": [0, True]}, r"range takes 2 numbers, not \[0, True\]"),
        ({"color": "rgb"}, "'color' says nothing of a classifier. Did you mean colour?"),
    ],
)
def test_what_a_yaml_file_gets_wrong_is_one_line(tmp_path: Path, about: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        build("onnx", {"model": mean_colour(tmp_path, **about)})


@pytest.mark.parametrize("text", ["file: [", "size: 2024-13-45"])
def test_a_description_that_is_no_yaml_is_one_line(tmp_path: Path, text: str):
    (tmp_path / "classifier.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"classifier.yaml is no YAML: .*"):
        build("onnx", {"model": tmp_path / "classifier.yaml"})


def test_a_description_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(UsageError, match=r"classifier.yaml cannot be read: No such file"):
        build("onnx", {"model": tmp_path / "classifier.yaml"})


def test_what_a_yaml_file_leaves_out_is_one_line(tmp_path: Path):
    with pytest.raises(UsageError, match="does not give 'labels', one of file, size, colour, labels"):
        build("onnx", {"model": described(tmp_path, file="a.onnx", size=1, colour="grey")})


def test_a_classifier_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(BenchError, match=r"names the classifier .*other.onnx, which is not there"):
        build("onnx", {"model": mean_colour(tmp_path, file="other.onnx")})


def test_a_file_that_is_no_onnx_is_one_line(tmp_path: Path):
    model = mean_colour(tmp_path)
    (tmp_path / "mean.onnx").write_bytes(b"no graph")
    with pytest.raises(BenchError, match=r"mean.onnx is no ONNX file that can be run"):
        build("onnx", {"model": model})


def test_a_missing_package_is_one_line_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        BenchError, match=r"'onnx' cannot import cv2\..* pip install -c constraints\.txt -e '\.\[faces\]'"
    ):
        build("onnx", {"model": mean_colour(tmp_path)})


def test_the_source_names_weights_by_their_checksum(tmp_path: Path):
    import hashlib

    backend = build("onnx", {"model": mean_colour(tmp_path)})
    assert hashlib.sha256((tmp_path / "mean.onnx").read_bytes()).hexdigest()[:8] in backend.source
