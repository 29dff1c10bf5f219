"""Published numbers beside ours: every row as printed, the audited ones marked, nothing tested."""

import re

import pytest
from helpers.records import make_control, make_record

from bench.compare import render
from bench.compare.groups import group_records
from bench.compare.literature import OURS, RESCORED, TRAINED, ZERO_SHOT, systems
from bench.errors import UsageError
from bench.metrics.statistics import wilson
from bench.records.audit import audit
from bench.records.published import rows_for

ON_1K_A = ("msrvtt", "1k-A")
OURS_RUN = make_record(60, dataset="msrvtt", test="1k-A", split="9k", strength=3.0)


@pytest.fixture(scope="module")
def markdown() -> str:
    return render([OURS_RUN], "markdown", published=True)


def one_line(text: str) -> str:
    return " ".join(text.split())


def cells(text: str, label: str, place: int = 0) -> list[str]:
    """The cells of a row, its source's number left out; the first of several directions and subsets."""
    lines = [line for line in text.splitlines() if re.match(rf"\| {re.escape(label)}†?( \[\d+\])? \|", line)]
    return [cell.strip() for cell in lines[place].strip("|").split("|")][1:]


def test_the_reports_rows_stand_as_printed(markdown: str) -> None:
    """n, R@1, MnR, R@5, R@10, MdR."""
    assert cells(markdown, "baseline, 7k") == ["1000", "49.4000", "14.5", "73.0000", "83.4000", "2.0"]
    assert cells(markdown, "CLIP-ViP B/32, DSL") == ["1000", "55.9", "–", "–", "–", "–"]


def test_ours_stand_among_them_the_best_recall_first(markdown: str) -> None:
    all_t2v = markdown[markdown.index("**All T2V**") : markdown.index("**All V2T**")]
    rows = [line.split("|")[1:4] for line in all_t2v.splitlines() if line[-2:] == " |" and "**" not in line]
    recalls = [float(row[2]) for row in rows]
    assert recalls == sorted(recalls, reverse=True) and len(recalls) > 40
    (ours,) = [row for row in rows if row[0].strip() == "ours: plain"]
    assert float(ours[2]) == pytest.approx(OURS_RUN.metrics["all"]["t2v"]["R@1"]["value"], abs=0.051)


def test_of_a_subset_ours_are_those_of_its_queries(markdown: str) -> None:
    emotional = markdown[markdown.index("**Emotion V2T**") :]
    metrics = OURS_RUN.metrics["emotion"]["v2t"]
    expected = [metrics[name]["value"] for name in ("R@1", "MnR", "R@5", "R@10", "MdR")]
    found = cells(emotional, "ours: plain")
    assert found[0] == "20"
    assert [float(cell) for cell in found[1:]] == pytest.approx(expected, abs=0.051)


def test_seeds_of_a_variant_are_one_row() -> None:
    seeds = [make_record(60, dataset="msrvtt", test="1k-A", split="9k", strength=3.0, seed=seed) for seed in (1, 2)]
    (group,) = group_records(seeds)
    (ours,) = [one for one in systems(ON_1K_A, "all", "v2t", group.families) if one.kind == OURS]
    mean = sum(record.metrics["all"]["v2t"]["R@1"]["value"] for record in seeds) / 2
    assert ours.name == "ours: plain, 2 seeds"
    assert ours.recall.value == pytest.approx(mean) and ours.recall.low < mean < ours.recall.high  # type: ignore[operator]


def test_controls_and_oracles_are_not_among_them() -> None:
    settings = {"dataset": "msrvtt", "test": "1k-A", "split": "9k", "variant": "film_text"}
    true = make_record(60, **settings)
    told = [make_control(60, emotions=emotions, **settings) for emotions in ("oracle", "shuffled")]
    (group,) = group_records([true, *told])
    ours = [one for one in systems(ON_1K_A, "all", "t2v", group.families) if one.kind == OURS]
    assert [one.name for one in ours] == ["ours: film_text"]


def test_recalls_have_the_interval_that_so_many_queries_allow() -> None:
    found = {one.name: one for one in systems(ON_1K_A, "all", "t2v")}
    low, high = wilson(501, 1000)
    assert (found["CLIP-ViP B/32"].recall.low, found["CLIP-ViP B/32"].recall.high) == pytest.approx(
        (100 * low, 100 * high)
    )
    full = {one.name: one for one in systems(("msrvtt", "full"), "all", "t2v")}
    low, high = wilson(0.298 * 2990, 2990)  # 20 captions of a video are not 20 queries
    assert full["CLIP2Video"].n == 59_800
    assert (full["CLIP2Video"].recall.low, full["CLIP2Video"].recall.high) == pytest.approx((100 * low, 100 * high))


def test_what_was_done_after_scoring_and_zero_shot_are_told_apart() -> None:
    kinds = {one.name: one.kind for one in systems(ON_1K_A, "all", "t2v")}
    assert kinds["UMT L/16-25M, fine-tuned, reranked"] == kinds["CLIP-ViP B/32, DSL"] == RESCORED
    assert kinds["CLIP, zero-shot"] == ZERO_SHOT and kinds["CLIP-ViP B/32"] == TRAINED


def test_rows_that_cannot_be_are_marked_and_the_reason_stands_below(markdown: str) -> None:
    findings = audit(rows_for("msrvtt", "1k-A"))
    marked = sorted({id(finding.rows[0]): finding.rows[0].label for finding in findings}.values())
    assert sorted(re.findall(r"^\| ([^|]*)† \[\d+\] \|", markdown, re.MULTILINE)) == marked
    for finding in findings:
        assert f"† {finding}" in markdown


def test_every_row_has_its_source(markdown: str) -> None:
    assert "[1] Liu et al. (2019): Use What You Have" in markdown
    numbers = set(re.findall(r"\[(\d+)\] \|", markdown))
    assert {f"[{number}] " in markdown for number in numbers} == {True} and len(numbers) == 19
    assert re.search(r"^\| CE, mean of 3 runs \[1\] \|", markdown, re.MULTILINE)


def test_the_median_rank_is_said_to_tell_nothing_apart(markdown: str) -> None:
    assert re.search(r"MdR is 2 in \d+ of \d+ rows: read MnR\.", markdown)


def test_another_test_set_has_no_published_numbers() -> None:
    with pytest.raises(UsageError, match="no published numbers are known for moodclips-test"):
        render([make_record()], published=True)


def test_only_tables_of_that_test_set_get_them() -> None:
    text = one_line(render([OURS_RUN, make_record()], published=True))
    assert text.count("Published numbers as printed") == 1


def test_without_the_flag_they_stay_away() -> None:
    assert "CLIP-ViP B/32" not in render([OURS_RUN])


@pytest.mark.parametrize("format", ["terminal", "latex"])
def test_every_layout_has_them(format: str) -> None:
    assert "49.1071" in render([OURS_RUN], format, published=True)


@pytest.mark.parametrize("format", ["csv", "json"])
def test_where_there_is_no_place_for_them_that_is_said(format: str) -> None:
    with pytest.raises(UsageError, match=f"{format} holds only records"):
        render([OURS_RUN], format, published=True)


def test_they_fit_80_columns() -> None:
    assert max(map(len, render([OURS_RUN], published=True).splitlines())) <= 80
