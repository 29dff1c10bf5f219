"""Probes beside each other: a row a run, chance and the text-only model below, no claim where a number is missing."""

from dataclasses import replace

from helpers.probes import make_probe, measured
from helpers.records import make_record

from bench.compare import render
from bench.records.record import Record


def probed(
    record: Record, value: float, group: float | None = 10.0, flip: float | None = 55.0, code: str = "1"
) -> Record:
    probe = make_probe(
        code=code,
        emotion={"EmoP@1": measured(value, 50, 20.0)},
        flip=measured(flip, 40),
        text_only=measured(53.0, 40),
        group=measured(group, 30 if group else 0, 16.7),
    )
    return replace(record, probe=probe.as_json())


PLAIN, OTHER = make_record(60), make_record(60, variant="film_text")


def table(records: list[Record]) -> list[list[str]]:
    text = render(records, "markdown")
    lines = text[text.index("Emotion measured directly") :].split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_probed_run_has_a_row_and_chance_stands_below() -> None:
    rows = table([probed(PLAIN, 25.0), probed(OTHER, 35.0)])
    assert rows[0] == ["variant", "seed", "EmoP@1", "FlipAcc", "Group"]
    assert {row[0]: row[2] for row in rows[2:4]} == {"plain": "25.0 [22.5–27.5]", "film_text": "35.0 [31.5–38.5]"}
    assert rows[4] == ["chance", "", "20.0", "–", "16.7"]
    assert rows[5][3] == "53.0 [47.7–58.3]"


def test_what_has_too_few_queries_is_no_number() -> None:
    assert table([probed(PLAIN, 25.0, flip=None)])[2][3] == "–"


def test_without_twins_there_is_no_group_score() -> None:
    assert "Group" not in table([probed(PLAIN, 25.0, group=None)])[0]


def test_who_says_what_the_clips_show_stands_below() -> None:
    assert "The clips' emotions: simulated faces." in render([probed(PLAIN, 25.0)], "markdown")


def test_runs_measured_by_other_code_are_left_out_and_named() -> None:
    third = make_record(60, variant="third")
    text = render([probed(PLAIN, 25.0), probed(OTHER, 35.0), probed(third, 99.0, code="2")], "markdown")
    assert (
        f"Left out, measured with other code or other emotions of the clips: {third.run}." in text
        and "99.0" not in text
    )


def test_without_probes_there_is_no_such_table() -> None:
    assert "Emotion measured directly" not in render([PLAIN, OTHER])


def test_it_fits_80_columns() -> None:
    assert max(map(len, render([probed(PLAIN, 25.0), probed(OTHER, 35.0)]).splitlines())) <= 80
