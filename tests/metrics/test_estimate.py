"""A number with its interval, and how it stands in a record."""

from bench.metrics.estimate import Estimate


def test_an_estimate_comes_back_from_a_record() -> None:
    estimate = Estimate(50.0, 40.25, 59.75)
    assert Estimate.from_json({**estimate.as_json(), "n": 100, "p": 0.5}) == estimate
    assert estimate.as_json() == {"value": 50.0, "low": 40.25, "high": 59.75}


def test_nothing_measured_is_three_times_none() -> None:
    assert Estimate.empty().as_json() == {"value": None, "low": None, "high": None}


def test_shares_become_percent_of_four_decimals() -> None:
    assert Estimate.rounded(1 / 3, 0.0, 1.0, scale=100) == Estimate(33.3333, 0.0, 100.0)
