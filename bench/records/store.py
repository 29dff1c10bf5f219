"""The run record: one JSON file per run, from which every table and every later statistic is made.

    results/<dataset>/<training split>/<variant>/<run>.json

It holds the rank of every query in both directions, so nothing needs to be scored again. A record is checked when it
is written and when it is read: a missing query, a NaN or a metric that its ranks do not give stops with one line.
Metrics that were registered since it was written are computed when it is read.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from bench.data.questions import USUAL
from bench.errors import BenchError, UsageError
from bench.metrics.ranking import completed
from bench.records.archive import read_archive
from bench.records.check import check
from bench.records.record import Record
from bench.utils.files import read_text, replacing
from bench.utils.names import did_you_mean
from bench.utils.run_files import record_path, record_paths

SCHEMA = 5
_SINCE = {  # the fields that came with each schema
    2: {"controls", "faces"},
    3: {"top", "post", "honest", "probe"},
    4: {"last_step", "artifacts"},
    5: {"question"},
}


def run_id(variant: str, seed: int, config: Mapping[str, Any]) -> str:
    """The run's name, e.g. "additive_text-s42-1a2b3c4d": equal configs give equal names, whatever their key order."""
    return f"{variant}-s{seed}-{_digest(config)[:8]}"


def save(record: Record, folder: Path) -> Path:
    """Checks the record and writes it, whole or not at all, to its place under `folder`. BenchError if unsound."""
    check(record)
    path = record_path(folder, record.dataset, record.split, record.variant, record.run)
    content = json.loads(json.dumps(vars(record), allow_nan=False))  # keys of objects become strings
    with replacing(path) as temporary:
        temporary.write_text(_layout({"schema": SCHEMA, "sha256": _digest(content), **content}), encoding="utf-8")
    return path


def load(path: Path) -> Record:
    """Reads a record of any schema so far, with all metrics that are registered now.

    BenchError, naming file and fault, if it is unreadable or unsound.
    """
    return _load(path, lambda: read_text(path))


def _load(path: Path, read: Callable[[], str]) -> Record:
    try:
        raw = _decode(read())
        record = _build(raw) if raw["schema"] <= SCHEMA else None
    except FileNotFoundError:
        raise BenchError(f"{path} is missing. Make it with `bench run`.") from None
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}. Change its permissions or remove it.") from None
    except (BenchError, UnicodeDecodeError, RecursionError) as error:
        raise BenchError(f"{path}: {str(error).rstrip('.')}. Run it again, or remove the file.") from None
    if record is None:
        raise BenchError(f"{path} has schema {raw['schema']}, this bench reads up to {SCHEMA}. Update bench.")
    asked = (record.ranks, record.subsets, record.queries["captions"], record.video_of)
    return replace(record, metrics=completed(record.metrics, *asked))


def load_run(path: Path) -> Record:
    """As `load`, of the record of one run, by whose id the file is called. BenchError: it holds another run's."""
    record = load(path)
    if record.run != path.stem:
        raise BenchError(
            f"{path} holds the record of another run, {record.run}. Put back that of {path.stem}, or remove the file "
            "to make that run again."
        )
    return record


def find(run: str, folder: Path) -> Path:
    """The file of a run's record, by the run's id. UsageError, with near names, if there is none."""
    known = {path.stem: path for path in record_paths(folder)}
    if run not in known:
        raise UsageError(f"no record of a run '{run}' under {folder}.{did_you_mean(run, known)}")
    return known[run]


def load_records(results: str | Path = "results") -> list[Record]:
    """Every record under the results folder or in an archive of one (`bench.records.archive`), in order of path.

    BenchError if there is none, or for the first that is broken or lies in another place than its content says.
    """
    records, folder = [], Path(results)
    for path, record in _packed(folder) if folder.is_file() else ((path, load(path)) for path in record_paths(folder)):
        place = record_path(folder, record.dataset, record.split, record.variant, record.run)
        if path != place:
            raise BenchError(f"{path} holds the run that belongs at {place}. Move it there, or remove the copy.")
        records.append(record)
    if not records:
        raise BenchError(
            f"no records under {folder}{'' if folder.is_file() else '/'}. Make one: bench run --variant plain"
        )
    return records


