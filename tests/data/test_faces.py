"""The table of faces: what a row says, what a variant is told of a frame, and which files are refused."""

import timeit
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

from bench.data.faces import (
    BOX,
    EXPRESSED,
    EXPRESSIONS,
    FACE_COLUMNS,
    IS_EXPRESSED,
    Faces,
    read_faces,
    to_emotions,
    write_faces,
)
from bench.emotions import EMOTIONS
from bench.errors import BenchError

NOBODY = dict.fromkeys(("face", *EXPRESSIONS, *BOX, "confidence"))


def row(video: str, frame: int, frames: int, face: int | None = 0, **scores: float) -> dict[str, Any]:
    """A row of the table; without a face where `face` is None."""
    seen = {"face": face, **dict.fromkeys(EXPRESSIONS, 0.0), **dict.fromkeys(BOX, 5), "confidence": 0.9, **scores}
    return {"video": video, "frame": frame, "frames": frames, **(NOBODY if face is None else seen)}


def written(path: Path, *rows: dict[str, Any], source: str = "by hand") -> Path:
    columns = {name: [one[name] for one in rows] for name in rows[0]}
    write_faces(columns, path, source, {"frames": 4})
    return path


def changed(path: Path, column: str, value: int) -> None:
    """Writes another value into every row of a table, as another program might."""
    table = parquet.read_table(path)
    place, field = table.column_names.index(column), table.schema.field(column)
    parquet.write_table(table.set_column(place, field, pyarrow.array([value] * len(table), field.type)), path)


@pytest.fixture
def crowd(tmp_path: Path) -> Faces:
    """Frames 0, 4 and 8 of a clip of 12: two faces, nobody, one neutral face."""
    return read_faces(
        written(
            tmp_path / "faces.parquet",
            row("crowd", 0, 12, 0, happy=0.75, sad=0.25),
            row("crowd", 0, 12, 1, happy=0.25, angry=0.5),
            row("crowd", 4, 12, None),
            row("crowd", 8, 12, 0, neutral=1.0),
            row("alone", 3, 7, 0, fear=1.0),
        )
    )


def told(faces: Faces, position: float, pooling: str = "largest") -> dict[str, float]:
    """The emotions above 0 at one place of the crowd's clip."""
    scores, _ = faces.pooled("crowd", [position], pooling)
    return {name: float(score) for name, score in zip(EMOTIONS, scores[0], strict=True) if score}


@pytest.mark.parametrize(
    ("expression", "emotion"),
    [
        ("angry", "anger"),
        ("disgust", "disgust"),
        ("fear", "fear"),
        ("happy", "joy"),
        ("sad", "sadness"),
        ("surprise", "surprise"),
    ],
)
def test_expressions_are_emotions_by_name(expression: str, emotion: str):
    scores = to_emotions(np.eye(7)[EXPRESSIONS.index(expression)])
    assert [name for name, score in zip(EMOTIONS, scores, strict=True) if score] == [emotion]


def test_a_neutral_face_expresses_no_emotion():
    assert not to_emotions(np.eye(7)[EXPRESSIONS.index("neutral")]).any()


def test_emotions_keep_the_shape_of_what_is_given():
    assert to_emotions(np.zeros((3, 5, 7))).shape == (3, 5, 8)


def test_a_face_can_show_all_emotions_but_trust_and_anticipation():
    assert [name for name in EMOTIONS if name not in EXPRESSED] == ["trust", "anticipation"]
    assert dict(zip(EMOTIONS, IS_EXPRESSED, strict=True)) == {name: name in EXPRESSED for name in EMOTIONS}


def test_the_largest_face_speaks_for_a_frame(crowd: Faces):
    assert told(crowd, 0.0, "largest") == {"joy": 0.75, "sadness": 0.25}


def test_the_mean_is_over_the_faces_of_a_frame(crowd: Faces):
    assert told(crowd, 0.0, "mean") == {"joy": 0.5, "sadness": 0.125, "anger": 0.25}


def test_the_maximum_is_per_emotion(crowd: Faces):
    assert told(crowd, 0.0, "max") == {"joy": 0.75, "sadness": 0.25, "anger": 0.5}


def test_a_frame_without_a_face_is_not_seen(crowd: Faces):
    _, seen = crowd.pooled("crowd", [0.0, 4 / 12, 8 / 12], "mean")
    assert seen.tolist() == [True, False, True]


def test_a_frame_without_a_face_has_zeros(crowd: Faces):
    assert told(crowd, 4 / 12, "max") == {}


