"""Real pictures and clips, found by OpenCV and labelled by a real classifier."""

import shutil
from pathlib import Path

import pytest

from bench.cli import main
from bench.data.faces import EXPRESSIONS
from bench.errors import UsageError
from bench.face_detection.scan import scan


def xception(shared: Path, tmp_path: Path) -> tuple[str, dict[str, Path]]:
    """A real classifier: backend and settings."""
    file, labels = shared / "faces" / "fer2013_mini_xception.onnx", ", ".join(EXPRESSIONS)
    (tmp_path / "classifier.yaml").write_text(
        f"file: {file}\nsize: 64\ncolour: grey\nrange: [-1, 1]\nlabels: [{labels}]\n"
    )
    return "onnx", {"model": tmp_path / "classifier.yaml"}


def test_the_command_line_labels_seven_of_seven_faces_right(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("cv2", reason="the extra faces is not installed")
    backend, settings = xception(shared, tmp_path)
    words = ["--backend", backend, "--model", str(settings["model"]), "--videos", str(shared / "faces")]
    main(["faces", *words, "--out", str(tmp_path / "faces.parquet"), "--workers", "1"])
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert {words[0]: words[6] for words in told if words[1:3] == ["face", "in"]} == {
        "angry": "angry",
        "disgusted": "disgust",
        "fearful": "fear",
        "happy": "happy",
        "neutral": "neutral",
        "sad": "sad",
        "surprised": "surprise",
    }


@pytest.fixture
def real(shared: Path, tmp_path: Path) -> Path:
    """A talking face and two people that wrestle, seldom facing the camera."""
    pytest.importorskip("cv2", reason="the extra faces is not installed")
    (tmp_path / "real").mkdir()
    for name in ("face_talking.mp4", "arm_wrestling.mp4"):
        shutil.copyfile(shared / "videos" / name, tmp_path / "real" / name)
    return tmp_path / "real"


def test_a_real_talking_face_is_seen_in_most_frames_and_a_hard_clip_runs_through(
    real: Path, shared: Path, tmp_path: Path
):
    summary = scan(*xception(shared, tmp_path), videos=real, out=tmp_path / "faces.parquet", workers=1)
    assert summary.seen["face_talking"].with_face > 6
    assert summary.seen["arm_wrestling"].looked_at == 12


def test_words_that_no_clip_can_mend_stop_the_scan(real: Path, shared: Path, tmp_path: Path):
    backend, settings = xception(shared, tmp_path)
    settings["model"].write_text(settings["model"].read_text().replace("size: 64", "size: 65.5"))
    with pytest.raises(UsageError, match="size is the side of a square"):
        scan(backend, settings, videos=real, out=tmp_path / "faces.parquet")


def test_a_broken_picture_is_one_line(shared: Path, tmp_path: Path):
    pytest.importorskip("cv2", reason="the extra faces is not installed")
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    summary = scan(*xception(shared, tmp_path), videos=tmp_path, out=tmp_path / "out.parquet", workers=1)
    assert list(summary.broken) == ["a"] and "a.jpg: no picture that can be read" in summary.broken["a"]