def _packed(archive: Path) -> Iterator[tuple[Path, Record]]:
    """The records of an archive, each under the path that it would have in a folder of its name."""
    for name, text in sorted(read_archive(archive)):
        path = archive / name
        yield path, _load(path, lambda text=text: text)  # type: ignore[misc]


def _decode(text: str) -> dict[str, Any]:
    def reject(token: str) -> None:
        raise BenchError(f"it holds {token}, which is no number.")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
            raise BenchError(f"it holds the name {twice!r} twice in one place.")
        return found

    try:
        raw = json.loads(text, parse_constant=reject, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise BenchError(f"it is no JSON ({error}).") from None
    except ValueError:  # what Python says of integers beyond 4300 digits
        raise BenchError("it holds an integer of thousands of digits.") from None
    if type(raw) is not dict or type(raw.get("schema")) is not int or raw["schema"] < 1:
        raise BenchError("it is no run record: it has no schema number.")
    return raw


def _build(raw: dict[str, Any]) -> Record:
    stated = raw.pop("sha256", None)
    schema = raw.pop("schema")
    intact = stated == _digest(raw)
    for until, fields_of in _SINCE.items():
        if schema < until and (later := raw.keys() & fields_of):
            raise BenchError(f"it says schema {schema}, which has no {', '.join(sorted(later))}.")
    if schema < 2:
        raw = _from_1(raw)
    if schema < 3:
        raw = _from_2(raw)
    if schema < 4:
        raw = _from_3(raw)
    if schema < 5:
        raw = _from_4(raw)
    names = {field.name for field in fields(Record)}
    if later := raw.keys() - names:
        raise BenchError(f"it has {', '.join(sorted(later))}: made by a newer version of bench? Update it.")
    if raw.keys() != names:
        raise BenchError(f"its fields differ from schema {SCHEMA}'s by {', '.join(sorted(raw.keys() ^ names))}.")
    record = Record(**{**raw, **{name: _by_query(raw[name]) for name in ("twins", "twin_wins")}})
    check(record)
    if not intact:
        raise BenchError("it was altered since it was written: the checksum differs.")
    return record


def _by_query(entries: Any) -> dict[int, Any]:
    """JSON's names are text: numbers again, each written as `save` writes it."""
    if type(entries) is not dict or not all(re.fullmatch(r"0|[1-9]\d{0,8}", name, re.ASCII) for name in entries):
        raise BenchError("twins and twin_wins must be objects whose keys are queries.")
    return {int(name): value for name, value in entries.items()}


def _from_1(raw: dict[str, Any]) -> dict[str, Any]:
    """Schema 1 knew neither controls nor faces: its runs are true ones."""
    true = {"emotions": "true", "train_emotions": "true", "matched_parameters": False, "true_run": raw.get("run")}
    return {**raw, "controls": true, "faces": {}}


def _from_2(raw: dict[str, Any]) -> dict[str, Any]:
    """Schema 2 knew no lists of videos, no rescoring, no selection on the test set and no probe."""
    return {**raw, "top": [], "post": {}, "honest": {}, "probe": {}}


def _from_3(raw: dict[str, Any]) -> dict[str, Any]:
    """Schema 3 had another name for the last step of a run selected on the test set, and knew no digests of files."""
    return {**{"last_step" if name == "honest" else name: value for name, value in raw.items()}, "artifacts": {}}


def _from_4(raw: dict[str, Any]) -> dict[str, Any]:
    """Until schema 4 one question was asked of every dataset."""
    return {**raw, "question": [USUAL]}


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
