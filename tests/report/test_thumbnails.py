"""Where the report looks for clips: a record of somebody else's names a folder, and nothing is written there."""

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.records import make_record

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
        BenchError, match=r"the record's folder of moodclips is not there: .*there\. Say where it is: --r"
    ):
        reopen(record.run, tmp_path / "results")
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("root", ["a\0b", "x" * 5000])
def test_a_place_that_cannot_be_is_no_place(root: str) -> None:
    assert dataset_folder(foreign(root)) is None
