"""How numbers are written in tables: few digits, intervals in brackets, n never far."""

from bench.metrics.estimate import Estimate

_DASH = "–"


def estimate(found: Estimate, digits: int = 1) -> str:
    """Value and interval, e.g. "35.0 [29.2–41.2]"; large numbers lose their decimals so that columns stay narrow."""
    if found.value is None:
        return _DASH
    value = number(found.value, digits=digits)
    if found.low is None or found.high is None:
        return value
    ends = [number(end, 100, digits) for end in (found.low, found.high)]
    return f"{value} [{ends[0]}{', ' if found.low < 0 else _DASH}{ends[1]}]"


def number(value: float, whole_from: int = 1000, digits: int = 1) -> str:
    """So many decimals, none from `whole_from` on; nothing is "−0.0"."""
    shown = f"{round(value, digits) + 0.0:.{digits}f}" if value < whole_from - 0.05 else f"{value:.0f}"
    return shown.replace("-", "−")


def gap(found: Estimate, digits: int = 1) -> str:
    """A difference with its interval, e.g. "+4.2 [−0.3, +8.7]"."""
    if found.value is None:
        return _DASH
    value = signed(found.value, digits)
    if found.low is None or found.high is None:
        return value
    return f"{value} [{signed(found.low, digits)}, {signed(found.high, digits)}]"


def ratio(found: Estimate) -> str:
    """A ratio with its interval, e.g. "0.71 [0.60–0.84]"."""
    if found.value is None:
        return _DASH
    value, *ends = (_factor(part) for part in (found.value, found.low, found.high) if part is not None)
    return f"{value} [{_DASH.join(ends)}]" if ends else value


def _factor(value: float) -> str:
    if value > 999.5:
        return ">999"
    return f"{value:.2f}" if value < 99.5 else f"{value:.0f}"


def signed(value: float, digits: int = 1) -> str:
    """With its sign; nothing is "+0.0", never "−0.0"."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")  # + 0.0 makes -0.0 positive


def probability(p: float) -> str:
    """Three decimals, or "<0.001"."""
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def equals(p: float) -> str:
    """p in a sentence: "= 0.040" or "< 0.001"."""
    return f"= {probability(p)}" if p >= 0.001 else "< 0.001"
