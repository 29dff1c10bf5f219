"""Lists a video's frames from its packets, makes sure that the file is whole, knows where packets tell too little."""

import struct
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from bench.data import jpeg_copy
from bench.data.decoding import decoded
from bench.data.timeline import Timeline
from bench.data.video_files import VideoError, opened

SLACK = 0.5  # seconds by which a file may end before its header says: sound and picture seldom end together
STREAMS = {"mpegts", "mpeg"}  # cut anywhere, joined at will, sought by decoding time; a packet may be half a frame
TRIED = 32  # frames of such a file, at most, that are decoded to see whether packets are frames
# At these codecs' key frames decoding may start. Others (GIF, WebP, VP8 …) are decoded from the first frame on.
KEYED = {
    *("h264", "hevc", "vp9", "av1", "mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v2", "msmpeg4v3", "h263", "flv1"),
    *("wmv1", "wmv2", "wmv3", "vc1", "theora", "mjpeg", "ffv1", "prores", "dnxhd", "dvvideo", "rawvideo", "huffyuv"),
}


class _Packet(NamedTuple):
    """A picture's packet, in the order of decoding."""

    pts: int | None
    dts: int | None
    key: bool
    hidden: bool


def scan(path: Path) -> Timeline:
    """Lists a video's frames from its packets and makes sure that the file is whole.

    Packets tell how many frames there are, except in AVI (time stamps are made up where frames are reordered), VP8
    (some frames are never shown) and joined streams (time begins anew): there the frames are decoded and counted. How
    many frames the header claims plays no part: it counts hidden ones and stays when the end is cut off. Of a small
    copy the index is read and no packet.
    VideoError: no video, no frame, or a file that ends earlier than its header says.
    """
    with opened(path) as (file, stream):
        if "mp4" in file.format.name and _box_is_cut(path):
            raise VideoError(f"{path}: cut off, its last part is longer than the file")
        copy = jpeg_copy.listed(path, file, stream)
        if copy is not None:
            return copy
        packets = _packets(path, file, stream)
        container, codec = file.format.name, stream.codec_context.codec.canonical_name
        base, rate = stream.time_base or Fraction(1), Fraction(stream.average_rate or 1)
        aspect = Fraction(stream.sample_aspect_ratio or 1)
    if not packets:
        raise VideoError(f"{path}: there is no frame in it")
    timeline = _listed(packets, container, codec, base)
    if timeline is not None and container in STREAMS and not _is_as_listed(path, timeline):
        timeline = None
    if timeline is None:
        stamps, nothing = np.array(_counted(path), dtype=np.int64), np.array([], dtype=np.int64)
        timeline = Timeline(stamps, nothing, nothing, base, plain=False)
    if not len(timeline):
        raise VideoError(f"{path}: there is no frame in it")
    return replace(_without_lost_start(path, timeline), rate=rate, aspect=aspect if aspect > 0 else Fraction(1))


def _packets(path: Path, file: InputContainer, stream: VideoStream) -> list[_Packet]:
    """The packets of the pictures. VideoError: the file ends too early."""
    end, packets, corrupt = Fraction(0), [], False
    joined = file.format.name == "mpegts"  # where streams were joined a packet that is whole is taken for a damaged one
    for packet in file.demux():
        corrupt = packet.is_corrupt if joined and packet.size else corrupt or packet.is_corrupt
        if packet.pts is not None:
            end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
        if packet.stream_index == stream.index and packet.size:
            packets.append(_Packet(packet.pts, packet.dts, packet.is_keyframe, packet.is_discard))
    if corrupt:
        raise VideoError(f"{path}: cut off in the middle of a frame")
    promised = Fraction((file.duration or 0) + min(0, file.start_time or 0), av.time_base)
    if end < promised - SLACK:
        raise VideoError(f"{path}: cut off after {float(end):.1f} s, its header promises {float(promised):.1f} s")
    return packets


