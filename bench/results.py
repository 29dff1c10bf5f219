"""The run record: one JSON file per run, from which every table and every later statistic is made.

    results/<dataset>/<training split>/<variant>/<run>.json

It holds the rank of every query in both directions, so nothing needs to be scored again. A record is checked when it
is written and when it is read: a missing query, a NaN or a metric that its ranks do not give stops with one line.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, get_origin

from .errors import BenchError
from .files import replacing
from .stats import DIRECTIONS, points

SCHEMA = 2
PROTOCOL = 1  # the version of the evaluation's own rules, `v:` in the signature

CONTROLS = ("true", "shuffled", "zeroed", "random", "opposite")  # what a variant was told of emotion

_TOLERANCE = 1e-3  # metrics are stored with four decimals
_KEYS = {  # what the objects inside a record hold, where that is fixed
    "parameters": {"total", "added"},
    "code": {"version", "commit", "dirty", "variant"},
    "selection": {"rule", "step"},
    "controls": {"emotions", "train_emotions", "matched_parameters", "true_run"},
    "queries": {"videos", "captions"},
    "ranks": set(DIRECTIONS),
}


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run: what was trained on what, by which code, and where every query ranked. Plain JSON values throughout."""

    run: str  # the file's name, from `run_id`
    created: str  # ISO 8601 with time zone
    variant: str
    hyperparameters: dict[str, Any]  # all of them, defaults too
    parameters: dict[str, int]  # total, added (by the variant)
    dataset: str
    split: str  # trained on
    test: str  # tested on
    checksums: dict[str, str]  # split -> sha256 of its annotation
    protocol: str  # from `protocol_signature`
    config: dict[str, Any]
    seed: int
    controls: dict[str, Any]  # emotions, train_emotions, matched_parameters; true_run: the id of the run without any
    faces: dict[str, str]  # source, sha256, pooling of the facial expressions; empty if the variant uses none
    code: dict[str, Any]  # version, commit, dirty; variant: digest of its source file
    libraries: dict[str, str]
    lexicons: dict[str, str]
    hardware: dict[str, Any]
    timings: dict[str, float]  # seconds
    curve: list[dict[str, Any]]
    selection: dict[str, Any]  # rule, step: which checkpoint was scored
    queries: dict[str, list[str]]  # videos (n unique ids), captions (n); query i's true answer is video i
    subsets: dict[str, list[int]]  # name -> queries
    twins: dict[int, int]  # query -> the query that differs in emotion alone
    twin_wins: dict[int, float]  # query -> 1, 0.5, 0: its own video above, level with, below its twin's
    ranks: dict[str, dict[str, list[int]]]  # t2v, v2t -> greater, equal: n counts each, see `bench.stats`
    metrics: dict[str, dict[str, Any]]  # `bench.stats.summarize` of the above


def run_id(variant: str, seed: int, config: Mapping[str, Any]) -> str:
    """The run's name, e.g. "additive_text-s42-1a2b3c4d": equal configs give equal names, whatever their key order."""
    return f"{variant}-s{seed}-{_digest(config)[:8]}"


def record_path(folder: Path, dataset: str, split: str, variant: str, run: str) -> Path:
    """Where a run's record lies under the results folder, written or not."""
    return folder / dataset / split / variant / f"{run}.json"


def save(record: Record, folder: Path) -> Path:
    """Checks the record and writes it, whole or not at all, to its place under `folder`. BenchError if unsound."""
    check(record)
    path = record_path(folder, record.dataset, record.split, record.variant, record.run)
    content = json.loads(json.dumps(asdict(record), allow_nan=False))  # keys of objects become strings
    with replacing(path) as temporary:
        temporary.write_text(_layout({"schema": SCHEMA, "sha256": _digest(content), **content}), encoding="utf-8")
    return path


def load(path: Path) -> Record:
    """Reads a record of any schema so far. BenchError, naming file and fault, if it is unreadable or unsound."""
    try:
        raw = _decode(path.read_text(encoding="utf-8"))
        if raw["schema"] <= SCHEMA:
            return _build(raw)
    except FileNotFoundError:
        raise BenchError(f"{path} is missing. Make it with `bench run`.") from None
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}. Mend the file's rights or remove it.") from None
    except (BenchError, UnicodeDecodeError, RecursionError) as error:
        raise BenchError(f"{path}: {str(error).rstrip('.')}. Run it again, or remove the file.") from None
    raise BenchError(f"{path} has schema {raw['schema']}, this bench reads up to {SCHEMA}. Update bench.")


def load_all(folder: Path) -> list[Record]:
    """Every record under the results folder, in order of path; the literature's numbers in published/ are none.

    BenchError if there is none, or for the first that is broken or lies in another place than its content says.
    """
    paths = sorted(path for path in folder.glob("*/*/*/*.json") if path.relative_to(folder).parts[0] != "published")
    records = []
    for path in paths:
        if path.name.startswith("."):  # being written by another process
            continue
        record = load(path)
        place = record_path(folder, record.dataset, record.split, record.variant, record.run)
        if path != place:
            raise BenchError(f"{path} holds the run that belongs at {place}. Move it there, or remove the copy.")
        records.append(record)
    if not records:
        raise BenchError(f"no records under {folder}/. Make one: bench run --variant plain")
    return records


