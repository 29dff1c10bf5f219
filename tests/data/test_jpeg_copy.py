"""The format of small copies: any frame without the others, what players see, and that no damage passes."""

import random
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.movies import number, numbered, write
from PIL import Image

from bench.data.jpeg_copy import write_jpegs
from bench.data.scanning import scan
from bench.data.video import VideoError, check, count_frames, look, probe, read_frames, why_not_decord, write_video

FRAMES = 24


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "copy.mp4"
    write_jpegs(path, numbered(FRAMES), Fraction(6))
    return path


def jpegs(path: Path) -> list[tuple[int, int]]:
    """Offset and size of every JPEG, found by its first and last bytes and not by the file's index."""
    content = path.read_bytes()
    starts = [place for place in range(len(content)) if content.startswith(b"\xff\xd8\xff\xe0", place)]
    return [(start, content.index(b"\xff\xd9", start) + 2 - start) for start in starts]


def test_every_frame_comes_by_its_index(copy: Path) -> None:
    asked = [23, 0, 7, 7, 12]
    assert [number(frame) for frame in read_frames(copy, asked)] == asked
    assert [number(frame) for frame in read_frames(copy, [0, 5], span=(2.0, 3.0))] == [12, 17]


def test_frames_are_what_pillow_makes_of_the_jpegs(copy: Path, tmp_path: Path) -> None:
    offset, size = jpegs(copy)[9]
    (tmp_path / "9.jpg").write_bytes(copy.read_bytes()[offset : offset + size])
    with Image.open(tmp_path / "9.jpg") as picture:
        assert np.array_equal(read_frames(copy, [9])[0], np.asarray(picture))


def test_a_checksum_is_of_the_jpeg_without_its_comment(copy: Path) -> None:
    offset, size = jpegs(copy)[3]
    jpeg = copy.read_bytes()[offset : offset + size]
    assert (
        jpeg[20:24] == b"\xff\xfe\x00\x0b"
    )  # a comment of 11 bytes (ITU T.81, B.2.4.5), behind SOI and JFIF's segment
    assert int.from_bytes(jpeg[29:33], "big") == zlib.crc32(jpeg[:20] + jpeg[33:])


def test_a_frame_is_read_without_the_others(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    for place, (offset, size) in enumerate(jpegs(copy)):
        if place not in (0, 7, 20):
            content[offset : offset + size] = bytes(size)
    copy.write_bytes(content)
    assert [number(frame) for frame in read_frames(copy, [7, 20])] == [7, 20]
    with pytest.raises(VideoError, match="differs from its checksum"):
        read_frames(copy, [7, 8])


@pytest.mark.parametrize("seed", range(40))
def test_one_flipped_bit_is_damage(copy: Path, seed: int) -> None:
    draw = random.Random(seed)
    frame = draw.randrange(1, FRAMES)
    offset, size = jpegs(copy)[frame]
    content = bytearray(copy.read_bytes())
    content[draw.randrange(offset, offset + size)] ^= 1 << draw.randrange(8)
    copy.write_bytes(content)
    with pytest.raises(VideoError, match="differs from its checksum"):
        read_frames(copy, [frame])
    with pytest.raises(VideoError, match="differs from its checksum"):
        check(copy)
    assert check(copy, (0.0, frame / 6)).frames == frame  # the part before is whole


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_copy_that_is_cut_off_is_no_video(copy: Path, share: float) -> None:
    copy.write_bytes(copy.read_bytes()[: int(copy.stat().st_size * share)])
    assert isinstance(look(copy), str)


def test_a_jpeg_with_a_true_checksum_and_no_picture_is_one_line(copy: Path) -> None:
    offset, size = jpegs(copy)[5]
    content = bytearray(copy.read_bytes())
    content[offset + 33 : offset + size] = bytes(size - 33)
    jpeg = bytes(content[offset : offset + 20] + content[offset + 33 : offset + size])
    content[offset + 29 : offset + 33] = zlib.crc32(jpeg).to_bytes(4, "big")
    copy.write_bytes(content)
    with pytest.raises(VideoError, match="a frame cannot be decoded"):
        read_frames(copy, [5])


@pytest.mark.parametrize("fps", [6, 4, Fraction(2997, 500), Fraction(1, 3)])
def test_frames_are_shown_when_those_of_an_h264_file_are(tmp_path: Path, fps: Fraction) -> None:
    """Copies of both kinds have one timeline, so that a sample has the same moments."""
    frames = numbered(20)
    write_jpegs(tmp_path / "new.mp4", frames, Fraction(fps))
    write_video(tmp_path / "old.mp4", frames, Fraction(fps))
    assert probe(tmp_path / "new.mp4") == probe(tmp_path / "old.mp4")
    assert np.array_equal(scan(tmp_path / "new.mp4").times, scan(tmp_path / "old.mp4").times)


@pytest.mark.parametrize("size", [(97, 129), (1, 1), (96, 131)])
def test_sides_may_be_odd(tmp_path: Path, size: tuple[int, int]) -> None:
    write_jpegs(tmp_path / "odd.mp4", np.full((2, *size, 3), 90, dtype=np.uint8), Fraction(6))
    assert read_frames(tmp_path / "odd.mp4", [1]).shape == (1, *size, 3)
    assert (probe(tmp_path / "odd.mp4").height, probe(tmp_path / "odd.mp4").width) == size


def test_a_player_sees_motion_jpeg(copy: Path) -> None:
    with av.open(str(copy)) as file:
        assert [stream.codec_context.name for stream in file.streams] == ["mjpeg"]
        assert [number(frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)] == list(range(FRAMES))


def test_motion_jpeg_of_other_programs_is_read_by_pyav(tmp_path: Path) -> None:
    path = write(tmp_path / "other.mp4", numbered(5), codec="mjpeg", pixels="yuvj420p")
    assert scan(path).jpegs is None
    assert [number(frame) for frame in read_frames(path, range(count_frames(path)))] == list(range(5))


def test_decord_is_not_asked_for_copies(copy: Path) -> None:
    pytest.importorskip("decord")
    assert why_not_decord(copy) == "small copies, which need no video decoder"
    assert np.array_equal(read_frames(copy, [3], reader="decord"), read_frames(copy, [3]))