def _listed(packets: Sequence[_Packet], container: str, codec: str, base: Fraction) -> Timeline | None:
    """The frames as the packets tell; None where packets tell too little."""
    if container == "avi" or codec == "vp8" or any(packet.pts is None for packet in packets):
        return None
    all_stamps = np.array([packet.pts for packet in packets], dtype=np.int64)
    key = np.array([packet.key for packet in packets])
    latest = np.maximum.accumulate(all_stamps)
    if (latest[:-1][key[1:]] >= all_stamps[1:][key[1:]]).any():  # time goes back: two streams were joined
        return None
    stamps = np.unique(all_stamps[[not packet.hidden for packet in packets]])
    hidden = sum(packet.hidden for packet in packets)
    if len(stamps) < len(packets) - hidden:
        return None
    sought_by = [packet.pts if container not in STREAMS or packet.dts is None else packet.dts for packet in packets]
    keys, targets = all_stamps[key], np.array(sought_by, dtype=np.int64)[key]
    if codec not in KEYED or not len(keys):
        keys, targets = all_stamps[:1], all_stamps[:1]
    behind = np.maximum.accumulate(np.where(key, all_stamps, all_stamps.min()))  # the key frame before each packet
    open_groups = bool((all_stamps < behind).any())
    return Timeline(stamps, keys, targets, base, plain=not hidden, open_groups=open_groups)


def _is_as_listed(path: Path, timeline: Timeline) -> bool:
    """Whether the first frames, up to the second key frame, are those that the packets tell of."""
    timeline = _without_lost_start(path, timeline)
    second = timeline.keys[timeline.keys > timeline.stamps[0]][:1]
    stop = int(np.searchsorted(timeline.stamps, second[0])) if len(second) else len(timeline)
    return _can_decode(path, timeline, min(stop, TRIED))


def _without_lost_start(path: Path, timeline: Timeline) -> Timeline:
    """The timeline without the first frames that cannot be shown because what they are built on was cut off.

    Those before the first key frame; where its group is open and needs what was before it, those before the second.
    """
    lead = int(np.searchsorted(timeline.stamps, timeline.keys[0])) if len(timeline.keys) else 0
    if lead in (0, len(timeline)) or _can_decode(path, timeline, lead + 1):
        return timeline
    stamps = timeline.stamps
    later = [replace(timeline, stamps=stamps[stamps >= key], plain=False) for key in timeline.keys[:2]]
    return next((one for one in later if _can_decode(path, one, min(TRIED, len(one)))), later[0])


def _can_decode(path: Path, timeline: Timeline, count: int) -> bool:
    """Whether the first `count` frames come as they are listed."""
    try:
        for _ in decoded(path, timeline, range(count)):
            pass
    except VideoError:
        return False
    return True


def _box_is_cut(path: Path) -> bool:
    """Whether a box of an MP4 file ends behind the file's end: nothing else gives away a cut file in fragments.

    A box is a size, a type (4 bytes each) and its content; size 1: the size is in the 8 bytes behind the type, size 0:
    the box goes up to the end. Source: ISO 14496-12, section 4.2.
    """
    length = path.stat().st_size
    place = 0
    with path.open("rb") as file:
        while place + 16 <= length:
            file.seek(place)
            size, kind, long_size = struct.unpack(">I4sQ", file.read(16))
            size = long_size if size == 1 else size
            if size < 8:
                return False
            place += size
            if place > length and kind in (b"mdat", b"moof", b"moov"):
                return True
    return False


def _counted(path: Path) -> list[int]:
    """The stamps of all frames by decoding them; frames without one follow their forerunner at the usual distance."""
    stamps: list[int] = []
    with opened(path) as (file, stream):
        base = stream.time_base or Fraction(1)
        step = max(1, round(1 / (Fraction(stream.average_rate or 1) * base)))
        for frame in file.decode(stream):
            earliest = stamps[-1] + 1 if stamps else frame.pts or 0
            stamps.append(frame.pts if frame.pts is not None and frame.pts >= earliest else earliest - 1 + step)
    return stamps
