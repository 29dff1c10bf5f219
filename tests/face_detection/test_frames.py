"""Pictures in place of clips, and clips as they are shown: upright, bounded, by their own names."""

import struct
import zlib
from pathlib import Path

import pytest
import yaml

from bench.data.faces import EXPRESSIONS
from bench.data.video import VideoError, probe, sample_indices
from bench.face_detection import ClipFrames, build
from bench.face_detection.frames import read_picture


def png(path: Path, side: int) -> Path:
    """A black picture of side × side pixels, 1 bit each: 100 million of them take 12 KB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(side * (1 + -(-side // 8))), 9)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def test_a_picture_of_a_hundred_megapixels_is_refused(tmp_path: Path):
    with pytest.raises(VideoError, match=r"a\.png: no picture that can be read, of at most 67 million pixels"):
        read_picture(png(tmp_path / "a.png", 10_000))


def test_a_small_one_of_the_kind_is_read(tmp_path: Path):
    assert read_picture(png(tmp_path / "a.png", 100)).shape == (100, 100, 3)


def test_the_name_of_a_picture_is_no_pattern_and_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a%03d.png", "http:a.png", "a*.png"):
        assert read_picture(png(Path(name), 30)).shape == (30, 30, 3)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_what_is_no_picture_is_one_line(tmp_path: Path, content: bytes):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(VideoError, match=r"a\.jpg: "):
        read_picture(tmp_path / "a.jpg")


def test_faces_are_found_in_a_mirrored_clip(shared: Path, tmp_path: Path):
    """Only turned as libav's angle says, without the mirror, it stands on its head: 4 of 12 frames had a face."""
    pytest.importorskip("cv2", reason="the extra faces is not installed")
    pytest.importorskip("onnxruntime", reason="the extra faces is not installed")
    model = tmp_path / "classifier.yaml"
    about = {"file": str(shared / "faces" / "fer2013_mini_xception.onnx"), "size": 64, "colour": "grey"}
    model.write_text(yaml.safe_dump({**about, "range": [-1, 1], "labels": list(EXPRESSIONS)}))
    path = shared / "failing" / "selfie_hflip.mp4"
    count = probe(path).frames
    found = build("onnx", {"model": model}).faces(ClipFrames("selfie", path, count, sample_indices(count, 12)))
    assert sum(bool(faces) for faces in found) >= 11
