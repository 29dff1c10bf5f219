"""What cannot be in a record: every fault is a BenchError of one line."""

import json
import re
from dataclasses import fields
from datetime import datetime
from typing import Any, get_origin

from bench.errors import BenchError
from bench.metrics.estimate import NUMBERS, Estimate
from bench.metrics.metric_registry import CORE, METRICS, TWIN_ACCURACY, share
from bench.metrics.positives import Answers
from bench.metrics.ranking import DIRECTIONS
from bench.records.agreement import check_agreement
from bench.records.query_checks import are_counts, check_queries, check_question, check_ranks, check_top
from bench.records.record import Record
from bench.utils.names import names_a_file
from bench.utils.terminal import printable

CONTROLS = ("true", "shuffled", "zeroed", "random", "opposite", "oracle")  # the emotion input of a run

ARTIFACTS = {"weights", "features", "similarity"}  # the files whose digests a record has

LARGEST_SEED = 2**32 - 1  # that numpy and torch both take

_LARGEST = 1e100  # of any number: beyond it arithmetic overflows
_TOLERANCE = 1e-3  # metrics are stored with four decimals
_MOVES = ("flip", "delta")
_POINT = {"step", "epoch", "loss", "lr", "logit_scale"}  # of every point of a curve
_KEYS = {  # what the objects inside a record hold, where that is fixed
    "parameters": {"total", "added"},
    "code": {"version", "commit", "dirty", "variant"},
    "selection": {"rule", "step"},
    "controls": {"emotions", "train_emotions", "matched_parameters", "true_run"},
    "ranks": set(DIRECTIONS),
}


def check(record: Record) -> None:
    """BenchError, one line that can be printed, for the first thing in the record that cannot be."""
    try:
        _check(record)
    except BenchError as error:  # it quotes what the record holds
        raise BenchError(printable(str(error))) from None


def _check(record: Record) -> None:
    _check_shape(record)
    _check_small_parts(record)
    _check_curve(record.curve)
    _check_controls(record)
    n, videos = check_queries(record)
    check_question(record)
    check_ranks(record, n, videos)
    check_top(record, n, videos)
    _check_metrics(record, n)
    if record.probe:
        _check_probe(record.probe, n)
    check_agreement(record)


