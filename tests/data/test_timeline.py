"""How long frames are shown, and which time stamps are not believed."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.data.timeline import Timeline
from bench.data.video import probe

NONE = np.array([], dtype=np.int64)


def seconds(*stamps: float) -> Timeline:
    """A timeline in thousandths of a second."""
    return Timeline(np.array([round(1000 * stamp) for stamp in stamps]), NONE, NONE, Fraction(1, 1000))


def test_a_steady_video_is_as_long_as_its_frames():
    timeline = seconds(*np.arange(50) / 10)
    assert (timeline.fps, timeline.seconds) == (10, 5.0)
    assert timeline.times.tolist() == pytest.approx((np.arange(50) / 10).tolist())


@pytest.mark.parametrize("place", [1, 49])
def test_a_frame_stamped_hours_late_adds_a_frame_and_no_hours(place: int):
    stamps = np.arange(50) / 10
    stamps[place:] += 3 * 3600
    assert seconds(*stamps).seconds == pytest.approx(5.0)
    assert seconds(*stamps).times[-1] == pytest.approx(4.9)


@pytest.mark.parametrize("pause", [90, 2 * 3600])
def test_what_is_behind_a_pause_is_there_and_no_earlier(pause: int):
    stamps = np.arange(300) / 30
    stamps[20:] += pause
    timeline = seconds(*stamps)
    assert timeline.times[20] == pytest.approx(20 / 30 + pause, abs=0.01)
    assert timeline.seconds == pytest.approx(10 + pause, abs=0.01)
    assert float(timeline.fps) == pytest.approx(30, abs=0.1)  # small copies do not show the pause


def test_a_pause_of_days_is_none():
    stamps = np.arange(300) / 30
    stamps[20:] += 4 * 86400
    assert seconds(*stamps).seconds == pytest.approx(10, abs=0.01)
    assert seconds(*stamps).times[-1] == pytest.approx(10, abs=0.1)


def test_slides_that_stand_for_minutes_are_believed():
    assert seconds(0, 120, 300, 420).seconds == pytest.approx(560)


def test_a_pause_of_half_a_minute_is_believed():
    assert seconds(*np.arange(20) / 10, 32, 32.1).steady[-1] == 32100


def test_two_frames_days_apart_are_no_days():
    assert seconds(0, 4 * 86400).seconds < 1


def test_one_frame_stands_as_long_as_the_rate_says():
    timeline = Timeline(np.array([7]), NONE, NONE, Fraction(1, 1000), rate=Fraction(25))
    assert timeline.seconds == 1 / 25


def test_a_file_with_its_last_frame_three_hours_late_is_four_seconds_long(shared: Path):
    info = probe(shared / "failing" / "out_3.mp4")
    assert (info.frames, info.fps, info.seconds) == (40, 10.0, 4.0)
