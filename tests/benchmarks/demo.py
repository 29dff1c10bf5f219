"""How the demo bears many queries at once: 1 000 of them, 16 at a time, against a server on this machine.

    python tests/benchmarks/demo.py [FOLDER --run ID --results DIR …]      the words of `bench demo`

Without words the coloured clips of the tests are asked, under a tiny CLIP. Every
answer must be whole: its own query, ten moments or as many as there are, no error. Every tenth request is a page with
its first clip's first bytes.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import numpy as np

QUERIES, AT_ONCE = 1000, 16
PEOPLE = ("happy people", "a sad cook", "an angry astronaut", "a robot", "a surprised old man")
PLACES = ("in the city", "in a library", "on the moon", "at home")


def ask(address: str, number: int) -> float:
    """Seconds for one query. AssertionError: the answer is not whole."""
    query = f"{PEOPLE[number % 5]} {PLACES[number % 4]} {number}"
    begun = time.perf_counter()
    if number % 10:
        with urllib.request.urlopen(f"{address}/api/search?q={quote(query)}", timeout=120) as answer:
            found = json.load(answer)
        assert found["query"] == query and found["moments"], found
        return time.perf_counter() - begun
    with urllib.request.urlopen(f"{address}/?q={quote(query)}", timeout=120) as answer:
        page = answer.read().decode()
    seconds = time.perf_counter() - begun
    clip = re.search(r'<video [^>]*src="(/clips/\d+)', page)
    assert query in page and clip, page
    part = urllib.request.Request(address + clip[1], headers={"Range": "bytes=0-99"})
    with urllib.request.urlopen(part, timeout=120) as answer:
        assert (answer.status, len(answer.read())) == (206, 100)
    return seconds


def measure(words: list[str]) -> None:
    """Starts a server, asks, stops it, and prints what came of it."""
    command = [sys.executable, "-m", "bench", "demo", *words, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().split()[0]
        ask(address, 0)

        def timed(number: int) -> float | str:
            try:
                return ask(address, number)
            except (OSError, AssertionError) as error:
                return str(error)[:200] or type(error).__name__

        begun = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(timed, range(QUERIES)))
        whole = time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(30)
    times = 1000 * np.array([one for one in answers if isinstance(one, float)])
    errors = [one for one in answers if isinstance(one, str)]
    print(f"{QUERIES} queries, {AT_ONCE} at once: {len(errors)} errors, {QUERIES / whole:.0f} a second", end="")
    if len(times):
        print(
            f"; p50 {np.percentile(times, 50):.0f} ms, p95 {np.percentile(times, 95):.0f} ms, max {times.max():.0f} ms"
        )
    for error in sorted(set(errors))[:5]:
        print(error)
    sys.exit(bool(errors))


def main() -> None:
    if sys.argv[1:]:
        measure(sys.argv[1:])
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from helpers.demo import fill
    from helpers.search import tiny_clip

    with tempfile.TemporaryDirectory() as name:
        os.environ["BENCH_HOME"] = name
        clips, model = fill(Path(name) / "clips"), tiny_clip(Path(name) / "model")
        measure([str(clips), "--model", f"clip:{model}"])


if __name__ == "__main__":
    main()
