"""How fast a query is and what it needs in memory over 100 000 windows, and where the time of indexing goes.

    python tests/benchmarks/search.py [FOLDER] [--queries] [--json FILE]

FOLDER: clips to index, default those of the shared test data. --queries: no clips.

Query: 100 000 x 512, k = 5, after load, for each backend that is installed; the median of many. Memory: the peak of a
process that reads the index of 100 000 clips and answers, without a model. Indexing: a plain CLIP B/32 with random
weights, which takes the time of a trained one.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

CLIPS, WIDTH, QUERIES = 100_000, 512, 50


def fill(folder: Path) -> None:
    """Writes an index of that many clips with random features."""
    from bench.search import index_store
    from bench.search.index_store import IndexedFile, IndexSettings, Store

    opened = Store(index_store.place(folder), IndexSettings(str(folder), "clip:x", "1", "", "", 10.0, WIDTH, {}))
    rng = np.random.default_rng(0)
    for start in range(0, CLIPS, 10_000):
        rows = rng.standard_normal((10_000, WIDTH)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        for number, row in enumerate(rows, start):
            name = f"holidays/2019/clip{number:06}.mp4"
            opened.add(name, IndexedFile(1_000_000 + number, 1_600_000_000_000_000_000 + number, 0, 8.0, ""), row[None])
        opened.save()


def ask(folder: Path, backend: str) -> None:
    """Reads the index, asks, and prints the times and this process's peak, as JSON."""
    from bench.search import index_store
    from bench.search.backends import SEARCH_BACKENDS

    begun = time.perf_counter()
    opened = index_store.read(folder)
    assert opened is not None
    index = SEARCH_BACKENDS.get(backend)()
    index.load(opened, None)
    loaded = time.perf_counter() - begun
    blocks = [rows for _, rows in getattr(index, "_blocks", [])]
    queries = np.random.default_rng(1).standard_normal((QUERIES, WIDTH)).astype(np.float32)
    whole, product = [], []
    for query in queries:
        begun = time.perf_counter()
        ids, _ = index.query(query, 15)
        [opened.window(id) for id in ids.tolist()]
        whole.append(1000 * (time.perf_counter() - begun))
        begun = time.perf_counter()
        [np.einsum("np,p->n", block, query) for block in blocks]
        product.append(1000 * (time.perf_counter() - begun))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {
        "backend": backend,
        "load_s": loaded,
        "peak_mib": peak,
        "query_ms": np.median(whole),
        "best_ms": min(whole),
    }
    print(json.dumps(found | ({"product_ms": np.median(product)} if blocks else {})))


def line(row: dict[str, Any]) -> str:
    """A backend's row of the table."""
    said = f"{row['backend']:<6} load {row['load_s']:5.1f} s, peak {row['peak_mib']:4.0f} MiB   "
    said += f"query: median {row['query_ms']:6.1f} ms, best {row['best_ms']:6.1f} ms"
    return said + (f"   of it the product: {row['product_ms']:6.1f} ms" if "product_ms" in row else "")


def index_clips(folder: Path, scratch: Path) -> dict[str, Any]:
    """The clips of a folder, 10 of each, under a CLIP B/32."""
    from helpers.search import tiny_clip
    from transformers import CLIPModel

    from bench.model.clip_vip import clip_config
    from bench.search.answer_render import work
    from bench.search.searcher import Choice, open_folder

    model = tiny_clip(scratch / "b32")  # for its tokenizer
    CLIPModel(clip_config("b32")).save_pretrained(model)
    clips = scratch / "clips"
    clips.mkdir()
    for path in sorted(folder.iterdir()):
        for copy in range(10):
            (clips / f"{copy}-{path.name}").symlink_to(path.resolve())
    searcher = open_folder(clips, scratch, Choice(f"clip:{model}"))
    print(work(searcher.summary))
    begun = time.perf_counter()
    searcher.encoder.text("happy smiling people")
    text = 1000 * (time.perf_counter() - begun)
    print(f"a query's text: {text:.0f} ms")
    return {"indexing": work(searcher.summary), "text_ms": text}


def main() -> None:
    if sys.argv[1:2] == ["--fill"]:
        fill(Path(sys.argv[2]))
        return
    if sys.argv[1:2] == ["--ask"]:
        ask(Path(sys.argv[2]), sys.argv[3])
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    shared = Path(os.environ.get("BENCH_SHARED", Path(__file__).parents[2] / ".." / "shared"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=shared / "videos")
    parser.add_argument("--queries", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        os.environ["BENCH_HOME"] = name
        folder = Path(name) / "videos"
        # in a process: a child's peak begins with its parent's memory
        subprocess.run([sys.executable, __file__, "--fill", str(folder)], check=True)
        for backend in ("numpy", "faiss"):
            if backend == "numpy" or importlib.util.find_spec(backend):
                words = [sys.executable, __file__, "--ask", str(folder), backend]
                rows.append(json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout))
                print(line(rows[-1]))
        if not asked.queries:
            rows.append(index_clips(asked.folder, Path(name)))
    if asked.json:
        asked.json.write_text(json.dumps({"date": str(date.today()), "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
