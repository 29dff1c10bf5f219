"""How long a training step takes beside other work, by how PyTorch's threads wait for each other.

    python tests/benchmarks/busy.py [--steps 10] [--clips 64] [--rounds 3] [--json FILE]

`bench run` trains the tiny model on a few clips of moodclips, alone and beside one process a core that computes without
end:

    spinning      as PyTorch's threads wait by default: on their core (GOMP_SPINCOUNT=300000, KMP_BLOCKTIME=200)
    bench         as `import bench` sets it: they give their core away (OMP_WAIT_POLICY=PASSIVE)
    one thread    OMP_NUM_THREADS=1

Seconds a step are the record's, medians of rounds that take turns. A machine of one core has no threads that wait.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from bench.data.annotation import load_annotation
from bench.data.importers import moodclips
from bench.engine.environment import environment
from bench.utils.machine import usable_cores

VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
WAYS = {
    "spinning": {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"},
    "bench": {},
    "one thread": {"OMP_NUM_THREADS": "1"},
}


def prepare(folder: Path, clips: int) -> None:
    """Clips with a caption each, as a folder of one's own."""
    rendered = moodclips.ensure(folder.with_name("rendered"), train=clips, val=0, test=8)
    folder.mkdir()
    (rendered / "videos").rename(folder / "videos")
    lines = ["file_name,text,split"]
    for split in ("train", "test"):
        for clip in load_annotation(rendered, split, "moodclips").clips:
            lines.append(f'videos/{clip.video}.mp4,"{clip.captions[0]}",{split}')
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    words = [sys.executable, "-m", "bench", "data", "prepare", str(folder), "--name", "mine"]
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)


@contextmanager
def other_work(processes: int) -> Iterator[None]:
    """So many processes that compute without end."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def train(folder: Path, steps: int, way: str) -> dict[str, Any]:
    """Seconds a step, the losses, and what was said on stderr."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | WAYS[way]
    with tempfile.TemporaryDirectory() as results:
        words = [sys.executable, "-m", "bench", "run", "--dataset", str(folder), "--init", "tiny", "--json"]
        words += ["--video.cache", "--train.batch", "32", "--train.steps", str(steps), "--results", results]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    record = json.loads(done.stdout)
    return {
        "seconds": record["timings"]["train"] / steps,
        "losses": [point["loss"] for point in record["curve"]],
        "said": [line for line in done.stderr.splitlines() if "busy" in line],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    hardware, cores = environment()["hardware"], usable_cores()
    print(f"{hardware['cpu']}, {cores} cores, {date.today()}")
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as name:
        os.environ["BENCH_HOME"] = str(Path(name) / "home")
        folder = Path(name) / "clips"
        prepare(folder, asked.clips)
        for _ in range(asked.rounds):
            for beside, processes in (("nothing", 0), ("other work", cores)):
                for way in WAYS:
                    with other_work(processes):
                        found.setdefault((way, beside), []).append(train(folder, asked.steps, way))
    print(f"{'threads':<12}{'s/step alone':>14}{'beside other work':>19}{'ratio':>7}  losses as when spinning")
    rows = []
    for way in WAYS:
        alone, beside = (median(one["seconds"] for one in found[way, what]) for what in ("nothing", "other work"))
        usual = found["spinning", "nothing"][0]["losses"]
        apart = max(
            abs(one - other)
            for what in ("nothing", "other work")
            for run in found[way, what]
            for one, other in zip(run["losses"], usual, strict=True)
        )
        said = any(run["said"] for run in found[way, "other work"])
        rows.append({"threads": way, "alone": alone, "beside": beside, "losses_apart": apart, "said_busy": said})
        equal = "to the bit" if apart == 0 else f"within {apart:.0e}"
        print(f"{way:<12}{alone:>14.3f}{beside:>19.3f}{beside / alone:>7.1f}  {equal}")
    print("bench said that the machine was busy:", found["bench", "other work"][0]["said"] or "no")
    if asked.json:
        asked.json.write_text(json.dumps({"hardware": hardware, "date": str(date.today()), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
