"""Cohen's kappa: how far two sources agree on whether a caption names an emotion, beyond what chance gives."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.metrics.estimate import Estimate
from bench.metrics.statistics import MIN_QUERIES

Z = NormalDist().inv_cdf(0.975)
STEPS = 4001  # values of kappa that are asked, from -1 to 1


def cohens_kappa(one: ArrayLike, other: ArrayLike) -> Estimate:
    """Cohen's kappa of two judgments, (n,) bool each: 1 is agreement in all, 0 is chance, below 0 is less than that.

    The interval, at 95 %, holds every kappa from which the found one is no further than 1.96 standard errors, each
    taken at that kappa with the shares of yes as they were found (as Wilson's interval does for a share). With the
    standard error at the found kappa it would cover 38 % where 5 of 100 captions are named; so it covers 93 % or more,
    but where 2 % are named, 91 % (tests/metrics/test_kappa.py simulates it). Empty below 20 captions, and where one
    says the same of every caption: kappa is 0 then, or undefined, whatever the other says.
    Source: Cohen, Educational and Psychological Measurement 20(1), 1960; Fleiss, Cohen and Everitt, Psychological
    Bulletin 72(5), 1969.
    """
    first, second = np.asarray(one, np.bool_), np.asarray(other, np.bool_)
    cells = [int(np.sum((first == a) & (second == b))) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))]
    value = kappa_of(cells)
    if value is None or len(first) < MIN_QUERIES or first.all() or second.all() or not (first.any() and second.any()):
        return Estimate.empty()
    return Estimate.rounded(value, *kappa_interval(cells))


def kappa_of(cells: Sequence[float]) -> float | None:
    """Kappa of how often both say yes, the first alone, the second alone, neither; None if they can only agree."""
    n = sum(cells)
    both, first, second, neither = (cell / n for cell in cells) if n else (0, 0, 0, 0)
    expected = (both + first) * (both + second) + (second + neither) * (first + neither)
    return None if n == 0 or math.isclose(expected, 1) else (both + neither - expected) / (1 - expected)


def kappa_interval(cells: Sequence[int]) -> tuple[float, float]:
    """The interval of `cohens_kappa`, to three decimals, from the same four counts."""
    n, found = sum(cells), kappa_of(cells)
    assert found is not None
    yes, yes_too = (cells[0] + cells[1]) / n, (cells[0] + cells[2]) / n
    asked = np.append(np.linspace(-1, 1, STEPS), found)
    both = yes * yes_too + asked * (yes * (1 - yes_too) + yes_too * (1 - yes)) / 2
    shares = np.clip([both, yes - both, yes_too - both, 1 - yes - yes_too + both], 0, 1)  # (4, STEPS + 1)
    held = asked[np.abs(found - asked) <= Z * standard_error(shares, asked, yes, yes_too) / math.sqrt(n)]
    return float(held.min()), float(held.max())


def standard_error(shares: ArrayLike, kappa: ArrayLike, yes: float, yes_too: float) -> NDArray[np.float64]:
    """Of kappa, times the root of n. shares: (4, k) of both, first alone, second alone, neither; kappa: (k,).

    Source: Fleiss, Cohen and Everitt (1969), equation 13, where the true kappa is not taken to be 0.
    """
    both, first, second, neither = np.asarray(shares, np.float64)
    rest = 1 - np.asarray(kappa, np.float64)
    expected = yes * yes_too + (1 - yes) * (1 - yes_too)
    agreeing = both * (1 - (yes + yes_too) * rest) ** 2 + neither * (1 - (2 - yes - yes_too) * rest) ** 2
    differing = rest**2 * (first * (yes_too + 1 - yes) ** 2 + second * (yes + 1 - yes_too) ** 2)
    left = (1 - rest - expected * rest) ** 2
    found: NDArray[np.float64] = np.sqrt(np.maximum(agreeing + differing - left, 0)) / (1 - expected)
    return found
