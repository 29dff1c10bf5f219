"""When each frame of a video is shown, and whether the file is whole: listed from its packets, cheaply.

libav conceals much: it shows damaged frames as well as it can, and drops frames that an edit list hides. So the frames
are first listed from the packets (nothing is decoded), then decoded and matched by time stamp: see `decoding`.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LONG, VERY_LONG = 60, 3600  # seconds that a frame may stand before its time stamp is doubted, and disbelieved
UNUSUAL = 100  # times the usual distance: a frame that stands both longer than this and LONG is a wrong time stamp
DAY = 24 * 3600  # seconds; a longer video is taken for one with wrong time stamps
ROUNDING = 1e-6  # seconds by which a time may be off for having been computed
STRAY = 2  # frames, at most, at either end that a wrong time stamp sets apart; more of them lie behind a real pause


Span = tuple[float, float | None]  # a part of a video: from, up to, in seconds from the first frame; None: to the end


@dataclass(frozen=True)
class Timeline:
    """The frames of a video in the order in which they are shown.

    stamps: (n,) int64, rising, in units of `base` seconds. keys: (k,) int64, stamps at which decoding may start; none
    where stamps do not lead to a frame, so that frames are counted from the first. targets: (k,) int64, where to seek
    to arrive at each key. rate: frames a second where there is only one frame. aspect: a pixel's width by its height.
    plain: no packet is hidden, no frame was counted by decoding. open_groups: frames that are shown before a key frame
    are stored behind it. jpegs: (n, 2) int64, of a small copy: the offset and the size of each frame's JPEG.
    """

    stamps: NDArray[np.int64]
    keys: NDArray[np.int64]
    targets: NDArray[np.int64]
    base: Fraction
    rate: Fraction = Fraction(1)
    aspect: Fraction = Fraction(1)
    plain: bool = True
    open_groups: bool = False
    jpegs: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.stamps)

    @cached_property
    def steady(self) -> NDArray[np.int64]:
        """The stamps from 0 on, with the gaps closed in which nothing is to be seen: (n,), in units of `base`.

        A gap counts as the usual one (the median) where it is longer than an hour, or longer than a minute and 100
        times the usual one. For rates and small copies; where a moment lies `times` says.
        """
        return self._closed(np.ones(len(self) - 1, dtype=bool))

    @cached_property
    def _placed(self) -> NDArray[np.int64]:
        """The stamps from 0 on, with only the gaps closed that at most STRAY frames lie before or behind: (n,)."""
        before = np.arange(1, len(self))  # how many frames lie before each gap
        placed = self._closed((before <= STRAY) | (before >= len(self) - STRAY))
        return placed if placed[-1] * self.base <= DAY else self.steady

    @property
    def times(self) -> NDArray[np.float64]:
        """When each frame starts, in seconds from the first, as a player counts: (n,).

        A single frame that is stamped three hours late makes no video of three hours, but real pauses are kept, as long
        as the video lasts no more than a day; otherwise times are as `steady`.
        """
        return self._placed.astype(np.float64) * float(self.base)

    def between(self, span: Span) -> range:
        """The frames that are to be seen at some moment of a part of the video; none where it is over by then."""
        start, end = span
        if start > self.seconds - ROUNDING:
            return range(0)
        first = int(np.searchsorted(self.times, start + ROUNDING, side="right")) - 1
        stop = len(self) if end is None else int(np.searchsorted(self.times, end - ROUNDING, side="left"))
        return range(first, max(stop, first + 1))

    def _closed(self, closable: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The stamps from 0 on, those of the gaps closed that are too long and may be closed."""
        gaps = np.diff(self.stamps)
        believed = gaps[gaps * self.base <= VERY_LONG]
        usual = int(np.median(believed)) if len(believed) else max(1, round(Fraction(1, 25) / self.base))
        doubted = (gaps > LONG / self.base) & (gaps > UNUSUAL * usual) | (gaps > VERY_LONG / self.base)
        return np.concatenate([[0], np.cumsum(np.where(doubted & closable, usual, gaps))]).astype(np.int64)

    @property
    def fps(self) -> Fraction:
        """Frames a second, the mean where the rate varies; wrong time stamps and long pauses play no part."""
        span = int(self.steady[-1]) * self.base
        return (len(self) - 1) / span if span else self.rate

    @property
    def seconds(self) -> float:
        """For how long something is shown: the last frame as long as the mean of the others; pauses count."""
        return len(self) / float(self.fps) + float(int(self._placed[-1] - self.steady[-1]) * self.base)
