"""What emotions a video has, by its other captions and by its faces."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.annotation import Annotation, Clip
from bench.data.faces import BOX, EXPRESSIONS, Faces, read_faces, write_faces
from bench.data.video_emotions import VideoEmotions, video_emotions
from bench.emotions import EMOTIONS
from bench.errors import BenchError


def split(**others: list[str]) -> Annotation:
    """A test split with these videos; their query names fear, their other captions are as given."""
    clips = tuple(Clip(video, ("a man is afraid",)) for video in others)
    return Annotation("msrvtt", "1k-A", clips, facts={"other_captions": others})


def named(found: VideoEmotions, row: int = 0) -> set[str]:
    return {emotion for emotion, present in zip(EMOTIONS, found.present[row], strict=True) if present}


def faces_of(path: Path, **frames: list[dict[str, float] | None]) -> Faces:
    """A table: of each video a list of frames, each the scores of its one face or None."""
    columns: dict[str, list[Any]] = {}
    for video, scores in frames.items():
        for frame, shown in enumerate(scores):
            face = dict.fromkeys(("face", *EXPRESSIONS, *BOX, "confidence"))
            if shown is not None:
                face = {"face": 0, **dict.fromkeys(EXPRESSIONS, 0.0), **dict.fromkeys(BOX, 5), "confidence": 0.9}
            for name, value in {"video": video, "frame": frame, "frames": len(scores), **face, **(shown or {})}.items():
                columns.setdefault(name, []).append(value)
    write_faces(columns, path / "faces.parquet", "by hand", {})
    return read_faces(path / "faces.parquet")


def seen(path: Path, *frames: dict[str, float] | None) -> VideoEmotions:
    """By the faces of one clip."""
    return video_emotions(Annotation("some", "test", (Clip("a", ("afraid",)),)), faces_of(path, a=list(frames)))


# --- other captions -------------------------------------------------------------------------------------------------


def test_an_emotions_score_is_the_share_of_other_captions_that_name_it():
    found = video_emotions(split(a=["amused", "amused, amused", "a man", "a ghost"]))  # ghost: fear
    assert dict(zip(EMOTIONS, found.scores[0].tolist(), strict=True)) == {
        **dict.fromkeys(EMOTIONS, 0.0),
        "joy": 0.5,
        "fear": 0.25,
    }


def test_an_emotion_is_present_from_a_quarter_of_the_captions_on():
    assert named(video_emotions(split(a=["amused", "a man", "a man", "a man"]))) == {"joy"}
    assert named(video_emotions(split(a=["amused", "a man", "a man", "a man", "a man"]))) == set()


def test_the_query_says_nothing_of_its_video():
    assert named(video_emotions(split(a=["a man"] * 19))) == set()


@pytest.mark.parametrize(
    ("captions", "expected"),
    [
        (["amused", "a man", "a man", "a man"], 1),
        (["afraid", "a man", "a man", "a man"], -1),
        (["amused", "afraid", "a man", "a man"], 0),
        (["amused", "a man", "a man", "a man", "a man"], 0),
    ],
)
def test_polarity_needs_a_surplus_of_a_quarter(captions: list[str], expected: int):
    assert video_emotions(split(a=captions)).polarity.tolist() == [expected]


def test_captions_can_tell_every_emotion():
    assert video_emotions(split(a=["a man"])).valid.all()


def test_a_video_without_another_caption_is_not_judged():
    found = video_emotions(split(a=[], b=["amused"]))
    assert found.valid.any(axis=1).tolist() == [False, True]
    assert named(found, 0) == set()


def test_videos_keep_the_order_of_the_split():
    annotation = split(a=["amused"], b=["afraid"])
    turned = replace(annotation, clips=annotation.clips[::-1])
    assert named(video_emotions(turned), 0) == {"fear"}


def test_other_captions_go_before_faces(tmp_path: Path):
    found = video_emotions(split(a=["amused"]), faces_of(tmp_path, a=[{"sad": 1.0}]))
    assert (named(found), found.source) == ({"joy"}, "other captions (NRC)")


def test_without_captions_and_faces_it_is_one_line_with_the_mend():
    with pytest.raises(BenchError, match=r"nothing but the queries .*msrvtt/1k-A .*bench faces.*bench data prepare"):
        video_emotions(replace(split(a=[]), facts={}))


# --- faces ----------------------------------------------------------------------------------------------------------


def test_scores_are_the_mean_over_frames_with_a_face(tmp_path: Path):
    found = seen(tmp_path, {"happy": 1.0}, None, {"happy": 0.5, "neutral": 0.5})
    assert found.scores[0, EMOTIONS.index("joy")] == 0.75


def test_only_the_strongest_expression_is_present(tmp_path: Path):
    assert named(seen(tmp_path, {"sad": 0.5, "fear": 0.4, "neutral": 0.1})) == {"sadness"}


def test_a_face_that_is_mostly_neutral_shows_nothing(tmp_path: Path):
    found = seen(tmp_path, {"happy": 0.4, "neutral": 0.6})
    assert named(found) == set() and found.valid.any()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("happy", 1), ("sad", -1), ("fear", -1), ("angry", -1), ("disgust", -1), ("surprise", 0), ("neutral", 0)],
)
def test_the_polarity_of_a_face(tmp_path: Path, expression: str, expected: int):
    assert seen(tmp_path, {expression: 1.0}).polarity.tolist() == [expected]


def test_faces_tell_neither_trust_nor_anticipation(tmp_path: Path):
    valid = dict(zip(EMOTIONS, seen(tmp_path, {"happy": 1.0}).valid[0].tolist(), strict=True))
    assert {emotion for emotion, told in valid.items() if not told} == {"trust", "anticipation"}


def test_a_video_without_a_face_is_not_judged(tmp_path: Path):
    annotation = Annotation("some", "test", (Clip("a", ("x",)), Clip("b", ("y",)), Clip("unseen", ("z",))))
    found = video_emotions(annotation, faces_of(tmp_path, a=[None], b=[{"sad": 1.0}]))
    assert found.valid.any(axis=1).tolist() == [False, True, False]


def test_no_face_at_all_is_one_line_with_the_mend(tmp_path: Path):
    with pytest.raises(BenchError, match=r"no face in any of the 1 videos of some/test.*bench faces"):
        seen(tmp_path, None)


def test_faces_are_named_as_the_source(tmp_path: Path):
    assert seen(tmp_path, {"sad": 1.0}).source == "faces (by hand)"


def test_every_score_is_in_0_to_1_and_what_cannot_be_told_is_0(tmp_path: Path):
    found = seen(tmp_path, {"happy": 1.0})
    assert ((found.scores >= 0) & (found.scores <= 1)).all() and not found.scores[~found.valid].any()
    assert not np.any(found.present & ~found.valid)
