"""A dataset of your own: a folder of videos with a table of captions, scored and trained on without any code for it.

python examples/own_dataset.py FOLDER

Makes FOLDER/clips with 32 drawn clips and metadata.csv, then scores plain CLIP-ViP on the test half as it is shipped
and after a short training on the other half; the records go to FOLDER/results. With videos of yours, leave out
`draw`: docs/own-data.md has the columns of the table. The same on the command line:

bench run --dataset FOLDER/clips --init tiny --train.epochs 0
"""

import csv
import sys
from pathlib import Path

import numpy as np

import bench
from bench.data.video import write_video

COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 80, 220), "yellow": (230, 210, 50)}
MOODS = {"joy": "a happy {} ball leaps up and down", "sadness": "a sad {} ball sinks slowly"}


def draw(colour: tuple[int, int, int], mood: str, left: int) -> np.ndarray:
    """Two seconds of a ball, at 6 frames a second: (12, 64, 64, 3) uint8."""
    frames = np.full((12, 64, 64, 3), 235, np.uint8)
    y, x = np.mgrid[:64, :64]
    for time, frame in enumerate(frames):
        height = 40 - 28 * abs(np.sin(time)) if mood == "joy" else 16 + 3 * time
        frame[(x - left) ** 2 + (y - height) ** 2 < 100] = colour
    return frames


def make(folder: Path) -> None:
    """Writes the clips and their table: four takes of every colour and mood, two to train and two to test."""
    rows = []
    for split, places in {"train": (16, 32), "test": (24, 44)}.items():
        for colour, rgb in COLOURS.items():
            for mood, caption in MOODS.items():
                for left in places:
                    name = f"{split}_{colour}_{mood}_{left}.mp4"
                    write_video(folder / name, draw(rgb, mood, left), 6)
                    where = "on the left" if left == min(places) else "on the right"
                    text = f"{caption.format(colour)} {where}"
                    rows.append({"file_name": name, "text": text, "split": split, "emotion": mood})
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def main(folder: Path) -> None:
    clips = folder / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    if not (clips / "metadata.csv").exists():
        make(clips)
    settings = {"dataset": clips, "results": folder / "results", "init": "tiny", "video": {"workers": 0}}
    for steps in (0, 20):
        training = {"epochs": 0} if steps == 0 else {"steps": steps, "batch": 8, "accumulation": 1, "lr": 1e-3}
        run = bench.run("plain", train=training, **settings)
        found, n = run.metrics["all"]["t2v"]["R@1"], run.metrics["all"]["n"]
        print(f"{steps:2} steps: T2V R@1 {found['value']:.1f} % [{found['low']:.1f}-{found['high']:.1f}], n = {n}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
