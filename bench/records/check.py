"""What cannot be in a record: every fault is a BenchError of one line."""

import json
import re
from collections import Counter
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, get_origin

from bench.errors import BenchError
from bench.metrics.ranking import DIRECTIONS, points
from bench.records.protocol import parse_signature
from bench.records.record import Record

CONTROLS = ("true", "shuffled", "zeroed", "random", "opposite")  # what a variant was told of emotion

TOP = 10  # videos a query that a record keeps

_TOLERANCE = 1e-3  # metrics are stored with four decimals
_MOVES = ("flip", "delta")
_KEYS = {  # what the objects inside a record hold, where that is fixed
    "parameters": {"total", "added"},
    "code": {"version", "commit", "dirty", "variant"},
    "selection": {"rule", "step"},
    "controls": {"emotions", "train_emotions", "matched_parameters", "true_run"},
    "queries": {"videos", "captions"},
    "ranks": set(DIRECTIONS),
}


def check(record: Record) -> None:
    """BenchError, one line, for the first thing in the record that cannot be."""
    _check_shape(record)
    _check_controls(record)
    n = _check_queries(record)
    _check_ranks(record, n)
    _check_top(record, n)
    _check_metrics(record, n)
    if record.probe:
        _check_probe(record.probe, n)
    _check_selection(record)
    parts = parse_signature(record.protocol)
    for name, own in (("test", f"{record.dataset}-{record.test}"), ("train", record.split), ("seed", str(record.seed))):
        if parts.get(name) != own:
            raise BenchError(f"the protocol says {name} {parts.get(name)}, the record {own}.")
    if parts["size"] != f"{n}x{n}":
        raise BenchError(f"the protocol says {parts['size']}, the record holds {n} queries.")


def _check_shape(record: Record) -> None:
    for field in fields(record):
        value, kind = getattr(record, field.name), get_origin(field.type) or field.type
        if type(value) is not kind:
            raise BenchError(f"{field.name} is {type(value).__name__}, not {getattr(kind, '__name__', kind)}.")
    for name, keys in _KEYS.items():
        if set(getattr(record, name)) != keys:
            raise BenchError(f"{name} holds {', '.join(sorted(getattr(record, name)))}, not {', '.join(sorted(keys))}.")
    for name in ("run", "variant", "dataset", "split"):
        if not re.fullmatch(r"\w[\w.+-]*", getattr(record, name)):
            raise BenchError(f"{name} {getattr(record, name)!r} cannot name a file.")
    try:
        created = datetime.fromisoformat(record.created)
    except ValueError:
        raise BenchError(f"created {record.created!r} is no ISO 8601 time.") from None
    if created.tzinfo is None:
        raise BenchError(f"created {record.created!r} has no time zone.")
    try:
        json.dumps(asdict(record), allow_nan=False)
    except ValueError:
        raise BenchError("it holds a number that is NaN or infinite.") from None
    except TypeError as error:
        raise BenchError(f"it holds what JSON cannot: {error}.") from None


def _check_selection(record: Record) -> None:
    """The rule is one of three, and the signature brands it."""
    rule, step = record.selection["rule"], record.selection["step"]
    if rule not in ("last", "val", "test") or type(step) is not int or step < 0:
        raise BenchError(f"selection says rule {rule!r} and step {step!r}: none of last, val, test, or no step.")
    branded = parse_signature(record.protocol).get("ckpt")
    if branded != ("test-dsl" if rule == "test" else rule):
        raise BenchError(f"the protocol says ckpt {branded}, the record was selected by {rule}.")


def _check_controls(record: Record) -> None:
    under, faces = record.controls, record.faces
    for name in ("emotions", "train_emotions"):
        if under[name] not in CONTROLS:
            raise BenchError(f"controls.{name} is {under[name]!r}, none of {', '.join(CONTROLS)}.")
    if type(under["matched_parameters"]) is not bool:
        raise BenchError(f"controls.matched_parameters is {under['matched_parameters']!r}, not true or false.")
    none = (under["emotions"], under["train_emotions"], under["matched_parameters"]) == ("true", "true", False)
    if type(under["true_run"]) is not str or (under["true_run"] == record.run) != none:
        raise BenchError(
            f"controls.true_run is {under['true_run']!r}: a run without controls, and no other, is its own."
        )
    if faces and (
        set(faces) != {"source", "sha256", "pooling"} or not all(type(v) is str and v for v in faces.values())
    ):
        raise BenchError("faces must be empty, or hold source, sha256 and pooling as text.")