def test_a_neutral_face_is_seen(crowd: Faces):
    assert crowd.pooled("crowd", [8 / 12], "largest")[1].all()


@pytest.mark.parametrize(("position", "seen"), [(0.15, True), (0.18, False), (0.49, False), (0.51, True), (0.99, True)])
def test_the_nearest_looked_at_frame_answers(crowd: Faces, position: float, seen: bool):
    assert crowd.pooled("crowd", [position], "largest")[1][0] == seen  # looked at: 0, 1/3 (nobody), 2/3


def test_positions_are_where_it_was_looked(crowd: Faces):
    assert crowd.positions("crowd").tolist() == pytest.approx([0, 4 / 12, 8 / 12])
    assert crowd.positions("alone").tolist() == pytest.approx([3 / 7])


def test_where_two_frames_are_as_near_the_earlier_answers(tmp_path: Path):
    path = written(tmp_path / "faces.parquet", row("a", 0, 4, None), row("a", 2, 4))
    assert not read_faces(path).pooled("a", [0.25], "largest")[1][0]


def test_copies_with_fewer_frames_are_answered_alike(crowd: Faces):
    original, copy = (crowd.pooled("crowd", np.arange(count) / count, "mean")[0] for count in (12, 3))
    assert (original[::4] == copy).all()


def test_the_order_of_rows_does_not_matter(tmp_path: Path):
    rows = [row("a", frame, 6, face, happy=frame / 10 + face / 100) for frame in range(6) for face in (0, 1)]
    places = np.arange(6) / 6
    straight = read_faces(written(tmp_path / "straight.parquet", *rows)).pooled("a", places, "largest")[0]
    backwards = read_faces(written(tmp_path / "backwards.parquet", *rows[::-1])).pooled("a", places, "largest")[0]
    assert (straight == backwards).all()


def test_videos_are_all_that_were_looked_at(tmp_path: Path):
    path = written(tmp_path / "faces.parquet", row("seen", 0, 1), row("empty", 0, 1, None))
    assert read_faces(path).videos == {"seen", "empty"}


def test_the_source_is_kept(tmp_path: Path):
    path = written(tmp_path / "faces.parquet", row("a", 0, 1), source="simulated: by hand")
    assert read_faces(path).source == "simulated: by hand"


def test_a_video_that_was_not_looked_at_is_one_line(crowd: Faces):
    with pytest.raises(BenchError, match=r"video7 is not in the face scores \(by hand; 2 videos\)"):
        crowd.pooled("video7", [0.0], "largest")


def test_asking_takes_less_than_50_microseconds(crowd: Faces):
    places = np.linspace(0, 0.99, 12)
    assert min(timeit.repeat(lambda: crowd.pooled("crowd", places, "largest"), number=100, repeat=5)) / 100 < 50e-6


def test_a_missing_file_is_one_line_with_the_mend(tmp_path: Path):
    with pytest.raises(BenchError, match=r"no face scores at .*faces.parquet. Make it with: bench faces"):
        read_faces(tmp_path / "faces.parquet")


def test_a_file_cut_short_is_one_line(tmp_path: Path):
    path = written(tmp_path / "faces.parquet", row("a", 0, 1))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BenchError, match=r"faces.parquet cannot be read as parquet"):
        read_faces(path)


def test_a_table_of_another_format_is_refused(tmp_path: Path):
    path = written(tmp_path / "faces.parquet", row("a", 0, 1))
    table = parquet.read_table(path)
    parquet.write_table(table.replace_schema_metadata({"format": "bench faces 0"}), path)
    with pytest.raises(BenchError, match="has the format 'bench faces 0', not 'bench faces 2'"):
        read_faces(path)


def test_a_table_without_a_column_is_refused(tmp_path: Path):
    path = written(tmp_path / "faces.parquet", row("a", 0, 1))
    parquet.write_table(parquet.read_table(path).drop_columns(["happy"]), path)
    with pytest.raises(BenchError, match="its columns are video string"):
        read_faces(path)


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_scores_beyond_0_to_1_are_not_written(tmp_path: Path, score: float):
    with pytest.raises(BenchError, match=r"a score of 'happy' that is not in 0\.\.1"):
        written(tmp_path / "faces.parquet", row("a", 0, 1, happy=score))


def test_a_frame_beyond_the_end_is_not_written(tmp_path: Path):
    with pytest.raises(BenchError, match="a frame outside of its video's frames"):
        written(tmp_path / "faces.parquet", row("a", 7, 7))


