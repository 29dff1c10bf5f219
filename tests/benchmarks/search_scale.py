"""What each search backend needs for many windows, and what it finds: recall@10, time, memory, disk.

    python tests/benchmarks/search_scale.py [--windows 10000 100000 1000000] [--width 512] [--uniform] [--json FILE]
        [--backends numpy faiss lance qdrant]

An index as `bench index` writes it is filled with vectors that are made to be like a video model's. Each is the sum
of a direction that all share (so that two of them have a cosine of 0.5), its topic (one for 1 000 windows, of unequal
sizes), its video (10 windows each) and itself, drawn with variances that fall as 1/i over the axes of a rotated space
and with lengths of 1, 0.7, 0.6 and 0.25. A query is a topic and something of its own in another place, as captions
are: its best windows have a cosine of 0.3 or so. --uniform: vectors and queries without any structure, the worst case
for an index.

For each backend a process loads the index for the first time ("build"; lance writes its table then), and a second one
loads it and asks: QUERIES queries for 10 windows one after another, then CLIENTS threads at once that ask a
`Searcher`, as `bench demo` does, without a text model. Recall is the share of the 10 windows found that score at
least as high as the tenth best by numpy's product. Memory is the peak of the process before the clients, without
torch; "disk" is what lies beside the index for this backend. qdrant is the client's local mode, up to 10 000 windows,
or the server that BENCH_QDRANT_URL names. CPU seconds and milliseconds, of all cores, tell more than the clock where
other work runs.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

QUERIES, CLIENTS, K = 100, 4, 10
EACH = 10  # windows a video: 55 s
TOPIC = 1000  # windows
PART = 100_000  # windows drawn at once
LOCAL = 10_000  # windows that Qdrant's local mode is given at most
BUILD = ("build s", "build CPU", "build MiB", "disk MiB")
COLUMNS = (*BUILD, "load s", "MiB", "recall@10", "CPU ms", "p50 ms", "p95 ms", "p95 at 4", "answers/s")


class Drawn:
    """Vectors and queries; see above. uniform: without structure."""

    def __init__(self, windows: int, width: int, uniform: bool) -> None:
        self.windows, self.width, self.uniform = windows, width, uniform
        self.rng = np.random.default_rng(0)
        scale = np.arange(1, width + 1) ** -0.5
        rotation = np.linalg.qr(self.rng.standard_normal((width, width)))[0]
        self.mix = (scale[:, None] / np.linalg.norm(scale) * rotation).astype(np.float32)
        topics = max(16, windows // TOPIC)
        self.topics = self._draw(topics)
        self.share = np.arange(1, topics + 1) ** -0.7
        self.share /= self.share.sum()
        self.common, self.gap = (unit(self.rng.standard_normal((1, width))) for _ in range(2))

    def _draw(self, count: int) -> np.ndarray:  # (count, P), of length 1 or so
        return self.rng.standard_normal((count, self.width), np.float32) @ self.mix

    def vectors(self) -> Iterator[np.ndarray]:
        """All of them, (n, P) float32 of unit norm, part after part."""
        for start in range(0, self.windows, PART):
            count = min(PART, self.windows - start)
            if self.uniform:
                yield unit(self.rng.standard_normal((count, self.width), np.float32))
                continue
            videos = -(-count // EACH)
            topic = self.topics[self.rng.choice(len(self.topics), videos, p=self.share)]
            video = self.common + 0.7 * topic + 0.6 * self._draw(videos)
            yield unit(np.repeat(video, EACH, axis=0)[:count] + 0.25 * self._draw(count))

    def queries(self) -> np.ndarray:
        if self.uniform:
            return unit(self.rng.standard_normal((QUERIES, self.width), np.float32))
        topic = self.topics[self.rng.choice(len(self.topics), QUERIES, p=self.share)]
        return unit(2 * self.gap + 0.7 * topic + 0.6 * self._draw(QUERIES))


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def fill(folder: Path, drawn: Drawn) -> None:
    """Writes an index of videos of EACH windows."""
    from bench.search import index_store
    from bench.search.index_store import IndexedFile, IndexSettings, Store

    settings = IndexSettings(str(folder), "clip:x", "1", "", "", 10.0, drawn.width, {})
    opened, number = Store(index_store.place(folder), settings), 0
    for part in drawn.vectors():
        for rows in np.split(part, range(EACH, len(part), EACH)):
            seconds = 10.0 + 5.0 * (len(rows) - 1)
            opened.add(f"holidays/2019/clip{number:08}.mp4", IndexedFile(1_000_000, number, 0, seconds, ""), rows)
            number += 1
        opened.save()


def tenth_best(folder: Path, queries: np.ndarray) -> np.ndarray:
    """The K-th highest score of each query (queries,), by numpy's product with every window."""
    from bench.search import index_store

    opened = index_store.read(folder)
    assert opened is not None
    best = np.zeros((len(queries), 0), np.float32)
    for _, vectors in opened.features():
        best = np.sort(np.concatenate([best, queries @ vectors.T], axis=1), axis=1)[:, -K:]
    return best[:, 0]


class Encoded:
    """In place of a model: a query is the number of a vector."""

    dot = True

    def __init__(self, queries: np.ndarray, width: int) -> None:
        from bench.search.models import Described

        self.queries, self.described = queries, Described("x", "vectors", "1", 4, 32, width, "")

    def text(self, query: str) -> np.ndarray:
        return self.queries[int(query)]


