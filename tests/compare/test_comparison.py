"""`bench.compare_records`: the tables of `bench compare`, and rows for a data frame."""

from typing import Any

import pandas as pd
import pytest
from helpers.records import make_record

import bench
from bench.compare import render
from bench.compare.summary import summary
from bench.errors import BenchError, UsageError

RECORDS = [make_record(40, strength=2.0), make_record(40, variant="film_text", strength=3.0)]


def test_it_prints_as_the_command_does() -> None:
    assert str(bench.compare_records(RECORDS)) == summary(RECORDS, "plain")
    assert bench.compare_records(RECORDS).text() == render(RECORDS)
    assert bench.compare_records(RECORDS).text("markdown") == render(RECORDS, "markdown")


def test_its_rows_are_a_data_frame_of_the_records_numbers() -> None:
    frame = pd.DataFrame(bench.compare_records(RECORDS).rows)
    [row] = frame[
        (frame.run == RECORDS[1].run) & (frame.subset == "all") & (frame.direction == "t2v") & (frame.metric == "R@1")
    ].to_dict("records")
    expected = RECORDS[1].metrics["all"]["t2v"]["R@1"]
    assert {name: row[name] for name in ("value", "low", "high")} == expected
    assert (row["variant"], row["seed"], row["n"], row["emotions"]) == ("film_text", 42, 40, "true")
    assert frame[frame.metric == "TwinAcc"].n.max() == 20  # of 40 queries, those with twins


def test_its_verdicts_name_the_baseline() -> None:
    verdicts = bench.compare_records(RECORDS).verdicts
    assert {one["baseline"] for one in verdicts} == {"plain"}
    assert {one["protocol"] for one in verdicts} <= {RECORDS[0].protocol.replace("|seed:42", "")}


@pytest.mark.parametrize(
    ("records", "settings", "error", "line"),
    [
        ([], {}, BenchError, "no records to compare"),
        (RECORDS, {"baseline": "palin"}, UsageError, "Did you mean plain"),
        (RECORDS, {"subset": "joi"}, UsageError, "no record has a subset 'joi'"),
    ],
)
def test_what_is_off_is_said_at_once(records: list[Any], settings: dict, error: type[Exception], line: str) -> None:
    with pytest.raises(error, match=line):
        bench.compare_records(records, **settings)
