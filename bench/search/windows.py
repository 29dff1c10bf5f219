"""A video as windows that overlap by half, so that what is found is a moment and not an hour."""

WINDOW = 10.0  # seconds, as MSR-VTT's shortest clips, which the models at hand were trained on


def how_many(seconds: float, window: float) -> int:
    """How many windows a video of that length has; none if it has no length."""
    return max(1, round((seconds - window) / (window / 2)) + 1) if seconds > 0 else 0


def spans(seconds: float, window: float) -> list[tuple[float, float]]:
    """Start and end of each window in seconds: one starts every half window, the last ends with the video.

    The last one is up to a quarter longer or shorter, so that no window is added for a rest that says little; a video
    of less than 1.25 windows is one window.
    """
    starts = [number * window / 2 for number in range(how_many(seconds, window))]
    return [(start, seconds if start == starts[-1] else start + window) for start in starts]
