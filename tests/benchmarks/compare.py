"""How long the comparison of 12 runs of 1 000 queries takes: 12 variants of one seed, and 4 variants of 3 seeds.

python tests/benchmarks/compare.py
"""

import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers.records import make_record

from bench.compare import render

QUERIES, REPEATS = 1000, 3


def main() -> None:
    render([make_record(24), make_record(24, variant="other")])  # what is imported once is not counted
    for variants, seeds in ((12, 1), (4, 3)):
        names = ["plain", *(f"variant_{number}" for number in range(1, variants))]
        records = [
            make_record(QUERIES, variant=name, seed=seed, strength=3.0) for name in names for seed in range(seeds)
        ]
        seconds = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            render(records)
            seconds.append(time.perf_counter() - start)
        print(f"{variants} variants x {seeds} seeds, {QUERIES} queries: {median(seconds):.2f} s, median of {REPEATS}")


if __name__ == "__main__":
    main()
