"""From a frame's index to its picture: strict decoding with PyAV, jumping between key frames where that is safe.

A frame counts only if its time stamp is the one that was asked for. Where a jump leads to another frame, to one that is
no key frame, or to an error, decoding begins a key frame earlier, and then at the start, before a file is called
damaged.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.frame import PictureType

from bench.data.timeline import Timeline
from bench.data.video_files import VideoError, opened

START = -1  # in place of a key frame's number: open the file again


def decoded(path: Path, timeline: Timeline, indices: Iterable[int]) -> Iterator[av.VideoFrame]:
    """The frames at `indices` (rising, each once), jumping over what no wanted frame is built on.

    VideoError: a frame cannot be decoded, is damaged, or has another size than the first.
    """
    count = len(timeline)
    following, size = 0, None  # the frame that comes next if nothing is done
    with ExitStack() as stack:
        play = _Play(stack, path, timeline)
        for index in indices:
            frame = play.find(index, following)
            if frame is None:
                raise VideoError(f"{path}: frame {index} of {count} cannot be decoded; the file is damaged or cut off")
            size = size or (frame.width, frame.height)
            if size != (frame.width, frame.height):
                raise VideoError(f"{path}: frame {index} has another size than those before; re-encode the video")
            following = index + 1
            yield frame


def stands_alone(frame: av.VideoFrame) -> bool:
    """Whether a frame is painted on no other: a key frame for its decoder, or at least an intra frame.

    Where every frame is intra, as in what `write_video` makes, H.264 calls only some of them key frames.
    """
    return bool(frame.key_frame) or frame.pict_type == PictureType.I


class _Play:
    """A file that is being decoded from some place on."""

    def __init__(self, stack: ExitStack, path: Path, timeline: Timeline) -> None:
        self._stack, self._path, self._timeline = stack, path, timeline
        self._coming: Iterator[tuple[int, av.VideoFrame]] = iter(())
        self._restart()

    def find(self, index: int, following: int) -> av.VideoFrame | None:
        """The frame at an index, or None. `following`: the index of the frame that comes next without a jump."""
        keys, stamps = self._timeline.keys, self._timeline.stamps
        if not len(keys):
            return self._next(index)
        nearest = int(np.searchsorted(keys, stamps[index], side="right")) - 1
        if nearest < 0 or keys[nearest] <= stamps[following]:  # a jump would save nothing
            frame = self._next(int(stamps[index]))
            if frame is not None:
                return frame
        for start in dict.fromkeys((nearest, nearest - 1, START)):
            frame = self._try(start, nearest, int(stamps[index]))
            if frame is not None:
                return frame
        return None

    def _try(self, start: int, nearest: int, address: int) -> av.VideoFrame | None:
        """The frame at an address, decoded from the key frame of number `start` on, or None.

        Errors before the `nearest` key frame are forgiven: after a jump into an open group a decoder misses frames that
        it is told to forget, and nothing from the nearest key frame on is built on them.
        """
        if start < 0:
            self._restart()
            return self._next(address)
        try:
            self._file.seek(int(self._timeline.targets[start]), stream=self._stream)
        except av.FFmpegError:  # a file in which nobody can seek
            return None
        keys = self._timeline.keys
        self._coming = self._decode(self._behind_jump(int(keys[start])), strict_from=int(keys[nearest]))
        return self._next(address) if self._arrived_at_key() else None

    def _arrived_at_key(self) -> bool:
        """Whether the first frame behind a jump is a key frame for the decoder too; it stays the next to come.

        A container may call every packet a key frame (an MP4 without `stss`); a decoder that begins at another one
        paints on nothing and reports no error.
        """
        try:
            first = next(self._coming, None)
        except av.FFmpegError:
            return False
        if first is None or not stands_alone(first[1]):
            return False
        self._coming = chain([first], self._coming)
        return True

    def _restart(self) -> None:
        """Opens the file again. Errors before the first listed frame are forgiven: what it needs was cut off."""
        self._stack.close()
        self._file, self._stream = self._stack.enter_context(opened(self._path))
        first = int(self._timeline.stamps[0]) if len(self._timeline.keys) else None
        self._coming = self._decode(self._file.demux(self._stream), strict_from=first)

    def _next(self, address: int) -> av.VideoFrame | None:
        """Decodes up to an address; None where the frame there does not come, or is damaged."""
        try:
            at, frame = next(((at, frame) for at, frame in self._coming if at >= address), (address, None))
        except av.FFmpegError:
            return None
        return frame if frame is not None and at == address and not frame.is_corrupt else None

    def _decode(self, packets: Iterator[Packet], strict_from: int | None) -> Iterator[tuple[int, av.VideoFrame]]:
        """Each frame with its address: its time stamp, or its place where time stamps do not lead to frames.

        strict_from: the stamp before which packets may fail, unless a frame behind it needs them (an edit list's).
        """
        place = 0
        for packet in packets:
            try:
                frames = self._stream.codec_context.decode(packet)
            except av.FFmpegError:
                if packet.pts is None or strict_from is None or packet.pts >= strict_from or packet.is_discard:
                    raise
                continue
            for frame in frames:
                if not len(self._timeline.keys):
                    yield place, frame
                elif frame.pts is not None:
                    yield frame.pts, frame
                place += 1

    def _behind_jump(self, key: int) -> Iterator[Packet]:
        """The packets from the key frame on at which a jump arrived; none if that is behind the one aimed at.

        Frames that are stored behind a key frame and shown before it are built on what was jumped over: left out.
        """
        start = None
        for packet in self._file.demux(self._stream):
            if packet.pts is None:  # nothing more comes: the decoder gives what it holds back
                yield packet
                continue
            if start is None and packet.is_keyframe:
                start = packet.pts
                if start > key:
                    return
            if start is not None and packet.pts >= start:
                yield packet
