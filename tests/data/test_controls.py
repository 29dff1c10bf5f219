"""What a control tells a variant, held against the words of `bench/data/controls.py`."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bench.data.controls import FaceTracks, control_scores
from bench.data.faces import Faces, read_faces
from bench.emotions import EMOTIONS, OPPOSITES

counts = arrays(np.int64, st.tuples(st.integers(2, 12), st.just(8)), elements=st.integers(0, 3))
seeds = st.integers(0, 1000)
HALVES = np.arange(5) / 5


def one(emotion: str) -> np.ndarray:
    return np.eye(8, dtype=np.int64)[[EMOTIONS.index(emotion)]]


@given(scores=counts, seed=seeds)
def test_shuffled_keeps_the_rows_and_gives_each_to_another_caption(scores: np.ndarray, seed: int) -> None:
    numbered = np.column_stack([np.arange(len(scores)), scores[:, 1:]])
    shuffled = control_scores(numbered, "shuffled", seed)
    assert Counter(map(tuple, shuffled.tolist())) == Counter(map(tuple, numbered.tolist()))
    assert (shuffled[:, 0] != numbered[:, 0]).all()


@given(scores=counts, seed=seeds)
def test_zeroed_names_no_emotion(scores: np.ndarray, seed: int) -> None:
    assert not control_scores(scores, "zeroed", seed).any()


@given(scores=counts, seed=seeds)
def test_constant_is_the_same_for_all(scores: np.ndarray, seed: int) -> None:
    constant = control_scores(scores, "constant", seed)
    assert (constant == constant[0]).all() and constant.all()


@pytest.mark.parametrize(("emotion", "opposite"), list(OPPOSITES.items()))
def test_opposite_swaps_plutchik_s_pairs_both_ways(emotion: str, opposite: str) -> None:
    assert (control_scores(one(emotion), "opposite", 0) == one(opposite)).all()
    assert (control_scores(one(opposite), "opposite", 0) == one(emotion)).all()


def test_random_names_emotions_as_often_as_the_split_does() -> None:
    rng = np.random.default_rng(0)
    scores = (rng.random((4000, 8)) < np.linspace(0, 0.7, 8)).astype(np.int64)
    drawn = control_scores(scores, "random", 1)
    assert np.abs((drawn > 0).mean(axis=0) - (scores > 0).mean(axis=0)).max() < 0.04
    assert abs(np.corrcoef(drawn[:, 7], scores[:, 7])[0, 1]) < 0.06


@given(scores=counts, seed=seeds, control=st.sampled_from(["shuffled", "random"]))
def test_the_same_seed_draws_the_same(scores: np.ndarray, seed: int, control: str) -> None:
    assert (control_scores(scores, control, seed) == control_scores(scores, control, seed)).all()


@pytest.fixture(scope="module")
def faces(small: Path) -> Faces:
    return read_faces(small / "faces.parquet")


def tracks(faces: Faces, control: str) -> FaceTracks:
    return FaceTracks(faces, [f"video{number}" for number in range(6)], control, 0, "largest")


def test_true_tracks_are_the_table_s(faces: Faces) -> None:
    scores, seen = tracks(faces, "true")[2, HALVES]
    expected, there = faces.pooled("video2", HALVES, "largest")
    assert (scores == expected).all() and (seen == there).all()


def test_shuffled_tracks_are_another_clip_s(faces: Faces) -> None:
    true, shuffled = tracks(faces, "true"), tracks(faces, "shuffled")
    others = [
        [other for other in range(6) if np.array_equal(true[other, HALVES][0], shuffled[place, HALVES][0])]
        for place in range(6)
    ]
    assert all(found and found[0] != place for place, found in enumerate(others))
    assert sorted(found[0] for found in others) == list(range(6))


def test_zeroed_tracks_show_no_face(faces: Faces) -> None:
    scores, seen = tracks(faces, "zeroed")[2, HALVES]
    assert not scores.any() and not seen.any()


def test_constant_tracks_show_one_face_in_every_frame(faces: Faces) -> None:
    found = [tracks(faces, "constant")[place, HALVES] for place in range(6)]
    assert all(seen.all() and (scores == found[0][0][0]).all() for scores, seen in found)


def test_opposite_tracks_swap_what_a_face_can_show(faces: Faces) -> None:
    true, seen = tracks(faces, "true")[2, HALVES]
    opposite, _ = tracks(faces, "opposite")[2, HALVES]
    column = {name: place for place, name in enumerate(EMOTIONS)}
    for emotion, other in (("joy", "sadness"), ("fear", "anger"), ("disgust", "disgust"), ("surprise", "surprise")):
        assert (opposite[:, column[emotion]] == true[:, column[other]]).all()
    assert seen.any()


def test_random_tracks_are_whole_clips_drawn_with_replacement(faces: Faces) -> None:
    true, drawn = tracks(faces, "true"), tracks(faces, "random")
    whose = [
        [other for other in range(6) if np.array_equal(true[other, HALVES][0], drawn[place, HALVES][0])]
        for place in range(6)
    ]
    assert all(whose)
    assert [found[0] for found in whose] != list(range(6))


def test_captions_and_clips_are_not_shuffled_together(faces: Faces) -> None:
    """Or a caption would meet the clip that was shuffled with it, and agree with it as before."""
    numbered = np.arange(6)[:, None] + np.zeros((6, 8), np.int64)
    captions = [control_scores(numbered, "shuffled", seed)[:, 0].tolist() for seed in range(20)]
    names = [f"video{number}" for number in range(6)]
    clips = [FaceTracks(faces, names, "shuffled", seed, "mean").asked.tolist() for seed in range(20)]
    assert sum(one == other for one, other in zip(captions, clips, strict=True)) < 5


def test_a_clip_that_nobody_looked_at_has_no_face(faces: Faces) -> None:
    scores, seen = FaceTracks(faces, ["unknown", "video1"], "true", 0, "mean")[0, HALVES]
    assert not scores.any() and not seen.any()
