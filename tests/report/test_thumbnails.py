"""Where the report looks for clips: a record of somebody else's names a folder, and nothing is written there."""

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.records import make_record

from bench.data.annotation import load_annotation
from bench.engine.reopen import reopen
from bench.errors import BenchError
from bench.records.record import Record
from bench.records.store import save
from bench.report.thumbnails import dataset_folder, thumbnails


def foreign(root: object) -> Record:
    record = make_record()
    return replace(record, config={**record.config, "root": root})


@pytest.mark.parametrize("made", [False, True])
def test_nothing_is_rendered_where_a_record_says(tmp_path: Path, made: bool) -> None:
    place = tmp_path / "there"
    if made:
        place.mkdir()
    assert dataset_folder(foreign(str(place))) is None
    assert thumbnails(foreign(str(place)), [0]) == {}
    assert [path.name for path in tmp_path.rglob("*")] == ["there"] * made


def test_nothing_is_rendered_where_a_record_says_when_its_run_is_opened(tmp_path: Path) -> None:
    record = foreign(str(tmp_path / "there"))
    save(record, tmp_path / "results")
    with pytest.raises(
        BenchError, match=r"the record says that moodclips is in .*there, which is missing or empty\. Give --root DIR"
    ):
        reopen(record.run, tmp_path / "results")
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("root", ["a\0b", "x" * 5000])
def test_a_place_that_cannot_be_is_no_place(root: str) -> None:
    assert dataset_folder(foreign(root)) is None


@pytest.mark.parametrize("each", [1, 3])
def test_a_clip_whose_captions_are_those_of_the_record_has_a_picture(small: Path, each: int) -> None:
    """Others are clips of another version of the dataset. Where clips have several captions, the first tells."""
    test = load_annotation(small, "1k-A", "msrvtt")
    videos = [clip.video for clip in test.clips]
    captions = [clip.captions[0] if n == 0 else f"more {n}" for clip in test.clips for n in range(each)]
    captions[-each] = "a clip that was there once"
    several = {"video_of": [clip for clip in range(len(videos)) for _ in range(each)]} if each > 1 else {}
    record = replace(
        make_record(6, dataset="msrvtt"),
        test="1k-A",
        queries={"videos": videos, "captions": captions, **several},
        config={"root": str(small)},
    )
    assert [*thumbnails(record, range(6))] == [0, 1, 2, 3, 4]
