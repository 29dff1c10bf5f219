"""Records -> tables: runs side by side where they may be compared, apart where they may not.

Runs share a table if their protocol signatures are equal but for the seed, and if they were asked the same queries of
the same data. Nothing is marked as best: two overlapping intervals do not tell who is.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import BenchError, UsageError
from .registry import did_you_mean
from .results import Record, join_signature, parse_signature
from .stats import DIRECTIONS
from .tables import Table, csv_text, latex, markdown, terminal

SUBSET = "emotion"
LAYOUTS = {"terminal": terminal, "markdown": markdown, "latex": latex}
FORMATS = (*LAYOUTS, "csv", "json")

_ROWS = ("R@1", "R@5", "R@10", "MdR", "MnR")
_SHOWN = {"variant", "seed", "hp"}  # settings that a table has a place for
_HARMLESS = {"root", "init", "missing", "video.workers", "video.cache", "train.checkpoint_every"}  # or in the protocol


@dataclass(frozen=True)
class Group:
    """Runs that may be compared, the variant with the best mean T2V R@1 first and its seeds together."""

    protocol: str  # the signature without the seed
    data: str  # 8 hex digits over the splits' checksums, the queries, their subsets and twins
    records: tuple[Record, ...]


def groups(records: Iterable[Record]) -> list[Group]:
    """The records sorted into groups, the groups in order of their signatures."""
    found: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        parts = parse_signature(record.protocol)
        del parts["seed"]
        found[join_signature(parts), _data(record)].append(record)
    return [Group(protocol, data, _ordered(members)) for (protocol, data), members in sorted(found.items())]


def render(records: Sequence[Record], format: str = "terminal", subset: str = SUBSET) -> str:
    """All records as text in one of FORMATS: per group the report's table of every run, then one line per run.

    subset: the queries shown beside all of them in the tables; csv and json hold every subset.
    Without the last line break: it is for `print`.
    BenchError if there are no records, UsageError for a format that is none or a subset that no record has.
    """
    if not records:
        raise BenchError("no records to compare. Make one: bench run --variant plain")
    if format not in FORMATS:
        raise UsageError(f"'{format}' is no format.{did_you_mean(format, FORMATS)} There are {', '.join(FORMATS)}.")
    subsets = {name for record in records for name in record.subsets}
    if subset not in subsets and subset != SUBSET:
        raise UsageError(f"no record has a subset '{subset}'.{did_you_mean(subset, subsets)} {_listed(subsets)}")
    found = groups(records)
    if format == "json":
        return json.dumps({"groups": [_plain(group) for group in found]}, indent=1, ensure_ascii=False)
    if format == "csv":
        return csv_text(_COLUMNS, [row for group in found for row in _tidy(group)]).rstrip("\n")
    layout = LAYOUTS[format]
    return "\n".join(_section(group, found[0], subset, layout) for group in found).rstrip("\n")


def render_record(record: Record) -> str:
    """One run as `bench run` prints it at its end: the report's table shape for a terminal, with n and intervals."""
    text = terminal(_report([record], SUBSET), record.protocol, _scope(record, SUBSET))
    if "TwinAcc" in record.metrics["all"]["t2v"]:
        twins = record.metrics["all"]["t2v"]["TwinAcc"]
        text += f"TwinAcc {_estimate(twins)}, n = {twins['n']}: own video above its twin; chance is 50"
    return text.rstrip("\n")


def _section(group: Group, first: Group, subset: str, layout: Callable[..., str]) -> str:
    record = group.records[0]
    runs = f"{len(group.records)} run{'s' if len(group.records) > 1 else ''}, "
    apart = f"Not comparable with the first table: {_difference(group, first)}. " if group is not first else ""
    twins = record.metrics["all"]["t2v"].get("TwinAcc")
    legend = f"TwinAcc: own video above its twin, {twins['n']} queries, chance 50." if twins else ""
    note = (
        f"All {record.metrics['all']['n']} queries, T2V where not said otherwise; R@k in %, [95 % interval]. {legend}"
    )
    return "\n".join(
        [
            layout(_report(group.records, subset), group.protocol, apart + runs + _scope(record, subset)),
            layout(_leaderboard(group.records), "", note.rstrip()),
        ]
    )


def _report(records: Sequence[Record], subset: str) -> Table:
    """Rows are metrics under each run's name, columns All and the subset, T2V and V2T, as the report has them."""
    shown = ["all", subset] if subset in records[0].subsets else ["all"]
    columns = [(name, way) for name in shown for way in DIRECTIONS]
    rows: list[list[str] | str] = []
    for record in records:
        rows.append("  ".join([record.run, *_hyperparameters(record)]))
        for metric in _ROWS:
            rows.append([metric, *(_estimate(record.metrics[name][way][metric]) for name, way in columns)])
    return Table(["", *(f"{name.capitalize()} {way.upper()}" for name, way in columns)], rows)


