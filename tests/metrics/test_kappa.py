"""Cohen's kappa against scikit-learn, its standard error against statsmodels, its interval against simulation."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa as by_statsmodels

from bench.metrics.estimate import Estimate
from bench.metrics.kappa import cohens_kappa, kappa_interval, kappa_of, standard_error

TABLES = [(20, 5, 10, 15), (4, 1, 3, 92), (1, 9, 10, 80), (50, 1, 1, 48), (0, 10, 10, 80)]


def judged(cells: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    one = np.repeat([1, 1, 0, 0], cells).astype(bool)
    return one, np.repeat([1, 0, 1, 0], cells).astype(bool)


@pytest.mark.parametrize("cells", TABLES)
def test_kappa_is_scikit_learn_s(cells: tuple[int, int, int, int]) -> None:
    one, other = judged(cells)
    assert cohens_kappa(one, other).value == pytest.approx(cohen_kappa_score(one, other), abs=1e-4)


@pytest.mark.parametrize("cells", TABLES)
def test_the_standard_error_is_statsmodels_s(cells: tuple[int, int, int, int]) -> None:
    found = by_statsmodels(np.array(cells).reshape(2, 2))
    n, kappa = sum(cells), kappa_of(cells)
    yes, yes_too = (cells[0] + cells[1]) / n, (cells[0] + cells[2]) / n
    error = standard_error(np.array(cells)[:, None] / n, [kappa], yes, yes_too)[0] / np.sqrt(n)
    assert error == pytest.approx(found.std_kappa)


def test_a_published_example() -> None:
    """50 grant proposals, both yes 20, both no 15: kappa 0.4 (Wikipedia, Cohen's kappa, simple example)."""
    assert cohens_kappa(*judged((20, 5, 10, 15))).value == pytest.approx(0.4)


def test_full_agreement_is_1_and_the_interval_holds_it() -> None:
    found = cohens_kappa(*judged((30, 0, 0, 70)))
    assert found.value == found.high == 1
    assert found.low is not None and 0.8 < found.low < 1


@pytest.mark.parametrize(
    "cells", [(0, 0, 0, 100), (100, 0, 0, 0), (0, 0, 9, 91), (9, 91, 0, 0), (5, 1, 1, 12), (0, 0, 0, 0)]
)
def test_where_nothing_can_be_said_nothing_is(cells: tuple[int, int, int, int]) -> None:
    assert cohens_kappa(*judged(cells)) == Estimate.empty()


def coverage(n: int, shares: tuple[float, float], kappa: float, draws: int = 1000) -> float:
    """How often the interval holds the true kappa. shares: of captions that each judge names."""
    drawn = np.random.default_rng(0).multinomial(n, np.clip(likely(shares, kappa), 0, 1), size=draws).tolist()
    intervals = [kappa_interval(cells) for cells in drawn if kappa_of(cells) is not None]
    return float(np.mean([low <= kappa <= high for low, high in intervals]))


def likely(shares: tuple[float, float], kappa: float) -> np.ndarray:
    """The four cells of two judges with these shares of yes and this kappa."""
    p, q = shares
    expected = p * q + (1 - p) * (1 - q)
    both = (kappa * (1 - expected) + expected - 1 + p + q) / 2
    return np.array([both, p - both, q - both, 1 - p - q + both])


@pytest.mark.parametrize("n", [100, 1000])
@pytest.mark.parametrize(
    ("shares", "kappa"),
    [((0.05, 0.05), 0.0), ((0.05, 0.05), 0.8), ((0.05, 0.15), 0.4), ((0.2, 0.2), 0.0), ((0.2, 0.2), 0.8)],
)
def test_the_interval_holds_its_level(n: int, shares: tuple[float, float], kappa: float) -> None:
    assert coverage(n, shares, kappa) > 0.92  # 93 % or more; 1000 draws leave 0.8 points


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # where one of them names nothing
def test_with_the_usual_standard_error_it_would_not() -> None:
    drawn = np.random.default_rng(0).multinomial(100, likely((0.05, 0.05), 0.0), size=400)
    tables = [by_statsmodels(cells.reshape(2, 2)) for cells in drawn if kappa_of(cells) is not None]
    assert np.mean([found.kappa_low <= 0 <= found.kappa_upp for found in tables]) < 0.5


def test_with_many_captions_it_is_the_bootstrap_s() -> None:
    cells = np.array([200, 80, 60, 660])
    drawn = np.random.default_rng(0).multinomial(1000, cells / 1000, size=4000).tolist()
    resampled = np.percentile([kappa_of(one) for one in drawn], [2.5, 97.5])
    assert kappa_interval(cells.tolist()) == pytest.approx(resampled, abs=0.01)
