"""A run by what people judged: numbers by hand on a made file of FIRE's shape, damaged files in one line."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.records import make_record, make_several

from bench.analysis.judge import judge
from bench.cli import main
from bench.errors import BenchError
from bench.records.record import Record
from bench.records.store import save

VIDEOS = [f"video{i}" for i in range(24)]
TOP = [list(range(10))] * 24  # every query is shown the first ten videos


def one(query: str, video: str, label: str | None, dataset: str = "MSRVTT") -> dict[str, Any]:
    item = {"video_id": video, "query": query, "dataset": dataset, "annotator_ids": [1, 2], "models": ["some"]}
    return item if label is None else {**item, "label": label}


def write(path: Path, annotations: list[dict[str, Any]], disagreements: list[dict[str, Any]] | None = None) -> Path:
    path.write_text(json.dumps({"annotations": annotations, "disagreements": disagreements or [], "license": "…"}))
    return path


@pytest.fixture
def record() -> Record:
    """Query i asks for video i and finds it at place i + 1."""
    found = make_record(24, dataset="msrvtt", twins=False)
    captions = [f"a man, number {i}" for i in range(24)]
    ranks = {"t2v": {"greater": list(range(24)), "equal": [0] * 24}, "v2t": found.ranks["v2t"]}
    return replace(found, queries={"videos": VIDEOS, "captions": captions}, ranks=ranks, top=TOP)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Query 0 finds its own video first; 4 finds another relevant one at place 3, its own at place 5, the first judged
    of which is the third; 20's own and an irrelevant one are not in the ten, in which one is judged; 9's own is
    called irrelevant, and nothing else is judged. A video of no gallery was judged, too.
    """
    judged = [one("a man number 0", "video1", "irrelevant")]
    judged += [one("A man, number 4!", "video2", "relevant"), one("a man, number 4", "video1", "irrelevant")]
    judged += [one("a man, number 20", "video7", "irrelevant"), one("a man, number 20", "video22", "irrelevant")]
    judged += [one("a man, number 9", "video9", "irrelevant"), one("of another test", "video1", "relevant")]
    judged += [one("a man, number 1", "vid1", "relevant", "MSVD")]
    judged += [one("a man, number 5", "video99", "relevant"), one("a man, number 20", "video99", "relevant")]
    split = [one("a man, number 2", "video3", None), one("a man", "vid1", None, "MSVD")]
    return write(tmp_path / "fire.json", judged, split)


def values(record: Record, file: Path) -> dict[str, list[float | None]]:
    return {name: [e.value for e in row.values()] for name, row in judge(record, file).measures.items()}


def test_recalls_of_the_judged_queries_by_hand(record: Record, file: Path) -> None:
    """Queries 0, 4, 9 and 20; k = 1, 5, 10."""
    assert values(record, file) == {
        "own": [25.0, 50.0, 75.0],  # 0; 0 and 4; 0, 4 and 9
        "relevant": [25.0, 50.0, 50.0],  # 0; 0 and 4; 9's own does not suit it
        # 0's first judged is its own; 4's are video1, then video2; 9 has no relevant one; 20: video7, then its own and
        # video22 in either order
        "condensed": [25.0, 75.0, 75.0],
        # 0: video0, video1 of the first 1, 5, 10: 1, 2, 2; 4: 0, 3, 3; 9: 0, 0, 1; 20: 0, 0, 1
        "judged": [25.0, 25.0, 17.5],
    }


def test_what_ten_videos_do_not_tell_is_said(record: Record, tmp_path: Path) -> None:
    """Of query 20 one judged video is in the ten; its own and five irrelevant ones are further down, in any order."""
    judged = [one("a man, number 20", f"video{i}", "irrelevant") for i in (7, 11, 12, 13, 14, 15)]
    found = judge(record, write(tmp_path / "more.json", judged))
    assert found.undecided == {1: 0, 5: 1, 10: 0}  # the first ten of seven judged hold them all
    assert [e.value for e in found.measures["condensed"].values()] == [0.0, 0.0, 100.0]
    assert "k = 5: for 1 queries the record's first 10 videos are too few to tell" in " ".join(str(found).split())


