"""Published numbers beside ours: every row as printed, the audited ones marked, nothing tested."""

import re

import pytest
from helpers.records import make_record

from bench.compare import render
from bench.errors import UsageError
from bench.records.audit import audit
from bench.records.published import rows_for

OURS = make_record(60, dataset="msrvtt", test="1k-A", split="9k", strength=3.0)


def one_line(text: str) -> str:
    return " ".join(text.split())


def cells(text: str, label: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {label} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_the_reports_rows_stand_as_printed() -> None:
    text = render([OURS], "markdown", published=True)
    assert cells(text, "baseline, 7k, All T2V") == ["1000", "49.4000", "73.0000", "83.4000", "2.0", "14.5"]
    assert cells(text, "CLIP-ViP B/32, All T2V, DSL") == ["1000", "55.9", "–", "–", "–", "–"]


def test_ours_stand_above_them() -> None:
    text = render([OURS], "markdown", published=True)
    metrics = OURS.metrics["emotion"]["v2t"]
    ours = cells(text, "plain s42, Emotion V2T")
    assert ours[0] == "20"
    assert [float(cell) for cell in ours[1:]] == pytest.approx(
        [entry["value"] for entry in metrics.values()], abs=0.051
    )
    assert text.index("plain s42, Emotion V2T") < text.index("baseline, 7k, All T2V")


def test_rows_that_cannot_be_are_marked_and_the_reason_stands_below() -> None:
    text = render([OURS], "markdown", published=True)
    findings = audit(rows_for("msrvtt", "1k-A"))
    marked = {str(finding.rows[0]) for finding in findings}
    assert set(re.findall(r"^\| ([^|]*)† \|", text, re.MULTILINE)) == marked
    for finding in findings:
        assert f"† {finding}" in text


def test_another_test_set_has_no_published_numbers() -> None:
    with pytest.raises(UsageError, match="no published numbers are known for moodclips-test"):
        render([make_record()], published=True)


def test_only_tables_of_that_test_set_get_them() -> None:
    text = one_line(render([OURS, make_record()], published=True))
    assert text.count("Published numbers as printed, beside ours") == 1


def test_without_the_flag_they_stay_away() -> None:
    assert "CLIP-ViP B/32" not in render([OURS])


@pytest.mark.parametrize("format", ["terminal", "latex"])
def test_every_layout_has_them(format: str) -> None:
    assert "49.1071" in render([OURS], format, published=True)


@pytest.mark.parametrize("format", ["csv", "json"])
def test_where_there_is_no_place_for_them_that_is_said(format: str) -> None:
    with pytest.raises(UsageError, match=f"{format} holds records alone"):
        render([OURS], format, published=True)


def test_they_fit_80_columns() -> None:
    assert max(map(len, render([OURS], published=True).splitlines())) <= 80
