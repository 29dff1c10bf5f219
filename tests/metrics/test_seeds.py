"""Means over seeds and queries, against scipy's t tests and cases that can be checked by head."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t, ttest_ind, ttest_rel

from bench.metrics.seeds import MeanOverSeeds, mean_over_seeds

RNG = np.random.default_rng(0)
ONE, OTHER = RNG.normal(size=(2, 60))


def test_one_seed_on_both_sides_is_the_paired_t_test_over_queries() -> None:
    found, expected = mean_over_seeds([ONE], [OTHER]), ttest_rel(ONE, OTHER)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval()))


@pytest.mark.parametrize(("seeds", "others"), [(2, 2), (3, 3), (5, 5), (3, 2)])
def test_where_queries_do_not_differ_it_is_welchs_t_test_over_seeds(seeds: int, others: int) -> None:
    one, other = RNG.normal(size=(seeds, 1)), 0.2 * RNG.normal(size=(others, 1))
    found = mean_over_seeds(np.tile(one, 9), np.tile(other, 9))
    assert found.p == pytest.approx(ttest_ind(one[:, 0], other[:, 0], equal_var=False).pvalue)


def test_both_parts_widen_the_interval() -> None:
    queries, seeds = (0.04, 59.0), (0.01, 2.0)
    half = (t.ppf(0.975, 59) ** 2 * 0.04 + t.ppf(0.975, 2) ** 2 * 0.01) ** 0.5
    assert MeanOverSeeds(1.0, (queries, seeds)).interval() == pytest.approx((1 - half, 1 + half))


def test_the_interval_of_level_one_minus_p_ends_at_zero() -> None:
    found = mean_over_seeds(ONE + RNG.normal(size=(3, 60)), OTHER + RNG.normal(size=(3, 60)))
    low, high = replace(found, value=0.7).interval(1 - replace(found, value=0.7).p)
    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-9)


def test_what_queries_have_in_common_does_not_widen_a_difference() -> None:
    low, high = mean_over_seeds([ONE + 1, ONE + 1], [ONE, ONE]).interval()
    assert (low, high) == pytest.approx((1, 1))


def test_queries_of_one_caption_count_once() -> None:
    labels = np.repeat(np.arange(60), 4)
    found = mean_over_seeds([np.repeat(ONE, 4)], None, labels)
    assert found.interval() == pytest.approx(mean_over_seeds([ONE]).interval())


def test_a_single_cluster_has_no_interval() -> None:
    found = mean_over_seeds([[1.0, 2.0], [3.0, 4.0]], None, ["a", "a"])
    assert (found.value, found.interval(), found.p) == (2.5, None, 1.0)


def test_p_of_a_difference_without_any_spread_is_as_small_as_can_be_told() -> None:
    assert mean_over_seeds([[1.0] * 9] * 2, [[0.0] * 9] * 2).p == 1e-12
    assert mean_over_seeds([[1.0] * 9] * 2, [[1.0] * 9] * 2).p == 1.0
