"""What a variant saw in faces: the expressions of some clips' frames, over time, under the frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.compare.groups import control
from bench.data.faces import EXPRESSED, Faces, read_faces
from bench.emotions import EMOTIONS
from bench.errors import BenchError
from bench.records.record import Record
from bench.report.figures import Context, Figure, figure
from bench.report.style import EMOTION_COLOURS, TEXT_WIDTH, legend_below, sheet, styled
from bench.report.thumbnails import dataset_folder
from bench.utils.files import sha256

CLIPS = 3
NAMED = 0.3  # shares from here on carry their name inside the bar
BARS = 0.75  # inches; a frame is as wide as its bar, but never higher than FRAME
FRAME = 1.0
LEGIBLE = 4  # points; words that would be smaller are left to the legend


@dataclass(frozen=True)
class _Track:
    """A clip as the variant saw it. pixels: (T, S, S, 3) uint8. scores: (T, 8). seen: (T,) bool."""

    video: str
    caption: str
    seconds: NDArray[np.float64]  # (T,)
    pixels: NDArray[np.uint8]
    scores: NDArray[np.float32]
    seen: NDArray[np.bool_]


@figure("expressions", place=80, beside="faces")
def expressions(context: Context) -> Figure | None:
    """What the first run that sees faces saw in some clips, where these are at hand."""
    return next(filter(None, map(_of_run, context.group.trues)), None)


def _of_run(record: Record) -> Figure | None:
    folder = dataset_folder(record) if record.faces else None
    return strips(record, folder) if folder else None


@styled
def strips(record: Record, folder: Path) -> Figure | None:
    """The first emotional queries' clips by name, each with its frames and, under every frame, its face's expressions.

    folder: the dataset's. None where the variant uses no faces or was under a control, and where the clips, or the very
    face scores that the run read, are not at hand.
    """
    path = _file(record, folder)
    tracks = list(_tracks(record, folder, read_faces(path))) if path else []
    if not tracks:
        return None
    room = (TEXT_WIDTH - 0.45) / len(tracks[0].seen)  # inches a frame
    heights = [min(room, FRAME), BARS]
    height = 0.6 + len(tracks) * (0.5 + sum(heights))
    drawing, axes = sheet(height, 2 * len(tracks), 1, gridspec_kw={"height_ratios": heights * len(tracks)})
    for (strip,), (bars,), track in zip(axes[::2], axes[1::2], tracks, strict=True):
        _strip(strip, track, min(1.0, FRAME / room))
        _bars(bars, track)
    axes[-1, 0].set_xlabel("time of the frame in the clip (s)")
    handles = [_patch(EMOTION_COLOURS[name]) for name in EXPRESSED] + [
        _patch(EMOTION_COLOURS["neutral"]),
        _patch("white"),
    ]
    legend_below(drawing, handles, [*EXPRESSED, "neutral", "no face seen"])
    source = record.faces["source"]
    drawing.suptitle(f"Labels of faces, with errors: {source}", fontsize=8, x=0.01, ha="left")
    rule = "emotional queries" if record.subsets.get("emotion") else "queries"
    caption = (
        f"Scores of the expressions in the {len(tracks[0].seconds)} frames that {record.run} sees of a clip "
        f"({_POOLED[record.faces['pooling']]}); neutral is what is left of 1. Shown are, of the {rule}, the first "
        f"clips by name with any face: n = {len(tracks)} of {record.metrics['all']['n']}, seed {record.seed}."
    )
    alt = f"Expressions over time. {'; '.join(map(_alt, tracks))}."
    return Figure(f"expressions-{record.run}", f"Expressions that {record.run} sees", caption, alt, drawing)


_POOLED = {
    "largest": "of several faces in a frame the largest",
    "mean": "of several faces in a frame their mean",
    "max": "of several faces in a frame the maximum, so that their sum may be above 1",
}


def _file(record: Record, folder: Path) -> Path | None:
    """The table of faces that the run read, told by its checksum."""
    from bench.data.loading import FACES_FILE

    if not record.faces or control(record):
        return None
    named = record.config.get("faces", {}).get("file")
    for path in ([Path(named)] if named else []) + [folder / FACES_FILE]:
        if path.is_file() and sha256(path) == record.faces["sha256"]:
            return path
    return None


def _tracks(record: Record, folder: Path, faces: Faces) -> Iterator[_Track]:
    """The first clips by name that can be read and show a face in one frame at least."""
    from bench.data.annotation import load_annotation
    from bench.data.clip_files import locate
    from bench.data.pixels import resize_crop
    from bench.data.video import VideoError, probe, read_frames, sample_indices

    names, captions = record.queries["videos"], record.queries["captions"]
    try:
        files = locate(folder, names, load_annotation(folder, record.test, record.dataset).sources)
    except BenchError:
        files = locate(folder, names, {})
    asked = record.subsets.get("emotion") or range(len(captions))
    first = {names[record.clip_of(query)]: query for query in sorted(asked, reverse=True)}
    left = CLIPS
    for video, query in sorted(first.items()):
        if not left:
            return
        if video not in files or video not in faces.videos:
            continue
        try:
            info = probe(*files[video])
            indices = sample_indices(info.frames, record.config["video"]["frames"])
            scores, seen = faces.pooled(video, indices / info.frames, record.faces["pooling"])
            if not seen.any():
                continue
            pixels = resize_crop(
                read_frames(files[video].path, indices, span=files[video].span), record.config["video"]["size"]
            )
        except VideoError:
            continue
        left -= 1
        yield _Track(video, captions[query], indices / info.fps, pixels, scores, seen)


def _strip(axis: Any, track: _Track, size: float) -> None:
    """The frames side by side, frame t around x = t above its bar, `size` wide, a bar with its gap being 1."""
    half = 0.45 * size
    for t, picture in enumerate(track.pixels):
        axis.imshow(picture, extent=(t - half, t + half, 0, 2 * half), interpolation="none")  # SVG: its own pixels
    axis.set(xlim=(-0.5, len(track.pixels) - 0.5), ylim=(0, 2 * half), aspect="equal", anchor="S")
    axis.axis("off")
    axis.set_title(f"{track.video}: “{_short(track.caption)}”", loc="left", fontsize=7)


def _bars(axis: Any, track: _Track) -> None:
    """One bar a frame, in the order of EMOTIONS from below; an empty dashed one where no face is seen."""
    count = len(track.seen)
    places = np.arange(count)
    shown = {name: track.scores[:, EMOTIONS.index(name)] * track.seen for name in EXPRESSED}
    calm = np.clip(1 - np.sum(list(shown.values()), axis=0), 0, 1) * track.seen
    size = min(6, 66 / count)
    bottom = np.zeros(count)
    for name, values in {**shown, "neutral": calm}.items():
        colour = EMOTION_COLOURS[name]
        axis.bar(places, values, 0.9, bottom=bottom, color=colour, edgecolor="white", linewidth=0.4, label=name)
        for place in np.flatnonzero((values >= NAMED) & (size >= LEGIBLE)):
            middle = bottom[place] + values[place] / 2
            ink = "#fefefe" if name in ("fear", "sadness") else "#111111"  # colours that do not follow the page's
            axis.text(place, middle, name, ha="center", va="center", fontsize=size, color=ink)
        bottom = bottom + values
    for place in places[~track.seen]:
        axis.bar(place, 1, 0.9, color="white", edgecolor="#555555", linewidth=0.6, linestyle="--")
        if size >= LEGIBLE:
            axis.text(place, 0.5, "no\nface", ha="center", va="center", fontsize=size)
    axis.set(xlim=(-0.5, count - 0.5), ylim=(0, max(1.0, float(bottom.max()))), ylabel="score")
    axis.set_xticks(places, [f"{second:.1f}" for second in track.seconds])
    axis.grid(axis="x", visible=False)


def _patch(colour: str) -> Any:
    from matplotlib.patches import Patch

    empty = colour == "white"
    return Patch(facecolor=colour, edgecolor="#555555" if empty else "none", linestyle="--" if empty else "-")


def _short(caption: str, most: int = 110) -> str:
    return caption if len(caption) <= most else f"{caption[: most - 1].rstrip()}…"


def _alt(track: _Track) -> str:
    """A clip in words: how many frames show a face, and what it shows most."""
    mean = track.scores[track.seen].mean(axis=0)
    best = int(mean.argmax())
    calm = max(0.0, 1 - float(mean.sum()))
    name, share = (EMOTIONS[best], float(mean[best])) if mean[best] >= calm else ("neutral", calm)
    return (
        f"{track.video}, “{_short(track.caption)}”: a face in {int(track.seen.sum())} of {len(track.seen)} frames, "
        f"mostly {name} (mean score {share:.2f})"
    )
