"""Which records may be compared, which of them are one variant under several seeds, and what sets them apart."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.config import IDENTITY_DEFAULTS, NOT_IDENTITY, RunConfig, as_json, flat
from bench.data.controls import ORACLE
from bench.metrics.ranking import hits, log_ranks
from bench.model.variant_registry import entries
from bench.records.check import CONTROLS
from bench.records.protocol import EXTERNAL, LEFT_OUT, join_signature, parse_signature
from bench.records.record import Record

_SHOWN = {  # in places of their own
    *("variant", "seed", "hp", "emotions", "train.emotions", "matched_parameters"),
    *("emotion_source", "faces.pooling"),  # what a variant is given to read: its own, as a hyperparameter is
}
_ABSENT = {  # what a setting was in the runs of a record that does not know it: as ids take it
    name: str(value)
    for name, value in {**flat(as_json(RunConfig())), **IDENTITY_DEFAULTS}.items()
    if name != "hp"  # a record names its hyperparameters itself
}
_HARMLESS = {*NOT_IDENTITY, "init", "missing"}  # the latter two stand in the protocol


@dataclass(frozen=True)
class Family:
    """Runs that differ in nothing but their seed, by seed: settings and the variant's code are the same.

    name: variant, hyperparameters, and whatever else sets it apart from the other families.
    """

    name: str
    records: tuple[Record, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """In order; as many as there are runs."""
        return tuple(record.seed for record in self.records)

    @property
    def trained(self) -> bool:
        """Whether a training step was taken."""
        return bool(self.records[0].curve)

    @property
    def recall(self) -> float:
        """Mean T2V R@1 of all queries over the seeds, in percent."""
        return sum(record.metrics["all"]["t2v"]["R@1"]["value"] for record in self.records) / len(self.records)

    def hits(self, rows: Sequence[int], direction: str, k: int) -> NDArray[np.float64]:  # (S, n)
        """Each seed's hits among the first k, of the captions `rows`; in "v2t", of their videos if these are fewer."""
        asked = [record.answers(direction, rows) for record in self.records]
        return np.stack([hits(one.greater, one.equal, k) for one in asked])

    def log_ranks(self, rows: Sequence[int], direction: str) -> NDArray[np.float64]:  # (S, n)
        """Each seed's log-ranks of the same queries."""
        asked = [record.answers(direction, rows) for record in self.records]
        return np.stack([log_ranks(one.greater, one.equal) for one in asked])

    def clusters(self, rows: Sequence[int], direction: str) -> NDArray | None:  # (n,)
        """Which of these queries rise and fall together; None: each for itself."""
        return self.records[0].answers(direction, rows).clusters

    def video_clusters(self, rows: Sequence[int], direction: str) -> NDArray | None:  # (n,)
        """As `Answers.video_clusters`."""
        return self.records[0].answers(direction, rows).video_clusters

    def twin_wins(self, rows: Sequence[int]) -> NDArray[np.float64]:  # (S, n)
        """Each seed's outcomes of the queries `rows` against their twins, all of which have one."""
        return np.array([[record.twin_wins[row] for row in rows] for record in self.records], np.float64)


@dataclass(frozen=True)
class Group:
    """Runs that may be compared: the variant with the best mean T2V R@1 first, its seeds together, each before its
    controls; at the end the controls whose true run is not here.
    """

    protocol: str  # as `signature` gives it; of a mixed group, what all have in common
    data: str  # 8 hex digits over the splits' checksums, the queries, their subsets and twins
    records: tuple[Record, ...]
    mixed: bool = False  # records of several protocols (--allow-mixed)

    @cached_property
    def trues(self) -> list[Record]:
        """The runs without a control."""
        return [record for record in self.records if not control(record)]

    @cached_property
    def families(self) -> list[Family]:
        """The true runs, those that differ in their seed alone together, the best mean T2V R@1 first."""
        return _families(self.trues, self.mixed)

    @cached_property
    def questions(self) -> list[str]:
        """The questions that all true runs here declare: what was asked of some alone was not declared for the rest."""
        declared = [record.question for record in self.trues]
        return [text for text in (declared[0] if declared else []) if all(text in other for other in declared)]

    def baseline(self, name: str) -> Family | None:
        """The runs of a variant, or the run of this id, that all others are tested against.

        None where there are none here, or where several settings of that variant are: which of them is meant must not
        be decided by how well they did. `no_baseline` says which.
        """
        alone = [record for record in self.trues if record.run == name]
        if alone:
            return Family(name, tuple(alone))
        found = self._settings(name)
        return found[0] if len(found) == 1 else None

    def _settings(self, name: str) -> list[Family]:
        """The families of a variant; where some were trained, those: one that was not is a floor and no rival."""
        found = [family for family in self.families if family.records[0].variant == name]
        return [family for family in found if family.trained] or found

    def floor(self, baseline: Family) -> Family | None:
        """The start of a trained baseline: the same variant without any training step, where there is one."""
        own = baseline.records[0]
        found = [f for f in self.families if not f.trained and f.records[0].variant == own.variant and baseline.trained]
        return found[0] if len(found) == 1 else None

    def ceiling(self, baseline: Family) -> Family | None:
        """The runs of the baseline, told the true mood, where there are some."""
        runs = {record.run for record in baseline.records}
        found = [
            record
            for record in self.records
            if record.controls["emotions"] == ORACLE
            and record.controls["train_emotions"] == "true"
            and record.controls["true_run"] in runs
        ]
        return Family(f"{baseline.name}, told the mood (oracle)", tuple(found)) if found else None

    def no_baseline(self, name: str) -> str:
        """Why nothing is tested here, or an empty text."""
        found = self._settings(name)
        if self.mixed:
            return ""
        if not self.questions:
            declared = dict.fromkeys(" and ".join(record.question) for record in self.trues)
            return f"Nothing is tested: these runs declare different questions ({'; '.join(declared)})."
        if self.baseline(name):
            return ""
        if found:
            names = ", ".join(family.name for family in found)
            return f"Nothing is tested: {len(found)} settings of {name} ({names}); name a run: --baseline ID."
        return f"Nothing is tested: there is no run of {name} under this protocol."

    def others(self, baseline: Family) -> list[Family]:
        """The families that no run of the baseline belongs to, but for its start without training."""
        runs = {record.run for record in baseline.records}
        floor = self.floor(baseline)
        return [
            family
            for family in self.families
            if family is not floor and not runs & {record.run for record in family.records}
        ]


