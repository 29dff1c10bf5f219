"""Simulated facial-expression side data: what a real classifier might have said of the drawn faces.

No classifier looks at the clips. The renderer knows the face that it drew; a noise model with the published accuracy of
mini-Xception on FER2013 (66 %, Arriaga et al. 2017, arXiv 1710.07557) says what is seen of it. Everything made here is
called simulated.
"""

from pathlib import Path
from random import Random
from typing import Any

from ...files import replacing
from .acting import FRAMES
from .plan import Shot

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # FER2013's order
ACCURACY = 0.66  # of the class with the highest score, over faces that are seen
MISSED = 0.10  # of the frames have no row: the detector saw no face
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
    """Columns of the side data, a row for each frame in which the face is seen.

    boxes: shot name -> the true (x, y, w, h) of the face in each frame, pixels. Columns: video, frame, seven classes
    (scores that add up to 1), x, y, w, h (the true box, each side off by up to 2 pixels), confidence (of the detector,
    0.5..1), source ("simulated"). A score: the named class gets 0.35..0.95, chance shares the rest out. In one frame of
    ten there is no row. The class named is right with probability 0.66, otherwise drawn from the other six.
    """
    columns: dict[str, list[Any]] = {name: [] for name in ("video", "frame", *CLASSES, *"xywh", "confidence", "source")}
    for shot in shots:
        rng = Random(f"faces {shot.look} {shot.name}")
        for frame in range(FRAMES):
            if rng.random() < MISSED:
                continue
            truth = DRAWN["neutral" if shot.mood == "surprise" and frame < 3 else shot.mood]
            named = truth
            if rng.random() >= ACCURACY:
                others = [name for name in CLASSES if name != truth] + list(MIXED_UP[truth])
                named = others[int(rng.random() * len(others))]
            top = 0.35 + 0.6 * rng.random()
            shares = {name: 0.1 + rng.random() for name in CLASSES if name != named}
            scale = (1 - top) / sum(shares.values())
            # No other class may overtake the named one: what is above half of the top is cut off and given to the top.
            scores = {name: min(share * scale, top / 2) for name, share in shares.items()}
            scores[named] = 1 - sum(scores.values())
            for name in CLASSES:
                columns[name].append(round(scores[name], 4))
            for name, side in zip("xywh", boxes[shot.name][frame], strict=True):
                columns[name].append(side + int(rng.random() * 5) - 2)
            columns["confidence"].append(round(0.5 + 0.5 * rng.random(), 4))
            columns["video"].append(shot.name)
            columns["frame"].append(frame)
            columns["source"].append("simulated")
    return columns


def write(columns: dict[str, list[Any]], path: Path) -> None:
    """Writes the columns as parquet, whole or not at all, with "source: simulated" in the file's metadata too."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(columns).replace_schema_metadata(
        {"source": "simulated", "accuracy": str(ACCURACY), "missed": str(MISSED)}
    )
    with replacing(path) as temporary:
        parquet.write_table(table, temporary)
