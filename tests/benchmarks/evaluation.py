"""How fast ranks are counted, against sorting, and what memory a large gallery takes.

    python tests/benchmarks/evaluation.py [SIZE ...] [--json FILE]        1000 and 10000 if no size is named

First, in processes of their own, seconds and peak memory of the whole, torch included: 50 000 queries by 50 000 clips
of 512 numbers, without and with DSL and QB-Norm; and MSR-VTT's full test, 59 800 queries, 20 a clip, by 2 990 clips,
with all metrics of a record and their intervals. Then, for galleries of each size, the time after the product, medians
of several repeats taken in turn: counting greater and equal rivals in both directions, against the common way, which
sorts every row of the negated scores, takes the true score from each and looks where the difference is zero, for one
direction and then, on the transposed matrix, for the other.
"""

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from bench.engine.evaluate import Ranks, Tally, best_clips, rank
from bench.engine.recording import ranks_as_json
from bench.engine.rescoring import dsl, qbnorm
from bench.engine.score_matrix import TILE, ScoreMatrix, in_bands
from bench.metrics.ranking import ranks, summarize

SIZES = (1000, 10_000)
LARGE, WIDTH, BANK = 50_000, 512, 9000
FULL, EACH = 2990, 20  # MSR-VTT's clips, and the captions of each
MiB, GB = 2**20, 1e9
COPY = LARGE * LARGE * 4 / GB


def features(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Captions and clips of unit norm; a pair's cosine is 0.5 or so, a stranger's 0."""
    generator = torch.Generator().manual_seed(seed)
    text = torch.randn(n, WIDTH, generator=generator)
    video = torch.randn(n, WIDTH, generator=generator).mul_(0.9).add_(text, alpha=0.5)
    return text.div_(text.norm(dim=1, keepdim=True)), video.div_(video.norm(dim=1, keepdim=True))


def by_counting(similarity: np.ndarray) -> Ranks:
    """Band by band, as an evaluation counts."""
    n, true = len(similarity), similarity.diagonal().copy()  # side by side in memory
    t2v, v2t = Tally(true, axis=1), Tally(true, axis=0)
    for queries, clips, scores in in_bands(lambda queries, clips: similarity[queries, clips], n, n):
        t2v.add(queries, scores)
        v2t.add(clips, scores)
    return {"t2v": t2v.counts, "v2t": v2t.counts}


def by_sorting(similarity: np.ndarray) -> list[np.ndarray]:
    """The common way: 0-based places of the true answers, for both directions."""
    places = []
    for scores in (similarity, similarity.T):
        negated = -scores
        ordered = np.sort(negated, axis=1)
        distance = ordered - np.diag(negated)[:, None]
        places.append(np.where(distance == 0)[1])
    return places


def seconds(function: Callable[[np.ndarray], object], similarity: np.ndarray) -> float:
    start = time.perf_counter()
    function(similarity)
    return time.perf_counter() - start


def race(n: int) -> dict[str, Any]:
    text, video = features(n)
    similarity = (text @ video.T).numpy()
    counts = by_counting(similarity)
    for way, places in zip(("t2v", "v2t"), by_sorting(similarity), strict=True):
        expected = ranks(counts[way]["greater"], counts[way]["equal"], ties="optimistic")
        assert (places + 1 == expected).all(), f"{way}: the two ways disagree"
    repeats = 21 if n <= 2000 else 5
    times = [(seconds(by_counting, similarity), seconds(by_sorting, similarity)) for _ in range(repeats)]
    ours, theirs = (median(column) for column in zip(*times, strict=True))
    print(f"{n:>7} x {n:<7} {1000 * ours:>10.1f} {1000 * theirs:>10.1f} {theirs / ours:>6.1f} x  (median of {repeats})")
    return {"gallery": n, "counting_ms": 1000 * ours, "sorting_ms": 1000 * theirs}


def large(rescoring: bool) -> dict[str, Any]:
    """To be run in a process of its own: what it prints of memory is of the whole process."""
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # noqa: E731
    imported = peak()
    text, video = features(LARGE)
    given = peak()
    start = time.perf_counter()
    matrix = ScoreMatrix(lambda t, v: t @ v.T, text, video, [str(i) for i in range(LARGE)])
    counted, _ = rank(matrix, {})
    if rescoring:
        dsl(matrix)
        qbnorm(matrix, counted["t2v"], features(BANK, seed=1)[0])
    took = time.perf_counter() - start
    what = f"ranks, DSL, QB-Norm with a bank of {BANK}" if rescoring else "ranks"
    print(
        f"{LARGE} x {LARGE} x {WIDTH}, {what}: {took:.0f} s, peak {peak() / MiB:.0f} MiB = {peak() / GB:.2f} GB "
        f"(imports {imported / MiB:.0f} MiB, with features {given / MiB:.0f} MiB; tiles of {TILE})",
        flush=True,
    )
    return {"work": f"{LARGE} x {LARGE}, {what}", "seconds": took, "peak_mib": peak() / MiB}


def full(rescoring: bool) -> dict[str, Any]:
    """The same of clips with several captions, some of which are said of several clips, and the record's metrics."""
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # noqa: E731
    imported = peak()
    rng = np.random.default_rng(0)
    n, video_of = FULL * EACH, np.repeat(np.arange(FULL), EACH)
    video = features(FULL)[1]
    text = video[torch.from_numpy(video_of)]
    for part in text.split(4096):
        part += 0.1 * torch.randn(part.shape, generator=torch.Generator().manual_seed(0))
    said = np.where(rng.random(n) < 0.1, rng.integers(2000, size=n), 2000 + np.arange(n))
    first = {int(number): place for place, number in reversed([*enumerate(said)])}
    text = text[[first[int(number)] for number in said]]
    start = time.perf_counter()
    matrix = ScoreMatrix(lambda t, v: t @ v.T, text, video, [str(number) for number in said], video_of.tolist())
    counted, _ = rank(matrix, {})
    best_clips(matrix, 10)
    if rescoring:
        dsl(matrix)
        qbnorm(matrix, counted["t2v"], features(BANK, seed=1)[0])
    scored = time.perf_counter() - start
    subsets = {f"subset {i}": np.flatnonzero(rng.random(n) < 0.1).tolist() for i in range(10)}
    summarize(ranks_as_json(counted), subsets, [str(number) for number in said], None, video_of.tolist())
    took = time.perf_counter() - start - scored
    what = f"ranks, ten best, DSL, QB-Norm with a bank of {BANK}" if rescoring else "ranks, ten best"
    print(
        f"{n} x {FULL} x {WIDTH}, {what}: {scored:.0f} s, metrics with ten subsets {took:.0f} s, peak "
        f"{peak() / MiB:.0f} MiB = {peak() / GB:.2f} GB (imports {imported / MiB:.0f} MiB)",
        flush=True,
    )
    return {"work": f"{n} x {FULL}, {what}", "seconds": scored, "metrics_s": took, "peak_mib": peak() / MiB}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = []
    print(f"torch threads: {torch.get_num_threads()}; one float32 copy of {LARGE} x {LARGE} scores: {COPY:.0f} GB")
    for work in (full, large):  # first, for a child's peak begins with what its parent holds
        for rescoring in (False, True):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
                rows.append(fresh.submit(work, rescoring).result())
    print(f"{'gallery':<17} {'count, ms':>10} {'sort, ms':>10} {'ratio':>8}")
    rows += [race(n) for n in asked.sizes]
    if asked.json:
        asked.json.write_text(json.dumps({"date": str(date.today()), "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
