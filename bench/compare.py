"""Records -> tables: runs side by side where they may be compared, apart where they may not.

Runs share a table if their protocol signatures are equal but for the seed, and if they were asked the same queries of
the same data. Nothing is marked as best: two overlapping intervals do not tell who is.

A run under a control (shuffled emotions, say) is no rival of the others: it stands below its own true run, with the
difference between the two. Whether an emotion effect was found is asked once a run, and of all queries, not of the
emotional ones alone: true against shuffled emotions at evaluation, the sign-flip p of T2V log-ranks.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BenchError, UsageError
from .metrics.ranking import DIRECTIONS, hits, log_ranks
from .protocol import join_signature, parse_signature
from .record_check import CONTROLS
from .registry import did_you_mean
from .results import Record
from .stats import paired_difference, sign_flip
from .tables import Table, csv_text, latex, markdown, terminal

SUBSET = "emotion"
LAYOUTS = {"terminal": terminal, "markdown": markdown, "latex": latex}
FORMATS = (*LAYOUTS, "csv", "json")

_ROWS = ("R@1", "R@5", "R@10", "MdR", "MnR")
_SIGNIFICANT = 0.05
_SHOWN = {"variant", "seed", "hp", "emotions", "train.emotions", "matched_parameters", "faces.pooling"}  # in places
_HARMLESS = {"root", "init", "missing", "video.workers", "video.cache", "train.checkpoint_every", "faces.file"}


@dataclass(frozen=True)
class Group:
    """Runs that may be compared: the variant with the best mean T2V R@1 first, its seeds together, each before its
    controls; at the end the controls whose true run is not here.
    """

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
    """All records as text in one of FORMATS: per group the report's table of every true run, then one line per run,
    then the controls, each beside its true run.

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
    note = _scope(record, SUBSET)
    if _control(record):
        note += f" A control: {_control(record)}; its true run is {record.controls['true_run']}."
    text = terminal(_report([record], SUBSET), record.protocol, note)
    if "TwinAcc" in record.metrics["all"]["t2v"]:
        twins = record.metrics["all"]["t2v"]["TwinAcc"]
        text += f"TwinAcc {_estimate(twins)}, n = {twins['n']}: own video above its twin; chance is 50"
    return text.rstrip("\n")


def _section(group: Group, first: Group, subset: str, layout: Callable[..., str]) -> str:
    record = group.records[0]
    trues = [record for record in group.records if not _control(record)]
    controls = [record for record in group.records if _control(record)]
    counted = [f"{len(trues)} run{'s' if len(trues) != 1 else ''}"]
    counted += [f"{len(controls)} control{'s' if len(controls) != 1 else ''}"] if controls else []
    apart = f"Not comparable with the first table: {_difference(group, first)}. " if group is not first else ""
    scope = f"{apart}{' and '.join(counted)}, {_scope(record, subset)}"
    n = record.metrics["all"]["n"]
    twins = record.metrics["all"]["t2v"].get("TwinAcc")
    legend = f" TwinAcc: own video above its twin, {twins['n']} queries, chance 50." if twins else ""
    tables = []
    if trues:
        tables.append((_report(trues, subset), scope))
        note = f"All {n} queries, T2V where not said otherwise; R@k in %, [95 % interval].{legend}"
        tables.append((_leaderboard(trues), note))
    if controls:
        note = (
            "Controls: the same run without true emotions. Differences are true − control, in points of T2V R@1 over "
            f"all {n} queries, [95 % interval]; p is of the sign-flip test on their log-ranks, not corrected for the "
            "number of rows. Each run is one seed, a control one draw: p is about other queries, not about "
            "other seeds or draws."
        )
        tables.append((_control_table(group.records, subset), note if trues else f"{scope} {note}"))
    titles = [group.protocol, *("" for _ in tables[1:])]
    return "\n".join(layout(table, title, note) for (table, note), title in zip(tables, titles, strict=True))


