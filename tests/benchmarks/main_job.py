"""How long the README's main job takes, what memory it needs, and what it scores; on a fresh cache, in one go.

    python tests/benchmarks/main_job.py [VARIANT ...]        additive_text and plain if none is named

The first variant's time includes rendering moodclips. Memory is the largest single process's peak.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(variant: str, folder: Path) -> tuple[float, dict]:
    """Seconds and the record of one `bench run`."""
    words = [sys.executable, "-m", "bench", "run", "--variant", variant, "--results", str(folder / "results"), "--json"]
    start = time.monotonic()
    done = subprocess.run(words, env={**os.environ, "BENCH_HOME": str(folder)}, stdout=subprocess.PIPE, check=True)
    return time.monotonic() - start, json.loads(done.stdout)


def main() -> None:
    print(f"{'variant':<16} {'seconds':>7} {'data':>6} {'train':>6} {'peak MB':>7}  T2V R@1  R@10  TwinAcc  (n)")
    with tempfile.TemporaryDirectory() as name:
        for variant in sys.argv[1:] or ["additive_text", "plain"]:
            seconds, record = run(variant, Path(name))
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            scores, timings = record["metrics"]["all"]["t2v"], record["timings"]
            training = timings["train"] + timings["waiting"]
            print(
                f"{variant:<16} {seconds:7.0f} {timings['data']:6.0f} {training:6.0f} {peak:7.0f}  "
                f"{scores['R@1']['value']:7.1f} {scores['R@10']['value']:5.1f} {scores['TwinAcc']['value']:8.1f}  "
                f"({record['metrics']['all']['n']})"
            )


if __name__ == "__main__":
    main()
