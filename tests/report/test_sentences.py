"""The report's sentences: those below the tables, and what is missing."""

from dataclasses import replace

from helpers.records import make_control, make_record, make_several

from bench.compare.groups import group_records
from bench.compare.sections import sections_of
from bench.records.record import Record
from bench.report.sentences import sentences

PLAIN = make_record(60, strength=2.0)
FACES = {"source": "simulated", "sha256": "f" * 64, "pooling": "largest"}


def told(*records: Record) -> list[str]:
    (group,) = group_records(records)
    return sentences(group, sections_of(group, group, "emotion", "plain"))


def test_how_much_was_run_comes_first() -> None:
    first, *_ = told(PLAIN, make_record(60, variant="strong", strength=6.0))
    assert first == "2 runs of 2 variants under 1 seed, 60 queries against 60 clips of moodclips."


def test_the_start_is_counted_as_no_variant() -> None:
    first, *_ = told(PLAIN, replace(make_record(60, seed=7), curve=[]))
    assert first == "1 run of 1 variant under 1 seed, 60 queries against 60 clips of moodclips."


def test_clips_with_several_captions_are_counted_once() -> None:
    first, *_ = told(make_several(20, 3))
    assert "60 queries against 20 clips" in first


def test_verdicts_are_those_of_the_table() -> None:
    assert any(
        one.startswith("strong (run of seed 42) is better than plain (run of seed 42)")
        for one in told(PLAIN, make_record(60, variant="strong", strength=6.0))
    )


def test_a_baseline_alone_is_tested_against_nothing() -> None:
    assert any(one.startswith("Nothing is tested") for one in told(PLAIN))


def test_without_controls_a_gain_is_open_and_with_one_the_effect_is_told() -> None:
    other = make_record(60, variant="strong", strength=6.0, faces=FACES)
    control = make_control(60, variant="strong", strength=6.0, emotions="shuffled", change=0.0, faces=FACES)
    assert any("no run has a control yet" in one for one in told(PLAIN, other))
    with_control = told(PLAIN, other, control)
    assert any("no emotion effect was found" in one for one in with_control)
    assert not any("no run has a control yet" in one or "simulated" in one for one in with_control)


def test_a_control_of_few_queries_makes_no_claim() -> None:
    control = make_control(12, emotions="shuffled")
    assert "plain s42: 12 queries are too few for a claim." in told(make_record(12), control)


def test_a_run_that_was_selected_on_the_test_set_is_named() -> None:
    chosen = replace(PLAIN, selection={"rule": "test", "step": 1})
    assert f"{PLAIN.run}: selected on the test set, by DSL." in told(chosen)
