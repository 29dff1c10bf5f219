"""Runs of test sets whose videos have several captions, side by side: what is shown, and how it is tested."""

import json

import numpy as np
import pytest
from helpers.records import make_several

from bench.compare import render, render_record
from bench.compare.comparison import compare_records
from bench.compare.groups import group_records
from bench.compare.paired import compare
from bench.compare.pairing import pairs
from bench.metrics.ranking import log_ranks
from bench.metrics.statistics import sign_flip

PLAIN = make_several(40, 5)
OTHER = make_several(40, 5, variant="other", strength=1.3)


def test_the_report_s_table_has_both_definitions_of_v2t() -> None:
    shown = render_record(PLAIN)
    for heading in ("All T2V", "All V2T best", "All V2T all", "Emotion V2T best"):
        assert heading in shown
    assert "200 queries, 50 in emotion, gallery of 40." in " ".join(shown.split())
    assert "Intervals cluster by video" in " ".join(shown.split())


@pytest.mark.parametrize("format", ["terminal", "markdown", "latex", "csv", "json"])
def test_every_format_holds_them(format: str) -> None:
    shown = render([PLAIN, OTHER], format)
    assert ("v2t-all" if format in ("csv", "json") else "V2T all") in shown


def test_rows_say_of_how_many_queries_they_are() -> None:
    rows = compare_records([PLAIN, OTHER]).rows
    found = {(row["direction"], row["n"]) for row in rows if row["subset"] == "all" and row["metric"] == "R@1"}
    assert found == {("t2v", 200), ("v2t", 40), ("v2t-all", 200)}


def test_p_flips_whole_videos_and_queries_are_not_counted_one_by_one() -> None:
    (group,) = group_records([PLAIN, OTHER])
    (pair,) = pairs(group, "plain")
    found = compare(pair, "all", range(200), "t2v", 1)
    one, other = (log_ranks(**side.records[0].ranks["t2v"]) for side in (pair.family, pair.baseline))
    assert found.p == sign_flip(one, other, np.repeat(np.arange(40), 5))
    assert found.mcnemar is None and found.n == 200
    alone = json.loads(render([PLAIN, OTHER], "json"))["groups"][0]["comparisons"]
    assert {(row["direction"], row["n"]) for row in alone if row["subset"] == "all"} == {("t2v", 200), ("v2t", 40)}
    assert [row["mcnemar"] is None for row in alone] == [row["direction"] == "t2v" for row in alone]
