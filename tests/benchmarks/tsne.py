"""How long a t-SNE map of 2 000 points with 512 features takes, as many as MSR-VTT's 1k-A has captions and clips.

    python tests/benchmarks/tsne.py

The features are random: 20 directions and noise around them, which is neither the easiest nor the hardest case.
"""

import time
from statistics import median

import numpy as np

from bench.report.feature_measures import unit
from bench.report.figures.tsne import PERPLEXITY, SEED, embed

POINTS, WIDTH, REPEATS = 2000, 512, 3


def main() -> None:
    rng = np.random.default_rng(0)
    features = unit(rng.normal(size=(20, WIDTH))[rng.integers(20, size=POINTS)] + rng.normal(size=(POINTS, WIDTH)))
    embed(features[:100], PERPLEXITY, SEED)  # what is imported once is not counted
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        embed(features, PERPLEXITY, SEED)
        seconds.append(time.perf_counter() - start)
    print(f"{POINTS} x {WIDTH}, perplexity {PERPLEXITY}, one thread: {median(seconds):.1f} s, median of {REPEATS}")


if __name__ == "__main__":
    main()
