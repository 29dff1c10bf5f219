"""The answer of `bench compare` on one screen."""

import re
from dataclasses import replace
from typing import Any

import pytest
from helpers.records import better_at_a_cost, make_control, make_record

from bench.compare import render
from bench.compare.groups import group_records
from bench.compare.sensitivity_table import sensitivities
from bench.compare.summary import short_names, summary
from bench.records.record import Record

SEEDS = (1, 2, 3)


def runs(variant: str, strength: float, n: int = 60, **settings: Any) -> list[Record]:
    """A variant under three seeds."""
    return [make_record(n, variant=variant, strength=strength, seed=seed, **settings) for seed in SEEDS]


PLAIN, STRONG, WEAK = runs("plain", 1.0), runs("film_text", 4.0), runs("additive_text", -1.0)
ALL = [*PLAIN, *STRONG, *WEAK]


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def verdicts(text: str) -> dict[str, str]:
    """The last cell of each line of the table, by the line's first word."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("─")) + 1
    names = {record.variant for record in ALL}
    return {line.split()[0]: line.split()[-1] for line in lines[start:] if line.split() and line.split()[0] in names}


def test_it_counts_the_verdicts_in_a_sentence() -> None:
    said = one_line(summary(ALL, "plain"))
    assert "Of 2 variants, 1 is better, 1 is worse than plain at ranking the right clip." in said


def test_gains_at_the_cost_of_recall_are_counted() -> None:
    said = one_line(summary(better_at_a_cost(), "plain"))
    assert "1 is better than plain at telling twins apart (1 of these with a lower R@1);" in said


def test_what_the_test_set_finds_is_what_the_table_of_sensitivities_says() -> None:
    [group] = group_records(ALL)
    [one] = sensitivities(group, "plain")
    least = one.question.least(one.least(len(SEEDS))[0])
    assert f"This test set with 3 seeds finds {least} (80 % power; the median variant)." in one_line(
        summary(ALL, "plain")
    )


def test_one_variant_is_named() -> None:
    assert "film_text is better than plain at ranking the right clip." in one_line(summary([*PLAIN, *STRONG], "plain"))


def test_variants_stand_best_first_with_the_baseline_among_them() -> None:
    assert list(verdicts(summary(ALL, "plain")).items()) == [
        ("film_text", "better"),
        ("plain", "baseline"),
        ("additive_text", "worse"),
    ]


def test_another_baseline_turns_the_verdicts() -> None:
    found = verdicts(summary(ALL, "film_text"))
    assert found == {"film_text": "baseline", "plain": "worse", "additive_text": "worse"}


def test_equal_runs_cannot_be_told_apart() -> None:
    same = [replace(one, ranks=plain.ranks) for one, plain in zip(runs("film_text", 1.0), PLAIN, strict=True)]
    text = one_line(summary([*PLAIN, *same], "plain"))
    assert "This test set cannot tell film_text from plain" in text and "cannot tell" in text


def test_its_verdicts_are_those_of_the_whole_tables() -> None:
    whole = one_line(render(ALL))
    assert "film_text is better than plain" in whole and "additive_text is worse than plain" in whole


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_it_fits_the_terminal_and_breaks_no_name(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    long = runs("a_variant_with_a_name_of_some_length", 2.0)
    lines = summary([*ALL, *long], "plain").splitlines()
    assert max(map(len, lines)) <= columns
    assert any("a_variant_with_a_name_of_some_length" in line for line in lines)


def test_a_wide_terminal_shows_seeds_and_p(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Holm" not in summary(ALL, "plain")
    monkeypatch.setenv("COLUMNS", "120")
    assert "Holm p" in summary(ALL, "plain") and "seeds" in summary(ALL, "plain")


def test_of_several_protocols_one_is_shown_whole_and_the_others_in_a_sentence() -> None:
    other = [
        make_record(60, variant=name, strength=s, test="other", seed=1) for name, s in (("plain", 1), ("film_text", 4))
    ]
    text = summary([*ALL, *other], "plain")
    assert len(re.findall(r" baseline\n", text)) == 1
    assert re.search(r"Other protocols.*\n.*other.*: film_text is better than plain", text)


def test_without_the_baseline_it_says_what_is_missing() -> None:
    text = one_line(summary(STRONG, "plain"))
    assert "Nothing is tested: there is no run of plain under this protocol." in text and "verdict" not in text


def test_controls_are_counted_and_left_to_the_whole_tables() -> None:
    control = make_control(60, variant="film_text", strength=0.0, seed=1, emotions="shuffled")
    text = summary([*ALL, control], "plain")
    assert "With --full: 1 control, " in text and "shuffled" not in text


def test_one_seed_each_is_said_to_speak_of_runs() -> None:
    text = one_line(summary([PLAIN[0], STRONG[0]], "plain"))
    assert "One seed each: this compares two runs." in text


def test_a_name_has_the_settings_alone_that_set_it_apart() -> None:
    def family(std: float) -> Record:
        return make_record(variant="additive_text", hyperparameters={"init_std": std, "other": 1})

    [group] = group_records([make_record(), family(0.0), family(1.0)])
    assert sorted(short_names(group.families).values()) == [
        "additive_text init_std=0.0",
        "additive_text init_std=1.0",
        "plain",
    ]
