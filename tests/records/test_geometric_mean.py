"""The geometric mean of three recalls: what one run, and a mean over runs, leave for it."""

from fractions import Fraction

import pytest
from helpers.published import printed, row, said
from hypothesis import given
from hypothesis import strategies as st


def test_it_is_the_cube_root_of_the_product() -> None:
    """25 · 40 · 64 = 40³."""
    recalls = {"R1": "25.0", "R5": "40.0", "R10": "64.0"}
    assert said(row(1000, **recalls, Geom="40.0")) == said(row(1000, **recalls, Geom="40")) == []
    assert said(row(1000, **recalls, Geom="40.1")) == [
        "Geom 40.1: with R@1 25.0, R@5 40.0, R@10 64.0 it is at most 40.00"
    ]
    assert said(row(1000, **recalls, Geom="39.9")) == [
        "Geom 39.9: with R@1 25.0, R@5 40.0, R@10 64.0 it is at least 40.00"
    ]


def test_recalls_that_were_rounded_leave_it_a_range() -> None:
    """Of 100 000 queries 25.0 is 24.95 to 25.05: the cube root of 24.95 · 39.95 · 63.95 is 39.9462."""
    recalls = {"R1": "25.0", "R5": "40.0", "R10": "64.0"}
    assert said(row(100_000, **recalls, Geom="39.947")) == []
    assert len(said(row(100_000, **recalls, Geom="39.945"))) == 1
    assert len(said(row(1000, **recalls, Geom="39.947"))) == 1


@pytest.mark.parametrize("missing", ["R1", "R5", "R10"])
def test_without_all_three_recalls_nothing_is_said(missing: str) -> None:
    recalls = {name: value for name, value in {"R1": "25", "R5": "40", "R10": "64"}.items() if name != missing}
    assert said(row(1000, **recalls, Geom="1.0")) == []


def test_a_mean_over_runs_is_at_most_that_of_the_means() -> None:
    """Runs of 10, 10, 10 and 40, 40, 40: the mean of 10 and 40 is 25, that of 25, 25, 25 too."""
    alike = {"R1": "25.0", "R5": "25.0", "R10": "25.0", "runs": "2"}
    assert said(row(1000, **alike, Geom="25.0")) == []
    assert said(row(1000, **alike, Geom="25.2")) == [
        "Geom 25.2: with R@1 25.0, R@5 25.0, R@10 25.0 over 2 runs it is at most 25.05"
    ]


def test_how_far_runs_are_apart_says_how_low_it_can_be() -> None:
    """28.9, 62.0 and 74.8 over three runs are 51.2 and, if runs were far apart, no less than 28.9."""
    means = {"R1": "28.9", "R5": "62.0", "R10": "74.8", "runs": "3"}
    assert said(row(27_763, **means, Geom="43.1")) == []
    assert "at least 28.85" in said(row(27_763, **means, Geom="28.1"))[0]
    assert said(row(27_763, **means, Geom="51.2", std=["0.3", "0.4", "0.3"])) == []
    # 28.85 - √2 · 0.35, 61.95 - √2 · 0.45, 74.75 - √2 · 0.35
    assert said(row(27_763, **means, Geom="43.1", std=["0.3", "0.4", "0.3"])) == [
        "Geom 43.1: with R@1 28.9, R@5 62.0, R@10 74.8 over 3 runs it is at least 50.54"
    ]


@given(
    st.lists(st.tuples(*[st.integers(0, 40)] * 3), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
    st.booleans(),
)
def test_no_geometric_mean_of_ranks_has_a_finding(
    hits: list[tuple[int, int, int]], decimals: list[int], population: bool
) -> None:
    """Of one run, and of means over runs with either standard deviation."""
    runs = [sorted(run) for run in hits]
    k = len(runs)
    recalls = [[Fraction(100 * run[i], 40) for run in runs] for i in range(3)]
    means = [sum(values) / k for values in recalls]
    geometric = sum((float(run[0] * run[1] * run[2]) ** (1 / 3) * 2.5 for run in runs), 0.0) / k
    names = ("R1", "R5", "R10")
    texts = {name: printed(value, d, True) for name, value, d in zip(names, means, decimals, strict=False)}
    extra: dict = {"runs": str(k)}
    if k > 1:
        freedom = k if population else k - 1
        spreads = [
            (sum(float(v - mean) ** 2 for v in values) / freedom) ** 0.5
            for values, mean in zip(recalls, means, strict=True)
        ]
        extra["std"] = [f"{spread:.{d}f}" for spread, d in zip(spreads, decimals, strict=False)]
    assert said(row(40, **texts, Geom=f"{geometric:.{decimals[3]}f}", **extra)) == []