def _report(records: Sequence[Record], subset: str) -> Table:
    """Rows are metrics under each run's name, columns All and the subset, T2V and V2T, as the report has them."""
    shown = ["all", subset] if subset in records[0].subsets else ["all"]
    columns = [(name, way) for name in shown for way in DIRECTIONS]
    rows: list[list[str] | str] = []
    for record, details in zip(records, _details(records), strict=True):
        rows.append("  ".join([record.run, *details]))
        for metric in _ROWS:
            rows.append([metric, *(_estimate(record.metrics[name][way][metric]) for name, way in columns)])
    return Table(["", *(f"{name.capitalize()} {way.upper()}" for name, way in columns)], rows, _faces(records))


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
    return Table(header, rows, _faces(records))


def _control_table(records: Sequence[Record], subset: str) -> Table:
    """Under each true run's name its row and its controls' rows; below, whether an emotion effect was found."""
    trues = {record.run: record for record in records if not _control(record)}
    families: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if _control(record):
            families[record.controls["true_run"]].append(record)
    shown = ["all", subset] if subset in records[0].subsets else ["all"]
    rows: list[list[str] | str] = []
    found = []
    for name, controls in families.items():
        true = trues.get(name)
        rows.append(
            "  ".join([name, *_hyperparameters(true)]) if true else f"{name} (true run) is not among these records"
        )
        for record in [true, *controls] if true else controls:
            recalls = [record.metrics[part]["t2v"]["R@1"]["value"] for part in shown]
            cells = ["–" if value is None else _number(value, 1000) for value in recalls]
            if true and record is not true:
                p = sign_flip(_log_ranks(true), _log_ranks(record), record.queries["captions"])
                cells += [_gap(true, record), _probability(p)]
                if _control(record) in ("emotions shuffled", "trained on shuffled"):
                    found.append(_verdict(true, record, p, _short_name(true, [*trues.values()])))
            else:
                cells += ["–", "–"]
            rows.append([_control(record) or "true", *cells, str(record.metrics["all"]["n"])])
    involved = [record for record in records if record.run in families or _control(record)]
    header = ["", *(f"{part.capitalize()} T2V R@1" for part in shown), "true − control", "p", "n"]
    return Table(header, rows, found + _faces(involved))


def _control(record: Record) -> str:
    """What the run was under, for people; "" for a true run."""
    controls = record.controls
    parts = [f"emotions {controls['emotions']}"] if controls["emotions"] != "true" else []
    parts += [f"trained on {controls['train_emotions']}"] if controls["train_emotions"] != "true" else []
    parts += ["matched parameters"] if controls["matched_parameters"] else []
    return ", ".join(parts)


def _verdict(true: Record, shuffled: Record, p: float, name: str) -> str:
    n = true.metrics["all"]["n"]
    what = "shuffled" if _control(shuffled) == "emotions shuffled" else "trained on shuffled"
    if what == "shuffled" and true.ranks == shuffled.ranks:
        return f"{name}: no emotion effect was found: true and shuffled rank all {n} queries the same."
    if p >= _SIGNIFICANT:
        return f"{name}: no emotion effect was found (true against {what}: p {_equals(p)}, n = {n})."
    own, other = (float(np.exp(_log_ranks(record).mean())) for record in (true, shuffled))
    word = "better" if own < other else "worse"
    return (
        f"{name}: true is {word} than {what}: geometric mean rank {own:.2f} against {other:.2f} "
        f"(p {_equals(p)}, n = {n})."
    )


def _short_name(record: Record, trues: Sequence[Record]) -> str:
    """Variant and seed; also the hyperparameters, or at last the run's whole name, where it takes them to tell."""

    def short(run: Record) -> str:
        return f"{run.variant} s{run.seed}"

    def long(run: Record) -> str:
        return " ".join([run.variant, *_hyperparameters(run), f"s{run.seed}"])

    return next((name(record) for name in (short, long) if [*map(name, trues)].count(name(record)) == 1), record.run)


def _log_ranks(record: Record) -> NDArray[np.float64]:
    return log_ranks(record.ranks["t2v"]["greater"], record.ranks["t2v"]["equal"])


def _gap(true: Record, control: Record) -> str:
    """The difference in T2V R@1 with its interval, e.g. "+4.2 [−0.3, +8.7]"."""
    one, other = (hits(run.ranks["t2v"]["greater"], run.ranks["t2v"]["equal"], 1) for run in (true, control))
    value, low, high = (_signed(number) for number in paired_difference(one, other).values())
    return f"{value} [{low}, {high}]"