def group_records(records: Iterable[Record]) -> list[Group]:
    """The records sorted into groups, the groups in order of their signatures."""
    found: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        found[signature(record), data_digest(record)].append(record)
    return [Group(protocol, data, _ordered(members)) for (protocol, data), members in sorted(found.items())]


def mixed(records: Sequence[Record]) -> Group:
    """All records in one group, whatever their protocols; its own protocol holds what they have in common."""
    parts = [_without_seed(record) for record in records]
    common = [f"{name}:{value}" for name, value in parts[0].items() if all(part.get(name) == value for part in parts)]
    return Group("|".join(["mixed", *common]), "", _ordered(records), mixed=True)


def marks(records: Sequence[Record]) -> list[list[str]]:
    """Per record the parts of its protocol that not all of these records share; a missing one is "none"."""
    parts = [_without_seed(record) for record in records]
    names = dict.fromkeys(name for part in parts for name in part)
    differ = [name for name in names if len({part.get(name) for part in parts}) > 1]
    data_differs = len({data_digest(record) for record in records}) > len({join_signature(part) for part in parts})
    return [
        [f"{name}:{part.get(name, LEFT_OUT.get(name, 'none'))}" for name in differ]
        + ([f"data:{data_digest(record)}"] if data_differs else [])
        for record, part in zip(records, parts, strict=True)
    ]


def difference(group: Group, first: Group) -> str:
    """What keeps two groups apart, for people."""
    own, there = parse_signature(group.protocol), parse_signature(first.protocol)
    if own["test"] != there["test"]:
        return "another test set"
    names = [name for name in {**own, **there} if own.get(name) != there.get(name)]
    if not names:
        return f"other queries or training data under the same names ({group.data}, there {first.data})"
    left_out = {name: LEFT_OUT.get(name, "none") for name in names}
    return ", ".join(
        f"{name}:{own.get(name, left_out[name])} (there {there.get(name, left_out[name])})" for name in names
    )


def control(record: Record) -> str:
    """What the run was under, for people; "" for a true run."""
    controls = record.controls
    told = {"true": "", "oracle": "oracle, told the true mood"}.get(
        controls["emotions"], f"emotions {controls['emotions']}"
    )
    parts = [told] if told else []
    parts += [f"trained on {controls['train_emotions']}"] if controls["train_emotions"] != "true" else []
    parts += ["matched parameters"] if controls["matched_parameters"] else []
    return ", ".join(parts)


def hyperparameters(record: Record) -> list[str]:
    """Each with its value, e.g. ["init_std=1.0"]."""
    return [f"{name}={value}" for name, value in record.hyperparameters.items()]


def details(records: Sequence[Record]) -> list[list[str]]:
    """What stands behind each variant's name: its hyperparameters, and every setting in which the runs here differ.

    A source of emotions other than the default is always named, but only for a variant that reads emotions.
    Where runs would still look alike although the variant's code differs, its digest; where two runs of one seed
    would, the run's id. Beside trained runs one that was not trained is called so, and no setting of a training; an
    external model is called that.
    """
    kinds = [EXTERNAL if one.external else "" if one.curve else "untrained" for one in records]
    places = {kind: [i for i, own in enumerate(kinds) if own == kind] for kind in ("", "untrained", EXTERNAL)}
    found: list[list[str]] = [[] for _ in records]
    for kind, own in places.items():
        for place, parts in zip(own, _details([records[place] for place in own]), strict=True):
            found[place] = [*parts, kind] if kind and places[""] else parts
    return found