class Loaded:
    """A backend that is loaded already, for a `Searcher`, which imports torch."""

    own_scores = False

    def __init__(self, backend: Any) -> None:
        self.query = backend.query

    def load(self, *_: object) -> None: ...


def measure(folder: Path, backend: str, stage: str) -> dict[str, float]:
    """Loads, and asks if stage is "ask"; seconds, milliseconds, MiB."""
    from bench.search import index_store
    from bench.search.backends import SEARCH_BACKENDS, qdrant_server

    if backend == "qdrant" and not os.environ.get("BENCH_QDRANT_URL"):
        from qdrant_client import QdrantClient

        client = QdrantClient(":memory:")
        qdrant_server.connect = lambda: client
    opened = index_store.read(folder)
    assert opened is not None
    queries, tenth = np.load(folder / "queries.npy"), np.load(folder / "tenth.npy")
    searching = SEARCH_BACKENDS.get(backend)()
    begun, used, before = time.perf_counter(), time.process_time(), peak()
    searching.load(opened, None)
    found = {"load s": time.perf_counter() - begun, "MiB before": before}
    if stage == "build":
        return found | {"build CPU": time.process_time() - used, "build MiB": peak()}
    times, hits = [], 0
    searching.query(queries[0], K)  # what a process does once
    used = time.process_time()
    for query, least in zip(queries, tenth, strict=True):
        begun = time.perf_counter()
        _, scores = searching.query(query, K)
        times.append(1000 * (time.perf_counter() - begun))
        hits += int((scores >= least - 1e-6).sum())  # equal scores and rounding: either window is right
    found |= {"CPU ms": 1000 * (time.process_time() - used) / QUERIES, "recall@10": hits / (K * QUERIES)}
    found |= {"p50 ms": np.percentile(times, 50), "p95 ms": np.percentile(times, 95)}
    return found | {"MiB": peak()} | under_load(folder, opened, Encoded(queries, opened.about.width), Loaded(searching))


def under_load(folder: Path, opened: Any, encoded: Encoded, backend: Loaded) -> dict[str, float]:
    """CLIENTS threads at once, until each query was asked twice."""
    from bench.search.building import UpdateSummary
    from bench.search.searcher import Searcher

    searcher = Searcher(folder, opened, encoded, UpdateSummary(), backend)

    def ask(number: int) -> float:
        begun = time.perf_counter()
        assert searcher.ask(str(number % QUERIES), K).moments
        return 1000 * (time.perf_counter() - begun)

    ask(0)
    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        times = list(pool.map(ask, range(2 * QUERIES)))
    return {"p95 at 4": np.percentile(times, 95), "answers/s": len(times) / (time.perf_counter() - begun)}


def peak() -> float:
    """MiB of this process, at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process(*words: object) -> dict[str, float]:
    """What this script prints for these words; in a process of its own, which starts without this one's memory."""
    done = subprocess.run([sys.executable, __file__, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def prepare(folder: Path, windows: int, width: int, uniform: bool) -> dict[str, float]:
    """Writes the index, the queries and what is to be found."""
    drawn = Drawn(windows, width, uniform)
    folder.mkdir()
    fill(folder, drawn)
    queries = drawn.queries()
    np.save(folder / "queries.npy", queries)
    np.save(folder / "tenth.npy", tenth_best(folder, queries))
    return {}


def rows(scratch: Path, windows: int, words: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A line a backend."""
    from bench.search import index_store

    folder = scratch / "videos"
    in_a_process("--prepare", folder, windows, words.width, int(words.uniform))
    for backend in words.backends:
        if backend == "qdrant" and windows > LOCAL and not os.environ.get("BENCH_QDRANT_URL"):
            continue
        built = in_a_process("--measure", folder, backend, "build")
        found = in_a_process("--measure", folder, backend, "ask")
        disk = sum(path.stat().st_size for path in (index_store.place(folder) / backend).rglob("*") if path.is_file())
        built |= {"build s": built["load s"], "disk MiB": disk / 2**20}
        yield {"windows": windows, "backend": backend, **{name: built[name] for name in BUILD}, **found}


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps({name: float(value) for name, value in measure(Path(sys.argv[2]), *sys.argv[3:]).items()}))
        return
    if sys.argv[1:2] == ["--prepare"]:
        print(json.dumps(prepare(Path(sys.argv[2]), *map(int, sys.argv[3:]))))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--backends", nargs="+", default=["numpy", "faiss", "lance", "qdrant"])
    parser.add_argument("--uniform", action="store_true")
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()
    print(f"{'windows':>9} {'backend':<7}", *(f"{name:>9}" for name in COLUMNS))
    every = []
    for windows in words.windows:
        with tempfile.TemporaryDirectory() as name:
            os.environ["BENCH_HOME"] = name
            for row in rows(Path(name), windows, words):
                cells = [f"{row[name]:9.3f}" if name == "recall@10" else f"{row[name]:9.1f}" for name in COLUMNS]
                print(f"{windows:>9} {row['backend']:<7}", *cells, flush=True)
                every.append(row)
    if words.json:
        words.json.write_text(json.dumps({"width": words.width, "uniform": words.uniform, "rows": every}, indent=1))


if __name__ == "__main__":
    main()
