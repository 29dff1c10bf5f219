"""Clips that are parts of a file: the frames are those of the part, and no more is decoded than it needs."""

from pathlib import Path

import numpy as np
import pytest

from bench.data import video
from bench.data.annotation import Annotation, Clip, ClipSource, load_annotation, save_annotation
from bench.data.clip_files import locate
from bench.data.compress import compress
from bench.data.loading import look_at
from bench.data.video import COMPRESSED, VideoError, check, decoded, look, probe, read_frames, write_video

FPS = 10
STEP = 4  # of the grey between a frame and the next


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames in 6 s; frame t is grey, 4 t bright."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    frames = np.broadcast_to((STEP * np.arange(60, dtype=np.uint8))[:, None, None, None], (60, 64, 64, 3))
    write_video(path, np.ascontiguousarray(frames), FPS)
    return path


def seen(path: Path, indices: list[int], span: video.Span) -> list[int]:
    """Which frames of the film these are, by their grey."""
    frames = read_frames(path, indices, span=span)
    return np.round(frames.mean(axis=(1, 2, 3)) / STEP).astype(int).tolist()


@pytest.mark.parametrize(
    ("span", "first", "count"),
    [
        ((0.0, 2.0), 0, 20),
        ((2.0, 4.0), 20, 20),  # the frame at 2.0 s is the second part's
        ((2.05, 2.1), 20, 1),  # a frame is to be seen until the next
        ((5.5, None), 55, 5),
        ((5.0, 6.9), 50, 10),  # ends are rounded
    ],
)
def test_a_part_has_the_frames_that_are_to_be_seen_in_it(film: Path, span: video.Span, first: int, count: int) -> None:
    assert probe(film, span).frames == check(film, span).frames == count
    assert seen(film, [0, count - 1], span) == [first, first + count - 1]


def test_parts_last_as_long_as_they_say(film: Path) -> None:
    assert look(film, (1.0, 2.5)) == (15, 1.5)
    assert look(film, (5.0, None)) == (10, pytest.approx(1.0))


@pytest.mark.parametrize(("span", "says"), [((6.0, None), "from 6 s on"), ((5.0, 7.5), "from 5 to 7.5 s")])
def test_a_part_that_is_not_in_the_file_is_named(film: Path, span: video.Span, says: str) -> None:
    assert f"film.mp4: the part {says} is not in it, it lasts 6.00 s" in str(look(film, span))
    with pytest.raises(VideoError, match="is not in it"):
        read_frames(film, [0], span=span)


def test_an_index_is_one_of_the_part(film: Path) -> None:
    with pytest.raises(VideoError, match=r"there is no frame 20, the video has 20"):
        read_frames(film, [20], span=(1.0, 3.0))


def test_only_the_part_is_decoded(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(path: Path, timeline: object, indices: range) -> object:
        asked.extend(indices)
        return decoded(path, timeline, indices)

    monkeypatch.setattr(video, "decoded", counted)
    assert look(film, (3.0, 3.5)) == (5, 0.5)
    assert asked == [30, 31, 32, 33, 34]


def test_a_real_avi_is_cut_as_well(shared: Path) -> None:
    """Its time stamps lead nowhere, so it is counted from the first frame."""
    path = shared / "videos" / "test.avi"
    span = (2.0, 3.0)
    whole = probe(path)
    start = round(2.0 * whole.fps)
    assert abs(probe(path, span).frames - whole.fps) <= 1
    near = read_frames(path, [start - 1, start, start + 1])
    [first] = read_frames(path, [0], span=span)
    assert any((first == frame).all() for frame in near)


def test_an_annotation_keeps_where_its_clips_lie_and_old_digests_stay(tmp_path: Path) -> None:
    clips = (Clip("one", ("a",)), Clip("two", ("b",)))
    sources = {"one": ClipSource("film.mp4", 0.0, 2.0), "two": ClipSource("film.mp4", 2.0)}
    plain, cut = Annotation("x", "test", clips), Annotation("x", "test", clips, sources=sources)
    save_annotation(cut, tmp_path)
    assert load_annotation(tmp_path, "test", "x") == cut
    assert cut.digest != plain.digest
    # the digest as it was before there were sources: of this JSON, by hashlib
    assert plain.digest == "96a898c992febe6e472f43e98ac8d62b60cbd972e8c4ea74348d32de721277a9"


def test_two_parts_of_a_file_are_two_clips(film: Path, tmp_path: Path) -> None:
    sources = {
        "begin": ClipSource("film.mp4", 0.0, 1.0),
        "end": ClipSource("film.mp4", 5.0),
        "gone": ClipSource("no.mp4"),
    }
    videos, broken = look_at(film.parent, ["begin", "end", "gone"], sources)
    assert broken == {}
    assert videos.frames == {"begin": 10, "end": 10}
    assert videos.spans == {"begin": (0.0, 1.0), "end": (5.0, None)}
    assert set(videos.paths.values()) == {film}


def test_of_a_small_copy_the_same_part_is_read(film: Path, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "film.mp4").write_bytes(film.read_bytes())
    compress(tmp_path, workers=1)
    [(path, span)] = locate(tmp_path, ["part"], {"part": ClipSource("films/film.mp4", 2.0, 4.0)}).values()
    assert path == tmp_path / COMPRESSED / "film.mp4"
    assert probe(path, span).frames == 12  # 2 s of 6 frames
    assert seen(path, [0], span) == [20]
