"""What cannot be in a record: every fault is a BenchError of one line."""

import json
import re
from collections import Counter
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, get_origin

from bench.data.questions import can_answer, parse_question
from bench.errors import BenchError
from bench.metrics.answers import Answers
from bench.metrics.estimate import NUMBERS, Estimate
from bench.metrics.metric_registry import CORE, METRICS, TWIN_ACCURACY, share
from bench.metrics.ranking import DIRECTIONS
from bench.records.agreement import check_agreement
from bench.records.record import Record
from bench.utils.names import names_a_file
from bench.utils.terminal import printable

CONTROLS = ("true", "shuffled", "zeroed", "random", "opposite", "oracle")  # the emotion input of a run

ARTIFACTS = {"weights", "features"}  # the files whose digests a record has

TOP = 10  # videos a query that a record keeps
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
    n, videos = _check_queries(record)
    _check_question(record)
    _check_ranks(record, n, videos)
    _check_top(record, n, videos)
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
        json.dumps(asdict(record), allow_nan=False, ensure_ascii=False).encode()
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


def _check_queries(record: Record) -> tuple[int, int]:
    """How many queries and how many videos there are, once they are sound."""
    if record.queries.keys() - {"video_of"} != {"videos", "captions"}:
        raise BenchError(f"queries holds {', '.join(sorted(record.queries))}, not captions, videos.")
    for name in ("videos", "captions"):
        column = record.queries[name]
        if type(column) is not list or not all(type(entry) is str for entry in column):
            raise BenchError(f"queries.{name} must be a list of strings.")
    videos, captions, of = record.queries["videos"], record.queries["captions"], record.queries.get("video_of")
    n = len(captions)
    if not n or not videos:
        raise BenchError("it holds no queries.")
    if of is None and len(videos) != n:
        raise BenchError(f"there are {len(videos)} videos but {n} captions.")
    if of is not None and not (_counts(of, len(videos) - 1) and len(of) == n > len(videos) and _rises(of, videos)):
        raise BenchError(f"queries.video_of must lead from {n} captions to all of {len(videos)} videos, in order.")
    if len(set(videos)) != len(videos):
        (twice, times), *_ = Counter(videos).most_common(1)
        raise BenchError(f"the video {twice} occurs {times} times among the queries.")
    for name, members in record.subsets.items():
        if not _counts(members, n - 1):
            raise BenchError(f"the subset {name} holds what is no index of the {n} queries.")
        if len(set(members)) != len(members):
            raise BenchError(f"the subset {name} holds a query twice.")
    if not _counts([*record.twins.keys(), *record.twins.values()], n - 1):
        raise BenchError(f"twins hold what is no index of the {n} queries.")
    for query, twin in record.twins.items():
        if query == twin:
            raise BenchError(f"query {query} is its own twin.")
    if record.twin_wins.keys() != record.twins.keys():
        raise BenchError(f"{len(record.twins)} queries have a twin, twin_wins holds {len(record.twin_wins)} of others.")
    if not all(win in (0, 0.5, 1) for win in record.twin_wins.values()):
        raise BenchError("twin_wins holds something else than 0, 0.5 and 1.")
    if of is not None and record.twins:
        raise BenchError("twins belong to videos with one caption each.")
    return n, len(videos)


def _check_question(record: Record) -> None:
    """One question or more, each once, and of each there are queries."""
    asked = record.question
    if not asked or not all(type(text) is str for text in asked) or len(set(asked)) < len(asked):
        raise BenchError("question must be a list of texts, each once.")
    for text in asked:
        if not can_answer(parse_question(text), record.subsets, record.twins):
            raise BenchError(f"the question {text!r} asks about queries that the record does not have.")


def _rises(video_of: list[int], videos: list[str]) -> bool:
    """Whether the numbers go from 0 to the last video without a gap."""
    steps = zip([-1, *video_of], [*video_of, len(videos)], strict=True)
    return all(after - before in (0, 1) for before, after in steps) and video_of[0] == 0


