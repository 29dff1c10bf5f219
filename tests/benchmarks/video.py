"""What reading 12 frames costs: of originals, of H.264 copies as they were, of today's, by PyAV and decord.

    python tests/benchmarks/video.py [FOLDER] [--made] [--rounds 7] [--seconds 5] [--out FILE.json]

FOLDER: videos, default the clips of the shared test data. --made: renders four clips of 15 s instead, 320 x 240, 30 a
second, of noise that has as much detail as real clips and moves, under a camera's noise.

ms a clip: CPU time for 12 frames uniform in time, from the closed file to the (12, 224, 224, 3) array, one thread;
formats and readers take turns; the median of the rounds, then the mean over clips. difference: of those arrays to that
of the original's frames at the same moments, mean over pixels, in levels of 255. clips/s: what one and two processes
read in some seconds by the clock; the rate of 16 cores is 16 times the share of each of the two.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import torch

from bench.data.compress import FPS, compress, nearest
from bench.data.decoding import decoded
from bench.data.pixels import resize_crop
from bench.data.scanning import scan
from bench.data.upright import picture, square
from bench.data.video import find_videos, list_videos, probe, read_frames, sample_indices, why_not_decord, write_video
from bench.engine.environment import environment

SHARED = Path(os.environ.get("BENCH_SHARED", Path(__file__).parents[2] / ".." / "shared"))
FRAMES, SIZE = 12, 224
FALL = 1.5  # with this power JPEGs are as large as those of the shared clips
CORES = 16  # for which the rate is extrapolated
READERS = ("pyav", "decord") if find_spec("decord") else ("pyav",)
PROCESSES = (1, 2)


class Clip(NamedTuple):
    """A file and the frames that are read of it; of a copy, what the model sees of the original at these moments."""

    path: Path
    indices: np.ndarray
    expected: np.ndarray | None


def copy_as_before(source: Path, copy: Path) -> None:
    """The copy that older versions wrote: H.264, crf 18, one key frame, both sides even."""
    timeline = scan(source)
    rate = min(Fraction(FPS), timeline.fps)
    indices, times = np.unique(nearest(timeline, rate), return_counts=True)
    frames = []
    for frame, repeats in zip(decoded(source, timeline, indices), times, strict=True):
        width, height = square(frame.width, frame.height, timeline.aspect)
        shorter = min(width, height)
        if shorter > SIZE:
            width, height = (2 * round(side * SIZE / shorter / 2) for side in (width, height))
        frames += [picture(frame, width, height)] * repeats
    write_video(copy, frames, rate)


def make_clips(folder: Path, count: int = 4, seconds: int = 15, height: int = 240, width: int = 320) -> None:
    """Noise whose amplitude falls with frequency as in real clips, moved; a camera's noise of 2 levels on it."""
    for number in range(count):
        draw = np.random.default_rng(number)
        side = 1024
        frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
        frequency[0, 0] = 1
        layers = [
            np.fft.ifft2(np.fft.fft2(draw.standard_normal((side, side))) / frequency**FALL).real for _ in range(3)
        ]
        photo = np.stack([layers[0] + 0.3 * layer for layer in layers], axis=-1)  # channels are alike, as they are
        photo = 128 + 50 * (photo - photo.mean()) / photo.std()
        with av.open(str(folder / f"made-{number}.mp4"), "w") as file:
            stream = file.add_stream("libx264", rate=30, options={"crf": "23"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index in range(30 * seconds):
                left, top = index * 1.3, 60 + 50 * np.sin(index / 40 + number)
                piece = photo[int(top) : int(top) + height, int(left) : int(left) + width]
                noisy = np.clip(piece + 2 * draw.standard_normal(piece.shape), 0, 255).astype(np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
            file.mux(stream.encode(None))


def read(clip: Clip, reader: str) -> np.ndarray:
    return resize_crop(read_frames(clip.path, clip.indices, reader=reader), SIZE)


def measured(kinds: dict[str, list[Clip]], rounds: int) -> list[dict[str, Any]]:
    """A row for each kind of file and reader."""
    spent: dict[tuple[str, str], list[list[float]]] = {}
    for _ in range(rounds):
        for kind, clips in kinds.items():
            for reader in READERS:
                times = []
                for clip in clips:
                    start = time.process_time()
                    read(clip, reader)
                    times.append(1000 * (time.process_time() - start))
                spent.setdefault((kind, reader), []).append(times)
    rows = []
    for (kind, reader), times in spent.items():
        clips = kinds[kind]
        differences = [
            abs(read(clip, reader).astype(int) - clip.expected).mean() for clip in clips if clip.expected is not None
        ]
        rows.append(
            {
                "format": kind,
                "reader": reader,
                "ms": float(np.median(times, axis=0).mean()),
                "bytes": sum(clip.path.stat().st_size for clip in clips) / len(clips),
                "difference": float(np.mean(differences)) if differences else 0.0,
                "by_decord": sum(not why_not_decord(clip.path) for clip in clips) if reader == "decord" else 0,
            }
        )
    return rows


def rate(clips: list[Clip], processes: int, seconds: float) -> float:
    """Clips a second that so many processes read together with PyAV."""
    words = [sys.executable, __file__, "--read", str(seconds), *(str(clip.path) for clip in clips)]
    running = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for one in running:  # all have imported what they need
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    return sum(float(one.communicate()[0]) for one in running)


def keep_reading(seconds: float, paths: list[Path]) -> None:
    """What a process of `rate` does: reads clip after clip, and prints how many a second."""
    torch.set_num_threads(1)
    clips = [Clip(path, sample_indices(probe(path).frames, FRAMES), None) for path in paths]
    for clip in clips:
        read(clip, "pyav")
    print("ready", flush=True)
    sys.stdin.readline()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        read(clips[count % len(clips)], "pyav")
        count += 1
    print(count / (time.perf_counter() - start))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=SHARED / "videos")
    parser.add_argument("--made", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--read", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read:
        keep_reading(float(asked.read[0]), list(map(Path, asked.read[1:])))
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "originals"
        root.mkdir()
        if asked.made:
            make_clips(root)
        else:
            for path in list_videos(asked.folder):
                (root / f"{path.stem}-{path.suffix[1:]}{path.suffix}").symlink_to(path.resolve())
        result = run(root, asked.rounds, asked.seconds)
    if asked.out:
        asked.out.write_text(json.dumps(result, indent=1))


def run(root: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Makes both kinds of copies of the videos in `root`, beside it, measures, and prints the tables."""
    videos = find_videos(root)
    begun = time.perf_counter()
    for stem, path in videos.items():
        copy_as_before(path, root.parent / "before" / f"{stem}.mp4")
    before = time.perf_counter() - begun
    begun = time.perf_counter()
    new = compress(root, root.parent / "now", workers=1).out
    now = time.perf_counter() - begun
    kinds: dict[str, list[Clip]] = {"original": [], "H.264 copy": [], "copy": []}
    for stem, path in videos.items():
        timeline = scan(path)
        kinds["original"].append(Clip(path, sample_indices(len(timeline), FRAMES), None))
        moments = nearest(timeline, min(Fraction(FPS), timeline.fps))
        indices = sample_indices(len(moments), FRAMES)
        expected = resize_crop(read_frames(path, moments[indices]), SIZE).astype(int)
        kinds["H.264 copy"].append(Clip(root.parent / "before" / f"{stem}.mp4", indices, expected))
        kinds["copy"].append(Clip(new / f"{stem}.mp4", indices, expected))
    length = sum(probe(path).seconds for path in videos.values())
    print(f"{len(videos)} clips of {length / len(videos):.1f} s in the mean; {FRAMES} frames, {SIZE} x {SIZE}")
    print(f"making copies, one process: {before:.1f} s for those in H.264, {now:.1f} s for today's\n")
    rows = measured(kinds, rounds)
    print(f"{'format':<12}{'reader':<8}{'ms a clip':>10}{'KB a clip':>11}{'difference':>12}  read by decord")
    for row in rows:
        shares = f"{row['by_decord']} of {len(videos)}" if row["reader"] == "decord" else ""
        print(
            f"{row['format']:<12}{row['reader']:<8}{row['ms']:>10.1f}{row['bytes'] / 1000:>11.0f}"
            f"{row['difference']:>12.2f}  {shares}"
        )
    print(
        f"\n{'clips/s':<12}"
        + "".join(f"{f'{count} process(es)':>14}" for count in PROCESSES)
        + f"{f'{CORES} cores':>12}"
    )
    rates = {}
    for kind, clips in kinds.items():
        rates[kind] = [rate(clips, count, seconds) for count in PROCESSES]
        each = rates[kind][-1] / PROCESSES[-1]
        print(
            f"{kind:<12}" + "".join(f"{one:>14.1f}" for one in rates[kind]) + f"{CORES * each:>12.0f}"
            f"  = {CORES} x {each:.1f}, a process's share of {PROCESSES[-1]}"
        )
    made_with = environment()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": made_with["hardware"],
        "libraries": made_with["libraries"],
        "clips": len(videos),
        "seconds": length,
        "making": {"H.264 copy": before, "copy": now},
        "rows": rows,
        "clips_a_second": {kind: dict(zip(PROCESSES, each, strict=True)) for kind, each in rates.items()},
    }


if __name__ == "__main__":
    main()
