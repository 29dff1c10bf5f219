"""What a run does with clips before its first step, on one core and on more: render, look, decode for the cache.

    python tests/benchmarks/looking.py [--cores 1 2] [--originals 32] [--small 240] [--rounds 3] [--json FILE]

    look           `look_at` at originals (30 frames a second, 15 s, 320 × 240), of which nothing is known yet
    in threads     the same clips in threads of one process, as the first version looked at them
    look, small    the same at clips of moodclips' size: 12 frames of 128 × 128
    look again     at those, when all is remembered
    render         moodclips, as many clips
    decode         all frames of those, as `--video.cache` keeps them

Each in a process of its own that may use so many cores; the rounds take turns, medians are shown. busy: the share of
these cores' time that was spent on work. From the times on the fewest and on the most cores follow the seconds that
more cores do not shorten (`serial`) and the time on 16 cores, serial + parallel / 16 (Amdahl); a machine whose disk or
memory is the limit takes longer. `on 16` are clips a second.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.config import RunConfig, VideoConfig
from bench.data.annotation import load_annotation
from bench.data.importers import moodclips
from bench.data.loading import Samples, look_at
from bench.data.video import look, write_video
from bench.engine.environment import environment

WORK = ("look", "in threads", "look, small", "look again", "render", "decode")


def film(path: Path, seconds: float) -> None:
    """A moving texture with noise: as hard to decode as a real video of this size."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(256, size=(40, 60, 3), dtype=np.uint8)
    picture = coarse.repeat(12, axis=0).repeat(12, axis=1)

    def frame(number: int) -> np.ndarray:
        top, left = number % 200, (2 * number) % 300
        shown = picture[top : top + 240, left : left + 320].astype(int) + rng.integers(-6, 7, size=(240, 320, 1))
        return shown.clip(0, 255).astype(np.uint8)

    write_video(path, (frame(number) for number in range(round(30 * seconds))), 30, crf=23)


def prepare(folder: Path, originals: int, small: int, seconds: float) -> None:
    """Clips of both kinds; every original has a name and a file of its own."""
    (folder / "originals").mkdir()
    film(folder / "originals" / "0.mp4", seconds)
    for number in range(1, originals):
        shutil.copy(folder / "originals" / "0.mp4", folder / "originals" / f"{number}.mp4")
    moodclips.ensure(folder / "small", train=small, val=0, test=0)


def work(what: str, folder: Path, small: int) -> int:
    """Does it; gives how many clips were worked on."""
    if what == "render":
        moodclips.ensure(Path(os.environ["BENCH_HOME"]) / "rendered", train=small, val=0, test=0)
        return small
    place = folder / ("originals" if what in ("look", "in threads") else "small")
    if what == "in threads":
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return len(list(pool.map(look, place.rglob("*.mp4"))))
    names = [path.stem for path in place.rglob("*.mp4")]
    videos, broken = look_at(place, names)
    assert not broken
    if what == "decode":
        train = load_annotation(place, "train", "moodclips")
        Samples(train, videos, RunConfig(video=VideoConfig(size=64, frames=8, cache=True)))
    return len(names)


def measure(what: str, folder: Path, small: int, cores: int) -> dict[str, float]:
    """Seconds, clips and seconds of all processes' work; what `what` needs to be remembered is looked at before."""
    usable = sorted(os.sched_getaffinity(0))
    if what in ("look again", "decode"):
        work("look, small", folder, small)
    os.sched_setaffinity(0, usable[:cores])
    before, start = sum(os.times()[:4]), time.perf_counter()
    clips = work(what, folder, small)
    return {"seconds": time.perf_counter() - start, "clips": clips, "work": sum(os.times()[:4]) - before}


def in_its_own_process(what: str, folder: Path, small: int, cores: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=folder) as home:
        words = [sys.executable, __file__, "--case", what, str(folder), str(small), str(cores)]
        done = subprocess.run(words, env={**os.environ, "BENCH_HOME": home}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def amdahl(seconds: dict[int, float]) -> tuple[float, float]:
    """The seconds that stay whatever the cores, and those that 16 cores would take, from the fewest and the most."""
    few, many = min(seconds), max(seconds)
    if few == many:
        return 0.0, seconds[few] * few / 16
    parallel = (seconds[few] - seconds[many]) / (1 / few - 1 / many)
    serial = max(0.0, seconds[few] - parallel / few)
    return serial, serial + parallel / 16


def main() -> None:
    if sys.argv[1:2] == ["--case"]:
        what, folder, small, cores = sys.argv[2:]
        print(json.dumps(measure(what, Path(folder), int(small), int(cores))))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--originals", type=int, default=32)
    parser.add_argument("--small", type=int, default=240)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    hardware = environment()["hardware"]
    print(f"{hardware['cpu']}, {hardware['cores']} cores, {date.today()}")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, asked.originals, asked.small, asked.seconds)
        cases = [(what, cores) for what in WORK for cores in asked.cores]
        found = {case: [] for case in cases}
        for _ in range(asked.rounds):
            for what, cores in cases:
                found[what, cores].append(in_its_own_process(what, folder, asked.small, cores))
    print(f"{'work':<13}{'clips':>6}{'cores':>6}{'seconds':>9}{'clips/s':>9}{'busy':>6}{'serial s':>10}{'on 16':>9}")
    for what in WORK:
        seconds = {cores: median(one["seconds"] for one in found[what, cores]) for cores in asked.cores}
        serial, sixteen = amdahl(seconds)
        for cores in asked.cores:
            clips = found[what, cores][0]["clips"]
            busy = median(one["work"] / one["seconds"] for one in found[what, cores]) / cores
            row = {"work": what, "clips": clips, "cores": cores, "seconds": seconds[cores], "busy": busy}
            rows.append({**row, "clips_a_second": clips / seconds[cores], "serial": serial, "sixteen": clips / sixteen})
            line = f"{what:<13}{clips:>6}{cores:>6}{seconds[cores]:>9.2f}{clips / seconds[cores]:>9.1f}{busy:>6.0%}"
            print(line + (f"{serial:>10.2f}{clips / sixteen:>9.0f}" if cores == max(asked.cores) else ""))
    if asked.json:
        asked.json.write_text(json.dumps({"hardware": hardware, "date": str(date.today()), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
