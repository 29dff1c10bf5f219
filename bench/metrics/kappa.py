"""Cohen's kappa: how far two sources agree on whether a caption names an emotion, beyond what chance gives."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from bench.metrics.estimate import Estimate
from bench.metrics.statistics import MIN_QUERIES

LEVEL = 0.95


def cohens_kappa(one: ArrayLike, other: ArrayLike) -> Estimate:
    """Cohen's kappa of two judgments, (n,) bool each: 1 is agreement in all, 0 is chance, below 0 is less than that.

    The interval, at 95 %, is Fleiss, Cohen and Everitt's large-sample one on the scale of artanh, with half a caption
    added to each of the four cells. Without the half their interval covers 38 to 82 % where few captions are named
    (5 of 100); so it covers 93 % or more (tests/metrics/test_kappa.py simulates it). Empty below 20 captions, and where
    both say the same of every caption, or nothing of any: there is no chance to go beyond.
    Source: Cohen, Educational and Psychological Measurement 20(1), 1960; Fleiss, Cohen and Everitt, Psychological
    Bulletin 72(5), 1969.
    """
    first, second = np.asarray(one, np.bool_), np.asarray(other, np.bool_)
    cells = [int(np.sum((first == a) & (second == b))) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))]
    value = kappa_of(cells)
    if sum(cells) < MIN_QUERIES or value is None:
        return Estimate.empty()
    low, high = kappa_interval(cells)
    return Estimate(value, min(low, value), max(high, value))


def kappa_of(cells: Sequence[float]) -> float | None:
    """Kappa of how often both say yes, the first alone, the second alone, neither; None if they can only agree."""
    n = sum(cells)
    both, first, second, neither = (cell / n for cell in cells) if n else (0, 0, 0, 0)
    expected = (both + first) * (both + second) + (second + neither) * (first + neither)
    return None if n == 0 or math.isclose(expected, 1) else (both + neither - expected) / (1 - expected)


def kappa_interval(cells: Sequence[float], added: float = 0.5) -> tuple[float, float]:
    """The interval of `cohens_kappa`, from the same four counts, with `added` put to each."""
    cells = [cell + added for cell in cells]
    kappa, error = kappa_of(cells), standard_error(cells)
    assert kappa is not None
    middle, half = math.atanh(kappa), NormalDist().inv_cdf((1 + LEVEL) / 2) * error / (1 - kappa**2)
    return math.tanh(middle - half), math.tanh(middle + half)


def standard_error(cells: Sequence[float]) -> float:
    """Of kappa, where the true one is not taken to be 0. Source: Fleiss et al. (1969), equation 13."""
    n = sum(cells)
    both, first, second, neither = (cell / n for cell in cells)
    yes, yes_too = both + first, both + second
    expected = yes * yes_too + (1 - yes) * (1 - yes_too)
    rest = 1 - (both + neither - expected) / (1 - expected)  # 1 - kappa
    agreeing = both * (1 - (yes + yes_too) * rest) ** 2 + neither * (1 - (2 - yes - yes_too) * rest) ** 2
    differing = rest**2 * (first * (yes_too + 1 - yes) ** 2 + second * (yes + 1 - yes_too) ** 2)
    left = (1 - rest - expected * rest) ** 2
    return math.sqrt(max(agreeing + differing - left, 0) / n) / (1 - expected)
