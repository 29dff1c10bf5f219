"""Expressions over time: bars are the face scores, pictures the frames that the variant sees."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.records import make_control, make_record

from bench.data.faces import read_faces
from bench.data.pixels import resize_crop
from bench.data.video import probe, read_frames, sample_indices
from bench.emotions import EMOTIONS
from bench.records.record import Record
from bench.report.figures import Figure
from bench.report.figures.expressions import strips
from bench.report.style import TEXT_WIDTH
from bench.utils.files import sha256

FRAMES = 4
SHOWN = ("joy", "fear", "surprise", "sadness", "disgust", "anger")  # what a face can show, in the order of EMOTIONS
Make = Callable[..., Record]


def run(folder: Path, **settings: Any) -> Record:
    """A record over the test clips of `small`, made with its faces."""
    faces = {"source": "drawn", "sha256": sha256(folder / "faces.parquet"), "pooling": "largest"}
    record = make_record(6, **{"faces": faces, "subsets": {"emotion": [4, 0, 2, 3, 1]}, **settings})
    videos = [f"video{number}" for number in range(12, 18)]
    config = {"video": {"frames": FRAMES, "size": 32}, "faces": {"file": None}}
    return replace(record, config=config, queries={**record.queries, "videos": videos})


def draw(folder: Path, **settings: Any) -> Figure:
    figure = strips(run(folder, **settings), folder)
    assert figure
    return figure


def shown(figure: Figure) -> list[str]:
    """The names of the clips, from the titles over their frames."""
    return [axes.get_title(loc="left").partition(":")[0] for axes in figure.drawing.axes[::2]]


def seen(folder: Path, video: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, scores by emotion and whether a face is seen, as a test sees the clip."""
    path = folder / "videos" / f"{video}.mp4"
    indices = sample_indices(probe(path).frames, FRAMES)
    scores, faces = read_faces(folder / "faces.parquet").pooled(video, indices / probe(path).frames, "largest")
    return resize_crop(read_frames(path, indices), 32), scores, faces


def test_the_first_three_emotional_clips_with_a_face_are_shown(small: Path):
    clips = [f"video{number}" for number in range(12, 17)]
    assert shown(draw(small)) == [video for video in clips if seen(small, video)[2].any()][:3]


def test_pictures_are_the_frames_that_the_variant_sees(small: Path):
    figure = draw(small)
    pictures = [np.asarray(image.get_array()) for image in figure.drawing.axes[0].images]
    assert np.array_equal(pictures, seen(small, shown(figure)[0])[0])


def test_bars_are_the_scores_of_the_face(small: Path):
    figure = draw(small)
    _, scores, faces = seen(small, shown(figure)[0])
    bars = {container.get_label(): container for container in figure.drawing.axes[1].containers}
    for name in SHOWN:
        expected = np.where(faces, scores[:, EMOTIONS.index(name)], 0)
        assert [bar.get_height() for bar in bars[name]] == pytest.approx(expected.tolist())
    tops = [bar.get_y() + bar.get_height() for bar in bars["neutral"]]
    assert tops == pytest.approx(faces.astype(float).tolist())


def test_frames_without_a_face_say_so(small: Path):
    figure = draw(small)
    for video, axes in zip(shown(figure), figure.drawing.axes[1::2], strict=True):
        texts = [text.get_text() for text in axes.texts]
        assert texts.count("no\nface") == (~seen(small, video)[2]).sum()


def test_time_is_in_seconds(small: Path):
    ticks = [label.get_text() for label in draw(small).drawing.axes[1].get_xticklabels()]
    assert ticks == ["0.0", "0.5", "1.0", "1.5"]  # frames 0, 3, 6, 9 at 6 a second


def test_a_picture_is_as_wide_as_its_bar(small: Path):
    figure = draw(small)
    figure.drawing.draw_without_rendering()
    strip, bars = figure.drawing.axes[:2]
    for t in (0, FRAMES - 1):
        above, below = (axes.transData.transform((t, 0))[0] for axes in (strip, bars))
        assert above == pytest.approx(below, abs=1)
    assert figure.drawing.get_tightbbox().width <= TEXT_WIDTH


def test_the_caption_names_source_rule_and_pooling(small: Path):
    caption = draw(small).caption
    assert "the first clips by name with any face: n = 3 of 6, seed 42." in caption
    assert "of several faces in a frame the largest" in caption


def test_the_drawing_itself_says_where_labels_are_from_and_that_they_err(small: Path):
    assert draw(small).drawing.get_suptitle() == "Labels of faces, with errors: drawn"


def test_the_alternative_text_counts_frames_with_a_face(small: Path):
    figure = draw(small)
    video = shown(figure)[0]
    count = int(seen(small, video)[2].sum())
    assert f"{video}, “" in figure.alt and f"a face in {count} of {FRAMES} frames" in figure.alt


def test_a_run_without_faces_has_no_expressions(small: Path):
    assert strips(run(small, faces={}), small) is None


def test_other_faces_than_the_run_s_are_not_shown(small: Path):
    other = {"source": "drawn", "sha256": "0" * 64, "pooling": "largest"}
    assert strips(run(small, faces=other), small) is None


def test_faces_of_a_named_file_are_found(folder: Path):
    record = run(folder)
    (folder / "faces.parquet").rename(folder / "elsewhere.parquet")
    assert strips(record, folder) is None
    named = {**record.config, "faces": {"file": str(folder / "elsewhere.parquet")}}
    assert strips(replace(record, config=named), folder)


def test_without_clips_nothing_is_shown(small: Path, tmp_path: Path):
    (tmp_path / "faces.parquet").write_bytes((small / "faces.parquet").read_bytes())
    assert strips(run(small), tmp_path) is None


def test_a_broken_clip_gives_way_to_the_next(folder: Path):
    first = shown(draw(folder))[0]
    (folder / "videos" / f"{first}.mp4").write_bytes(b"broken")
    assert first not in shown(draw(folder))


def test_a_control_s_faces_are_another_clip_s(small: Path):
    control = make_control(6, emotions="shuffled", faces=run(small).faces)
    assert strips(control, small) is None
