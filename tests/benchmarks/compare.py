"""How long the paired comparison of 12 runs of 1 000 queries takes: every run with the first, p and difference.

python tests/benchmarks/compare.py
"""

import time
from statistics import median

import numpy as np

from bench.stats import paired_difference, sign_flip

RUNS, QUERIES, REPEATS = 12, 1000, 5


def main() -> None:
    rng = np.random.default_rng(0)
    ranks = [rng.geometric(0.3, size=QUERIES).astype(float) for _ in range(RUNS)]
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for other in ranks[1:]:
            sign_flip(ranks[0], other)
            paired_difference(ranks[0] == 1, other == 1)
        seconds.append(time.perf_counter() - start)
    print(f"{RUNS} runs, {QUERIES} queries: median {median(seconds):.3f} s of {REPEATS}, slowest {max(seconds):.3f} s")


if __name__ == "__main__":
    main()
