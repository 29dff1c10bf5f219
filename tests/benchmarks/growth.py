"""How time and memory grow with size: reading, training, evaluating, searching, comparing and reporting.

    python tests/benchmarks/growth.py [PART ...] [--json FILE] [--figure FILE.png] [--sizes 100 1000 ...]

Each part at each size runs in a process of its own, which makes its input, does the work once to warm up where that
takes no more than a few seconds, and then up to REPEATS times; the median counts. Seconds are CPU time, of the
processes that the work starts too, with one thread each: other jobs of the machine change them little, and on an idle
core they pass as quickly. Memory is what the work added to the process's peak over what imports and input had taken.
A size that would take longer than LIMIT, by the growth so far, is not run, and the table says so. Exponents are slopes
of least squares through the logarithms, over the sizes that are stated. FILE is read first where it is there, and only
the parts that are named are measured anew; so the parts can be measured one after another. With --figure, no PART and
a FILE that is there, nothing is measured.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

TESTS = Path(__file__).parents[1]
SIZES = [round(10 ** (power / 2)) for power in range(4, 11)]  # 100, 316, 1 000, … 100 000
BATCHES = [4, 8, 16, 32, 64, 128, 256]
REPEATS = 5
LIMIT = 60.0  # seconds for one repeat
SHORT = 5.0  # seconds: what takes longer is not done once more to warm up
CAPTIONS, WIDTH, K = 20, 512, 15  # a clip's captions, as in MSR-VTT; a feature's numbers; moments that a query finds

Work = Callable[[], object]
PARTS: dict[str, tuple[str, float, Callable[[int, Path], Work]]] = {}  # name -> what size counts, expected exponent


def part(name: str, counts: str, expected: float = 1) -> Callable:
    """Decorator: a function of a size and an empty folder that makes the input and returns the work to be timed."""

    def add(make: Callable[[int, Path], Work]) -> Callable[[int, Path], Work]:
        PARTS[name] = (counts, expected, make)
        return make

    return add


@part("read annotation", "clips of 20 captions")
def read_annotation(n: int, folder: Path) -> Work:
    from bench.data.annotation import Annotation, Clip, load_annotation, save_annotation

    words = ("a man", "a woman", "is happy", "is sad", "sings", "runs", "in the rain", "at home")
    texts = [f"{words[i % 8]} {words[(3 * i + 1) % 8]} number {i}" for i in range(CAPTIONS)]
    clips = tuple(Clip(f"video{i}", tuple(f"{text} of {i}" for text in texts)) for i in range(n))
    save_annotation(Annotation("msrvtt", "9k", clips), folder)
    del clips
    return lambda: load_annotation(folder, "9k", "msrvtt")


@part("look at clips", "clips of 10 frames of 64 x 64")
def look_at_clips(n: int, folder: Path) -> Work:
    from bench.data.loading import look_at
    from bench.data.video import write_video

    frames = np.random.default_rng(0).integers(256, size=(10, 64, 64, 3), dtype=np.uint8)
    write_video(folder / "one.mp4", frames, 6)
    (folder / "videos").mkdir()
    names = [f"video{i}" for i in range(n)]
    for name in names:
        os.link(folder / "one.mp4", folder / "videos" / f"{name}.mp4")
    number = iter(range(10**9))

    def work() -> object:
        os.environ["BENCH_HOME"] = str(folder / f"home{next(number)}")  # nothing is remembered of the last time
        return look_at(folder, names)

    return work


@part("training step, tiny model", "pairs of a batch")
def training_step(n: int, folder: Path) -> Work:
    import torch

    from bench.data.batch import TextBatch, VideoBatch
    from bench.engine.train import parameter_groups
    from bench.model.clip_vip import ClipVip, clip_config
    from bench.model.losses import contrastive_loss
    from bench.model.variant_registry import build

    torch.manual_seed(0)
    variant = build("plain", ClipVip(clip_config("tiny"), frames=8), {}).train()
    words = torch.randint(1, 998, (n, 32))
    words[:, -1] = 999  # CLIP's end token
    text = TextBatch(words, torch.ones_like(words))
    video = VideoBatch(torch.randint(256, (n, 8, 64, 64, 3), dtype=torch.uint8)).to(torch.device("cpu"))
    optimizer = torch.optim.AdamW(parameter_groups(variant, 0.2), lr=1e-5)

    def work() -> object:
        optimizer.zero_grad()
        text_features, video_features, scale, *_ = variant(text, video)
        loss = contrastive_loss(text_features, video_features, scale, variant.similarity)
        loss.backward()
        optimizer.step()
        return loss.item()

    return work


@part("evaluate", "queries, and as many clips", expected=2)
def evaluate(n: int, folder: Path) -> Work:
    import torch

    from bench.engine.evaluate import best_clips, rank
    from bench.engine.recording import ranks_as_json
    from bench.engine.score_matrix import ScoreMatrix
    from bench.metrics.ranking import summarize

    generator = torch.Generator().manual_seed(0)
    text, video = (torch.randn(n, WIDTH, generator=generator) for _ in range(2))
    video.mul_(0.9).add_(text, alpha=0.5)
    captions = [f"caption {i}" for i in range(n)]

    def work() -> object:
        matrix = ScoreMatrix(lambda t, v: t @ v.T, text, video, captions)
        counted, _ = rank(matrix, {})
        best_clips(matrix, 10)
        return summarize(ranks_as_json(counted), {"emotion": list(range(0, n, 10))}, captions)

    return work


def _rows(n: int) -> np.ndarray:  # (n, WIDTH)
    rows = np.random.default_rng(0).standard_normal((n, WIDTH), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _fill(rows: np.ndarray, folder: Path) -> Any:
    """Writes an index with one window a clip; returns it."""
    from bench.search import index_store
    from bench.search.index_store import IndexedFile, IndexSettings, Store

    opened = Store(index_store.place(folder), IndexSettings(str(folder), "clip:x", "1", "", "", 10.0, WIDTH, {}))
    for start in range(0, len(rows), 10_000):
        for number, row in enumerate(rows[start : start + 10_000], start):
            opened.add(f"clip{number}.mp4", IndexedFile(1_000_000 + number, number, 0, 8.0, ""), row[None])
        opened.save()
    return opened


@part("search: write the index", "clips of one window")
def search_build(n: int, folder: Path) -> Work:
    rows, number = _rows(n), iter(range(10**9))
    os.environ["BENCH_HOME"] = str(folder / "home")
    return lambda: _fill(rows, folder / f"videos{next(number)}")


@part("search: 100 queries", "clips of one window")
def search_query(n: int, folder: Path) -> Work:
    from bench.search import index_store
    from bench.search.backends import SEARCH_BACKENDS

    os.environ["BENCH_HOME"] = str(folder / "home")
    _fill(_rows(n), folder / "videos")
    opened = index_store.read(folder / "videos")
    assert opened is not None
    index = SEARCH_BACKENDS.get("numpy")()
    index.load(opened, None)
    queries = _rows(100)
    return lambda: [[opened.window(id) for id in index.query(query, K)[0].tolist()] for query in queries]


def records_of(n: int) -> list[Any]:
    """Records of plain and two variants with random ranks, n queries each."""
    sys.path.insert(0, str(TESTS))
    from helpers.records import make_record

    from bench.metrics.ranking import summarize
    from bench.records.protocol import protocol_signature

    captions = [f"caption {i} is happy" for i in range(n)]
    subsets = {"emotion": list(range(0, n, 3))}
    found = []
    for name, chance in (("plain", 0.2), ("better", 0.3), ("alike", 0.2)):
        rng = np.random.default_rng([n, *name.encode()])
        record = make_record(24, variant=name, dataset="elsewhere", twins=False)
        above = {way: np.minimum(rng.geometric(chance, n) - 1, n - 1).tolist() for way in ("t2v", "v2t")}
        ranks = {way: {"greater": greater, "equal": [0] * n} for way, greater in above.items()}
        found.append(
            replace(
                record,
                protocol=protocol_signature(record.config, queries=n, videos=n, model="tiny", init="random"),
                queries={"videos": [f"clip{i}" for i in range(n)], "captions": captions},
                subsets=subsets,
                ranks=ranks,
                top=rng.integers(n, size=(n, 10)).tolist(),
                metrics=summarize(ranks, subsets, captions),
            )
        )
    return found


@part("compare 3 runs", "queries")
def compare(n: int, folder: Path) -> Work:
    from bench.compare import render

    records = records_of(n)
    return lambda: render(records)


@part("report of 3 runs", "queries")
def report(n: int, folder: Path) -> Work:
    from bench.report.build import build

    records, number = records_of(n), iter(range(10**9))
    return lambda: build(
        records, folder / "results", folder / f"out{next(number)}", "emotion", "plain", "html", force=True
    )


# --- measuring ------------------------------------------------------------------------------------------------------


def cpu() -> float:
    """CPU seconds of this process so far, and of those that it started and that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def peak_mb() -> float:
    """The most memory that this process has had, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def measure(name: str, size: int, repeats: int) -> dict[str, Any]:
    """One part at one size, in this process: {"size", "seconds", "wall", "repeats", "peak_mb", "added_mb"}."""
    seconds: list[float] = []
    wall: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        work = PARTS[name][2](size, Path(folder))
        before = peak_mb()
        for attempt in range(repeats + 1):
            start = cpu(), time.perf_counter()
            work()
            seconds.append(cpu() - start[0])
            wall.append(time.perf_counter() - start[1])
            if seconds[0] > SHORT or (attempt and sum(seconds) > LIMIT / 2):
                break
    counted = seconds[1:] or seconds  # the first warms up
    peak = peak_mb()
    return {
        "size": size,
        "seconds": median(counted),
        "wall": median(wall[1:] or wall),
        "repeats": len(counted),
        "peak_mb": round(peak, 1),
        "added_mb": round(peak - before, 1),
    }


def measured(name: str, sizes: Sequence[int], repeats: int, limit: float) -> list[dict[str, Any]]:
    """A part at sizes that go up, each in a process of its own, as long as none is expected to take too long."""
    points: list[dict[str, Any]] = []
    for size in sizes:
        if points:
            last = points[-1]
            expected = last["seconds"] * (size / last["size"]) ** max(1.0, PARTS[name][1])
            if expected > limit:
                points.append({"size": size, "not_run": f"about {expected:.0f} s expected"})
                break
        words = [sys.executable, __file__, "--measure", name, str(size), str(repeats)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        points.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"{name}, {size}: {points[-1]['seconds']:.4g} s", file=sys.stderr, flush=True)
    return points


def exponent(points: Sequence[dict[str, Any]], value: str, least: float) -> dict[str, float] | None:
    """The slope of log(value) on log(size) by least squares, over the upper sizes; None of fewer than three points.

    least: points below it are left out: there the fixed cost is what is measured.
    """
    used = [point for point in points if point[value] >= least]
    used = [point for point in used if point["size"] * 100 >= used[-1]["size"]]  # the last two decades
    if len(used) < 3:
        return None
    x, y = (np.log10([point[name] for point in used]) for name in ("size", value))
    return {"exponent": round(float(np.polyfit(x, y, 1)[0]), 2), "from": used[0]["size"], "to": used[-1]["size"]}


def fitted(points: list[dict[str, Any]]) -> dict[str, Any]:
    """`points`, and the exponents of time, from three times its least value on, and of memory, from 2 MiB on."""
    run = [point for point in points if "seconds" in point]
    least = 3 * min(point["seconds"] for point in run)
    return {"points": points, "time": exponent(run, "seconds", least), "memory": exponent(run, "added_mb", 2)}


def table(found: dict[str, Any]) -> str:
    lines = [f"{'part':<26} {'size':>7} {'seconds':>9} {'added MiB':>9} {'peak MiB':>8} {'repeats':>7}"]
    for name, one in found["parts"].items():
        for point in one["points"]:
            lines.append(f"{name:<26} {point['size']:>7} {point.get('not_run', '')}")
            if "seconds" in point:
                numbers = f"{point['seconds']:>9.4f} {point['added_mb']:>9} {point['peak_mb']:>8} {point['repeats']:>7}"
                lines[-1] = f"{name:<26} {point['size']:>7} {numbers}"
        for kind in ("time", "memory"):
            if fit := one[kind]:
                lines.append(f"{name:<26} {kind}: exponent {fit['exponent']}, sizes {fit['from']} to {fit['to']}")
    return "\n".join(lines)


def draw(found: dict[str, Any], path: Path) -> None:
    """CPU seconds and memory against size, a line a part, and grey lines of slope 1 and 2."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    from bench.report.style import GREY, MARKERS, PNG_DPI, colour, legend_below, sheet, styled

    @styled
    def figure() -> None:
        drawing, axes = sheet(3.2, columns=2)
        panels = (("seconds", "CPU seconds, median", 1e-3), ("added_mb", "memory added, MiB", 1))
        handles = {}
        for place, (value, label, least) in zip(axes.flat, panels, strict=True):
            for number, (name, one) in enumerate(found["parts"].items()):
                run = [(point["size"], point[value]) for point in one["points"] if point.get(value, 0) >= least]
                if run:
                    shade, stroke = colour(number)
                    look = {"color": shade, "linestyle": stroke, "marker": MARKERS[number], "markersize": 3}
                    [handles[name]] = place.plot(*zip(*run, strict=True), linewidth=1.2, **look)
            place.set(xscale="log", yscale="log", xlabel="size", ylabel=label)
            for axis, powers in ((place.xaxis, range(1, 6)), (place.yaxis, range(-3, 5))):
                axis.set_major_locator(FixedLocator([10.0**power for power in powers]))
                axis.set_major_formatter(
                    FuncFormatter(lambda x, _: f"{x:,.0f}".replace(",", " ") if x >= 1 else f"{x:g}")
                )
            low, high = place.get_ylim()
            for slope, last in ((1, 1e5), (2, 3e4)):
                sizes = np.array([3e3, last])
                height = 3 * low * (sizes / sizes[0]) ** slope
                place.plot(sizes, height, color=GREY, linewidth=0.8, zorder=0)
                place.text(last, height[1], f" {slope}", color=GREY, fontsize=7, clip_on=True).set_in_layout(False)
            place.set_ylim(low, high)
        legend_below(drawing, list(handles.values()), [f"{name} ({PARTS[name][0]})" for name in handles])
        drawing.savefig(path, dpi=PNG_DPI, metadata={"Software": None})

    figure()


def main(words: Sequence[str] | None = None) -> None:
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["--measure"]:
        print(json.dumps(measure(words[1], int(words[2]), int(words[3]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--sizes", nargs="+", type=int, help="other sizes, going up")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds that one size may take (default 60)")
    parser.add_argument("--json", type=Path, help="where the numbers are kept")
    parser.add_argument("--figure", type=Path, help="a .png file to draw")
    given = parser.parse_args(words)
    if unknown := set(given.parts) - PARTS.keys():
        parser.error(f"no part {min(unknown)!r}: there are {', '.join(PARTS)}")
    from bench.engine.environment import environment

    found: dict[str, Any] = {"parts": {}}
    if given.json and given.json.is_file():
        found = json.loads(given.json.read_text(encoding="utf-8"))
    for name in given.parts or ([] if given.figure and found["parts"] else PARTS):
        sizes = given.sizes or (BATCHES if name.startswith("training") else SIZES)
        found["parts"][name] = fitted(measured(name, sizes, given.repeats, given.limit))
        found |= {"date": date.today().isoformat(), **environment()}
        found["parts"] = {name: found["parts"][name] for name in PARTS if name in found["parts"]}
        if given.json:
            given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))
    if given.figure:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
