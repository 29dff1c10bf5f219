"""The mean rank between its bounds, and what is asked of a mean over runs."""

from fractions import Fraction
from itertools import combinations_with_replacement
from statistics import median as middle

import pytest
from helpers.published import printed, row, said
from hypothesis import given
from hypothesis import strategies as st

from bench.records.audit import audit
from bench.records.mean_bounds import mean_bounds

# --- mean -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "line"),
    [
        # 40 % at 1, 30 % at 2 or later, 30 % at 6 or later: 0.4 + 0.6 + 1.8 = 2.8
        ({"R1": "40.00", "R5": "70.00", "MnR": "2.79"}, "MnR 2.79: with R@1 40.00, R@5 70.00 it is at least 2.8"),
        ({"R1": "40.00", "R5": "70.00", "MnR": "2.80"}, ""),
        # 40 % at 1, 30 % at 5 or before, 30 % at 100 or before: 0.4 + 1.5 + 30 = 31.9
        (
            {"R1": "40.00", "R5": "70.00", "MnR": "31.92", "gallery": "100"},
            "MnR 31.92: with R@1 40.00, R@5 70.00 it is",
        ),
        ({"R1": "40.00", "R5": "70.00", "MnR": "31.90", "gallery": "100"}, ""),
        ({"R1": "40.00", "R5": "70.00", "MnR": "31.92"}, ""),  # in what gallery?
        # half at 1, half at 9: 5; half at 9, half at 100: 54.5
        ({"MdR": "9.0", "MnR": "4.9"}, "MnR 4.9: with MdR 9.0 it is at least 4.97"),
        ({"MdR": "9.0", "MnR": "5.0"}, ""),
        ({"MdR": "9.0", "MnR": "54.7", "gallery": "100"}, "MnR 54.7: with MdR 9.0 it is at most 54.5"),
        ({"MdR": "9.0", "MnR": "54.5", "gallery": "100"}, ""),
        ({"MnR": "0.9"}, "MnR 0.9: no rank is below 1"),
        ({"MnR": "1.0"}, ""),
        # a recall lies between 0 and 100, whatever rounds to it; one beyond the gallery's size says nothing
        ({"R1": "0.00", "R10": "100", "MnR": "1.97"}, "MnR 1.97: with R@1 0.00, R@10 100 it is at least 2.000"),
        ({"R10": "0", "MnR": "100.3", "gallery": "100"}, "MnR 100.3: with R@10 0 it is at most 100.00"),
        ({"R1": "40", "R10": "100", "MnR": "4.0", "gallery": "5"}, "MnR 4.0: with R@1 40 it is at most 3.42"),
        ({"MnR": "100.6", "gallery": "100"}, "MnR 100.6: with a gallery of 100 it is at most 100.00"),
    ],
)
def test_a_mean_rank_must_lie_between_its_bounds(printed: dict, line: str) -> None:
    found = said(row(10_000, **printed))
    assert len(found) == bool(line)
    assert "".join(found).startswith(line)


@pytest.mark.parametrize(
    ("n", "printed", "line"),
    [
        # half at 1, so the next is at 198 or later: (1 + 198) / 2; of 1000 queries 499 at 1 would be 50 % too
        (34, {"R1": "50", "R5": "50", "R10": "50", "MdR": "100", "MnR": "60"}, "it is at least 99.5"),
        (1000, {"R1": "50", "R5": "50", "R10": "50", "MdR": "100", "MnR": "60"}, ""),
        (1000, {"R1": "50.0", "R10": "50.0", "MdR": "100.0", "MnR": "99.9"}, "it is at least 100.0"),
        (1000, {"R1": "50.0", "R10": "50.0", "MdR": "100.0", "MnR": "100.0"}, ""),
        # 40 % at 1, 10 % at 11 or later, half at 20 or later: 0.4 + 1.1 + 10 = 11.5
        (1000, {"R1": "40.0", "R10": "40.0", "MdR": "20.0", "MnR": "11.3"}, "it is at least 11.5"),
        (1000, {"R1": "40.0", "R10": "40.0", "MdR": "20.0", "MnR": "11.5"}, ""),
        # 45 % at 1, 5 % at 9, 45 % at 10, 5 % at 100 or before: 0.45 + 0.45 + 4.5 + 5
        (1000, {"R1": "45.0", "R10": "95.0", "MdR": "9.0", "MnR": "10.6", "gallery": "100"}, "it is at most 10.4"),
        (1000, {"R1": "45.0", "R10": "95.0", "MdR": "9.0", "MnR": "10.4", "gallery": "100"}, ""),
    ],
)
def test_recalls_and_median_together_bound_the_mean_rank(n: int, printed: dict, line: str) -> None:
    found = said(row(n, **printed))
    assert len(found) == bool(line)
    assert line in "".join(found) and (" and MdR " in "".join(found)) == bool(line)


