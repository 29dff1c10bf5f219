"""What a record says twice, it must say alike: its config, its own fields, its protocol signature and its curve."""

from typing import Any

from bench.config import RunConfig, as_json, flat
from bench.errors import BenchError
from bench.records.protocol import parse_signature, parts_of
from bench.records.record import Record

_SETTINGS = flat(as_json(RunConfig()))  # name -> default, which shows the type
_SECTIONS = {name.partition(".")[0] for name in _SETTINGS if "." in name}
_SAME = ("variant", "dataset", "split", "test", "seed")  # fields that are settings too
_CONTROLS = {"emotions": "emotions", "train_emotions": "train.emotions", "matched_parameters": "matched_parameters"}


def check_agreement(record: Record) -> None:
    """BenchError for the first contradiction. A config of a former schema is asked for no more than it holds."""
    _check_config(record.config)
    settings = flat(record.config)
    own = {name: getattr(record, name) for name in _SAME}
    own |= {name: record.controls[control] for control, name in _CONTROLS.items()}
    own["hp"] = {name: str(value) for name, value in record.hyperparameters.items()}
    for name, value in own.items():
        if name in settings and settings[name] != value:
            raise BenchError(f"the config says {name} {settings[name]}, the record {value}.")
    _check_protocol(record)
    _check_selection(record)


def _check_config(config: dict[str, Any]) -> None:
    """Settings that are known have their type; a number may be whole."""
    for name, value in flat(config).items():
        if name in _SECTIONS:
            raise BenchError(f"config.{name} is {type(value).__name__}, not settings of its own.")
        if name not in _SETTINGS:
            continue
        kind = type(_SETTINGS[name])
        allowed = {float: (float, int), type(None): (str, type(None))}.get(kind, (kind,))
        if type(value) not in allowed:
            raise BenchError(f"config.{name} is {type(value).__name__}, not {allowed[0].__name__}.")
        if kind is dict and not all(type(inner) is str for inner in value.values()):
            raise BenchError(f"config.{name} must hold text.")


def _check_protocol(record: Record) -> None:
    parts = parse_signature(record.protocol)
    n = len(record.queries["videos"])
    if parts["size"] != f"{n}x{n}":
        raise BenchError(f"the protocol says {parts['size']}, the record holds {n} queries.")
    own = {"test": f"{record.dataset}-{record.test}", "train": record.split, "seed": str(record.seed)}
    for name, value in own.items():
        if parts.get(name) != value:
            raise BenchError(f"the protocol says {name} {parts.get(name)}, the record {value}.")
    for name, value in parts_of(record.config).items():
        if parts.get(name, "") != value:
            raise BenchError(f"the protocol says {name} {parts.get(name, 'nothing')}, the config {value or 'nothing'}.")
    start, said = str(record.config.get("init", "")).partition(":")[0], parts.get("init", "").partition(":")[0]
    if "init" in record.config and start != said:
        raise BenchError(f"the protocol says init {said or 'nothing'}, the config {start or 'nothing'}.")


def _check_selection(record: Record) -> None:
    """The rule is one of three, the signature brands it, and the step was taken."""
    rule, step = record.selection["rule"], record.selection["step"]
    if rule not in ("last", "val", "test") or type(step) is not int or step < 0:
        raise BenchError(f"selection says rule {rule!r} and step {step!r}: none of last, val, test, or no step.")
    branded = parse_signature(record.protocol).get("ckpt")
    if branded != ("test-dsl" if rule == "test" else rule):
        raise BenchError(f"the protocol says ckpt {branded}, the record was selected by {rule}.")
    last = record.curve[-1]["step"] if record.curve else 0
    if step > last or (rule == "last" and step != last):
        raise BenchError(f"selection says rule {rule} and step {step}, the last step of the curve is {last}.")
    if record.last_step and record.last_step["step"] != last:
        raise BenchError(f"last_step is of step {record.last_step['step']}, the last step of the curve is {last}.")
