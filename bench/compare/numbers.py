"""How numbers are written in tables: few digits, intervals in brackets, n never far."""

ENDS = ("value", "low", "high")


def estimate(entry: dict[str, float | None]) -> str:
    """Value and interval, e.g. "35.0 [29.2–41.2]"; large numbers lose their decimal so that columns stay narrow."""
    value, low, high = entry["value"], entry["low"], entry["high"]
    if value is None or low is None or high is None:
        return "–"
    return f"{number(value)} [{number(low, 100)}–{number(high, 100)}]"


def number(value: float, whole_from: int = 1000) -> str:
    """One decimal, none from `whole_from` on."""
    return f"{value:.1f}" if value < whole_from - 0.05 else f"{value:.0f}"


def gap(entry: dict[str, float], digits: int = 1) -> str:
    """A difference with its interval, e.g. "+4.2 [−0.3, +8.7]"."""
    value, low, high = (signed(entry[name], digits) for name in ENDS)
    return f"{value} [{low}, {high}]"


def ratio(entry: dict[str, float]) -> str:
    """A ratio with its interval, e.g. "0.71 [0.60–0.84]"."""
    value, low, high = (f"{entry[name]:.2f}" if entry[name] < 99.5 else f"{entry[name]:.0f}" for name in ENDS)
    return f"{value} [{low}–{high}]"


def signed(value: float, digits: int = 1) -> str:
    """With its sign; nothing is "+0.0", never "−0.0"."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")  # + 0.0 makes -0.0 positive


def probability(p: float) -> str:
    """Three decimals, or "<0.001"."""
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def equals(p: float) -> str:
    """p in a sentence: "= 0.040" or "< 0.001"."""
    return f"= {probability(p)}" if p >= 0.001 else "< 0.001"