def _check_queries(record: Record) -> int:
    """How many queries there are, once they are sound."""
    for name, column in record.queries.items():
        if type(column) is not list or not all(type(entry) is str for entry in column):
            raise BenchError(f"queries.{name} must be a list of strings.")
    videos, captions = record.queries["videos"], record.queries["captions"]
    n = len(videos)
    if not n:
        raise BenchError("it holds no queries.")
    if len(captions) != n:
        raise BenchError(f"there are {n} videos but {len(captions)} captions.")
    if len(set(videos)) != n:
        (twice, times), *_ = Counter(videos).most_common(1)
        raise BenchError(f"the video {twice} occurs {times} times among the queries.")
    for name, members in record.subsets.items():
        if not _counts(members, n - 1):
            raise BenchError(f"the subset {name} holds what is no index of the {n} queries.")
        if len(set(members)) != len(members):
            raise BenchError(f"the subset {name} holds a query twice.")
    if not _counts([*record.twins.keys(), *record.twins.values()], n - 1):
        raise BenchError(f"twins hold what is no index of the {n} queries.")
    if record.twin_wins.keys() != record.twins.keys():
        raise BenchError(f"{len(record.twins)} queries have a twin, twin_wins holds {len(record.twin_wins)} of others.")
    if not all(win in (0, 0.5, 1) for win in record.twin_wins.values()):
        raise BenchError("twin_wins holds something else than 0, 0.5 and 1.")
    return n


def _check_ranks(record: Record, n: int) -> None:
    for way, counts in record.ranks.items():
        _check_counts(f"ranks.{way}", counts, n)
    for query, win in record.twin_wins.items():
        if win < 1 and record.ranks["t2v"]["greater"][query] + record.ranks["t2v"]["equal"][query] == 0:
            raise BenchError(f"query {query} ranks first, yet twin_wins says that it lost to its twin.")
    for name, ways in record.post.items():
        if type(ways) is not dict or not ways or not set(ways) <= set(DIRECTIONS):
            raise BenchError(f"post.{name} must hold ranks of {' or '.join(DIRECTIONS)}.")
        for way, counts in ways.items():
            _check_counts(f"post.{name}.{way}", counts, n)
    if record.honest:
        if record.selection["rule"] != "test" or set(record.honest) != {"rule", "step", "ranks"}:
            raise BenchError("honest must hold rule, step and ranks, in a run that was selected on the test set alone.")
        ranks = record.honest["ranks"]
        if type(ranks) is not dict or set(ranks) != set(DIRECTIONS):
            raise BenchError(f"honest.ranks must hold {', '.join(DIRECTIONS)}.")
        for way, counts in ranks.items():
            _check_counts(f"honest.ranks.{way}", counts, n)


def _check_top(record: Record, n: int) -> None:
    """Each list is as long as it can be, names no video twice, and holds the true one where its rank says so."""
    if not record.top:
        return
    if len(record.top) != n:
        raise BenchError(f"top has {len(record.top)} queries, not {n}.")
    counts = record.ranks["t2v"]
    for query, (videos, greater, equal) in enumerate(zip(record.top, counts["greater"], counts["equal"], strict=True)):
        if not _counts(videos, n - 1) or len(set(videos)) != min(TOP, n) or len(videos) != min(TOP, n):
            raise BenchError(f"top: query {query} must hold {min(TOP, n)} different videos.")
        if (greater + equal < len(videos) and query not in videos) or (greater >= len(videos) and query in videos):
            raise BenchError(f"top: query {query} has its own video where its rank does not put it.")


def _check_counts(where: str, counts: Any, n: int) -> None:
    if type(counts) is not dict or set(counts) != {"greater", "equal"}:
        raise BenchError(f"{where} must hold greater and equal.")
    for name, column in counts.items():
        if not _counts(column, n - 1):
            raise BenchError(f"{where}.{name} holds what is no count from 0 to {n - 1}.")
        if len(column) != n:
            raise BenchError(f"{where}.{name} has {len(column)} queries, not {n}.")
    for query, (greater, equal) in enumerate(zip(counts["greater"], counts["equal"], strict=True)):
        if greater + equal >= n:
            raise BenchError(f"{where}: query {query} has {greater + equal} rivals in a gallery of {n}.")


def _counts(values: Any, most: int) -> bool:
    return type(values) is list and all(type(value) is int and 0 <= value <= most for value in values)


