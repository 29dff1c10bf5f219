"""Windows: every half window one, and none that shows what the one before it shows."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.processes import OrderedThreads

from bench.errors import BenchError
from bench.search.reading import read
from bench.search.windows import MOST, check_count, frame_ranges, spans, still_windows

SHARED = Path(os.environ.get("BENCH_SHARED", "../shared"))


def test_a_picture_that_stands_for_an_hour_is_one_moment_more() -> None:
    times = np.array([*np.arange(0, 10, 0.5), 3600.0])
    still = still_windows(frame_ranges(times, 3610.0, 10.0))
    left = spans(3610.0, 10.0, still)
    assert left == [(0, 10), (5, 15), (10, 20), (3595, 3605), (3600, 3610)]


def test_of_a_steady_video_no_window_is_left_out() -> None:
    assert still_windows(frame_ranges(np.arange(0, 60, 0.04), 60.0, 10.0)) == ()


def test_the_frames_of_a_window_begin_with_what_is_on_the_screen() -> None:
    ranges = frame_ranges(np.array([0.0, 4.0, 11.0, 12.0]), 20.0, 10.0)
    assert ranges.tolist() == [[0, 2], [1, 4], [1, 4]]  # from 0, 5 and 10 s


@pytest.mark.parametrize("seconds", [5.0 * MOST + 20, 1e9, 1e300])
def test_windows_without_end_are_not_made(seconds: float) -> None:
    check_count(5.0 * MOST, 10.0)
    with pytest.raises(BenchError, match="windows; 20000 are the most"):
        check_count(seconds, 10.0)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared inputs are not here")
def test_one_frame_stamped_hours_ahead_makes_no_windows() -> None:
    with OrderedThreads(1) as pool:
        [piece] = read({"out_3.mp4": SHARED / "failing" / "out_3.mp4"}, pool, frames=4, size=32, window=10.0)
    assert len(piece.windows) == 1 and piece.still == () and piece.seconds < 5
