"""Some eighty odd videos, forty numbered frames each: containers, codecs, groups of pictures, time stamps, pixels."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from helpers.movies import numbered, write

COUNT = 40
FRAMES = numbered(COUNT, 48, 64)
LARGER = numbered(COUNT, 96, 128)  # what H.263 and x265 want
VARIABLE = np.cumsum(np.random.default_rng(1).integers(1, 9, COUNT)).tolist()
GROUPS = "keyint=10:min-keyint=10:scenecut=0:bframes=3:b-adapt=0"
OPEN = {"x264-params": f"{GROUPS}:open-gop=1"}
CLOSED = {"x264-params": GROUPS}
HEVC_OPEN = {"x265-params": f"{GROUPS}:open-gop=1:log-level=none"}
HEVC_CLOSED = {"x265-params": f"{GROUPS}:open-gop=0:log-level=none"}
HEVC_LEADING = {"x265-params": f"{GROUPS}:open-gop=0:radl=2:log-level=none"}  # frames behind a key frame it can decode
VP9 = {"auto-alt-ref": "1", "lag-in-frames": "16", "cpu-used": "8"}
AV1 = {"preset": "13", "svtav1-params": "keyint=10"}
FRAGMENTS = "frag_keyframe+empty_moov"
INTERLACED = {"flags": "+ildct+ilme"}

MADE: dict[str, dict[str, Any]] = {  # name: how it is made
    "h264-closed.mp4": {"options": CLOSED},
    "h264-open.mp4": {"options": OPEN},
    "h264-open-pyramid.mp4": {"options": {"x264-params": f"{GROUPS}:open-gop=1:b-pyramid=normal"}},
    "h264-no-b.mp4": {"options": {"bf": "0"}},
    "h264-one-group.mp4": {"every": 250},
    "h264-all-key.mp4": {"every": 1},
    "h264-two.mp4": {"every": 2, "options": {"bf": "1"}},
    "h264-refresh.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=12"}},
    "h264-open.m4v": {"options": OPEN, "form": "mp4"},
    "h264-closed.mov": {"options": CLOSED},
    "h264-open.mov": {"options": OPEN},
    "h264-closed.mkv": {"options": CLOSED},
    "h264-open.mkv": {"options": OPEN},
    "h264-no-cues.mkv": {"options": CLOSED, "container": {"live": "1"}},
    "h264-open-no-cues.mkv": {"options": OPEN, "container": {"live": "1"}},
    "h264-b.avi": {"options": CLOSED},
    "h264-open.avi": {"options": OPEN},
    "h264.flv": {"options": CLOSED},
    "h264-closed.ts": {"options": CLOSED},
    "h264-open.ts": {"options": OPEN},
    "h264-open-ts.mp4": {"options": OPEN, "form": "mpegts"},
    "h264.m2ts": {"options": CLOSED, "form": "mpegts", "container": {"mpegts_m2ts_mode": "1"}},
    "h264-fragments.mp4": {"options": CLOSED, "container": {"movflags": FRAGMENTS}},
    "h264-fragments-open.mp4": {"options": OPEN, "container": {"movflags": FRAGMENTS}},
    "h264-fragments-each.mp4": {"options": CLOSED, "container": {"movflags": "frag_every_frame+empty_moov"}},
    "h264-dash.mp4": {"options": CLOSED, "container": {"movflags": f"{FRAGMENTS}+dash+default_base_moof"}},
    "h264-delay.mp4": {"options": CLOSED, "container": {"movflags": f"{FRAGMENTS}+delay_moov"}},
    "h264-index-first.mp4": {"options": CLOSED, "container": {"movflags": "faststart"}},
    "h264-variable.mp4": {"options": CLOSED, "stamps": VARIABLE, "base": Fraction(1, 120)},
    "h264-variable.mkv": {"options": OPEN, "stamps": VARIABLE, "base": Fraction(1, 100)},
    "h264-dash-pause.mp4": {  # decord's time stamps are off by two frames, little beside the mean distance
        "options": CLOSED,
        "container": {"movflags": f"{FRAGMENTS}+dash+default_base_moof"},
        "stamps": [index + (1500 if index >= 12 else 0) for index in range(COUNT)],
    },
    "h264-late.mp4": {"options": CLOSED, "stamps": list(range(90, 90 + COUNT))},
    "h264-late.mkv": {"options": CLOSED, "stamps": list(range(90, 90 + COUNT))},
    "h264-10-bit.mp4": {"options": CLOSED, "pixels": "yuv420p10le"},
    "h264-422.mkv": {"options": CLOSED, "pixels": "yuv422p"},
    "h264-interlaced.mp4": {"options": {**CLOSED, **INTERLACED}},
    "h264-interlaced.ts": {"options": {**OPEN, **INTERLACED}},
    "h264-wide-pixels.mp4": {"options": CLOSED, "aspect": Fraction(64, 45)},
    "h264-high-pixels.mkv": {"options": CLOSED, "aspect": Fraction(3, 4)},
    "hevc-closed.mp4": {"codec": "libx265", "options": HEVC_CLOSED, "frames": LARGER},
    "hevc-open.mp4": {"codec": "libx265", "options": HEVC_OPEN, "frames": LARGER},
    "hevc-leading.mp4": {"codec": "libx265", "options": HEVC_LEADING, "frames": LARGER},
    "hevc-open.mkv": {"codec": "libx265", "options": HEVC_OPEN, "frames": LARGER},
    "hevc-open.ts": {"codec": "libx265", "options": HEVC_OPEN, "frames": LARGER},
    "hevc-10-bit.mp4": {"codec": "libx265", "options": HEVC_OPEN, "pixels": "yuv420p10le", "frames": LARGER},
    "vp8.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "300k"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": VP9},
    "vp9.mp4": {"codec": "libvpx-vp9", "options": VP9},
    "vp9-odd.webm": {"codec": "libvpx-vp9", "options": VP9, "frames": numbered(COUNT, 47, 63)},
    "vp9-alpha.webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "auto-alt-ref": "0"}, "pixels": "yuva420p"},
    "av1.mp4": {"codec": "libsvtav1", "options": AV1, "frames": LARGER},
    "av1.webm": {"codec": "libsvtav1", "options": AV1, "frames": LARGER},
    "mpeg1.mpg": {"codec": "mpeg1video", "options": {"bf": "2"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "mpeg2.mpeg": {"codec": "mpeg2video", "options": {"bf": "0"}, "form": "mpeg"},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "mpeg2-interlaced.ts": {"codec": "mpeg2video", "options": {"bf": "2", **INTERLACED}},
    "mpeg2.mkv": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "mpeg4-b.mp4": {"codec": "mpeg4", "options": {"bf": "2"}},
    "mpeg4-b.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "mpeg4.3gp": {"codec": "mpeg4"},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "mjpeg-odd.mov": {"codec": "mjpeg", "pixels": "yuvj420p", "frames": numbered(COUNT, 45, 61)},
    "ffv1.mkv": {"codec": "ffv1"},
    "ffv1-odd.avi": {"codec": "ffv1", "frames": numbered(COUNT, 45, 61)},
    "ffv1-alpha.mkv": {"codec": "ffv1", "pixels": "yuva444p"},
    "prores.mov": {"codec": "prores_ks", "pixels": "yuv422p10le"},
    "png.mov": {"codec": "png", "pixels": "rgba"},
    "animation.mov": {"codec": "qtrle", "pixels": "rgb24"},
    "flash.flv": {"codec": "flv1"},
    "windows.wmv": {"codec": "wmv2"},
    "windows.asf": {"codec": "msmpeg4"},
    "broadcast.mxf": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "h263.3gp": {"codec": "h263", "frames": LARGER},
    "pictures.gif": {"codec": "gif", "pixels": "rgb8", "fps": 10},
}
TURNED = {  # name: the display matrix, and what a viewer would do with the coded picture to see it as it is shown
    "right": ((0, 1, 0, -1, 0, 0, 0, 0, 1), lambda image: np.rot90(image, -1)),
    "left": ((0, -1, 0, 1, 0, 0, 0, 0, 1), lambda image: np.rot90(image, 1)),
    "over": ((-1, 0, 0, 0, -1, 0, 0, 0, 1), lambda image: np.rot90(image, 2)),
    "mirror": ((-1, 0, 0, 0, 1, 0, 0, 0, 1), lambda image: image[:, ::-1]),
    "flip": ((1, 0, 0, 0, -1, 0, 0, 0, 1), lambda image: image[::-1]),
    "swap": ((0, 1, 0, 1, 0, 0, 0, 0, 1), lambda image: image.swapaxes(0, 1)),
}


def turned(folder: Path, name: str, frames: np.ndarray = FRAMES, ending: str = "mp4") -> Path:
    """A video with a display matrix in its header."""
    matrix = [value << (30 if place == 8 else 16) for place, value in enumerate(TURNED[name][0])]
    return write(folder / f"{name}.{ending}", frames, matrix=tuple(matrix), options=CLOSED)


def edited(folder: Path) -> Path:
    """The first 15 frames are hidden by an edit list."""
    hide = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    stamps = list(range(-15, COUNT - 15))
    return write(folder / "edit-list.mp4", FRAMES, stamps=stamps, container=hide, options={"bf": "2"})


def all_called_key(folder: Path, name: str, **how: Any) -> Path:
    """An MP4 that lacks the list of its key frames, which says that every frame is one (ISO 14496-12, 8.6.2)."""
    path = write(folder / name, **how)
    content = path.read_bytes()
    assert content.count(b"stss") == 1
    path.write_bytes(content.replace(b"stss", b"free"))
    return path


def joined(folder: Path, how: str, **first: Any) -> Path:
    """Two streams of 20 frames, one behind the other, as `cat` joins them; `how` they are coded."""
    parts = [
        write(folder / f"{how}-{part}.ts", FRAMES[20 * part : 20 * part + 20], **{**MADE[f"{how}.ts"], **first})
        for part in (0, 1)
    ]
    path = folder / f"{how}-joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


def begun_late(folder: Path, how: str) -> Path:
    """A stream of which the beginning is missing, as a recording that was switched on."""
    path = write(folder / f"{how}-begun-late.ts", MADE[f"{how}.ts"].get("frames", FRAMES), **_rest(f"{how}.ts"))
    content = path.read_bytes()
    path.write_bytes(content[len(content) // 188 // 4 * 188 :])
    return path


def _rest(name: str) -> dict[str, Any]:
    return {key: value for key, value in MADE[name].items() if key != "frames"}


def make(folder: Path, name: str) -> Path:
    """The video of that name."""
    return (
        SPECIAL[name][0](folder)
        if name in SPECIAL
        else write(folder / name, MADE[name].get("frames", FRAMES), **_rest(name))
    )


SPECIAL: dict[str, tuple[Callable[[Path], Path], list[int]]] = {  # name: maker, the numbers of the frames shown
    "edit-list": (edited, list(range(15, COUNT))),
    "all-called-key-mpeg4": (
        lambda folder: all_called_key(folder, "all-called-key.mp4", frames=FRAMES, codec="mpeg4"),
        list(range(COUNT)),
    ),
    "all-called-key-h263": (
        lambda folder: all_called_key(folder, "all-called-key.3gp", frames=LARGER, codec="h263"),
        list(range(COUNT)),
    ),
    "joined": (lambda folder: joined(folder, "h264-closed"), list(range(COUNT))),
    "joined-open": (lambda folder: joined(folder, "h264-open"), list(range(COUNT))),
    "joined-mpeg2": (lambda folder: joined(folder, "mpeg2"), list(range(COUNT))),
    "begun-late": (lambda folder: begun_late(folder, "h264-closed"), list(range(10, COUNT))),
    "begun-late-open": (
        lambda folder: begun_late(folder, "h264-open"),
        list(range(20, COUNT)),
    ),  # the first group is lost
    "begun-late-hevc": (lambda folder: begun_late(folder, "hevc-open"), list(range(20, COUNT))),
    "begun-late-mpeg2": (lambda folder: begun_late(folder, "mpeg2"), list(range(12, COUNT))),
}
NAMES = [*MADE, *SPECIAL]


def shown(name: str) -> list[int]:
    """The numbers of the frames that a player shows of a video, in order."""
    return list(range(COUNT)) if name in MADE else SPECIAL[name][1]
