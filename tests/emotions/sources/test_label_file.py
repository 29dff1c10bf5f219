"""A file of labels: what people's and models' files look like, and what is wrong with the others."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.emotion_scores import score_by

from bench.emotions import EMOTIONS
from bench.emotions.sources import SourceOptions, find_source
from bench.errors import BenchError, UsageError

SAD = {"text": "a sad cook", "scores": {"sadness": 0.9}}
HANDS = {"text": "two people shake hands", "scores": {"trust": 0.7, "joy": 0.4}}


def write(path: Path, *entries: object) -> str:
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries), encoding="utf-8")
    return f"file:{path}"


@pytest.fixture
def source(tmp_path: Path) -> str:
    return write(tmp_path / "labels.jsonl", SAD, HANDS)


def test_scores_are_those_of_the_file_and_0_where_it_gives_none(source: str) -> None:
    found = score_by(source, ["two people shake hands", "a sad cook"])
    expected = np.zeros((2, 8))
    expected[0, [EMOTIONS.index("trust"), EMOTIONS.index("joy")]] = 0.7, 0.4
    expected[1, EMOTIONS.index("sadness")] = 0.9
    np.testing.assert_array_equal(found, expected)


def test_above_a_half_an_emotion_is_named_unless_the_file_says_otherwise(tmp_path: Path, source: str) -> None:
    assert find_source(source).named([HANDS["text"]]).sum() == 1
    lower = write(tmp_path / "lower.jsonl", {"threshold": 0.3}, HANDS)
    assert find_source(lower).named([HANDS["text"]]).sum() == 2


def test_missing_captions_stop_and_the_first_are_named(source: str) -> None:
    line = r"labels\.jsonl has no labels for 4 of 5 captions \('b', 'c', 'd', …\)\. .* --missing-labels zero"
    with pytest.raises(BenchError, match=line):
        score_by(source, ["a sad cook", "b", "c", "d", "e"])


def test_missing_captions_name_no_emotion_if_asked_for(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = score_by(source, ["a sad cook", "a calm cook"], SourceOptions(missing_labels="zero"))
    assert found[1].tolist() == [0] * 8 and found[0].any()
    assert "has no labels for 1 of 2 captions" in capsys.readouterr().err


def test_the_version_follows_from_labels_and_threshold_alone(tmp_path: Path, source: str) -> None:
    version = find_source(source).version
    assert find_source(write(tmp_path / "moved.jsonl", HANDS, SAD, SAD)).version == version
    assert find_source(write(tmp_path / "other.jsonl", HANDS)).version != version
    assert find_source(write(tmp_path / "lower.jsonl", {"threshold": 0.3}, SAD, HANDS)).version != version


def test_a_file_that_changes_is_read_again(tmp_path: Path, source: str) -> None:
    version = find_source(source).version
    write(tmp_path / "labels.jsonl", SAD, HANDS, {"text": "more", "scores": {}})
    assert find_source(source).version != version


def test_a_byte_order_mark_crlf_and_empty_lines_do_not_matter(tmp_path: Path, source: str) -> None:
    version = find_source(source).version
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert find_source(source).version == version


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ("{", "line 1 is no JSON"),
        ("[1]", "line 1 is no JSON object"),
        ('{"text": "a"}', "line 1 has no text, or no scores"),
        ('{"text": 1, "scores": {}}', "line 1 has no text, or no scores"),
        ('{"text": "a", "scores": {"sadnes": 1}}', r"'sadnes' is none of the eight emotions\. Did you mean sadness\?"),
        ('{"text": "a", "scores": {"love": 1}}', "There are joy, trust"),
        ('{"text": "a", "scores": {"joy": 1.5}}', "line 1: joy is 1.5, not a number from 0 to 1"),
        ('{"text": "a", "scores": {"joy": NaN}}', "line 1: joy is nan"),
        ('{"text": "a", "scores": {"joy": true}}', "line 1: joy is True"),
        ('{"text": "a", "scores": {"joy": 1}}\n{"text": "a", "scores": {}}', "line 2: 'a' has other scores on line 1"),
        ('{"threshold": 1}', "line 1: its threshold is 1.0; it must be from 0 up to 1"),
        ('{"threshold": "x"}', "line 1: the threshold is 'x'"),
        ("", "has no labels"),
        ("[" * 100_000, "line 1 is no JSON"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_with_its_number(tmp_path: Path, lines: str, line: str) -> None:
    (tmp_path / "labels.jsonl").write_text(lines, encoding="utf-8")
    with pytest.raises(UsageError, match=line):
        find_source(f"file:{tmp_path / 'labels.jsonl'}")
