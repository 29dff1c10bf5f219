"""Headroom by hand: from floor to ceiling, by R@1 and by twins; and what is said where one of the two is missing."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.records import make_record, whole_config

from bench.compare import group_records, render
from bench.compare.groups import Group
from bench.compare.headroom import Bounds, bounds, content_alone, missing
from bench.compare.paired import compare_all
from bench.data.cards import load_card
from bench.metrics.ranking import summarize
from bench.records.check import check
from bench.records.record import Record
from bench.records.store import run_id

N = 40
MOODS = {mood: list(range(place, N, 9)) for place, mood in enumerate(load_card("moodclips").moods)}
TWINS = {query: query ^ 1 for query in range(30)}  # 15 contents in two moods, 10 in one


def run(variant: str, first: int, won: int = 15, seed: int = 1, emotions: str = "true", epochs: int = 12) -> Record:
    """A record of which `first` queries rank first, the others third, and `won` of 30 win against their twins."""
    base = make_record(N, variant=variant, seed=seed, twins=False, subsets=MOODS)
    settings = whole_config({**base.config, "emotions": emotions, "train": {"lr": 1e-4, "epochs": epochs}})
    true = run_id(variant, seed, {**settings, "emotions": "true"})
    greater = [0] * first + [2] * (N - first)
    ranks = {way: {"greater": greater, "equal": [0] * N} for way in ("t2v", "v2t")}
    wins = {query: float(query < max(won, first)) for query in TWINS}
    record = replace(
        base,
        run=true if emotions == "true" else run_id(variant, seed, settings),
        config=settings,
        controls={**base.controls, "emotions": emotions, "true_run": true},
        twins=TWINS,
        twin_wins=wins,
        ranks=ranks,
        metrics=summarize(ranks, MOODS, base.queries["captions"], wins),
        top=[],
        curve=base.curve if epochs else [],
        selection={"rule": "last", "step": 1 if epochs else 0},
    )
    check(record)
    return record


PLAIN, MINE = run("plain", 12, 15), run("mine", 20, 24)
FLOOR, CEILING = run("plain", 4, 15, epochs=0), run("plain", 36, 30, emotions="oracle")
ALL = [PLAIN, MINE, FLOOR, CEILING]


def only(records: list[Record]) -> Group:
    (group,) = group_records(records)
    return group


def found(records: list[Record]) -> tuple[Bounds, Group]:
    group = only(records)
    limits = bounds(group, "plain")
    assert limits
    return limits, group


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_it_is_the_share_of_the_way_from_the_floor_to_the_ceiling() -> None:
    limits, group = found(ALL)
    used = {family.name: limits.used(family).value for family in group.families}
    assert used["mine"] == pytest.approx((20 - 4) / (36 - 4)) and used["plain"] == pytest.approx((12 - 4) / (36 - 4))


def test_emotion_used_is_the_share_of_the_way_from_chance() -> None:
    limits, group = found(ALL)
    used = {family.name: limits.emotion_used(family).value for family in group.families}
    assert used["mine"] == pytest.approx((24 - 15) / 15) and used["plain"] == pytest.approx(0)


def test_its_interval_holds_the_value_and_narrows_with_the_spread_of_queries() -> None:
    limits, group = found(ALL)
    (mine,) = (family for family in group.families if family.name == "mine")
    used = limits.used(mine)
    assert used.low < used.value < used.high
    # by hand: of 32 queries on the way 16 are used, h = 1/2: 16 leave +1/2, 16 leave -1/2, 8 leave 0; over 0.8
    half = 2.0227 * (32 * 0.25 * 40 / 39) ** 0.5 / 40 / 0.8
    assert used.high - used.value == pytest.approx(half, rel=1e-3)


def test_content_alone_finds_one_of_two_twins_and_all_others() -> None:
    assert content_alone(PLAIN) == (15 + 10) / 40
    three = replace(PLAIN, twins={0: 1, 1: 2, 2: 0}, twin_wins={})
    assert content_alone(three) == pytest.approx((1 + 37) / 40)


def test_the_floor_is_no_setting_of_the_baseline_and_no_rival() -> None:
    group = only(ALL)
    assert [family.name for family in group.families] == ["mine", "plain", "plain untrained"]
    assert [(one.name, one.baseline) for one in compare_all(group, "emotion", "plain")[0]] == [("mine", "plain")]
    assert "No verdict" not in one_line(render(ALL))


def test_untrained_runs_alone_are_compared_as_any_others() -> None:
    records = [run("plain", 4, epochs=0), run("mine", 30, epochs=0)]
    assert [one.name for one in compare_all(only(records), "emotion", "plain")[0]] == ["mine"]
    assert bounds(only(records), "plain") is None


def test_the_table_stands_beside_the_others_with_the_ceiling_branded() -> None:
    text = render(ALL, "markdown")
    table = text[text.index("Headroom used: (run") :].partition("\n\n")[2].partition("\n\n")[0].splitlines()
    assert table[0] == "|  | T2V R@1 | headroom used | TwinAcc | emotion used |"
    firsts = [line.split("|")[1].strip() for line in table[2:]]
    assert firsts == [
        "ceiling: plain, told the mood (oracle)",
        "mine",
        "plain",
        "content alone, computed",
        "floor: plain untrained",
    ]
    assert [cell.strip() for cell in table[5].split("|")[2:-1]] == ["62.5", "0.66", "50.0", "0"]
    assert text.count("told the mood (oracle)") == 1  # in no other table


def test_the_ceiling_is_neither_in_the_leaderboard_nor_in_a_verdict() -> None:
    group = only(ALL)
    assert all(record.controls["emotions"] == "true" for family in group.families for record in family.records)
    declared, exploratory = compare_all(group, "emotion", "plain")
    assert {one.name for one in declared + exploratory} == {"mine"}


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([PLAIN, MINE], "once with --emotions oracle (the ceiling) and once with --train.epochs 0 (the floor)."),
        ([PLAIN, MINE, FLOOR], "but with --emotions oracle (the ceiling)."),
        ([PLAIN, MINE, CEILING], "but with --train.epochs 0 (the floor)."),
    ],
)
def test_without_floor_or_ceiling_the_run_to_make_is_named(records: list[Record], said: str) -> None:
    assert bounds(only(records), "plain") is None
    assert missing(only(records), "plain").endswith(said)
    text = one_line(render(records))
    assert said in text and "Headroom used" not in text


def test_a_dataset_without_truth_is_not_asked_for_a_ceiling() -> None:
    records = [make_record(24, dataset="msrvtt"), make_record(24, dataset="msrvtt", variant="other")]
    assert missing(only(records), "plain") == ""
    assert "To see the headroom" not in one_line(render(records))


def test_a_ceiling_no_higher_than_the_floor_leaves_no_way() -> None:
    limits, group = found([run("plain", 12), run("plain", 12, epochs=0), run("plain", 13, emotions="oracle")])
    assert limits.used(group.families[0]).value is None
    assert "–" in render([*group.records])


def test_of_several_seeds_it_is_of_their_means() -> None:
    records = [
        run(variant, first + seed, won, seed)
        for variant, first, won in (("plain", 10, 15), ("mine", 18, 24))
        for seed in (1, 2, 3)
    ]
    records += [run("plain", 36, 30, seed, emotions="oracle") for seed in (1, 2, 3)] + [FLOOR]
    limits, group = found(records)
    (mine,) = (family for family in group.families if family.name == "mine")
    assert limits.used(mine).value == pytest.approx((20 - 4) / (36 - 4))
    one_seed = found([PLAIN, MINE, FLOOR, CEILING])[0]
    width = np.diff([limits.used(mine).low, limits.used(mine).high])[0]
    (alone,) = (family for family in only(ALL).families if family.name == "mine")
    assert width > one_seed.used(alone).high - one_seed.used(alone).low  # seeds say how they spread


@pytest.mark.parametrize("seeds", [(1,), (1, 2)])
def test_the_table_fits_80_columns(seeds: tuple[int, ...]) -> None:
    records = [run(v, f, w, s) for v, f, w in (("plain", 12, 15), ("attention_modulation", 20, 24)) for s in seeds]
    records += [run("plain", 36, 30, s, emotions="oracle") for s in seeds] + [FLOOR]
    assert max(map(len, render(records).splitlines())) <= 80


def test_an_oracle_of_a_run_that_was_trained_without_true_emotions_is_no_ceiling() -> None:
    other = run("plain", 5, 16, emotions="oracle")
    other = replace(other, run=f"{other.run}0", controls={**other.controls, "train_emotions": "shuffled"})
    ceiling = only([*ALL, other]).ceiling(only(ALL).baseline("plain"))
    assert ceiling is not None and [record.run for record in ceiling.records] == [CEILING.run]