def _leaderboard(records: Sequence[Record]) -> Table:
    twins = any("TwinAcc" in record.metrics["all"]["t2v"] for record in records)
    header = ["variant", "seed", *_ROWS, "V2T R@1", *(["TwinAcc"] if twins else [])]
    rows: list[list[str] | str] = []
    for record, details in zip(records, _details(records), strict=True):
        t2v, v2t = (record.metrics["all"][way] for way in DIRECTIONS)
        values = [t2v[metric] for metric in _ROWS[1:]] + [v2t["R@1"]] + ([t2v["TwinAcc"]] if twins else [])
        numbers = [_estimate(t2v["R@1"]), *(_number(entry["value"], 1000) for entry in values)]
        label = " ".join([record.variant, *details])
        rows.append([label, str(record.seed), *numbers])
    return Table(header, rows)


def _details(records: Sequence[Record]) -> list[list[str]]:
    """What stands behind each variant's name: its hyperparameters, and every setting in which the runs here differ."""
    configs = [_flat(record.config) for record in records]
    names = dict.fromkeys(name for config in configs for name in config)
    differ = [name for name in names if len({config.get(name) for config in configs}) > 1 and _matters(name)]
    return [
        _hyperparameters(record) + [f"{name}={config[name]}" for name in differ if name in config]
        for record, config in zip(records, configs, strict=True)
    ]


def _matters(name: str) -> bool:
    """Whether a setting can change the numbers and is not shown in a place of its own."""
    return name not in _SHOWN and name not in _HARMLESS and not name.startswith("hp.")


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": str(value)}
    return flat


def _hyperparameters(record: Record) -> list[str]:
    return [f"{name}={value}" for name, value in record.hyperparameters.items()]


def _estimate(entry: dict[str, float | None]) -> str:
    """Value and interval, e.g. "35.0 [29.2–41.2]"; large numbers lose their decimal so that columns stay narrow."""
    value, low, high = entry["value"], entry["low"], entry["high"]
    if value is None or low is None or high is None:
        return "–"
    return f"{_number(value, 1000)} [{_number(low, 100)}–{_number(high, 100)}]"


def _number(value: float, whole_from: int) -> str:
    return f"{value:.1f}" if value < whole_from - 0.05 else f"{value:.0f}"


def _scope(record: Record, subset: str) -> str:
    """How many queries stand behind the numbers, and what the brackets are."""
    n = record.metrics["all"]["n"]
    part = f"{record.metrics[subset]['n']} in {subset}" if subset in record.subsets else f"no subset {subset}"
    return f"{n} queries, {part}, gallery of {n}. R@k in %, [95 % interval]."


def _difference(group: Group, first: Group) -> str:
    own, there = parse_signature(group.protocol), parse_signature(first.protocol)
    if own["test"] != there["test"]:
        return "another test set"
    names = [name for name in {**own, **there} if own.get(name) != there.get(name)]
    if not names:
        return f"other queries or training data under the same names ({group.data}, there {first.data})"
    return ", ".join(f"{name}:{own.get(name, 'none')} (there {there.get(name, 'none')})" for name in names)


def _data(record: Record) -> str:
    asked = [record.checksums, record.queries, record.subsets, record.twins]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]


def _ordered(records: list[Record]) -> tuple[Record, ...]:
    def recall(record: Record) -> float:
        value: float = record.metrics["all"]["t2v"]["R@1"]["value"]
        return value

    seeds: dict[str, list[float]] = defaultdict(list)
    names = {id(record): " ".join([record.variant, *_hyperparameters(record)]) for record in records}
    for record in records:
        seeds[names[id(record)]].append(recall(record))

    def place(record: Record) -> tuple:
        name = names[id(record)]
        return -sum(seeds[name]) / len(seeds[name]), name, record.seed, record.run

    return tuple(sorted(records, key=place))


def _listed(subsets: Iterable[str]) -> str:
    return f"There are {', '.join(sorted(subsets))}." if subsets else "There is none."


_COLUMNS = ["protocol", "data", "run", "variant", "hyperparameters", "seed"]
_COLUMNS += ["subset", "n", "direction", "metric", "value", "low", "high"]


def _tidy(group: Group) -> list[list[Any]]:
    """One row per number, as pandas and seaborn like it; None, the value of an empty subset, becomes an empty cell."""
    rows: list[list[Any]] = []
    for record in group.records:
        hyperparameters = json.dumps(record.hyperparameters)
        run = [group.protocol, group.data, record.run, record.variant, hyperparameters, record.seed]
        for subset, metrics in record.metrics.items():
            for way in DIRECTIONS:
                for metric, entry in metrics[way].items():
                    n = entry.get("n", metrics["n"])
                    rows.append([*run, subset, n, way, metric, entry["value"], entry["low"], entry["high"]])
    return rows


def _plain(group: Group) -> dict[str, Any]:
    names = ("run", "variant", "hyperparameters", "seed", "metrics")
    runs = [{name: getattr(record, name) for name in names} for record in group.records]
    return {"protocol": group.protocol, "data": group.data, "runs": runs}