def _check_shape(record: Record) -> None:
    for field in fields(record):
        value, kind = getattr(record, field.name), get_origin(field.type) or field.type
        if type(value) is not kind:
            raise BenchError(f"{field.name} is {type(value).__name__}, not {getattr(kind, '__name__', kind)}.")
    for name, keys in _KEYS.items():
        if set(getattr(record, name)) != keys:
            raise BenchError(f"{name} holds {', '.join(sorted(getattr(record, name)))}, not {', '.join(sorted(keys))}.")
    for name in ("run", "variant", "dataset", "split", "test"):
        if not names_a_file(getattr(record, name)):
            raise BenchError(f"{name} {getattr(record, name)!r} cannot name a file.")
    try:
        created = datetime.fromisoformat(record.created)
    except ValueError:
        raise BenchError(f"created {record.created!r} is no ISO 8601 time.") from None
    if created.tzinfo is None:
        raise BenchError(f"created {record.created!r} has no time zone.")
    try:
        json.dumps(vars(record), allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BenchError("it holds text that is not Unicode: half of a surrogate pair.") from None
    except ValueError:
        raise BenchError("it holds a number that is NaN or infinite.") from None
    except TypeError as error:
        raise BenchError(f"it holds what JSON cannot: {error}.") from None


def _check_small_parts(record: Record) -> None:
    """What stands beside the ranks, and is shown: text where there should be text, numbers where numbers."""
    if not 0 <= record.seed <= LARGEST_SEED:
        raise BenchError(f"seed is {_short(record.seed)}, not a number from 0 to {LARGEST_SEED}.")
    total, added = record.parameters["total"], record.parameters["added"]
    if not (type(total) is type(added) is int and 0 <= added <= total < _LARGEST):
        raise BenchError(f"parameters are {_short(total)} in total and {_short(added)} added: no counts.")
    for name in ("checksums", "libraries", "lexicons"):
        if not all(type(value) is str for value in getattr(record, name).values()):
            raise BenchError(f"{name} holds something else than text.")
    if not record.artifacts.keys() <= ARTIFACTS or not all(
        type(value) is str and re.fullmatch("[0-9a-f]{64}", value) for value in record.artifacts.values()
    ):
        raise BenchError(f"artifacts must hold sha256 digests of {' and '.join(sorted(ARTIFACTS))}, or nothing.")
    code = record.code
    if not (
        all(type(code[name]) is str for name in ("version", "variant"))
        and type(code["commit"]) in (str, type(None))
        and type(code["dirty"]) in (bool, type(None))
    ):
        raise BenchError("code must hold version, variant and commit as text, and dirty as true or false.")
    for name, value in record.hardware.items():
        parts = value if type(value) is list else [value]
        if not all(part is None or type(part) is str or _is_number(part) for part in parts):
            raise BenchError(f"hardware.{name} is neither text nor a number.")
    for name, seconds in record.timings.items():
        if not _is_number(seconds) or seconds < 0:
            raise BenchError(f"timings.{name} is {_short(seconds)}, no number of seconds.")


def _check_curve(curve: list[Any]) -> None:
    """Steps rise from 1; every point has what a training step has, and beside it only numbers or objects of them."""
    before = 0
    for place, point in enumerate(curve, start=1):
        if type(point) is not dict or not point.keys() >= _POINT:
            raise BenchError(f"curve: point {place} must be an object with {', '.join(sorted(_POINT))}.")
        for name, value in point.items():
            values = value.values() if type(value) is dict else [value]
            if not all(map(_is_number, values)):
                raise BenchError(f"curve: {name} of point {place} holds something else than numbers.")
        if type(point["step"]) is not int or point["step"] <= before:
            raise BenchError(f"curve: point {place} has step {_short(point['step'])}, after step {before}.")
        if any(type(point[name]) is dict for name in _POINT):
            raise BenchError(f"curve: {', '.join(sorted(_POINT))} of point {place} must be numbers.")
        before = point["step"]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _LARGEST


def _short(value: Any) -> str:
    """A value as a message can show it, whatever it is."""
    if type(value) is int and abs(value) >= _LARGEST:
        return "an integer of over a hundred digits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


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


def _check_metrics(record: Record, n: int) -> None:
    """The metrics of CORE and TwinAcc are what the ranks give; of others, which a plugin may have made, the shape."""
    groups, ways = {"all": list(range(n)), **record.subsets}, record.directions
    if "all" in record.subsets or record.metrics.keys() != groups.keys():
        raise BenchError(f"metrics are of {', '.join(record.metrics)}, not of {', '.join(groups)}.")
    for subset, members in groups.items():
        stated = record.metrics[subset]
        if not _is_object(stated, {"n", *ways}) or not all(type(stated[way]) is dict for way in ways):
            raise BenchError(f"the metrics of {subset} must hold n, {' and '.join(ways)}.")
        if stated["n"] != len(members):
            raise BenchError(f"the metrics of {subset} are of {stated['n']} queries, not {len(members)}.")
        won = [record.twin_wins[query] for query in members if query in record.twin_wins]
        for direction in ways:
            asked = record.answers(direction, members)
            exact = _exact(asked)
            if won and direction == "t2v":
                exact[TWIN_ACCURACY] = share(sum(won), len(won))
            _compare(f"{direction} {{}} of {subset}", stated[direction], exact)
            if any(
                entry.get("n", len(asked)) != len(asked) for name, entry in stated[direction].items() if name in CORE
            ):
                raise BenchError(f"{direction} of {subset} is of other than its {len(asked)} queries.")
        twins = stated["t2v"].get(TWIN_ACCURACY, {"n": 0}).get("n")
        if twins != len(won):
            raise BenchError(f"t2v TwinAcc of {subset} is of {twins} queries, {len(won)} of its queries have a twin.")


def _exact(asked: Answers) -> dict[str, Estimate]:
    """The metrics of CORE, without the intervals that are drawn at random."""
    if not len(asked):
        return dict.fromkeys(CORE, Estimate.empty())
    found = {}
    for name in CORE:
        metric = METRICS.get(name)
        if metric.statistic == "share":
            found[name] = metric.estimate(asked)
        else:
            found[name] = Estimate(metric.value(asked.greater, asked.equal), None, None)
    return found


def _compare(where: str, stated: dict[str, Any], exact: dict[str, Estimate]) -> None:
    """where: with a place for the metric's name. Intervals of shares are Wilson's; others rest on a random generator
    that numpy may change one day, and need only hold their value.
    """
    if missing := exact.keys() - stated.keys():
        raise BenchError(f"{where.format(min(missing))} is missing.")
    for name, entry in stated.items():
        here = where.format(name)
        if type(entry) is not dict or not all(
            entry.get(key, "?") is None or _is_number(entry.get(key)) for key in NUMBERS
        ):
            raise BenchError(f"{here} must hold value, low and high as numbers or null.")
        found = Estimate.from_json(entry)
        if found.value is None or found.low is None or found.high is None:
            if found != Estimate.empty() or (name in exact and exact[name] != found):
                raise BenchError(f"{here} has no value, or no interval.")
            continue
        if not found.low <= found.value <= found.high:
            raise BenchError(f"{here} is {found.value}, outside its interval {found.low} to {found.high}.")
        if name not in exact:
            continue
        true = exact[name]
        if true.value is None or abs(found.value - true.value) > _TOLERANCE:
            given = "nothing" if true.value is None else f"{true.value:.4f}"
            raise BenchError(f"{here} is {found.value}, the ranks give {given}.")
        if true.low is None or true.high is None:
            continue
        if max(abs(found.low - true.low), abs(found.high - true.high)) > _TOLERANCE:
            stands = f"{here} has the interval {found.low} to {found.high}"
            raise BenchError(f"{stands}, Wilson's is {true.low} to {true.high}.")


def _is_object(value: Any, keys: set[str]) -> bool:
    return type(value) is dict and value.keys() == keys


def _check_probe(probe: dict[str, Any], n: int) -> None:
    """Whole, one value a query, and no share that its queries do not give."""
    keys = {"created", "code", "counterfactual", "emotion", "subsets", "twins", "text_only"}
    if set(probe) - {"sources"} != keys:  # `sources` came later
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
        if not all(are_counts(pair, n - 1) and len(pair) == 2 for pair in pairs):
            raise BenchError(f"probe: a pair of twins is no two of the {n} queries.")
        for name in ("text", "video", "group"):
            won = _check_column(f"{name} score", twins["per_pair"][name], len(pairs))
            _check_entry(f"{name} score", twins[name], won, 100)
        sources = probe.get("sources", {"given_by": "", "subsets_by": ""})
        if sources.keys() != {"given_by", "subsets_by"} or not all(type(said) is str for said in sources.values()):
            raise BenchError("probe: sources must hold given_by and subsets_by as text.")
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
