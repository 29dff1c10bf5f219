"""The answer: counted verdicts, named variants, and what shuffled emotions leave of a gain."""

from dataclasses import replace
from pathlib import Path

from helpers.records import better_at_a_cost, make_control, make_record, make_several

from bench.records.record import Record
from bench.report.answer import answers, shuffled_checks
from bench.report.page import facts
from bench.report.parts import Study, studies_of

PLAIN = make_record(60, strength=2.0)
STRONG, WEAK = (make_record(60, variant=name, strength=s) for name, s in (("strong", 6.0), ("weak", 0.0)))
LIKE = make_record(60, variant="like", strength=2.0)


def study(*records: Record) -> Study:
    (found,) = studies_of(records, Path("nowhere"), "emotion", "plain")
    return found


def told(*records: Record) -> list[str]:
    return answers(study(*records))


def test_verdicts_are_counted_and_named() -> None:
    assert told(PLAIN, STRONG, WEAK, LIKE)[0] == (
        "Of 3 ways to tell the model about emotion (one run each), 1 ranks the right video higher than plain (strong); "
        "1 ranks it lower (weak); 1 cannot be told from plain by these 60 queries."
    )


def test_where_none_is_better_that_is_said() -> None:
    assert (
        "none is shown to rank the right video higher than plain; 1 ranks it lower (weak)" in told(PLAIN, WEAK, LIKE)[0]
    )


def test_one_variant_alone_is_named() -> None:
    name = "one way to tell the model about emotion, {} (one run each)"
    assert told(PLAIN, STRONG)[0] == f"The {name.format('strong')}, ranks the right video higher than plain."
    assert told(PLAIN, WEAK)[0] == f"For the {name.format('weak')}, plain is better."
    assert told(PLAIN, LIKE)[0] == f"For the {name.format('like')}, these 60 queries cannot tell."


def test_of_few_queries_nothing_is_said() -> None:
    few = [make_record(12, variant=name) for name in ("plain", "a", "b")]
    assert told(*few) == ["Of 2 ways to tell the model about emotion nothing can be said: 12 queries are too few."]


def test_a_baseline_alone_is_tested_against_nothing() -> None:
    assert told(PLAIN) == ["Nothing is tested: it takes a run of the baseline and one of another variant."]


def test_without_a_control_the_reason_is_open() -> None:
    assert "no run has a control yet" in told(PLAIN, STRONG)[1]


def shuffled(like: Record) -> Record:
    """A control of STRONG that ranks as another record does."""
    control = make_control(60, variant="strong", strength=6.0, emotions="shuffled")
    return replace(control, ranks=like.ranks, twin_wins=like.twin_wins, metrics=like.metrics)


def test_a_gain_that_shuffled_emotions_take_away_comes_from_emotion() -> None:
    said = told(PLAIN, STRONG, shuffled(like=PLAIN))[1]
    assert said.startswith(
        "With the emotions of other captions (shuffled), strong does worse than with the right ones (p "
    )
    assert said.endswith("and no better than plain: the gain comes from emotion.")


def test_a_gain_that_stays_with_shuffled_emotions_is_not_said_to_come_from_emotion() -> None:
    said = told(PLAIN, STRONG, shuffled(like=STRONG))
    assert said[1] == "For strong shuffled emotions make no difference that these queries show."
    (check,) = shuffled_checks(study(PLAIN, STRONG, shuffled(like=STRONG)).parts[0]).values()
    assert check and check.still_better and not check.needed


def test_parts_of_one_test_set_are_answered_in_one_sentence() -> None:
    config = {"train": {"batches": "twins"}}
    twins = [
        make_record(60, variant=name, strength=s, config=config)
        for name, s in (("plain", 2.0), ("strong", 6.0), ("like", 2.0))
    ]
    found = study(PLAIN, STRONG, WEAK, LIKE, *twins)
    assert [part.label for part in found.parts] == ["random batches", "batches of twins"]
    assert answers(found)[0] == (
        "With random batches 1 of 3 ways to tell the model about emotion ranks the right video higher than plain and 1 "
        "ranks it lower; with batches of twins 1 of 2."
    )


def gains(checked: int, gone: int, total: int) -> str:
    """What is said of so many gains over plain, of which so many have a control and lose by it."""
    strong = [make_record(60, variant=f"v{number}", strength=6.0) for number in range(total)]
    controls = [
        replace(
            make_control(60, variant=one.variant, strength=6.0, emotions="shuffled"),
            **{name: getattr(PLAIN if number < gone else one, name) for name in ("ranks", "twin_wins", "metrics")},
        )
        for number, one in enumerate(strong[:checked])
    ]
    twelve = [make_record(60, variant=name, strength=2.0, frames=12) for name in ("plain", "a")]
    return answers(study(PLAIN, *strong, *controls, *twelve))[1].removeprefix(
        "With the emotions of other captions (shuffled), "
    )


def test_gains_of_several_parts_are_counted_by_how_many_were_checked() -> None:
    assert gains(2, 2, 2) == "nothing is left of all 2 gains: they come from emotion."
    assert gains(1, 1, 3) == "nothing is left of the one gain that was checked, of 3 in all: it comes from emotion."
    assert gains(2, 1, 3) == "nothing is left of 1 of the 2 gains checked, of 3 in all: it comes from emotion."
    assert gains(2, 0, 2) == "something is left of the 2 gains checked."


def test_a_gain_at_the_cost_of_recall_is_said_to_be_one() -> None:
    plain, other, third = better_at_a_cost()
    assert (
        "1 picks the right clip over its twin more often than plain (b), of which b with a lower R@1;"
        in told(plain, other, third)[0]
    )


def test_the_facts_count_trained_runs_and_each_clip_once() -> None:
    untrained = replace(make_record(60, seed=7), curve=[])
    assert facts(study(PLAIN, STRONG, untrained)).startswith(
        "moodclips: 60 queries, gallery of 60 clips; 2 trained runs of 2 variants, seed 42; 3 records, the last of "
    )
    assert "60 queries, gallery of 20 clips" in facts(study(make_several(20, 3)))
