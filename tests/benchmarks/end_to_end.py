"""A whole training as `bench run` makes it: pairs a second from small copies, and how long it waits for clips.

    python tests/benchmarks/end_to_end.py [--clips 64] [--model b32] [--json FILE] [words of `bench run`]

Four clips of 15 s (320 x 240, 30 frames a second, with as much detail as real clips) and their copies stand under as
many names as --clips says, with captions of random words, and the model's weights are random; so only the pages of a
few files are read from the disk. The same training is run from the copies and, for comparison, with up to --kept clips
whose frames are all in memory (--video.cache). Rates are of the training alone: the record's `train` and `waiting`.
The published recipe on a GPU: --clips 9000 --train.epochs 5
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from video import make_clips

from bench.data.compress import COMPRESSED, compress
from bench.data.video import list_videos
from bench.engine.environment import environment

WORDS = [
    "man",
    "woman",
    "dog",
    "ball",
    "dances",
    "sings",
    "runs",
    "cooks",
    "street",
    "kitchen",
    "happy",
    "sad",
    "angry",
]


def make_folder(folder: Path, clips: int, seconds: int) -> None:
    """A dataset: clips under names of their own, their copies, and a caption of 8 to 20 words for each."""
    made = folder.with_name(f"{folder.name}-made")
    made.mkdir()
    make_clips(made, seconds=seconds)
    sources = list_videos(made)
    copies = compress(made).out
    (folder / COMPRESSED).mkdir(parents=True)
    draw = random.Random(0)
    rows = ["file_name,text,split"]
    for number in range(clips + 2):
        source = sources[number % len(sources)]
        (folder / f"clip{number}.mp4").hardlink_to(source)
        (folder / COMPRESSED / f"clip{number}.mp4").hardlink_to(copies / f"{source.stem}.mp4")
        caption = " ".join(draw.choices(WORDS, k=draw.randint(7, 19)))
        rows.append(f"clip{number}.mp4,{caption} {number},{'train' if number < clips else 'test'}")
    (folder / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")


def train(folder: Path, results: Path, words: Sequence[str]) -> dict[str, Any]:
    """The record of a run."""
    command = [
        "run",
        "--dataset",
        str(folder),
        "--init",
        "random",
        "--model.tokenizer",
        "captions",
        "--model.tokens",
        "32",
        "--json",
    ]
    command += ["--results", str(results), "--seed", "1", *words]
    environ = os.environ | {"BENCH_HOME": str(results)}
    done = subprocess.run([sys.executable, "-m", "bench", *command], env=environ, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def measure(clips: int, kept: int, words: Sequence[str], seconds: int = 15) -> list[dict[str, Any]]:
    """The rows of the table: from copies and, if `kept` is not 0, with frames in memory."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        make_folder(scratch / "all", clips, seconds)
        record = train(scratch / "all", scratch / "copies", words)
        rows = [row("small copies", record)]
        if kept:
            make_folder(scratch / "few", min(kept, clips), seconds)
            cached = [*words, "--video.cache", "--train.steps", str(len(record["curve"]))]
            rows.append(row("frames in memory", train(scratch / "few", scratch / "memory", cached)))
    return rows


def row(what: str, record: dict[str, Any]) -> dict[str, Any]:
    """What a record says of its training's speed. waiting: the share of the training's seconds."""
    recipe, timings = record["config"]["train"], record["timings"]
    pairs = len(record["curve"]) * recipe["accumulation"] * recipe["batch"]
    spent = timings["train"] + timings["waiting"]
    return {
        "work": f"bench run, {what}, {pairs} pairs",
        "way": "ours",
        "pairs_per_s": pairs / spent,
        "seconds": spent,
        "waiting": timings["waiting"] / spent,
        "data_s": timings["data"],
        "evaluate_s": timings["evaluate"],
    }


def show(rows: Sequence[dict[str, Any]]) -> None:
    for one in rows:
        print(
            f"{one['work']:46}{one['pairs_per_s']:9.2f} pairs/s, {one['seconds']:.1f} s of training, "
            f"{one['waiting']:.1%} of it waiting for clips",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--kept", type=int, default=256)
    parser.add_argument("--seconds", type=int, default=15, help="of a clip")
    parser.add_argument("--model", default="b32")
    parser.add_argument("--json", type=Path)
    asked, words = parser.parse_known_args()
    rows = measure(asked.clips, asked.kept, ["--model", asked.model, *words], asked.seconds)
    show(rows)
    if asked.kept:
        print(f"from small copies at {rows[0]['pairs_per_s'] / rows[1]['pairs_per_s']:.1%} of the rate from memory")
    if asked.json:
        date = datetime.now(UTC).isoformat(timespec="seconds")
        found = {"date": date, **environment([]), "words": [asked.model, *words], "rows": rows}
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