def test_what_was_judged_is_counted_within_the_gallery(record: Record, file: Path) -> None:
    found = judge(record, file)
    assert (found.n, found.pairs, found.disagreements) == (4, 6, 1)
    assert not any(found.undecided.values())


def test_a_run_with_equal_captions_as_true_is_refused(record: Record, file: Path) -> None:
    equal = replace(record, config={**record.config, "positives": "equal"})
    with pytest.raises(BenchError, match="counts equal captions as true"):
        judge(equal, file)


def test_a_judged_video_further_down_tells_where_it_is_the_only_one(record: Record, tmp_path: Path) -> None:
    judged = [one("a man, number 20", "video7", "irrelevant"), one("a man, number 21", "video21", "irrelevant")]
    found = judge(record, write(tmp_path / "fire.json", judged))
    assert [e.value for e in found.measures["condensed"].values()] == [0.0, 50.0, 50.0]  # then 20's own comes second
    assert not any(found.undecided.values())


def test_the_command_prints_a_table_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = make_record(24, dataset="msrvtt")
    path = save(record, tmp_path / "results")
    file = write(tmp_path / "fire.json", [one(record.queries["captions"][3], "clip0003", "relevant")])
    main(["judge", str(path), str(file)])
    assert "any relevant video" in capsys.readouterr().out
    main(["judge", record.run, str(file), "--results", str(tmp_path / "results"), "--json"])
    assert json.loads(capsys.readouterr().out)["n"] == 1


def test_captions_of_one_video_are_not_counted_one_by_one(tmp_path: Path) -> None:
    record = make_several(40, 5, dataset="msrvtt", strength=0.3)
    judged = [one(caption, "clip0000", "irrelevant") for caption in record.queries["captions"][10:]]
    found = judge(record, write(tmp_path / "fire.json", judged))
    assert found.n == 190
    stored = record.metrics["all"]["t2v"]["R@10"]
    own = found.measures["own"][10]
    assert own.low is not None and own.high is not None
    assert own.high - own.low == pytest.approx(stored["high"] - stored["low"], rel=0.2)


DAMAGED = {
    "no JSON": ("{", "is no valid JSON. Get the file again"),
    "a stand-in": ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    "too deep": ("[" * 100_000, "is no valid JSON"),
    "a list": ("[]", "has no list of annotations"),
    "no list": ('{"annotations": {}}', "has no list of annotations"),
    "no text": ('{"annotations": [{"video_id": 1, "query": "a", "dataset": "MSRVTT"}]}', "item 0 of annotations"),
    "no object": ('{"annotations": [1]}', "item 0 of annotations"),
    "no verdict": (json.dumps({"annotations": [one("a", "video1", None)]}), "annotation 0 has the label 'None'"),
    "another label": (json.dumps({"annotations": [one("a", "video1", "maybe")]}), "'maybe', not relevant or"),
    "disagreements": ('{"annotations": [], "disagreements": 3}', "has no list of disagreements"),
    "nothing": ('{"annotations": []}', "judges 'nothing', not msrvtt"),
    "other videos": (json.dumps({"annotations": [one("a", "v", "relevant", "MSVD")]}), "judges 'MSVD', not msrvtt"),
    "other queries": (json.dumps({"annotations": [one("a", "v", "relevant")]}), "judges none of the 24 queries"),
    "both": (
        json.dumps({"annotations": [one("a", "video1", "relevant"), one("A.", "video1", "irrelevant")]}),
        "annotation 1 contradicts an earlier one",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_file_that_is_none_is_refused_in_one_line(record: Record, tmp_path: Path, kind: str) -> None:
    content, said = DAMAGED[kind]
    (tmp_path / "fire.json").write_text(content)
    with pytest.raises(BenchError, match=said) as error:
        judge(record, tmp_path / "fire.json")
    assert "\n" not in str(error.value) and "fire.json" in str(error.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    record: Record, tmp_path: Path, content: bytes | None
) -> None:
    if content:
        (tmp_path / "fire.json").write_bytes(content)
    with pytest.raises(BenchError, match=r"fire\.json (cannot be read|is no valid JSON)"):
        judge(record, tmp_path / "fire.json")


def test_a_record_without_lists_is_refused(record: Record, file: Path) -> None:
    with pytest.raises(BenchError, match="holds no lists of videos"):
        judge(replace(record, top=[]), file)
