"""A number with its interval."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

NUMBERS = ("value", "low", "high")


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, all in one unit. All three are None where there was nothing to measure."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def empty(cls) -> Self:
        """Of no queries, or of too few for a claim."""
        return cls(None, None, None)

    @classmethod
    def rounded(cls, value: float, low: float, high: float, scale: float = 1.0) -> Self:
        """As records hold them: `scale` times the numbers (100: shares to percent), rounded to four decimals."""
        return cls(*(round(scale * number, 4) for number in (value, low, high)))

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """From an entry of a record, which may hold more than value, low and high (n, chance, p)."""
        return cls(*(entry[name] for name in NUMBERS))

    def as_json(self) -> dict[str, float | None]:
        """{"value", "low", "high"}."""
        return asdict(self)
