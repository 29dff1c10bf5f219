"""The embedded dataset's face scores: a simulated classifier that errs as often as published ones do."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from bench.data.faces import BOX, EXPRESSIONS
from bench.data.importers.moodclips import simulated_faces
from bench.data.importers.moodclips.acting import FRAMES
from bench.data.importers.moodclips.shots import MOODS, Plan, Shot


@pytest.fixture(scope="module")
def rows(full: Plan) -> pd.DataFrame:
    """The side data of the default dataset, with boxes of no interest."""
    boxes = {shot.name: [(40, 40, 25, 26)] * FRAMES for shot in full.shots}
    return pd.DataFrame(simulated_faces.simulate(full.shots, boxes))


@pytest.fixture(scope="module")
def seen(rows: pd.DataFrame) -> pd.DataFrame:
    return only_seen(rows)


def only_seen(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with a face."""
    whole = dict.fromkeys(("face", *BOX), int)  # nulls made them floats
    return rows.dropna().astype(whole).reset_index(drop=True)


def test_every_frame_of_every_clip_is_looked_at(rows: pd.DataFrame, full: Plan):
    assert list(zip(rows["video"], rows["frame"], strict=True)) == [
        (shot.name, frame) for shot in full.shots for frame in range(FRAMES)
    ]


def test_scores_add_up_to_one(seen: pd.DataFrame):
    assert np.allclose(seen[list(EXPRESSIONS)].sum(axis=1), 1, atol=5e-4)


def test_top_score_is_right_as_often_as_published(seen: pd.DataFrame, shots: dict[str, Shot]):
    moods = [shots[video].mood for video in seen["video"]]
    late = seen["frame"] >= 3  # from then on a surprised face is surprised
    right = seen[list(EXPRESSIONS)].idxmax(axis=1) == pd.Series([simulated_faces.DRAWN[mood] for mood in moods])
    assert abs(right[late].mean() - 0.66) < 0.02  # mini-Xception on FER2013: Arriaga et al. 2017


def test_one_frame_in_ten_has_no_face(rows: pd.DataFrame):
    assert abs(rows["face"].isna().mean() - 0.10) < 0.01


# sha256 over repr(video, frame, scores, box, confidence) of every seen face of these shots, computed with the code of
# the first rendering (moodclips 1, before the table had a format).
def test_scores_are_those_of_the_first_rendering():
    shots = tuple(Shot(f"train{n:04d}", {}, mood, f"moodclips 1 0 train {n}") for n, mood in enumerate(MOODS * 4))
    table = pd.DataFrame(simulated_faces.simulate(shots, {shot.name: [(40, 40, 25, 26)] * FRAMES for shot in shots}))
    told = only_seen(table)[["video", "frame", *EXPRESSIONS, *BOX, "confidence"]]
    lines = "\n".join(repr(tuple(row)) for row in told.itertuples(index=False))
    assert (
        hashlib.sha256(lines.encode()).hexdigest() == "e5fc29b1af416f39c7ffb71ad7a4c20f26523b8ade20e849a66221b761713ea6"
    )
