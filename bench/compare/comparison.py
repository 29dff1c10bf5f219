"""`bench.compare_records`: what `bench compare` shows, for scripts and notebooks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.compare import BASELINE, SUBSET, render
from bench.compare.summary import summary
from bench.records.record import Record


@dataclass(frozen=True, repr=False)
class Comparison:
    """Records side by side; `print` shows the answer as `bench compare` does, `text` every table, as --full."""

    records: tuple[Record, ...]
    subset: str
    baseline: str
    allow_mixed: bool

    def text(self, format: str = "terminal") -> str:
        """terminal, markdown, latex, csv or json, without the last line break. UsageError: another format."""
        return render(self.records, format, self.subset, self.baseline, self.allow_mixed)

    def __str__(self) -> str:
        one_screen = not self.allow_mixed and self.subset == SUBSET
        return summary(self.records, self.baseline) if one_screen else self.text()

    __repr__ = __str__  # a notebook shows the answer

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row a number, for `pandas.DataFrame`: protocol, run, variant, seed, controls, subset, direction, metric,
        n, value, low, high. The last three are None for an empty subset.
        """
        return [
            {
                "protocol": run["protocol"],
                **{name: run[name] for name in ("run", "variant", "seed")},
                **{name: run["controls"][name] for name in ("emotions", "train_emotions", "matched_parameters")},
                "subset": subset,
                "direction": direction,
                "metric": metric,
                "n": number.get("n", metrics["n"]),
                **{name: number[name] for name in ("value", "low", "high")},
            }
            for group in self._groups
            for run in group["runs"]
            for subset, metrics in run["metrics"].items()
            for direction, found in metrics.items()
            if direction != "n"
            for metric, number in found.items()
        ]

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """Every variant against the baseline, as `bench compare --format json` has it, the declared question first."""
        return [{"protocol": group["protocol"], **one} for group in self._groups for one in group["comparisons"]]

    @cached_property
    def _groups(self) -> list[dict[str, Any]]:
        """The groups of runs of one protocol, plain JSON values."""
        groups: list[dict[str, Any]] = json.loads(self.text("json"))["groups"]
        return groups


def compare_records(
    records: Sequence[Record], *, subset: str = SUBSET, baseline: str = BASELINE, allow_mixed: bool = False
) -> Comparison:
    """Sets records side by side, and every variant against one baseline.

    subset: the queries of the second pair of columns. baseline: a variant, or a run's id. allow_mixed: one table for
    all protocols, and no tests across them. BenchError: no records. UsageError: no such subset or baseline.
    """
    comparison = Comparison(tuple(records), subset, baseline, allow_mixed)
    assert comparison._groups  # what is wrong shows here, and not when it is first printed
    return comparison