def _details(records: Sequence[Record]) -> list[list[str]]:
    """`details` of runs all of which were trained, or none, or all of which are external models."""
    configs = [_settings(record) for record in records]
    names = dict.fromkeys(name for config in configs for name in config)
    # a setting that this version does not know has no default to fill in: where it is missing is no difference
    values = {name: {config[name] for config in configs if name in config} for name in names}
    differ = [name for name in names if len(values[name]) > 1 and _matters(name)]
    poolings = {record.faces["pooling"] for record in records if record.faces}
    sources = _emotion_sources(records, configs)
    found = [
        hyperparameters(record)
        + [f"{name}={config[name]}" for name in differ if name in config]
        + ([f"emotion_source={source}"] if source else [])
        + ([f"faces.pooling={record.faces['pooling']}"] if record.faces and len(poolings) > 1 else [])
        for record, config, source in zip(records, configs, sources, strict=True)
    ]
    for members in _alike(records, found):
        codes = [records[place].code["variant"] for place in members]
        if len(set(codes)) > 1:
            for place, code in zip(members, codes, strict=True):
                found[place] = [*found[place], f"code={code[:8]}"]
    for members in _alike(records, found):
        seeds = [records[place].seed for place in members]
        if len(set(seeds)) < len(seeds):
            for place in members:
                found[place] = [*found[place], records[place].run]
    return found


def training_settings(record: Record) -> dict[str, str]:
    """Every setting of a run that changes its training, but for the variant's own: name -> value, as text."""
    return {name: value for name, value in _settings(record).items() if _matters(name)}


def _emotion_sources(records: Sequence[Record], configs: Sequence[dict[str, str]]) -> list[str]:
    """Per record the source of the captions' emotions, where its variant reads them; "" for the default source.

    One that is a file or a model of the user's goes by its digest, as the signature has it: files may move and change.

    A variant that is not known here, such as one of a plugin that is not loaded, is taken to read them.
    """
    default = IDENTITY_DEFAULTS["emotion_source"]
    reading_none = {name for name, entry in entries().items() if not entry.text_needs}
    sources = [
        parse_signature(record.protocol).get("emotions", name)
        if ":" in (name := config.get("emotion_source", default))
        else name
        for record, config in zip(records, configs, strict=True)
    ]
    return [
        source if source != default and record.variant not in reading_none else ""
        for record, source in zip(records, sources, strict=True)
    ]


def _alike(records: Sequence[Record], details: Sequence[Sequence[str]]) -> list[list[int]]:
    """The places of records that have one variant and the same details, together."""
    found = defaultdict(list)
    for place, (record, parts) in enumerate(zip(records, details, strict=True)):
        found[record.variant, *parts].append(place)
    return list(found.values())


def _matters(name: str) -> bool:
    """Whether a setting can change the numbers and is not shown in a place of its own."""
    return name not in _SHOWN and name not in _HARMLESS and not name.startswith("hp.")


def _settings(record: Record) -> dict[str, str]:
    """Every setting of a run, as text; one that came after its record was written has the value that it had then.

    Of an external model nothing is known but what its record says.
    """
    return _flat(record.config) if record.external else {**_ABSENT, **_flat(record.config)}


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": str(value)}
    return flat


def _without_seed(record: Record) -> dict[str, str]:
    """What an external model's scores are is no condition that they were made under, so its file is left out, too."""
    parts = parse_signature(record.protocol)
    del parts["seed"]
    if record.external:
        del parts["init"]
    parts.pop("emotions", None)  # what a variant is given to read: its own, see _SHOWN
    return parts


def signature(record: Record) -> str:
    """A record's protocol without its seed and what its variant alone reads; of an external model without its file."""
    return join_signature(_without_seed(record))


def data_digest(record: Record) -> str:
    """8 hex digits over the splits' checksums, the queries, their subsets and twins."""
    asked = [record.checksums, record.queries, record.subsets, record.twins]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]


def _families(trues: Sequence[Record], mixed: bool = False) -> list[Family]:
    beside = marks(trues) if mixed else [[] for _ in trues]
    found: dict[str, list[Record]] = defaultdict(list)
    for record, parts, mark in zip(trues, details(trues), beside, strict=True):
        found[" ".join([record.variant, *parts, *mark])].append(record)
    families = [
        Family(name, tuple(sorted(records, key=lambda record: (record.seed, record.run))))
        for name, records in found.items()
    ]
    return sorted(families, key=lambda family: (-family.recall, family.name))


def _ordered(records: Sequence[Record]) -> tuple[Record, ...]:
    def row(record: Record) -> tuple:
        under = record.controls
        training, scoring = (CONTROLS.index(under[when]) for when in ("train_emotions", "emotions"))
        return under["true_run"], under["matched_parameters"], training, scoring, record.run

    controls: dict[str, list[Record]] = defaultdict(list)
    for record in sorted((record for record in records if control(record)), key=row):
        controls[record.controls["true_run"]].append(record)
    trues = [
        record
        for family in _families([record for record in records if not control(record)])
        for record in family.records
    ]
    placed = [run for true in trues for run in (true, *controls.pop(true.run, []))]
    return (*placed, *(run for alone in controls.values() for run in alone))