def protocol_signature(
    *,
    dataset: str,
    test: str,
    train: str,
    queries: int,
    videos: int,
    frames: int,
    resolution: int,
    model: str,
    init: str,
    captions: str,
    checkpoint: str,
    seed: int,
    holdout: int = 0,
    clips: str = "",
    skipped: Mapping[str, int] | None = None,
) -> str:
    """One line with all that must be equal before two numbers may be compared, as sacreBLEU's signature.

    Example: msrvtt-1kA|train:7k|1000x1000|ties:expected|score:fp32|post:none|frames:12|res:224|model:b32|
    init:clip-vip:1a2b3c4d|captions:sampled|ckpt:last|seed:42|v:1 (without the line break).
    holdout: videos kept out of training for validation. clips: "6fps" where compressed copies were read.
    skipped: how many clips of each split were left out because their video was missing or broken.
    Source: Post, A call for clarity in reporting BLEU scores, WMT 2018. BenchError if a part holds the separator.
    """
    parts = {
        "train": train,
        "size": f"{queries}x{videos}",
        "ties": "expected",
        "score": "fp32",
        "post": "none",
        "frames": str(frames),
        "res": str(resolution),
        "model": model,
        "init": init,
        "captions": captions,
        "clips": clips,
        "holdout": str(holdout or ""),
        "ckpt": checkpoint,
        "skipped": ",".join(f"{split}={count}" for split, count in sorted((skipped or {}).items()) if count),
        "seed": str(seed),
        "v": str(PROTOCOL),
    }
    return join_signature({"test": f"{dataset}-{test}", **{name: part for name, part in parts.items() if part}})


def join_signature(parts: Mapping[str, str]) -> str:
    """The line of these parts, in their order; `test` and `size` stand without their names."""
    for name, part in parts.items():
        if not part or "|" in part or not part.isprintable():
            raise BenchError(f"{name} {part!r} cannot stand in a protocol signature: empty or with '|'. Rename it.")
    return "|".join(part if name in ("test", "size") else f"{name}:{part}" for name, part in parts.items())


def parse_signature(signature: str) -> dict[str, str]:
    """The parts of a signature by name, in order. BenchError if it is none."""
    parts: dict[str, str] = {}
    for position, part in enumerate(signature.split("|")):
        name, colon, value = part.partition(":")
        if position == 0 or not colon:
            name, value = ("test" if position == 0 else "size"), part
        if name in parts:
            raise BenchError(f"the protocol {signature!r} names {name} twice.")
        parts[name] = value
    if not {"test", "train", "size", "v"} <= parts.keys() or not all(parts.values()):
        raise BenchError(f"{signature!r} is no protocol signature.")
    return parts


def check(record: Record) -> None:
    """BenchError, one line, for the first thing in the record that cannot be."""
    _check_shape(record)
    _check_controls(record)
    n = _check_queries(record)
    _check_ranks(record, n)
    _check_metrics(record, n)
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
        if type(counts) is not dict or set(counts) != {"greater", "equal"}:
            raise BenchError(f"ranks.{way} must hold greater and equal.")
        for name, column in counts.items():
            if not _counts(column, n - 1):
                raise BenchError(f"ranks.{way}.{name} holds what is no count from 0 to {n - 1}.")
            if len(column) != n:
                raise BenchError(f"ranks.{way}.{name} has {len(column)} queries, not {n}.")
        for query, (greater, equal) in enumerate(zip(counts["greater"], counts["equal"], strict=True)):
            if greater + equal >= n:
                raise BenchError(f"ranks.{way}: query {query} has {greater + equal} rivals in a gallery of {n}.")
    for query, win in record.twin_wins.items():
        if win < 1 and record.ranks["t2v"]["greater"][query] + record.ranks["t2v"]["equal"][query] == 0:
            raise BenchError(f"query {query} ranks first, yet twin_wins says that it lost to its twin.")


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


def _decode(text: str) -> dict[str, Any]:
    def reject(token: str) -> None:
        raise BenchError(f"it holds {token}, which is no number.")

    try:
        raw = json.loads(text, parse_constant=reject)
    except json.JSONDecodeError as error:
        raise BenchError(f"it is no JSON ({error}).") from None
    if type(raw) is not dict or type(raw.get("schema")) is not int or raw["schema"] < 1:
        raise BenchError("it is no run record: it has no schema number.")
    return raw


def _build(raw: dict[str, Any]) -> Record:
    stated = raw.pop("sha256", None)
    schema = raw.pop("schema")
    intact = stated == _digest(raw)
    if schema == 1:
        raw = _from_1(raw)
    names = {field.name for field in fields(Record)}
    if raw.keys() != names:
        raise BenchError(f"its fields differ from schema {SCHEMA}'s by {', '.join(sorted(raw.keys() ^ names))}.")
    try:
        twins = {name: {int(query): value for query, value in raw[name].items()} for name in ("twins", "twin_wins")}
    except (AttributeError, ValueError):
        raise BenchError("twins and twin_wins must be objects whose keys are queries.") from None
    record = Record(**{**raw, **twins})
    check(record)
    if not intact:
        raise BenchError("it was altered since it was written: the checksum differs.")
    return record


def _from_1(raw: dict[str, Any]) -> dict[str, Any]:
    """Schema 1 knew neither controls nor faces: its runs are true ones."""
    true = {"emotions": "true", "train_emotions": "true", "matched_parameters": False, "true_run": raw.get("run")}
    return {**raw, "controls": true, "faces": {}}


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _layout(content: dict[str, Any]) -> str:
    """JSON for people and for diff: one item a line, but a list of numbers, or an object of them, on one line.

    Line breaks never occur inside JSON's strings, so what the patterns take out is layout only.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    number = r"(?:-?\d[\d.eE+-]*|null)"
    numbers = rf"\[\n\s*{number}(?:,\n\s*{number})*\n\s*\]"
    entry = rf'"[^"\n]*": {number}'
    entries = rf"\{{\n\s*{entry}(?:,\n\s*{entry})*\n\s*\}}"
    return re.sub(f"{numbers}|{entries}", lambda match: re.sub(r"\n\s*", " ", match[0]), text) + "\n"
