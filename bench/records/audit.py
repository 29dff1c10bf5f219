"""Can these numbers be? Rules that need nothing but a table, its number of queries and how it was rounded.

Every rule is provable: what was computed from ranks and rounded, however halves were rounded, gives no finding. Numbers
are exact fractions, from `low` to `high` of what was printed. A finding is one erratum: a row whose three recalls fit
one other denominator is one, and of a row whose metrics contradict each other the first contradiction is given.

    off_grid             R@k is a share of n queries, unless ties share a place
    out_of_order         R@k does not fall with k
    whole_gallery        R@k is 100 where k is the gallery's size or more
    median               half of the queries rank up to the median and half from it on: what that says of R@k
    mean                 what recalls and median leave for the mean rank
    geometric            what recalls leave for their geometric mean
    elsewhere, between   the same quantity has the same value, in one work and in two

A row that says that it is a mean over several runs is asked only for what holds of means too: their recalls are no
shares of n, their median is none of any ranks, and their geometric mean is a mean of geometric means.

What a query is depends on the definition: where videos have several captions, "V2T" asks each video once, or once for
each caption. Recalls that are no shares of the videos but of all captions, the gallery, are said to be of these.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from math import ceil, floor, isqrt, prod

from bench.records.mean_bounds import HALF, mean_bounds
from bench.records.published import GEOMETRIC, Elsewhere, Printed, Row

_REACH = 1000  # how far from n another denominator is looked for, and never further than n itself

_BY_CHANCE = 0.05


@dataclass(frozen=True)
class AuditFinding:
    """An erratum. rows: it is about the first; a second one says otherwise. rule: the function that found it."""

    rows: tuple[Row, ...]
    rule: str
    what: str  # what is printed
    why: str  # and why it cannot be

    def __str__(self) -> str:
        return f"{self.rows[0].source.name}: {self.rows[0]}: {self.what}: {self.why}"


def audit(rows: Iterable[Row]) -> list[AuditFinding]:
    """The findings in the rows' own order; what two rows say of one quantity stands with the later row."""
    rows = list(rows)
    found = [finding for row in rows for finding in (*_within(row), *elsewhere(row))] + between(rows)
    place = {row: index for index, row in enumerate(rows)}
    return sorted(found, key=lambda finding: place[finding.rows[0]])


def with_findings(rows: Iterable[Row]) -> list[tuple[Row, list[AuditFinding]]]:
    """Every row beside the findings that it has part in: none for a row that may stand as it is."""
    rows = list(rows)
    found = audit(rows)
    return [(row, [finding for finding in found if row in finding.rows]) for row in rows]


def _within(row: Row) -> list[AuditFinding]:
    first = next(filter(None, (rule(row) for rule in (out_of_order, whole_gallery, median, mean, geometric))), None)
    return [finding for finding in (off_grid(row), first) if finding]


def off_grid(row: Row) -> AuditFinding | None:
    """R@k = 100 · h / n for a whole number h of hits, so some h must have low ≤ 100 · h / n ≤ high.

    Where none has, the denominator d nearest to n (the greater of two) with which every recall of the row is a share:
    d > n is what counting ties as queries of their own leaves, d < n what losing queries leaves. It is looked for from
    1 to 2n - 1, at most 1000 from n. By chance 2 · |d - n| · Π (high - low) · d / 100 denominators fit as near;
    d is named if that is below 0.05. Where none is, the gallery's size: a query for each of its captions.
    With `ties: expected`, ties share a place, hits can be fractions, and nothing is said; nor of a mean over runs.
    """
    if not _whole(row):
        return None
    printed = {f"R@{k}": value for k, value in row.recalls.items()}
    for entry in row.elsewhere:  # a number that differs is a finding of its own
        if all(name in printed for name in entry.metrics) and _agrees(row, entry):
            printed[f"{' or '.join(entry.metrics)} ({entry.where})"] = entry.value
    off = {name: value for name, value in printed.items() if not _is_share(value, row.n)}
    if not off:
        return None
    what = ", ".join(f"{name} {value}" for name, value in off.items())
    why = f"no share of {row.n} queries"
    nearest = (row.n + sign * step for step in range(1, min(row.n, _REACH + 1)) for sign in (1, -1))
    d = next((d for d in nearest if _all_shares(printed.values(), d)), None)
    if d is not None and 2 * abs(d - row.n) * _all_by_chance(printed.values(), d) < _BY_CHANCE:
        gap = f"{abs(d - row.n)} {'more' if d > row.n else 'fewer'} than there are queries"
        why += f"; {_hits(off.values(), d)}, {gap}"
    elif (
        row.gallery
        and _all_shares(printed.values(), row.gallery)
        and (_all_by_chance(printed.values(), row.gallery) < _BY_CHANCE)
    ):
        why += f"; {_hits(off.values(), row.gallery)}, the size of the gallery: each of its entries was a query"
    elif d is None:
        why += ", and no denominator near fits (ties that share a place may)"
    return _finding(row, "off_grid", what, why)