def _check_ranks(record: Record, n: int, videos: int) -> None:
    gallery = {"t2v": videos, "v2t": n}
    for direction, counts in record.ranks.items():
        _check_counts(f"ranks.{direction}", counts, n, gallery[direction])
    for query, win in record.twin_wins.items():
        if (
            win < 1
            and not _equal_captions(record)
            and record.ranks["t2v"]["greater"][query] + record.ranks["t2v"]["equal"][query] == 0
        ):
            raise BenchError(f"query {query} ranks first, yet twin_wins says that it lost to its twin.")
    for name, ranks in record.post.items():
        if type(ranks) is not dict or not ranks or not set(ranks) <= set(DIRECTIONS):
            raise BenchError(f"post.{name} must hold ranks of {' or '.join(DIRECTIONS)}.")
        for direction, counts in ranks.items():
            _check_counts(f"post.{name}.{direction}", counts, n, gallery[direction])
    if record.last_step:
        if record.selection["rule"] != "test" or set(record.last_step) != {"rule", "step", "ranks"}:
            raise BenchError("last_step must hold rule, step and ranks, in a run selected on the test set alone.")
        if record.last_step["rule"] != "last" or type(record.last_step["step"]) is not int:
            raise BenchError("last_step must have the rule last and a step.")
        ranks = record.last_step["ranks"]
        if type(ranks) is not dict or set(ranks) != set(DIRECTIONS):
            raise BenchError(f"last_step.ranks must hold {', '.join(DIRECTIONS)}.")
        for direction, counts in ranks.items():
            _check_counts(f"last_step.ranks.{direction}", counts, n, gallery[direction])


def _equal_captions(record: Record) -> bool:
    """Whether a video with the same caption was as true an answer as a query's own."""
    return bool(record.config.get("positives") == "equal")


def _check_top(record: Record, n: int, videos: int) -> None:
    """Each list is as long as it can be, names no video twice, and holds a true one where its rank says so."""
    if not record.top:
        return
    if len(record.top) != n:
        raise BenchError(f"top has {len(record.top)} queries, not {n}.")
    counts, length = record.ranks["t2v"], min(TOP, videos)
    own = record.video_of or range(n)
    true: dict[str, set[int]] = {}  # caption -> its true videos
    for caption, video in zip(record.queries["captions"], own, strict=True) if _equal_captions(record) else ():
        true.setdefault(caption, set()).add(video)
    for query, (top, greater, equal) in enumerate(zip(record.top, counts["greater"], counts["equal"], strict=True)):
        if not _counts(top, videos - 1) or len(set(top)) != length or len(top) != length:
            raise BenchError(f"top: query {query} must hold {length} different videos.")
        answers_of = true.get(record.queries["captions"][query], {own[query]})
        found = not answers_of.isdisjoint(top)
        if (greater + equal + len(answers_of) <= length and not found) or (greater >= length and found):
            raise BenchError(f"top: query {query} has its own video where its rank does not put it.")


def _check_counts(where: str, counts: Any, n: int, gallery: int) -> None:
    """n: of queries. gallery: how many candidates each has."""
    if type(counts) is not dict or set(counts) != {"greater", "equal"}:
        raise BenchError(f"{where} must hold greater and equal.")
    for name, column in counts.items():
        if not _counts(column, gallery - 1):
            raise BenchError(f"{where}.{name} holds what is no count from 0 to {gallery - 1}.")
        if len(column) != n:
            raise BenchError(f"{where}.{name} has {len(column)} queries, not {n}.")
    for query, (greater, equal) in enumerate(zip(counts["greater"], counts["equal"], strict=True)):
        if greater + equal >= gallery:
            raise BenchError(f"{where}: query {query} has {greater + equal} rivals in a gallery of {gallery}.")


def _counts(values: Any, most: int) -> bool:
    return type(values) is list and all(type(value) is int and 0 <= value <= most for value in values)


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
