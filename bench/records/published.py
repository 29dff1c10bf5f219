"""Published numbers: tables as their authors printed them, read from files that are easy to write by hand.

    results/published/<work>.json      results/README.md says the format

A printed number is kept with its decimals, for they say what it was rounded from: "49.00" is 48.995 to 49.005. What is
not known of a protocol stays unknown. `bench.records.audit` asks whether such numbers can be.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.metrics.ranking import DIRECTIONS
from bench.records.protocol import join_signature
from bench.utils import paths
from bench.utils.files import load_yaml, read_text
from bench.utils.names import did_you_mean
from bench.utils.text_yaml import TextLoader

TIES = ("expected", "optimistic", "pessimistic", "position", "twice")  # twice: every tie counts as one more query
PROTOCOL = ("ties", "score", "post", "backbone", "frames", "res", "init", "captions", "ckpt")  # as in our signatures

_POST = {"dsl": "DSL", "qbnorm": "QB-Norm", "rerank": "reranked"}  # in a row's name
_SOURCE = ("title", "authors", "year", "where")
_COUNTS = ("n", "gallery", "runs")
_REQUIRED = ("model", "dataset", "test", "direction", "n")
_FIELDS = (*_REQUIRED, "train", "subset", "gallery", "runs", *PROTOCOL)
_ELSEWHERE = ("where", "metric", "value")
_ABOUT = ("std", "elsewhere")  # what a row says of its metrics
GEOMETRIC = "Geom"  # (R@1 · R@5 · R@10)^⅓
_METRIC = re.compile(rf"R@[1-9]\d{{0,5}}|MdR|MnR|{GEOMETRIC}")
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True)
class Printed:
    """A number as it was printed, such as "49.00"."""

    text: str

    @property
    def value(self) -> Fraction:
        """The number itself, exact."""
        return Fraction(self.text)

    @property
    def decimals(self) -> int:
        """How many digits stand behind the point."""
        return len(self.text.partition(".")[2])

    @property
    def low(self) -> Fraction:
        """The least number that rounds to it, whichever way halves are rounded."""
        return max(Fraction(0), self.value - Fraction(1, 2 * 10**self.decimals))

    @property
    def high(self) -> Fraction:
        """The greatest number that rounds to it."""
        return self.value + Fraction(1, 2 * 10**self.decimals)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Publication:
    """A work. name: its file's name without ending; what else is not known is empty. tests: sets that it tests on."""

    name: str
    title: str
    authors: str = ""
    year: str = ""
    where: str = ""
    tests: int = 1


@dataclass(frozen=True)
class Elsewhere:
    """What another place of the same work says of a number; of several metrics where it does not say which it means."""

    where: str
    metrics: tuple[str, ...]
    value: Printed


@dataclass(frozen=True, eq=False)  # a row is itself: two works may print the same
class Row:
    """One line of a table: a model's numbers in one direction, for all queries or a subset of them."""

    source: Publication
    place: int  # in its file, from 1
    model: str
    train: str  # "unknown" if it is
    dataset: str
    test: str
    subset: str  # "all", or one as a dataset's card names it
    direction: str  # t2v, v2t
    n: int  # queries
    gallery: int | None  # what they search
    metrics: Mapping[str, Printed]  # R@k in percent, MdR, MnR, Geom: those that were printed, in their order
    protocol: Mapping[str, str]  # names of PROTOCOL, those that are known
    elsewhere: tuple[Elsewhere, ...] = ()
    runs: int = 1  # that the numbers are means over
    std: Mapping[str, Printed] = field(default_factory=dict)  # of several runs: metric -> its standard deviation

    @property
    def recalls(self) -> dict[int, Printed]:
        """k -> R@k, in order of k."""
        found = {int(name[2:]): value for name, value in self.metrics.items() if name.startswith("R@")}
        return dict(sorted(found.items()))

    @property
    def signature(self) -> str:
        """The protocol in one line, as a run record has it, with what is unknown left out."""
        size = f"{self.n}x{self.gallery or '?'}"
        return join_signature(
            {"test": f"{self.dataset}-{self.test}", "train": self.train, "size": size, **self.protocol}
        )

    @property
    def label(self) -> str:
        """The system in few words: model, training set, what was done after scoring: "CLIP-ViP B/32, 9k, DSL"."""
        return ", ".join(part for part in (self.model, self._train, self._post) if part)

    def __str__(self) -> str:
        """Which row it is, in few words: "baseline, 7k, All V2T"; with the test set where the work has several."""
        test = f"{self.dataset}-{self.test}" if self.source.tests > 1 else ""
        asked = f"{self.subset.capitalize()} {self.direction.upper()}"
        return ", ".join(part for part in (self.model, self._train, test, asked, self._post) if part)

    @property
    def _train(self) -> str:
        return "" if self.train == "unknown" else self.train

    @property
    def _post(self) -> str:
        post = self.protocol.get("post", "none")
        return "" if post == "none" else _POST.get(post, post)


