"""What a benchmark can find, from made records: against analytic power, and in the words of the tables."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.records import make_record
from statsmodels.stats.power import TTestPower

from bench.compare import group_records, render
from bench.compare.groups import Group
from bench.compare.sensitivity_table import sensitivities
from bench.metrics.ranking import summarize
from bench.records.record import Record

N = 240
BASE = make_record(N, twins=False)
TWINS = {query: query ^ 1 for query in range(N)}


def run(variant: str, share: float, seed: int = 1, question: str = "twins") -> Record:
    """A record whose queries win against their twins with this chance."""
    wins = np.random.default_rng([seed, *variant.encode()]).random(N) < share
    won = dict(enumerate(wins.astype(float).tolist()))
    ranks = {way: {"greater": [1] * N, "equal": [0] * N} for way in ("t2v", "v2t")}
    metrics = summarize(ranks, {}, BASE.queries["captions"], won)
    one = make_record(N, variant=variant, seed=seed, twins=False, subsets={})
    return replace(one, twins=TWINS, twin_wins=won, question=[question], ranks=ranks, metrics=metrics, top=[])


def only(records: list[Record]) -> Group:
    (group,) = group_records(records)
    return group


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_of_one_seed_it_is_the_power_of_the_paired_t_test_over_pairs() -> None:
    records = [run("plain", 0.5), run("a", 0.7)]
    (found,) = sensitivities(only(records), "plain")
    of_pairs = [np.array([*record.twin_wins.values()]).reshape(-1, 2).mean(axis=1) for record in records]
    spread = np.subtract(*of_pairs).std(ddof=1)
    needed = 100 * spread * TTestPower().solve_power(nobs=N // 2, alpha=0.05, power=0.8)
    assert found.least(1)[0] == pytest.approx(needed, rel=0.08)  # of 400 studies
    assert list(found.needed) == [1] and "how far seeds spread" in one_line(render(records))


def test_more_variants_need_a_larger_effect() -> None:
    few = [run("plain", 0.5), run("a", 0.6)]
    many = few + [run(variant, 0.6) for variant in "bcdefghij"]
    (one,), (other,) = (sensitivities(only(records), "plain") for records in (few, many))
    needed = [TTestPower().solve_power(nobs=N // 2, alpha=0.05 / m, power=0.8) for m in (1, 10)]
    assert other.least(1)[0] / one.least(1)[0] == pytest.approx(needed[1] / needed[0], rel=0.1)
    assert other.comparisons == 10


def test_with_several_seeds_on_record_it_is_told_for_one_three_and_five() -> None:
    records = [run(variant, 0.5 + 0.04 * seed, seed) for variant in ("plain", "a", "b") for seed in (0, 1, 2)]
    (found,) = sensitivities(only(records), "plain")
    assert list(found.needed) == [1, 3, 5]
    assert found.least(3)[0] > found.least(5)[0]
    assert found.wrong(1) > 0.1 > found.wrong(3)  # one seed of each takes luck for an effect
    text = one_line(render(records))
    assert "the smallest true effect that is found with 80 % power" in text and "one seed each" not in text


def test_power_rises_with_the_effect() -> None:
    (found,) = sensitivities(only([run("plain", 0.5), run("a", 0.7)]), "plain")
    power = found.power(1, np.linspace(0, 0.5, 20))
    assert power[0] < 0.1 and power[-1] == 1 and (np.diff(power) >= 0).all()


def test_variants_that_hardly_differ_are_as_sure_as_any_can_be() -> None:
    """An effect d needs d of the queries to differ: with 2.80² = 7.85 it is 7.85/(240 + 7.85) at least."""
    plain = run("plain", 0.5)
    nearly = {**plain.twin_wins, 0: 1 - plain.twin_wins[0]}
    ranks = plain.ranks
    other = replace(run("a", 0.5), twin_wins=nearly, metrics=summarize(ranks, {}, BASE.queries["captions"], nearly))
    (found,) = sensitivities(only([plain, other]), "plain")
    assert found.least(1)[0] == pytest.approx(3.17, abs=0.01)


def test_a_variant_that_is_the_baseline_again_says_nothing() -> None:
    plain = run("plain", 0.5)
    assert sensitivities(only([plain, replace(run("a", 0.5), twin_wins=plain.twin_wins)]), "plain") == []


def test_effects_on_ranks_are_ratios_below_one() -> None:
    records = [make_record(120, variant=variant, strength=3.0, seed=s) for variant in ("plain", "a") for s in (1, 2)]
    (found,) = sensitivities(only(records), "plain")
    middle, surest, last = found.least(3)
    assert 0 < last <= middle <= surest < 1
    assert "effects: mean rank, times the baseline's" in one_line(render(records))


def test_too_few_queries_make_no_claim() -> None:
    assert sensitivities(only([make_record(12), make_record(12, variant="a")]), "plain") == []


def test_a_group_of_one_variant_has_none() -> None:
    assert sensitivities(only([make_record(60)]), "plain") == []
