"""A video as windows that overlap by half, so that what is found is a moment and not an hour."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError

MOST = 20_000  # windows of a video: 28 hours in windows of 10 s
WINDOW = 10.0  # seconds, as MSR-VTT's shortest clips, which the models at hand were trained on


def how_many(seconds: float, window: float) -> int:
    """How many windows a video of that length has; none if it has no length."""
    return max(1, round((seconds - window) / (window / 2)) + 1) if seconds > 0 else 0


def check_count(seconds: float, window: float) -> None:
    """BenchError where a video makes more windows than anybody looks at: two frames may be stamped years apart."""
    if (count := how_many(seconds, window)) > MOST:
        raise BenchError(f"its {seconds:.0f} s are {count} windows; {MOST} are the most")


def spans(seconds: float, window: float, still: Collection[int] = ()) -> list[tuple[float, float]]:
    """Start and end of each window in seconds: one starts every half window, the last ends with the video.

    The last one is up to a quarter longer or shorter, so that no window is added for a rest that says little; a video
    of less than 1.25 windows is one window. still: the numbers of windows that are left out, as `still_windows` says.
    """
    left_out = set(still)
    starts = [number * window / 2 for number in range(how_many(seconds, window))]
    every = [(start, seconds if start == starts[-1] else start + window) for start in starts]
    return [span for number, span in enumerate(every) if number not in left_out]


def frame_ranges(times: NDArray[np.floating], seconds: float, window: float) -> NDArray[np.int64]:
    """The frames of each window, from what is on the screen when it opens: the first, and behind the last.

    times: (n,), when each frame starts, rising from 0. Returns (windows, 2) indices of frames.
    """
    starts, ends = np.array(spans(seconds, window)).T
    first = np.searchsorted(times, starts, side="right") - 1
    stop = np.maximum(np.searchsorted(times, ends), first + 1)
    stop[-1] = len(times)
    return np.column_stack([first, stop])


def still_windows(ranges: NDArray[np.int64]) -> tuple[int, ...]:
    """The numbers of the windows with the same frames as the one before: no new frame starts, so they add nothing.

    A picture that stands for an hour is one moment, not 720. ranges: (windows, 2), as `frame_ranges` gives them.
    """
    return tuple((np.flatnonzero((ranges[1:] == ranges[:-1]).all(axis=1)) + 1).tolist())
