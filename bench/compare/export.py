"""A group of records for programs: rows of CSV, and plain JSON."""

import json
from dataclasses import asdict
from typing import Any

from bench.compare.asked import ask
from bench.compare.groups import Group, data_digest, signature
from bench.compare.paired import compare_all
from bench.compare.pairing import withheld
from bench.metrics.estimate import NUMBERS, Estimate

COLUMNS = ["protocol", "data", "run", "variant", "hyperparameters", "seed"]
COLUMNS += ["emotions", "train_emotions", "matched_parameters", "true_run", "faces", "faces_sha256", "faces_pooling"]
COLUMNS += ["subset", "n", "direction", "metric", *NUMBERS]
COLUMNS += ["role", "baseline", "p", "p_holm", "mcnemar", "verdict"]
_ROLES = ("declared", "exploratory")


def csv_rows(group: Group, subset: str, baseline: str) -> list[list[Any]]:
    """One row per number, as pandas and seaborn like it; None, the value of an empty subset, becomes an empty cell.

    Then one per comparison with the baseline: its role, p of the log-ranks (which belong to no k, so beside k = 1
    alone), and all seeds that stand behind it.
    """
    rows: list[list[Any]] = []
    for record in group.records:
        settings = json.dumps(record.hyperparameters)
        run = [signature(record), data_digest(record), record.run, record.variant, settings, record.seed]
        run += [record.controls[name] for name in ("emotions", "train_emotions", "matched_parameters", "true_run")]
        run += [record.faces.get(name) for name in ("source", "sha256", "pooling")]
        for name, metrics in record.metrics.items():
            for direction in record.directions:
                for metric, entry in metrics[direction].items():
                    n = entry.get("n", metrics["n"])
                    rows.append([*run, name, n, direction, metric, *_numbers(Estimate.from_json(entry)), *[None] * 6])
    for role, found in zip(_ROLES, compare_all(group, subset, baseline), strict=True):
        for one in found:
            family = [group.protocol, group.data, None, one.name, None, " ".join(map(str, one.seeds)), *[None] * 7]
            of = [*family, one.subset, one.n, one.direction]
            tests = [role, one.baseline, one.p, one.holm, one.mcnemar, one.verdict]
            rows.append([*of, f"Δ R@{one.k}", *_numbers(one.difference), *tests])
            if one.question:
                rows.append([*of, ask(one.question).column, *_numbers(one.size), *tests])
    return rows


def plain(group: Group, subset: str, baseline: str) -> dict[str, Any]:
    """All runs and comparisons of a group as plain JSON; withheld: why other families have no comparison."""
    names = ("run", "protocol", "variant", "hyperparameters", "seed", "controls", "faces", "metrics")
    runs = [{name: getattr(record, name) for name in names} for record in group.records]
    comparisons = [
        {"role": role, **asdict(one)}
        for role, found in zip(_ROLES, compare_all(group, subset, baseline), strict=True)
        for one in found
    ]
    known = {"protocol": group.protocol, "data": group.data, "runs": runs, "comparisons": comparisons}
    return {**known, "withheld": withheld(group, baseline)}


def _numbers(found: Estimate) -> list[float | None]:
    return [found.value, found.low, found.high]
