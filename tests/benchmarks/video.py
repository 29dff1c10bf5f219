"""Times decord against PyAV on the same clips in one run, on the originals and on small copies, and `compress` itself.

    python tests/benchmarks/video.py [FOLDER]       default: the clips of the shared test data

Per clip: 12 frames uniform in time, from opening the file to the RGB array, one thread, the best of several rounds in
which the readers take turns; and the mean difference between the two readers' frames, in levels of 255. decord reads
only files that pass its check (`bench.data.decord_reader`): where a star stands PyAV read for it.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.data.compress import compress
from bench.data.video import find_videos, list_videos, probe, read_frames, sample_indices, why_not_decord

FRAMES = 12
ROUNDS = 7
READERS = ("decord", "pyav")


def milliseconds(path: Path, indices: np.ndarray, reader: str) -> float:
    start = time.perf_counter()
    read_frames(path, indices, reader=reader)
    return 1000 * (time.perf_counter() - start)


def table(videos: dict[str, Path]) -> None:
    print(f"{'clip':24}{'frames':>8}{'size':>12}{'probe ms':>10}{'decord ms':>11}{'PyAV ms':>9}{'difference':>12}")
    totals = dict.fromkeys(READERS, 0.0)
    for stem, path in videos.items():
        start = time.perf_counter()
        info = probe(path)
        probed = 1000 * (time.perf_counter() - start)
        indices = sample_indices(info.frames, FRAMES)
        one, two = (read_frames(path, indices, reader=reader).astype(int) for reader in READERS)
        rounds = [[milliseconds(path, indices, reader) for reader in READERS] for _ in range(ROUNDS)]
        best = dict(zip(READERS, np.min(rounds, axis=0), strict=True))
        totals = {reader: totals[reader] + best[reader] for reader in READERS}
        size = f"{info.width} × {info.height}"
        line = f"{stem[:23]:24}{info.frames:8}{size:>12}{probed:10.1f}{best['decord']:11.1f}{best['pyav']:9.1f}"
        print(line + f"{abs(one - two).mean():12.4f}" + " *" * bool(why_not_decord(path)))
    print(f"{'all':24}{'':30}{totals['decord']:11.1f}{totals['pyav']:9.1f}")


def main() -> None:
    shared = Path(os.environ.get("BENCH_SHARED", Path(__file__).parents[2] / ".." / "shared"))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else shared / "videos"
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "originals"
        for copy in range(4):  # one name each, so that `compress` has enough to share out
            for path in list_videos(folder):
                (root / str(copy)).mkdir(parents=True, exist_ok=True)
                (root / str(copy) / f"{path.stem}-{path.suffix[1:]}-{copy}{path.suffix}").symlink_to(path.resolve())
        print("originals")
        table(find_videos(root / "0"))
        seconds = sum(probe(path).seconds for path in find_videos(root).values())
        for workers in (1, os.cpu_count() or 1):
            start = time.perf_counter()
            summary = compress(root, Path(scratch) / f"copies-{workers}", workers)
            spent = time.perf_counter() - start
            rates = f"{summary.done / spent:.1f} videos/s, {seconds / spent:.0f} seconds of video a second"
            print(f"\ncompress, {workers} process(es): {summary.done} videos in {spent:.1f} s, {rates}")
        print("\nsmall copies")
        table({stem: path for stem, path in find_videos(summary.out).items() if stem.endswith("-0")})


if __name__ == "__main__":
    main()