def _signed(number: float) -> str:
    return f"{round(number, 1) + 0.0:+.1f}".replace("-", "−")  # + 0.0 makes -0.0 positive


def _probability(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _equals(p: float) -> str:
    return f"= {_probability(p)}" if p >= 0.001 else "< 0.001"


def _faces(records: Sequence[Record]) -> list[str]:
    """A sentence per source of facial expressions and the variants that used it: what is simulated must be seen."""
    files: dict[str, set[str]] = defaultdict(set)
    users: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for record in records:
        if record.faces:
            files[record.faces["source"]].add(record.faces["sha256"])
            users[record.faces["source"], record.faces["sha256"]][record.variant] = None
    return [
        f"faces: {source}{f', file {sha256[:8]}' if len(files[source]) > 1 else ''} ({', '.join(variants)})"
        for (source, sha256), variants in users.items()
    ]


def _details(records: Sequence[Record]) -> list[list[str]]:
    """What stands behind each variant's name: its hyperparameters, and every setting in which the runs here differ."""
    configs = [_flat(record.config) for record in records]
    names = dict.fromkeys(name for config in configs for name in config)
    differ = [name for name in names if len({config.get(name) for config in configs}) > 1 and _matters(name)]
    poolings = {record.faces["pooling"] for record in records if record.faces}
    return [
        _hyperparameters(record)
        + [f"{name}={config[name]}" for name in differ if name in config]
        + ([f"faces.pooling={record.faces['pooling']}"] if record.faces and len(poolings) > 1 else [])
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
    trues = [record for record in records if not _control(record)]
    names = {id(record): " ".join([record.variant, *_hyperparameters(record)]) for record in trues}
    seeds: dict[str, list[float]] = defaultdict(list)
    for record in trues:
        seeds[names[id(record)]].append(record.metrics["all"]["t2v"]["R@1"]["value"])

    def place(record: Record) -> tuple:
        name = names[id(record)]
        return -sum(seeds[name]) / len(seeds[name]), name, record.seed, record.run

    def row(record: Record) -> tuple:
        under = record.controls
        training, scoring = (CONTROLS.index(under[when]) for when in ("train_emotions", "emotions"))
        return under["true_run"], under["matched_parameters"], training, scoring, record.run

    controls: dict[str, list[Record]] = defaultdict(list)
    for record in sorted((record for record in records if _control(record)), key=row):
        controls[record.controls["true_run"]].append(record)
    placed = [run for true in sorted(trues, key=place) for run in (true, *controls.pop(true.run, []))]
    return (*placed, *(run for alone in controls.values() for run in alone))


def _listed(subsets: Iterable[str]) -> str:
    return f"There are {', '.join(sorted(subsets))}." if subsets else "There is none."


_COLUMNS = ["protocol", "data", "run", "variant", "hyperparameters", "seed"]
_COLUMNS += ["emotions", "train_emotions", "matched_parameters", "true_run", "faces", "faces_sha256", "faces_pooling"]
_COLUMNS += ["subset", "n", "direction", "metric", "value", "low", "high"]


def _tidy(group: Group) -> list[list[Any]]:
    """One row per number, as pandas and seaborn like it; None, the value of an empty subset, becomes an empty cell."""
    rows: list[list[Any]] = []
    for record in group.records:
        hyperparameters = json.dumps(record.hyperparameters)
        run = [group.protocol, group.data, record.run, record.variant, hyperparameters, record.seed]
        run += [record.controls[name] for name in ("emotions", "train_emotions", "matched_parameters", "true_run")]
        run += [record.faces.get(name) for name in ("source", "sha256", "pooling")]
        for subset, metrics in record.metrics.items():
            for way in DIRECTIONS:
                for metric, entry in metrics[way].items():
                    n = entry.get("n", metrics["n"])
                    rows.append([*run, subset, n, way, metric, entry["value"], entry["low"], entry["high"]])
    return rows


def _plain(group: Group) -> dict[str, Any]:
    names = ("run", "variant", "hyperparameters", "seed", "controls", "faces", "metrics")
    runs = [{name: getattr(record, name) for name in names} for record in group.records]
    return {"protocol": group.protocol, "data": group.data, "runs": runs}
