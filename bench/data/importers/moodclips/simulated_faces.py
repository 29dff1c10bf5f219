"""Simulated facial-expression side data: what a real classifier might have said of the drawn faces.

No classifier looks at the clips. The renderer knows the face that it drew; a noise model with the published accuracy of
mini-Xception on FER2013 (66 %, Arriaga et al. 2017, arXiv 1710.07557) says what is seen of it. Everything made here is
called simulated.
"""

from pathlib import Path
from random import Random
from typing import Any

from bench.data.faces import BOX, EXPRESSIONS, write_faces
from bench.data.importers.moodclips.acting import FRAMES
from bench.data.importers.moodclips.shots import Shot

SOURCE = "simulated: the drawn face, seen with mini-Xception's accuracy on FER2013"  # as the table names it
ACCURACY = 0.66  # of the class with the highest score, over faces that are seen
MISSED = 0.10  # of the frames: the detector saw no face
# The classes know neither trust nor anticipation: a hug looks happy, waiting mostly neutral.
DRAWN = {
    "joy": "happy",
    "trust": "happy",
    "fear": "fear",
    "surprise": "surprise",
    "sadness": "sad",
    "disgust": "disgust",
    "anger": "angry",
    "anticipation": "neutral",
    "neutral": "neutral",
}
# What a wrong answer falls on, twice as often as on any other class: the pairs that FER2013's classifiers mix up.
MIXED_UP = {
    "angry": ("disgust", "sad"),
    "disgust": ("angry", "sad"),
    "fear": ("sad", "surprise"),
    "happy": ("neutral", "surprise"),
    "sad": ("neutral", "fear"),
    "surprise": ("fear", "happy"),
    "neutral": ("sad", "happy"),
}


def simulate(shots: tuple[Shot, ...], boxes: dict[str, list[tuple[int, int, int, int]]]) -> dict[str, list[Any]]:
    """Columns of the side data, as `bench.data.faces.write_faces` takes them: a row for each frame of each shot.

    boxes: shot name -> the true (x, y, w, h) of the face in each frame, pixels. A frame has one face or, one in ten,
    none. Scores add up to 1: the named class gets 0.35..0.95, chance shares the rest out. The class named is right with
    probability 0.66, otherwise drawn from the other six. Each side of the true box is off by up to 2 pixels; the
    detector's confidence is 0.5..1.
    """
    face = ("face", *EXPRESSIONS, *BOX, "confidence")
    columns: dict[str, list[Any]] = {name: [] for name in ("video", "frame", "frames", *face)}
    for shot in shots:
        rng = Random(f"faces {shot.look} {shot.name}")
        for frame in range(FRAMES):
            columns["video"].append(shot.name)
            columns["frame"].append(frame)
            columns["frames"].append(FRAMES)
            if rng.random() < MISSED:
                for name in face:
                    columns[name].append(None)
                continue
            truth = DRAWN["neutral" if shot.mood == "surprise" and frame < 3 else shot.mood]
            named = truth
            if rng.random() >= ACCURACY:
                others = [name for name in EXPRESSIONS if name != truth] + list(MIXED_UP[truth])
                named = others[int(rng.random() * len(others))]
            top = 0.35 + 0.6 * rng.random()
            shares = {name: 0.1 + rng.random() for name in EXPRESSIONS if name != named}
            scale = (1 - top) / sum(shares.values())
            # No other class may overtake the named one: what is above half of the top is cut off and given to the top.
            scores = {name: min(share * scale, top / 2) for name, share in shares.items()}
            scores[named] = 1 - sum(scores.values())
            for name in EXPRESSIONS:
                columns[name].append(round(scores[name], 4))
            for name, side in zip(BOX, boxes[shot.name][frame], strict=True):
                columns[name].append(side + int(rng.random() * 5) - 2)
            columns["confidence"].append(round(0.5 + 0.5 * rng.random(), 4))
            columns["face"].append(0)
    return columns


def write(columns: dict[str, list[Any]], path: Path) -> None:
    """Writes the columns as a table of faces whose source says that they are simulated."""
    settings = {"accuracy": ACCURACY, "missed": MISSED}
    write_faces(columns, path, SOURCE, settings)
