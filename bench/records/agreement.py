"""What a record says twice, it must say alike: its config, its own fields, its protocol signature and its curve."""

from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from bench.config import RunConfig, as_json, flat
from bench.errors import BenchError, UsageError
from bench.records.protocol import EXTERNAL, parse_signature, parts_of, positives_part
from bench.records.record import Record

_SETTINGS = flat(as_json(RunConfig()))  # name -> default, which shows the type
_SECTIONS = {field.name: type(getattr(RunConfig(), field.name)) for field in fields(RunConfig)}
_SECTIONS = {name: kind for name, kind in _SECTIONS.items() if is_dataclass(kind)}
_TYPES = get_type_hints(RunConfig) | {
    f"{name}.{leaf}": kind for name, section in _SECTIONS.items() for leaf, kind in get_type_hints(section).items()
}
_ALWAYS = ("variant", "seed")  # settings of every config there was; a record of a former schema may lack others
_SAME = ("variant", "dataset", "split", "test", "seed")  # fields that are settings too
_CONTROLS = {"emotions": "emotions", "train_emotions": "train.emotions", "matched_parameters": "matched_parameters"}


def check_agreement(record: Record) -> None:
    """BenchError for the first contradiction.

    Beside variant and seed a config is asked for no more than it holds: records of former schemas, which stay as they
    are when they are saved anew, lack settings.
    """
    _check_config(record.config)
    if missing := [name for name in _ALWAYS if name not in record.config]:
        raise BenchError(f"config has no {missing[0]}.")
    settings = flat(record.config)
    own = {name: getattr(record, name) for name in _SAME}
    own |= {name: record.controls[control] for control, name in _CONTROLS.items()}
    own["hp"] = {name: str(value) for name, value in record.hyperparameters.items()}
    for name, value in own.items():
        if name in settings and settings[name] != value:
            raise BenchError(f"the config says {name} {_shown(settings[name])}, the record {_shown(value)}.")
    if not record.run.startswith(f"{record.variant}-s{record.seed}-"):
        raise BenchError(f"the run is called {record.run}, but is of {record.variant} and seed {record.seed}.")
    _check_values(record.config)
    _check_protocol(record)
    if record.external:
        _check_external(record)
    else:
        _check_selection(record)
    _check_steps(record)


def _shown(value: Any) -> str:
    """A value in a message of one line: text that would not print as it is, or is long, with escapes and cut."""
    text = str(value)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _check_config(config: dict[str, Any]) -> None:
    """Settings that are known have their type; a number may be whole."""
    for name, value in config.items():
        if type(value) is dict and name in _SETTINGS and name != "hp":  # `flat` takes it for a section
            raise BenchError(f"config.{name} is dict, not {type(_SETTINGS[name]).__name__}.")
    for name, value in flat(config).items():
        if name in _SECTIONS:
            raise BenchError(f"config.{name} is {type(value).__name__}, not a group of settings.")
        if name not in _SETTINGS:
            continue
        kind = type(_SETTINGS[name])
        allowed: tuple[type, ...] = {float: (float, int), type(None): (str, type(None))}.get(kind, (kind,))
        if kind is str and int in get_args(_TYPES[name]):  # a number, or a word in its place
            allowed = (str, int)
        if type(value) not in allowed:
            raise BenchError(f"config.{name} is {type(value).__name__}, not {allowed[0].__name__}.")
        if kind is dict and not all(type(inner) is str for inner in value.values()):
            raise BenchError(f"config.{name} must hold text.")


def _check_values(config: dict[str, Any]) -> None:
    """A run could be started with these settings; those that are not known here are left to what opens the run."""
    settings = {name: value for name, value in flat(config).items() if name in _SETTINGS}
    for name, value in settings.items():
        kinds = (_TYPES[name], *get_args(_TYPES[name]))
        words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
        if words and type(value) is str and value not in words:
            raise BenchError(f"config.{name} is {value!r}, none of {', '.join(words)}.")
    parts = {
        name: kind(**{leaf.partition(".")[2]: value for leaf, value in settings.items() if leaf.startswith(f"{name}.")})
        for name, kind in _SECTIONS.items()
    }
    try:
        RunConfig(**{name: value for name, value in settings.items() if "." not in name}, **parts)
    except UsageError as error:
        raise BenchError(f"no run has such a config: {error}") from None


def _check_steps(record: Record) -> None:
    """No training goes on after the steps that its config gives it."""
    steps, last = flat(record.config).get("train.steps", 0), record.curve[-1]["step"] if record.curve else 0
    if 0 < steps < last:
        raise BenchError(f"the config says train.steps {steps}, the last step of the curve is {last}.")


def _check_protocol(record: Record) -> None:
    parts = parse_signature(record.protocol)
    n, videos = len(record.queries["captions"]), len(record.queries["videos"])
    if parts["size"] != f"{n}x{videos}":
        raise BenchError(f"the protocol says {parts['size']}, the record holds {n} queries and {videos} videos.")
    positives = positives_part(record.config, n, videos)
    if parts.get("positives", "") != positives:
        said = parts.get("positives", "nothing")
        raise BenchError(f"the protocol says positives {said}, its queries and config {positives or 'nothing'}.")
    own = {"test": f"{record.dataset}-{record.test}", "train": record.split, "seed": str(record.seed)}
    for name, value in own.items():
        if parts.get(name) != value:
            raise BenchError(f"the protocol says {name} {parts.get(name)}, the record {value}.")
    for name, value in parts_of(record.config).items():
        if parts.get(name, "") != value:
            said, there = parts.get(name, "nothing"), _shown(value or "nothing")
            raise BenchError(f"the protocol says {name} {said}, the config {there}.")
    start, said = str(record.config.get("init", "")).partition(":")[0], parts.get("init", "").partition(":")[0]
    if "init" in record.config and start != said:
        raise BenchError(f"the protocol says init {said or 'nothing'}, the config {_shown(start or 'nothing')}.")
    source, said = str(record.config.get("emotion_source", "")).partition(":")[0], parts.get("emotions", "")
    if said and not said.startswith(f"{source}-"):
        raise BenchError(f"the protocol says emotions {said}, the config {_shown(source or 'nothing')}.")


def _check_external(record: Record) -> None:
    """Of a model of another program neither training, weights, code nor controls are known here."""
    known = {
        "selection": record.selection != {"rule": "unknown", "step": 0},
        "curve": bool(record.curve),
        "weights": "weights" in record.artifacts,
        "code": record.code["variant"] != EXTERNAL,
        "controls": record.controls["true_run"] != record.run,
        "faces": bool(record.faces),
        "ckpt": "ckpt" in parse_signature(record.protocol),
    }
    if found := [name for name, there in known.items() if there]:
        raise BenchError(f"the protocol says model external, of which no {found[0]} is known, yet there is one.")


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
