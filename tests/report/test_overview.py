"""The first screen's figure, the main table and what it rests on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.records import make_control, make_record

from bench.records.record import Record
from bench.report.overview import forest, foundations, main_table
from bench.report.parts import Study, studies_of

PLAIN = make_record(60, strength=2.0)
STRONG, WEAK, LIKE = (
    make_record(60, variant=name, strength=s) for name, s in (("strong", 6.0), ("weak", 0.0), ("like", 2.0))
)


def study(*records: Record) -> Study:
    (found,) = studies_of(records, Path("nowhere"), "emotion", "plain")
    return found


def test_rows_are_sorted_by_effect_and_better_lies_right() -> None:
    drawn = forest(study(PLAIN, WEAK, STRONG, LIKE))
    assert drawn
    rows, axis = drawn
    bars = [row.bars[0] for row in rows]
    assert [row.name for row in rows] == ["strong", "like", "weak"]
    assert [bar.verdict for bar in bars if bar] == ["better", "not distinguishable", "worse"]
    values = [bar.value for bar in bars if bar]
    assert values == sorted(values, reverse=True) and values[0] > axis.equal > values[2]
    for bar in bars:
        assert bar and bar.wide[0] <= bar.low <= bar.value <= bar.high <= bar.wide[1]


def test_places_are_on_a_scale_of_logarithms_where_effects_are_ratios() -> None:
    found = study(PLAIN, STRONG, LIKE)
    drawn = forest(found)
    assert drawn
    rows, axis = drawn
    effects = {one.name: one.size.value for one in found.parts[0].compared}
    places = {row.name: row.bars[0].value - axis.equal for row in rows if row.bars[0]}
    assert places["strong"] / places["like"] == pytest.approx(np.log(effects["strong"]) / np.log(effects["like"]))


def test_what_would_leave_no_room_is_drawn_at_the_edge() -> None:
    drawn = forest(
        study(
            PLAIN,
            make_record(60, variant="lost", strength=-4.0),
            *(make_record(60, variant=f"v{i}", strength=2.0) for i in range(4)),
        )
    )
    assert drawn
    (lost,) = [row.bars[0] for row in drawn[0] if row.name == "lost"]
    assert lost and lost.value == 0 and lost.beyond == "worse"


def test_nothing_compared_has_no_figure() -> None:
    assert forest(study(PLAIN)) is None


def test_the_table_has_the_baseline_between_better_and_worse_and_the_best_in_bold() -> None:
    table = main_table(study(PLAIN, WEAK, STRONG))
    assert [row[0] for row in table.rows] == ["strong", "plain", "weak"]
    assert table.header[0] == "variant" and table.header[-2:] == ["Holm p", "verdict"]
    assert [row[-1] for row in table.rows] == ["better", "baseline", "worse"]
    assert {row for row, _ in table.bold} == {0}


def test_what_cannot_be_told_from_the_best_is_bold_too() -> None:
    table = main_table(study(PLAIN, STRONG, make_record(60, variant="also", strength=6.0), LIKE))
    assert {table.rows[row][0] for row, _ in table.bold} == {"strong", "also"}


def test_where_nothing_is_better_nothing_is_bold() -> None:
    assert main_table(study(PLAIN, LIKE, WEAK)).bold == frozenset()


def test_ceiling_and_floor_end_the_table_and_are_what_it_rests_on() -> None:
    floor = replace(make_record(60, seed=7, strength=0.0), curve=[])
    ceiling = make_control(60, strength=2.0, emotions="oracle", change=0.0)
    found = study(PLAIN, STRONG, floor, ceiling)
    table = main_table(found)
    assert [row[0] for row in table.rows] == ["strong", "plain", "plain, told the mood (oracle)", "plain untrained"]
    rests = {row[0]: row[1] for row in foundations(found).rows}
    assert rests["Seeds"] == "1 of each (42): verdicts are on single runs, not on variants"
    assert rests["Floor"].startswith(f"before training: T2V R@1 {floor.metrics['all']['t2v']['R@1']['value']:.1f}")
    assert rests["Ceiling"].startswith("told the true mood: T2V R@1")
    assert "(80 % power; " in rests["Sensitivity"] and "Holm over 1 comparison" in rests["Test"]


def test_what_is_not_there_says_how_to_run_it() -> None:
    rests = {row[0]: row[1] for row in foundations(study(PLAIN, STRONG)).rows}
    assert "--emotions oracle" in rests["Ceiling"] and "--train.epochs 0" in rests["Floor"]