def test_every_rank_is_within_the_gallery() -> None:
    [line] = said(row(100, R1="40.0", R10="99.0", gallery="10"))
    assert line == "R@10 99.0: no rank is above 10 in a gallery of 10, so it is 100"
    assert said(row(100, R1="40.0", R10="100", gallery="10"), row(100, R10="99.0", gallery="11", model="other")) == []


# --- means over runs ------------------------------------------------------------------------------------------------


def test_a_mean_over_runs_is_no_erratum() -> None:
    """Three runs of four queries, ranks 1 1 2 9, 1 2 2 9 and 1 1 1 9: medians 1.5, 2 and 1."""
    numbers = {"R1": "50.0", "R5": "75.0", "MdR": "1.5", "MnR": "3.2"}
    assert said(row(4, **numbers, R10="91.6667", runs="3")) == []
    assert said(row(10, R1="33.3333", MdR="2.3333", runs="3")) == []
    assert len(said(row(10, R1="33.3333", MdR="2.3333"))) == 2


@pytest.mark.parametrize(
    ("printed", "rule"),
    [
        ({"R1": "44.8", "R5": "28.1"}, "out_of_order"),
        ({"R10": "99.0", "gallery": "10"}, "whole_gallery"),
        ({"MdR": "11.3", "gallery": "10"}, "median"),
        ({"R1": "40.00", "R5": "70.00", "MnR": "2.79"}, "mean"),
    ],
)
def test_what_no_mean_over_runs_can_be_is_found(printed: dict, rule: str) -> None:
    assert [finding.rule for finding in audit([row(1000, **printed, runs="5")])] == [rule]


@given(
    st.lists(st.lists(st.integers(1, 30), min_size=7, max_size=7), min_size=2, max_size=5),
    st.lists(st.integers(0, 4), min_size=5, max_size=5),
)
def test_no_mean_over_runs_has_a_finding(runs: list[list[int]], decimals: list[int]) -> None:
    n, of = 7, len(runs)
    exact = {f"R{k}": Fraction(100 * sum(rank <= k for run in runs for rank in run), n * of) for k in (1, 5, 10)}
    exact |= {"MdR": Fraction(sum(map(middle, runs)), of), "MnR": Fraction(sum(map(sum, runs)), n * of)}
    texts = {name: printed(value, d, True) for (name, value), d in zip(exact.items(), decimals, strict=True)}
    assert said(row(n, **texts, gallery="30", runs=str(of))) == []


# --- the bounds themselves ------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 6), min_size=1, max_size=7))
def test_the_bounds_hold_every_mean_that_there_can_be(ranks: list[int]) -> None:
    """Against all lists of ranks in a gallery of 6 with the same recalls and median, for which there is no formula."""
    n = len(ranks)

    def described(ranks: tuple[int, ...]) -> tuple:
        return tuple(sum(rank <= k for rank in ranks) for k in (1, 3)), middle(ranks)

    alike = [
        other for other in combinations_with_replacement(range(1, 7), n) if described(other) == described(tuple(ranks))
    ]
    means = [Fraction(sum(other), n) for other in alike]
    recalls = {k: (Fraction(hits, n),) * 2 for k, hits in zip((1, 3), described(tuple(ranks))[0], strict=True)}
    median = Fraction(middle(ranks))
    least, most = mean_bounds(recalls, (median, median), n, 6)
    assert least <= min(means) and max(means) <= most
