"""Between what bounds a mean rank lies, by the recalls and the median that stand beside it. Exact fractions.

Think of the ranks in order, and of u in (0, 1] as the place among them: Q(u) is the rank there, and the mean rank is
its integral. A recall says Q(u) <= k up to u = R@k and Q(u) >= k + 1 beyond; a median says Q(u) <= MdR up to u = 1/2
and Q(u) >= MdR beyond. All of it together is a lower and an upper step function, and their integrals are the bounds.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

Interval = tuple[Fraction, Fraction]
HALF = Fraction(1, 2)


def mean_bounds(
    recalls: Mapping[int, Interval], median: Interval, n: int | None, gallery: int | None
) -> tuple[Fraction, Fraction | None]:
    """The least and the greatest mean of whole ranks with these recalls and this median; no gallery, no greatest.

    recalls: k -> shares of the queries in [0, 1], from the least to the greatest that is possible.  median: likewise.
    n: the number of queries where it is beyond doubt. If it is even the median is the mean of two ranks a <= b, the
    n/2-th and the next, and what a recall says of one bounds the other: MdR 100 with R@10 = 50 takes b of at least 190.
    """
    above, below = ceil(max(median[0], Fraction(1))), floor(median[1])  # of whole ranks beyond and before the middle
    if n is not None and n % 2 == 0:
        most = [k for k, (low, _) in recalls.items() if low >= HALF] + ([gallery] if gallery else [])
        least = [k + 1 for k, (_, high) in recalls.items() if high <= HALF]
        if most:
            above = max(above, ceil(2 * median[0] - min(most)))
        below = min(below, floor(2 * median[1] - max(least, default=1)))

    def lower(u: Fraction) -> int:
        beyond = [k + 1 for k, (_, high) in recalls.items() if u > high]
        return max([1, *beyond, *([above] if u > HALF else [])])

    def upper(u: Fraction) -> int:
        assert gallery is not None
        before = [k for k, (low, _) in recalls.items() if u <= low]
        return min([gallery, *before, *([below] if u <= HALF else [])])

    steps = sorted({Fraction(0), HALF, Fraction(1), *(bound for interval in recalls.values() for bound in interval)})
    return _integral(lower, steps), _integral(upper, steps) if gallery else None


def _integral(function: Callable[[Fraction], int], steps: list[Fraction]) -> Fraction:
    """Of a function that changes just after a step and is constant up to the next."""
    return sum(((b - a) * function(b) for a, b in pairwise(steps)), Fraction(0))
