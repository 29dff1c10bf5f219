"""What a grid gains from a frozen video tower: text-side variants on moodclips, a process a cell.

    python tests/benchmarks/frozen.py [--steps 12] [--cells 3] [--home DIR] [--json FILE] [words of `bench run`]

Every cell is trained three times: as usual; with `--freeze video` where the tower runs in every step all the same; and
with the tower's features kept. The kinds take turns, cell by cell, so that other work on the machine meets all three.
A cell takes `seconds` without its steps, and `ms/step`. The last lines work out from the medians what a grid of 10
variants x 3 seeds takes with all steps of the recipe; what only the first kept cell does, encoding all clips, counts
once. The first losses of the two frozen kinds must be equal to the bit.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from platform import processor
from statistics import median
from typing import Any

CELLS = [("film_text", 42), ("gated_additive", 43), ("cross_attention", 44)]
KINDS = ("usual", "frozen", "kept")
GRID, FULL = 30, 216  # cells; steps of a training of 12 epochs, 1200 clips, batches of 64


def run_cell(kind: str, words: list[str]) -> None:
    """One cell, in this process."""
    from bench.cli import main as bench

    if kind == "frozen":
        from bench.engine import frozen

        frozen.takes_features = lambda *_: False  # type: ignore[assignment]
    bench(words)


def cell(kind: str, variant: str, seed: int, steps: int, folder: Path, words: list[str]) -> dict[str, Any]:
    """Seconds of a cell without its steps, seconds of a step, and the first loss."""
    results = folder / f"{kind}-{variant}-{seed}"
    command = ["run", "--variant", variant, "--seed", str(seed), "--train.steps", str(steps), "--results", str(results)]
    command += [*words, *([] if kind == "usual" else ["--freeze", "video"])]
    environment = {**os.environ, "BENCH_HOME": str(folder / "home")}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, __file__, "--cell", kind, *command], env=environment, capture_output=True, check=True
    )
    whole = time.perf_counter() - start
    [path] = results.glob("*/*/*/*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    training, loss = record["timings"]["train"], record["curve"][0]["loss"]
    return {"kind": kind, "variant": variant, "rest": whole - training, "step": training / steps, "loss": loss}


def grid_seconds(rows: list[dict[str, Any]], kind: str) -> float:
    """What a grid of GRID cells with all steps takes, from the medians of the cells that were measured."""
    cells = [row for row in rows if row["kind"] == kind]
    rest = [row["rest"] for row in cells]
    usual_rest = median(rest[1:] if kind == "kept" and len(rest) > 1 else rest)
    return GRID * (usual_rest + FULL * median(row["step"] for row in cells)) + max(0, rest[0] - usual_rest)


def main() -> None:
    if sys.argv[1:2] == ["--cell"]:
        run_cell(sys.argv[2], sys.argv[3:])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--cells", type=int, default=3)
    parser.add_argument("--home", type=Path, help="a cache folder with rendered moodclips; otherwise they are rendered")
    parser.add_argument("--json", type=Path)
    asked, words = parser.parse_known_args()
    hardware = f"{processor() or 'CPU'}, {os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}"
    print(f"{asked.steps} steps a cell, {hardware}, {date.today()}")
    print(f"{'variant':<18} {'kind':<7} {'seconds':>7} {'ms/step':>8}  first loss")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        if asked.home:
            (folder / "home" / "moodclips").symlink_to(asked.home.resolve() / "moodclips")
            shutil.copy(asked.home / "videos.json", folder / "home")
        for variant, seed in CELLS[: asked.cells]:
            for kind in KINDS:
                row = cell(kind, variant, seed, asked.steps, folder, words)
                rows.append(row)
                print(
                    f"{variant:<18} {kind:<7} {row['rest']:7.1f} {1000 * row['step']:8.0f}  {row['loss']!r}", flush=True
                )
    losses = {kind: [row["loss"] for row in rows if row["kind"] == kind] for kind in KINDS}
    equal = losses["frozen"] == losses["kept"]
    seconds = {kind: grid_seconds(rows, kind) for kind in KINDS}
    print(f"first losses of frozen and kept are equal to the bit: {equal}")
    for kind in KINDS:
        print(
            f"{GRID} cells of {FULL} steps, {kind:<7} {seconds[kind]:7.0f} s   {seconds[kind] / seconds['kept']:5.1f} x"
        )
    if asked.json:
        content = {"hardware": hardware, "date": str(date.today()), "cells": rows, "grid": seconds, "equal": equal}
        asked.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