def _hits(recalls: Collection[Printed], d: int) -> str:
    hits = ", ".join(str(round(value.value * d / 100)) for value in recalls)
    return f"{hits} of {d} fit{'s' * (len(recalls) == 1)}"


def out_of_order(row: Row) -> AuditFinding | None:
    """R@j ≤ R@k for j < k: who is among the first j is among the first k. Rounding keeps the order.

    Equal decimals: as printed. Other decimals: R@j is above R@k if low of the one is above high of the other.
    """
    for (j, small), (k, large) in pairwise(row.recalls.items()):
        alike = small.decimals == large.decimals
        if small.value > large.value if alike else small.low > large.high:
            why = f"who is among the first {j} is among the first {k}"
            return _finding(row, "out_of_order", f"R@{j} {small} is above R@{k} {large}", why)
    return None


def whole_gallery(row: Row) -> AuditFinding | None:
    """R@k = 100 where k is at least the gallery's size: every rank is among the first k."""
    for k, recall in row.recalls.items():
        if row.gallery and k >= row.gallery and recall.high < 100:
            why = f"no rank is above {row.gallery} in a gallery of {row.gallery}, so it is 100"
            return _finding(row, "whole_gallery", f"R@{k} {recall}", why)
    return None


def median(row: Row) -> AuditFinding | None:
    """MdR is a median of n ranks from 1 to the gallery's size, and R@k says how many of them are at most k.

    Whole ranks: MdR is a whole number for odd n, else a multiple of 1/2.  MdR ≤ k: R@k ≥ 50.  MdR > k: R@k ≤ 50.
    MdR = k + 1/2: the middle two ranks lie on both sides of it, so R@k = 50.
    `ties: expected`: ranks g + 1 + e/2 are multiples of 1/2, MdR of 1/4 (odd n: 1/2). Of a query that ranks at k or
    before, more than half a hit is counted, of another at most half: MdR ≤ k: R@k ≥ 25.  MdR > k: R@k ≤ 75.
    The row is sound if any median that rounds to what is printed is.
    """
    printed = row.metrics.get("MdR")
    if not printed:
        return None
    shared = row.protocol.get("ties") == "expected"
    odd = row.n % 2 == 1 and not off_grid(row)  # other denominators leave n in doubt
    step = (Fraction(1) if odd else HALF) * (HALF if shared else 1)
    what = f"MdR {printed}"
    if printed.high < 1:
        return _finding(row, "median", what, "no rank is below 1")
    if row.gallery and printed.low > row.gallery:
        return _finding(row, "median", what, f"no rank is above {row.gallery} in a gallery of {row.gallery}")
    if row.runs > 1:
        return None
    possible = [step * i for i in range(ceil(max(printed.low, Fraction(1)) / step), floor(printed.high / step) + 1)]
    if not possible:
        return _finding(row, "median", what, f"the median of {row.n} ranks is a multiple of {step}")
    faults = [fault for value in possible if (fault := _against_recalls(value, row, shared))]
    if len(faults) < len(possible):
        return None
    k, why = faults[len(faults) // 2]  # possible medians lie around the printed one
    return _finding(row, "median", f"{what} with R@{k} {row.recalls[k]}", why)


def _against_recalls(value: Fraction, row: Row, shared: bool) -> tuple[int, str] | None:
    """The k whose R@k a median of `value` contradicts, and why; None if none does."""
    least, most = (25, 75) if shared else (50, 50)  # rounding leads no number past a whole one
    for k, recall in row.recalls.items():
        if value <= k and recall.value < least:
            return k, f"a median up to {k} takes R@{k} of at least {least}"
        if value > k and recall.value > most:
            return k, f"a median above {k} takes R@{k} of at most {most}"
        if value == k + HALF and not shared and recall.value < 50:
            return k, f"a median between {k} and {k + 1} takes R@{k} of exactly 50"
    return None


def mean(row: Row) -> AuditFinding | None:
    """What R@k and MdR leave for MnR, with r(k) = R@k / 100 and k1 < k2 < … those that are printed, k0 = 0.

    MnR = Σ (1 - r(j)) over j from 0 to gallery - 1, and r never falls, so
    MnR ≥ 1 + Σ (k_i - k_(i-1)) · (1 - r(k_i)), and MnR ≤ k1 + Σ (k_(i+1) - k_i) · (1 - r(k_i)), the last k being the
    gallery's size. One half of the ranks is at least MdR, the rest at least 1; one half at most MdR, the rest at most
    the gallery's size: (1 + MdR) / 2 ≤ MnR ≤ (MdR + gallery) / 2. All of it holds for expected ranks and means over
    runs too. Of whole ranks of one run recalls and median together say more: see `mean_bounds`.
    Upper bounds need the gallery.
    """
    printed = row.metrics.get("MnR")
    if not printed:
        return None
    recalls, middle = row.recalls, row.metrics.get("MdR")
    lower = [(Fraction(1), "")]
    if recalls:
        steps = pairwise([0, *recalls])
        lower.append((sum(((k - j) * _missed(recalls[k].high) for j, k in steps), Fraction(1)), _named(recalls)))
    if middle:
        lower.append(((1 + middle.low) / 2, f"MdR {middle}"))
    upper = []
    if row.gallery:
        inside = [k for k in recalls if k < row.gallery]
        ends = [*inside, row.gallery]
        most = sum(((b - a) * _missed(recalls[a].low) for a, b in pairwise(ends)), Fraction(ends[0]))
        upper.append((most, _named({k: recalls[k] for k in inside}) if inside else f"a gallery of {row.gallery}"))
        if middle:
            upper.append(((middle.high + row.gallery) / 2, f"MdR {middle}"))
    if recalls and middle and _whole(row):
        both = f"{_named(recalls)} and MdR {middle}"
        jointly_least, jointly_most = _joint_bounds(row, middle)
        lower.append((jointly_least, both))
        upper += [(jointly_most, both)] if jointly_most is not None else []
    least, by = max(lower, key=lambda bound: bound[0])
    if printed.high < least:
        why = f"with {by} it is at least {_decimal(least, printed)}" if by else "no rank is below 1"
        return _finding(row, "mean", f"MnR {printed}", why)
    if upper and printed.low > min(bound for bound, _ in upper):
        most, by = min(upper, key=lambda bound: bound[0])
        return _finding(row, "mean", f"MnR {printed}", f"with {by} it is at most {_decimal(most, printed)}")
    return None


def geometric(row: Row) -> AuditFinding | None:
    """Geom is the cube root of R@1 · R@5 · R@10.

    Of one run each recall is a share of n queries that rounds to what is printed (where ties share a place: any number
    that does), which leaves Geom a range. A mean over runs of geometric means is at most the geometric mean of the mean
    recalls, for that is concave, and at least R@1, for R@1 is the least of the three in every run. With the standard
    deviations s of the recalls over k runs, no run is further from the mean than s · √(k - 1), whichever of the two
    ways s was taken: then it is at least the geometric mean of the recalls less that.
    """
    printed, recalls = row.metrics.get(GEOMETRIC), row.recalls
    if not printed or not {1, 5, 10} <= recalls.keys():
        return None
    three = {k: recalls[k] for k in (1, 5, 10)}
    ranges = [_possible(value, row) for value in three.values()]
    if any(low > high for low, high in ranges):  # no share of n, which is a finding of its own
        ranges = [(value.low, value.high) for value in three.values()]
    most = prod(high for _, high in ranges)
    lows = (low for low, _ in ranges)
    least = prod(lows, start=Fraction(1)) if row.runs == 1 else _least_over_runs(row, three)
    of = f" over {row.runs} runs" if row.runs > 1 else ""
    for bound, word, beyond in ((most, "most", printed.low**3 > most), (least, "least", printed.high**3 < least)):
        if beyond:
            why = f"with {_named(three)}{of} it is at {word} {float(bound) ** (1 / 3):.{printed.decimals + 1}f}"
            return _finding(row, "geometric", f"{GEOMETRIC} {printed}", why)
    return None


def _possible(recall: Printed, row: Row) -> tuple[Fraction, Fraction]:
    """From the least to the greatest R@k of one run that rounds to this, in percent."""
    high = min(recall.high, Fraction(100))
    if not _whole(row):
        return recall.low, high
    return Fraction(100 * ceil(recall.low * row.n / 100), row.n), Fraction(100 * floor(high * row.n / 100), row.n)


def _least_over_runs(row: Row, recalls: dict[int, Printed]) -> Fraction:
    """The cube of the least mean of geometric means."""
    least = recalls[1].low ** 3
    spreads = [row.std.get(f"R@{k}") for k in recalls]
    if None in spreads:
        return least
    root = Fraction(isqrt((row.runs - 1) * 10**12) + 1, 10**6)  # just above √(k - 1)
    away = [root * spread.high for spread in spreads if spread]
    lows = (max(value.low - far, Fraction(0)) for value, far in zip(recalls.values(), away, strict=True))
    return max(least, prod(lows, start=Fraction(1)))


def _joint_bounds(row: Row, middle: Printed) -> tuple[Fraction, Fraction | None]:
    n = None if off_grid(row) else row.n  # other denominators leave n in doubt
    shares = {}
    for k, recall in row.recalls.items():
        low, high = recall.low / 100, min(recall.high / 100, Fraction(1))
        shares[k] = (Fraction(ceil(low * n), n), Fraction(floor(high * n), n)) if n else (low, high)
    return mean_bounds(shares, (middle.low, middle.high), n, row.gallery)


def elsewhere(row: Row) -> list[AuditFinding]:
    """Another place of the same work prints what does not round from the same number; see `_same`."""
    found = []
    for entry in row.elsewhere:
        if _agrees(row, entry):
            continue
        printed = {row.metrics[name].text for name in entry.metrics}
        why = "the same quantity is given two values"
        if all(name.startswith("R@") for name in entry.metrics) and _whole(row) and not _is_share(entry.value, row.n):
            why += f", and {entry.value} is no share of {row.n} queries"
        what = f"{' or '.join(entry.metrics)} {' or '.join(sorted(printed))}, but {entry.value} ({entry.where})"
        found.append(_finding(row, "elsewhere", what, why))
    return found


def between(rows: Sequence[Row]) -> list[AuditFinding]:
    """Two works print different numbers for one quantity: the same model, training and test set, subset, direction, n
    and number of runs, and nothing known of their protocols that differs. One finding for two rows.
    """
    found = []
    for first, second in combinations(rows, 2):
        if first.source == second.source or not _one_quantity(first, second):
            continue
        differ = [
            f"{name} {value}, but {first.metrics[name]} ({first.source.name})"
            for name, value in second.metrics.items()
            if name in first.metrics and not _same(name, value, first.metrics[name], second)
        ]
        if differ:
            found.append(
                AuditFinding((second, first), "between", "; ".join(differ), "the same quantity is given two values")
            )
    return found


def _one_quantity(one: Row, other: Row) -> bool:
    def known(row: Row) -> dict[str, str]:
        return {**row.protocol, **({"train": row.train} if row.train != "unknown" else {})}

    def equal(name: str) -> bool:
        return bool(getattr(one, name) == getattr(other, name))

    a, b = known(one), known(other)
    return all(map(equal, ("model", "dataset", "test", "subset", "direction", "n", "runs"))) and all(
        a[name] == b[name] for name in a.keys() & b.keys()
    )


def _agrees(row: Row, entry: Elsewhere) -> bool:
    return any(_same(name, row.metrics[name], entry.value, row) for name in entry.metrics)


def _same(metric: str, one: Printed, other: Printed, row: Row) -> bool:
    """Whether one number rounds to both: their ranges overlap, or touch where a share of n lies and halves were rounded
    once up and once down.
    """
    low, high = max(one.low, other.low), min(one.high, other.high)
    if low != high:
        return low < high
    return not (metric.startswith("R@") and _whole(row)) or (low * row.n / 100).denominator == 1


def _whole(row: Row) -> bool:
    """Whether hits are counted in whole queries: of one run, and no tie shares a place."""
    return row.runs == 1 and row.protocol.get("ties") != "expected"


def _is_share(printed: Printed, n: int) -> bool:
    return ceil(printed.low * n / 100) <= min(floor(printed.high * n / 100), n)


def _all_shares(recalls: Collection[Printed], n: int) -> bool:
    return all(_is_share(value, n) for value in recalls)


def _all_by_chance(recalls: Collection[Printed], n: int) -> Fraction:
    """How likely it is that recalls at random are all shares of n."""
    return prod((min((value.high - value.low) * n / 100, Fraction(1)) for value in recalls), start=Fraction(1))


def _missed(percent: Fraction) -> Fraction:
    return 1 - min(percent, Fraction(100)) / 100


def _named(recalls: dict[int, Printed]) -> str:
    return ", ".join(f"R@{k} {value}" for k, value in recalls.items())


def _decimal(bound: Fraction, printed: Printed) -> str:
    return f"{float(bound):.{printed.decimals + 1}f}"


def _finding(row: Row, rule: str, what: str, why: str) -> AuditFinding:
    return AuditFinding((row,), rule, what, why)
