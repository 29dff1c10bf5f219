"""Frames read by decord, for files in which it was checked to give the frames that were asked for.

decord 0.6 finds frames by counting from a key frame that it believes to have reached. In fragmented MP4, in MPEG-TS, in
files that do not begin at 0 and where groups of pictures are open it counts wrongly and gives other frames, in silence.
So it reads a file only if its time stamps are the scanned ones, its key frames are among them and no group is open, and
if the file is of the plain kind that the tests compare picture by picture. PyAV reads the others.
"""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.decoding import decoded, stands_alone
from bench.data.hdr import TRANSFERS
from bench.data.timeline import DAY, Timeline
from bench.data.upright import matrix, upright
from bench.data.video_files import opened
from bench.errors import UsageError

CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
CODECS = ("h264", "hevc", "mpeg4", "vp9")
PIXELS = ("yuv420p", "yuvj420p")  # others it colours by rules of its own
ALIKE = 1.0  # of 255, by how much pixels may differ in the mean from PyAV's: how colours are rounded
KEYS_TRIED = 8  # key frames of a file, at most, that are decoded to see whether only the container calls them that


def module() -> ModuleType:
    """decord, with its log turned off: errors are ours to report. UsageError: it is not installed."""
    try:
        import decord
    except ImportError:
        mend = "pip install -c constraints.txt -e '.[decord]' (x86-64 Linux, Windows), or leave --video.reader out"
        raise UsageError(f"--video.reader decord: decord is not installed. {mend}") from None
    decord.logging.set_level(decord.logging.QUIET)
    return decord


def read(path: Path, timeline: Timeline, indices: NDArray[np.int64]) -> NDArray[np.uint8] | None:
    """The frames at `indices` (rising, each once), (T, H, W, 3) RGB; None where decord must not read the file."""
    if refusal(path, timeline):
        return None
    try:
        return _open(path).get_batch(indices).asnumpy()
    except (module().DECORDError, RuntimeError):
        return None


def refusal(path: Path, timeline: Timeline) -> str:
    """Why decord must not read a file; empty where it may. Checked once for each file and process.

    UsageError: decord is not installed.
    """
    module()
    facts = path.stat()
    key = (str(path.absolute()), facts.st_size, facts.st_mtime_ns)
    if key not in _known:
        _known[key] = _refusal(path, timeline)
    return _known[key]


_known: dict[tuple[str, int, int], str] = {}


def _refusal(path: Path, timeline: Timeline) -> str:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "a name that is not UTF-8"
    if timeline.jpegs is not None:
        return "small copies, which need no video decoder"
    with opened(path) as (file, stream):
        container, codec, pixels = file.format.name, stream.codec_context.codec.canonical_name, stream.pix_fmt
    if container not in CONTAINERS or codec not in CODECS or pixels not in PIXELS:
        return "container, codec or pixel format"
    if not timeline.plain:
        return "hidden frames"
    if timeline.open_groups:
        return "open groups of pictures"
    keys = np.searchsorted(timeline.stamps, timeline.keys[:KEYS_TRIED])
    if not all(stands_alone(frame) for frame in decoded(path, timeline, keys.tolist())):
        return "wrong key frames"
    first = next(decoded(path, timeline, [0]))
    a, b, c, d = matrix(first)
    if timeline.aspect != 1 or a * d - b * c < 0:
        return "non-square pixels or mirroring"
    if (b or c or a < 0) and not container.startswith("mov"):
        return "a rotation that decord ignores"
    if first.width % 2 or first.height % 2 or first.interlaced_frame or first.color_trc in TRANSFERS:
        return "an odd size, interlaced or HDR"  # colours are interpolated by other rules
    starts = timeline.stamps * float(timeline.base)
    if starts[-1] - starts[0] > DAY:  # where frames lie days apart decord ends the process
        return "time stamps"
    try:
        reader = _open(path)
        if len(reader) != len(timeline):
            return "number of frames"
        claimed = reader.get_frame_timestamp(list(range(len(timeline))))[:, 0]
        keys = timeline.stamps[np.asarray(reader.get_key_indices(), dtype=np.int64)]
        picture = reader[0].asnumpy()
    except (module().DECORDError, RuntimeError, IndexError):
        return "an error of decord's"
    # it may know fewer key frames
    if (abs(claimed - starts) > _tolerance(starts)).any() or not np.isin(keys, timeline.keys).all():
        return "time stamps"
    expected = next(upright(path, timeline, [0]))
    if picture.shape != expected.shape or abs(picture.astype(np.int16) - expected).mean() > ALIKE:
        return "a first picture that differs"
    return ""


def _tolerance(starts: NDArray[np.floating]) -> NDArray[np.floating]:
    """By how much decord's time stamps, which are float32, may be off and still be the same frame's: (n,) seconds."""
    smallest = np.diff(starts).min(initial=1)
    return np.maximum(0.1 * smallest, np.spacing(abs(starts).astype(np.float32)))


def _open(path: Path) -> Any:
    return module().VideoReader(f"file:{path.absolute()}", num_threads=1)
