"""Whatever the container, the codec and the order of frames: an index gives the same picture, from either reader."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.movies import number
from helpers.odd_movies import FRAMES, NAMES, TURNED, make, shown, turned

from bench.data.video import check, probe, read_frames, sample_indices, why_not_decord

Film = Callable[[str], Path]
BY_DECORD = {  # a check that let nothing through would pass every other test
    *("h264-closed.mp4", "h264-no-b.mp4", "h264-one-group.mp4", "h264-closed.mov", "h264-closed.mkv"),
    *("h264-index-first.mp4", "hevc-closed.mp4", "vp9.webm", "vp9.mp4", "mpeg4.3gp"),
}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Makes an odd video when it is first asked for."""
    folder = tmp_path_factory.mktemp("odd")
    made: dict[str, Path] = {}
    return lambda name: made.setdefault(name, made.get(name) or make(folder, name))


def draws(count: int) -> list[list[int]]:
    """What is asked of a video of so many frames: single ones, also at both ends, and a draw of training."""
    rng = np.random.default_rng(count)
    singles = [[0], [count - 1], *rng.integers(count, size=(4, 1)).tolist()]
    return [*singles, sample_indices(count, 6, rng).tolist()]


@pytest.mark.parametrize("name", NAMES)
def test_any_frame_is_the_one_that_decoding_from_the_start_gives(film: Film, name: str):
    path = film(name)
    everything = read_frames(path, range(probe(path).frames))
    assert [number(frame) for frame in everything] == shown(name)
    for asked in draws(len(everything)):
        assert (read_frames(path, asked) == everything[asked]).all(), asked
    assert check(path) == probe(path)


@pytest.mark.parametrize("name", NAMES)
def test_decord_gives_the_same_frames_or_is_not_used(film: Film, name: str):
    pytest.importorskip("decord")
    path = film(name)
    used = not why_not_decord(path)
    assert used or name not in BY_DECORD, why_not_decord(path)
    for asked in draws(len(shown(name))) if used else [[0, 7]]:
        one, two = (read_frames(path, asked, reader=reader) for reader in ("decord", "pyav"))
        assert [number(frame) for frame in one] == [shown(name)[index] for index in asked]
        assert abs(one.astype(int) - two).mean(axis=(1, 2, 3)).max() < 0.1, asked


def test_time_stamps_that_are_off_by_a_frame_are_not_lost_in_a_pause(film: Film):
    pytest.importorskip("decord")
    assert why_not_decord(film("h264-dash-pause.mp4")) == "time stamps"


@pytest.mark.parametrize("reader", ["pyav", "decord"])
@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("name", TURNED)
def test_the_whole_display_matrix_is_applied(tmp_path: Path, name: str, ending: str, reader: str):
    if reader == "decord":
        pytest.importorskip("decord")
    path = turned(tmp_path, name, ending=ending)
    expected = TURNED[name][1](FRAMES[5])
    [read] = read_frames(path, [5], reader=reader)
    assert read.shape == expected.shape == (probe(path).height, probe(path).width, 3)
    assert abs(read.astype(int) - expected).mean() < 15