def test_scores_without_a_face_are_not_written(tmp_path: Path):
    guess = {**row("a", 0, 1, None), "happy": 0.9}
    with pytest.raises(BenchError, match="'happy' is null in a row with a face, or has a value in a row without one"):
        written(tmp_path / "faces.parquet", guess)


@pytest.mark.parametrize("faces", [[1], [0, 0], [0, 2], [-1, 0], [-1, 1], [None, 0], [None, 1], [None, None]])
def test_faces_of_a_frame_that_are_not_numbered_from_0_are_not_written(tmp_path: Path, faces: list[int | None]):
    with pytest.raises(BenchError, match="a frame whose faces are not numbered 0, 1, … once each"):
        written(tmp_path / "faces.parquet", row("a", 0, 2), *(row("a", 1, 2, face) for face in faces))


def test_a_table_whose_only_face_is_number_1_is_refused(tmp_path: Path):
    path = written(tmp_path / "faces.parquet", row("a", 0, 1, happy=1.0))
    changed(path, "face", 1)
    with pytest.raises(BenchError, match=r"faces.parquet: a frame whose faces are not numbered .* Make it with"):
        read_faces(path)


def test_videos_may_have_different_numbers_of_frames_but_not_one_video(tmp_path: Path):
    assert read_faces(written(tmp_path / "two.parquet", row("a", 0, 7), row("b", 0, 8))).videos == {"a", "b"}
    with pytest.raises(BenchError, match="a video whose rows differ in 'frames'"):
        written(tmp_path / "one.parquet", row("a", 0, 7), row("a", 1, 8))


@pytest.mark.parametrize("confidence", [float("nan"), float("inf")])
def test_a_confidence_that_is_no_number_is_not_written(tmp_path: Path, confidence: float):
    with pytest.raises(BenchError, match="a 'confidence' that is not a finite number"):
        written(tmp_path / "faces.parquet", row("a", 0, 1, confidence=confidence))


def older(path: Path, *masks: int) -> Path:
    """The same file in the format before this one: with the column `valid`."""
    table = parquet.read_table(path)
    about = {**table.schema.metadata, b"format": b"bench faces 1"}
    table = table.append_column("valid", pyarrow.array(masks, pyarrow.uint8()))
    parquet.write_table(table.replace_schema_metadata(about), path)
    return path


def test_a_file_of_the_older_format_is_read(tmp_path: Path):
    rows = row("a", 0, 2, happy=0.5), row("a", 1, 2, None)
    new = read_faces(written(tmp_path / "new.parquet", *rows))
    old = read_faces(older(written(tmp_path / "old.parquet", *rows), 125, 0))
    for one, other in zip(new.pooled("a", [0, 0.5], "mean"), old.pooled("a", [0, 0.5], "mean"), strict=True):
        assert (one == other).all()


@pytest.mark.parametrize(("face", "mask"), [(0, 0), (0, 0b1), (0, 255), (None, 125)])
def test_a_mask_of_other_emotions_in_the_older_format_is_refused(tmp_path: Path, face: int | None, mask: int):
    path = older(written(tmp_path / "faces.parquet", row("a", 0, 1, face)), mask)
    with pytest.raises(BenchError, match="'valid' is not 125 where there is a face, or not 0 where there is none"):
        read_faces(path)


@pytest.mark.parametrize("column", ["valid", "face"])
def test_a_table_of_the_older_format_without_a_column_is_refused(tmp_path: Path, column: str):
    path = older(written(tmp_path / "faces.parquet", row("a", 0, 1)), 125)
    parquet.write_table(parquet.read_table(path).drop_columns([column]), path)
    with pytest.raises(BenchError, match=r"faces\.parquet: it"):
        read_faces(path)


def test_what_is_not_written_leaves_the_old_file(tmp_path: Path):
    path = written(tmp_path / "faces.parquet", row("a", 0, 1))
    with pytest.raises(BenchError):
        written(path, row("a", 1, 1))
    assert read_faces(path).videos == {"a"}


def test_a_table_without_rows_can_be_read(tmp_path: Path):
    columns = {name: [] for name in row("a", 0, 1)}
    write_faces(columns, tmp_path / "faces.parquet", "nothing", {})
    assert read_faces(tmp_path / "faces.parquet").videos == frozenset()


def test_the_table_is_plain_parquet_for_others(tmp_path: Path):
    table = pd.read_parquet(written(tmp_path / "faces.parquet", row("a", 0, 1)))
    assert list(table) == list(FACE_COLUMNS) and str(table["happy"].dtype) == "float32"