def _check_metrics(record: Record, n: int) -> None:
    """Values only: they are exact. Intervals rest on a random generator that numpy may change one day."""
    groups = {"all": list(range(n)), **record.subsets}
    if "all" in record.subsets or record.metrics.keys() != groups.keys():
        raise BenchError(f"metrics are of {', '.join(record.metrics)}, not of {', '.join(groups)}.")
    for name, members in groups.items():
        wins = [record.twin_wins[query] for query in members if query in record.twin_wins]
        expected: dict[str, Any] = {"n": len(members)}
        for way, counts in record.ranks.items():
            rows = ([counts["greater"][i] for i in members], [counts["equal"][i] for i in members])
            expected[way] = points(*rows) if members else dict.fromkeys(points([0], [0]))
        if wins:
            expected["t2v"]["TwinAcc"] = 100 * sum(wins) / len(wins)
        _compare(name, record.metrics[name], expected)


def _compare(name: str, stated: Any, expected: dict[str, Any]) -> None:
    fault = BenchError(f"the metrics of {name} disagree with the ranks.")
    try:
        if stated.keys() != expected.keys() or stated["n"] != expected["n"]:
            raise fault
        for way in DIRECTIONS:
            if stated[way].keys() != expected[way].keys():
                raise fault
            for metric, true in expected[way].items():
                value, low, high = (stated[way][metric][key] for key in ("value", "low", "high"))
                if true is None:
                    if (value, low, high) != (None, None, None):
                        raise fault
                elif abs(value - true) > _TOLERANCE:
                    raise BenchError(f"{way} {metric} of {name} is {value}, the ranks give {true:.4f}.")
                elif not low <= value <= high:
                    raise BenchError(f"{way} {metric} of {name} is {value}, outside its interval {low} to {high}.")
    except (KeyError, TypeError, AttributeError):
        raise fault from None


def _check_probe(probe: dict[str, Any], n: int) -> None:
    """Whole, one value a query, and no share that its queries do not give."""
    keys = {"created", "code", "counterfactual", "emotion", "subsets", "twins", "text_only"}
    if set(probe) != keys:
        raise BenchError(f"probe holds {', '.join(sorted(probe))}, not {', '.join(sorted(keys))}.")
    try:
        changed, blind, twins = probe["counterfactual"], probe["text_only"], probe["twins"]
        for edit, entries in changed["edits"].items():
            flips, moved = (_check_column(f"{name} of {edit}", changed["per_query"][name][edit], n) for name in _MOVES)
            _check_entry(f"FlipAcc of {edit}", entries["FlipAcc"], flips, 100)
            _check_entry(f"Δ log-rank of {edit}", entries["Δ log-rank"], moved, 1)
            without = _check_column(f"text-only {edit}", blind["per_query"]["flip"][edit], n)
            _check_entry(f"text-only {edit}", blind["edits"][edit], without, 100)
        _check_entry("shift", changed["shift"], _check_column("shift", changed["per_query"]["shift"], n), 1)
        pairs = twins["per_pair"]["pairs"]
        if not all(_counts(pair, n - 1) and len(pair) == 2 for pair in pairs):
            raise BenchError(f"probe: a pair of twins is no two of the {n} queries.")
        for name in ("text", "video", "group"):
            won = _check_column(f"{name} score", twins["per_pair"][name], len(pairs))
            _check_entry(f"{name} score", twins[name], won, 100)
        for name, column in probe["emotion"].get("per_query", {}).items():
            _check_column(name, column, n)
        if not all(type(row["n"]) is int and 0 <= row["n"] <= n for row in probe["subsets"].values()):
            raise BenchError(f"probe: a subset has more than {n} queries, or none that can be counted.")
    except (KeyError, TypeError, AttributeError):
        raise BenchError("probe is not of the shape that `bench probe` writes.") from None


def _check_column(what: str, column: Any, n: int) -> list[float]:
    """The values that are there, of a list of n numbers or null."""
    if type(column) is not list or not all(value is None or type(value) in (int, float) for value in column):
        raise BenchError(f"probe: {what} holds something else than numbers and null.")
    if len(column) != n:
        raise BenchError(f"probe: {what} has {len(column)} values, not {n}.")
    return [value for value in column if value is not None]


def _check_entry(what: str, entry: dict[str, Any], values: list[float], scale: float) -> None:
    """An entry's n, and its mean where it has one: of few queries it claims nothing."""
    if entry["n"] != len(values):
        raise BenchError(f"probe: {what} has n = {entry['n']}, its queries are {len(values)}.")
    if entry["value"] is not None and abs(entry["value"] - scale * sum(values) / len(values)) > _TOLERANCE:
        raise BenchError(
            f"probe: {what} is {entry['value']}, its queries give {scale * sum(values) / len(values):.4f}."
        )