def load_published() -> list[Row]:
    """Every row that is shipped, in order of file and place."""
    return [row for path in sorted(paths.published().glob("*.json")) for row in read(path)]


def rows_for(dataset: str, test: str) -> list[Row]:
    """The shipped rows about one test, e.g. rows_for("msrvtt", "1k-A"); all subsets, both directions."""
    return [row for row in load_published() if (row.dataset, row.test) == (dataset, test)]


def read(path: Path) -> list[Row]:
    """The rows of one file, a table or a run record. UsageError, naming file, row and field, for the first fault."""
    content = _decode(path)
    try:
        if isinstance(content, dict) and {"schema", "metrics", "queries"} <= content.keys():
            content = _of_record(content)
        return _table(content, path.stem)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _decode(path: Path) -> Any:
    """Every number as the text that stands there: 49.00 must not become 49.0."""
    try:
        if path.suffix.lower() != ".json":
            return load_yaml(path, TextLoader)
        text = read_text(path)
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"{path} is no JSON: {error}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}.") from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deep to be a table.") from None
    except _Twice as error:
        raise UsageError(f"{path}: '{error}' stands twice in one object. Remove one.") from None


class _Twice(Exception):
    """A name that an object has twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content:
            raise _Twice(name)
        content[name] = value
    return content


def _of_record(raw: dict[str, Any]) -> dict[str, Any]:
    """The metrics of a run record as a table, its numbers as they stand there."""
    try:
        sizes = [str(len(raw["queries"][name])) for name in ("videos", "captions")]
        common = {name: raw[name] for name in ("dataset", "test")} | {"train": raw["split"], "ties": "expected"}
        rows = []
        for subset, entry in raw["metrics"].items():
            for direction, gallery in zip(DIRECTIONS, sizes, strict=True):
                found = {name: one for name, one in entry[direction].items() if _METRIC.fullmatch(name)}
                n = next(iter(found.values())).get("n", entry["n"])  # of V2T videos, where they have several captions
                values = {name: one["value"] for name, one in found.items() if one["value"] is not None}
                own = {"model": raw["variant"], "subset": subset, "direction": direction, "n": n, "gallery": gallery}
                rows += [own | values] if values else []
        return {"source": {"title": f"the run {raw['run']}"}, "common": common, "rows": rows}
    except (KeyError, TypeError, AttributeError, StopIteration):
        raise UsageError("it is no sound run record.") from None


def _table(content: Any, name: str) -> list[Row]:
    _check_names(content, ("source", "rows"), ("common",), "the file")
    source = content["source"]
    _check_names(source, ("title",), _SOURCE, "source")
    said = {field: _text(source[field], f"source: {field}") for field in source}
    common = content.get("common", {})
    _check_names(common, (), _FIELDS, "common")
    if not isinstance(content["rows"], list) or not content["rows"]:
        raise UsageError("rows must be a list of at least one row.")
    fields = [{**common, **raw} for raw in content["rows"] if isinstance(raw, dict)]
    work = Publication(name, **said, tests=len({(str(one.get("dataset")), str(one.get("test"))) for one in fields}))
    rows: list[Row] = []
    seen: dict[tuple, int] = {}
    for place, raw in enumerate(content["rows"], start=1):
        row = _row(raw, common, work, place)
        key = (row.model, row.subset, row.direction, row.runs, row.signature)
        if key in seen:
            raise UsageError(
                f"row {place} ({row}) is of the same quantity as row {seen[key]}. "
                "If another place gives it, too, write that value into `elsewhere` of the first."
            )
        seen[key] = place
        rows.append(row)
    return rows


def _row(raw: Any, common: dict[str, Any], source: Publication, place: int) -> Row:
    where = f"row {place}"
    if isinstance(raw, dict) and isinstance(raw.get("model"), str) and raw["model"].isprintable():
        where += f" ({raw['model']})"
    metrics = [name for name in raw if _METRIC.fullmatch(name)] if isinstance(raw, dict) else []
    allowed = (*_FIELDS, *metrics, *_ABOUT)
    _check_names(raw, (), allowed, where, known=(*_FIELDS, "R@1", "R@5", "R@10", "MdR", "MnR", GEOMETRIC, *_ABOUT))
    fields = {**common, **raw}
    for name in _REQUIRED:
        if name not in fields:
            raise UsageError(f"{where} has no {name}; give it there or in common.")
    if not metrics:
        raise UsageError(f"{where} has no metric. Give R@1, R@5, R@10, MdR, MnR or {GEOMETRIC}, as printed.")
    texts = {name: _text(fields[name], f"{where}: {name}") for name in _FIELDS if name in fields}
    counts = {name: _count(texts[name], f"{where}: {name}") for name in _COUNTS if name in texts}
    printed = {name: _number(fields[name], f"{where}: {name}") for name in metrics}
    if "ties" in texts and texts["ties"] not in TIES:
        raise UsageError(f"{where}: ties is {texts['ties']!r}, none of {', '.join(TIES)}.")
    if texts["direction"].lower() not in DIRECTIONS:
        raise UsageError(f"{where}: direction is {texts['direction']!r}, not {' or '.join(DIRECTIONS)}.")
    return Row(
        source=source,
        place=place,
        model=texts["model"],
        train=texts.get("train", "unknown"),
        dataset=texts["dataset"],
        test=texts["test"],
        subset=texts.get("subset", "all"),
        direction=texts["direction"].lower(),
        n=counts["n"],
        gallery=counts.get("gallery"),
        metrics=printed,
        protocol={name: texts[name] for name in PROTOCOL if name in texts},
        elsewhere=_elsewhere(raw.get("elsewhere", []), printed, where),
        runs=counts.get("runs", 1),
        std=_std(raw.get("std", {}), printed, counts.get("runs", 1), where),
    )


def _std(raw: Any, metrics: Mapping[str, Printed], runs: int, where: str) -> dict[str, Printed]:
    here = f"{where}: std"
    _check_names(raw, (), tuple(metrics), here)
    if raw and runs == 1:
        raise UsageError(f"{here} is of several runs: say how many in `runs`.")
    return {name: _number(raw[name], f"{here}: {name}") for name in raw}


def _elsewhere(raw: Any, metrics: Mapping[str, Printed], where: str) -> tuple[Elsewhere, ...]:
    if not isinstance(raw, list):
        raise UsageError(f"{where}: elsewhere must be a list.")
    found = []
    for number, entry in enumerate(raw, start=1):
        here = f"{where}: elsewhere {number}"
        _check_names(entry, _ELSEWHERE, (), here)
        named = entry["metric"] if isinstance(entry["metric"], list) else [entry["metric"]]
        for metric in named:
            if not isinstance(metric, str) or metric not in metrics:
                raise UsageError(f"{here}: metric is {metric!r}, none of the row's {', '.join(metrics)}.")
        if not named:
            raise UsageError(f"{here}: metric is an empty list.")
        value = _number(entry["value"], f"{here}: value")
        found.append(Elsewhere(_text(entry["where"], f"{here}: where"), tuple(named), value))
    return tuple(found)


def _check_names(
    raw: Any, required: tuple[str, ...], allowed: tuple[str, ...], where: str, known: tuple[str, ...] = ()
) -> None:
    """UsageError unless `raw` is an object with the required names and otherwise no more than the allowed ones."""
    if not isinstance(raw, dict):
        raise UsageError(f"{where} must be an object with names and values.")
    for name in required:
        if name not in raw:
            raise UsageError(f"{where} has no {name}.")
    known = known or (*required, *allowed)
    unknown = [str(name) for name in raw if name not in required and name not in allowed]
    if len(unknown) == 1:
        near = did_you_mean(unknown[0], known) or f" There are {', '.join(known)}."
        raise UsageError(f"{where} has an unknown name {unknown[0]!r}.{near}")
    if unknown:
        listed = ", ".join(map(repr, unknown))
        raise UsageError(f"{where} has {len(unknown)} unknown names: {listed}. There are {', '.join(known)}.")


def _text(value: Any, where: str) -> str:
    """Text that may stand in a line of a table and in a signature."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or "|" in value:
        raise UsageError(f"{where} is {_shown(value)}, not one line of text without '|'; leave out what is unknown.")
    return value


def _count(value: str, where: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", value, re.ASCII):
        raise UsageError(f"{where} is {_shown(value)}, no whole number from 1.")
    return int(value)


def _number(value: Any, where: str) -> Printed:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise UsageError(f"{where} is {_shown(value)}, no number as printed, such as 49.40; leave out what is unknown.")
    return Printed(value)


def _shown(value: Any) -> str:
    text = f"'{value}'" if isinstance(value, str) and value.isprintable() else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
