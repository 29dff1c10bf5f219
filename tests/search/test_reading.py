"""Windows as a model gets them: the right frames, by time, in order, and broken files said once."""

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.movies import cut, number, numbered, write
from helpers.processes import OrderedThreads

from bench.data.pixels import resize_crop
from bench.data.video import read_frames, sample_indices
from bench.search import reading
from bench.search.face_tracks import FaceDetector
from bench.search.reading import Piece, read
from bench.search.windows import spans

SIZE = 64


@pytest.fixture
def whole_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames shrink to a height of 48 and keep their width, so that the number can be read."""
    monkeypatch.setattr(reading, "resize_crop", lambda frames, size: frames)


def pieces(*files: Path, frames: int = 4, window: float = 10.0, detector: FaceDetector | None = None) -> list[Piece]:
    named = {path.name: path for path in files}
    with OrderedThreads(2) as pool:
        return list(read(named, pool, frames=frames, size=SIZE, window=window, detector=detector))


def numbers(found: list[Piece]) -> list[list[int]]:
    return [[number(frame) for frame in seen.frames] for piece in found for seen in piece.windows]


def test_a_short_clip_is_one_window_with_the_frames_of_an_evaluation(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", numbered(20), fps=10)
    [piece] = pieces(path)
    expected = resize_crop(read_frames(path, sample_indices(20, 4)), SIZE)
    np.testing.assert_array_equal(piece.windows[0].frames, expected)
    assert (piece.seconds, piece.last, piece.error) == (2.0, True, "")


def test_each_window_of_a_long_video_has_frames_spread_over_its_own_time(tmp_path: Path, whole_width: None) -> None:
    """60 frames at 10 a second, windows of 2 s: they start at frames 0, 10, 20, 30, 40."""
    path = write(tmp_path / "a.mp4", numbered(60), fps=10)
    starts = [0, 10, 20, 30, 40]
    expected = [(start + sample_indices(20, 3)).tolist() for start in starts]
    assert numbers(pieces(path, frames=3, window=2.0)) == expected


def test_a_long_video_comes_in_pieces(tmp_path: Path, whole_width: None) -> None:
    path = write(tmp_path / "a.mp4", numbered(100), fps=10)  # 19 windows of 1 s
    found = pieces(path, frames=2, window=1.0)
    assert [len(piece.windows) for piece in found] == [8, 8, 3]
    assert [piece.last for piece in found] == [False, False, True]
    assert [first for first, _ in numbers(found)] == list(range(0, 95, 5))


def test_windows_go_by_time_stamps_where_the_rate_varies(tmp_path: Path, whole_width: None) -> None:
    """10 frames in the first second, then one each second: frame 10 is at 1 s, frame 13 at 4 s."""
    stamps = [*range(0, 1000, 100), 1000, 2000, 3000, 4000, 5000]
    path = write(tmp_path / "a.mkv", numbered(15), stamps=stamps, base=Fraction(1, 1000))
    found = numbers(pieces(path, frames=2, window=2.0))
    assert found[0] == [0, 10]  # 0 s to 2 s
    assert found[1] == [10, 11]  # 1 s to 3 s


def test_a_window_within_one_long_frame_shows_that_frame(tmp_path: Path, whole_width: None) -> None:
    path = write(tmp_path / "a.mkv", numbered(3), stamps=[0, 100, 9000], base=Fraction(1, 1000))
    assert [1, 1] in numbers(pieces(path, frames=2, window=2.0))


def test_what_is_behind_a_pause_is_found_where_it_is(tmp_path: Path, whole_width: None) -> None:
    """A screen recording: frames 0 to 19 in the first two seconds, frames 20 to 39 from 92 s on."""
    stamps = [100 * index + (90000 if index >= 20 else 0) for index in range(40)]
    path = write(tmp_path / "a.mkv", numbered(40), stamps=stamps, base=Fraction(1, 1000))
    found = pieces(path, frames=2, window=10.0)
    [piece] = found
    assert piece.seconds == pytest.approx(94, abs=0.2)
    assert [start for start, _ in spans(piece.seconds, 10.0, piece.still)] == [0, 5, 85]
    assert numbers(found) == [[0, 19], [19, 19], [19, 39]]


def test_files_come_in_the_order_in_which_they_were_named(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.mp4", numbered(5 * (9 - place))) for place, name in enumerate("dbeac")]
    assert [piece.path for piece in pieces(*files)] == [path.name for path in files]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_broken_file_is_a_piece_that_says_why(tmp_path: Path, share: float) -> None:
    broken = cut(write(tmp_path / "a.mp4", numbered(60)), share)
    good = write(tmp_path / "b.mp4", numbered(5))
    first, second = pieces(broken, good)
    assert str(broken) in first.error and first.windows == []
    assert (second.path, second.error) == ("b.mp4", "")


def test_a_frame_stamped_hours_late_makes_no_windows(shared: Path) -> None:
    [piece] = pieces(shared / "failing" / "out_3.mp4")  # 40 frames, 10 a second, the last one three hours late
    assert (len(piece.windows), piece.seconds) == (1, 4.0)


def test_no_more_is_decoded_ahead_than_a_few_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    scan = reading.scan
    monkeypatch.setattr(reading, "scan", lambda path: (begun.append(path.name), scan(path))[1])
    files = {f"{n}.mp4": write(tmp_path / f"{n}.mp4", numbered(2)) for n in range(12)}
    with OrderedThreads(1) as pool:
        coming = read(files, pool, frames=2, size=SIZE, window=10.0)
        next(coming)
        time.sleep(0.2)
        assert len(begun) <= 2 * reading.AHEAD + 2
        coming.close()


def test_seconds_of_decoding_are_counted(tmp_path: Path) -> None:
    assert pieces(write(tmp_path / "a.mp4", numbered(20)))[0].decoding > 0


def test_faces_are_looked_for_in_the_frames_that_the_model_sees_and_are_no_decoding(tmp_path: Path) -> None:
    """A detector that takes its time, and sees a face in every frame with an even number."""
    asked: list[int] = []

    class Slow(FaceDetector):
        def __init__(self) -> None:
            pass

        def __call__(self, path: Path, frames: int, index: int, image: np.ndarray) -> np.ndarray | None:
            asked.append(index)
            time.sleep(0.1)
            return np.full(8, index / 100, np.float32) if index % 2 == 0 else None

    path = write(tmp_path / "a.mp4", numbered(20), fps=10)
    [piece] = pieces(path, detector=Slow())
    expected = sample_indices(20, 4)
    assert asked == expected.tolist()
    track = piece.windows[0].track
    assert track is not None
    assert track.seen.tolist() == (expected % 2 == 0).tolist()
    np.testing.assert_allclose(track.scores[:, 0], np.where(expected % 2, 0, expected / 100), atol=1e-6)
    assert piece.decoding < 0.3 and piece.faces >= 0.4
    seen = [index / 100 for index in expected.tolist() if index % 2 == 0]
    np.testing.assert_allclose(track.summary(), [*[np.mean(seen)] * 8, len(seen) / 4], atol=1e-6)
