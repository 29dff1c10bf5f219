"""One run, whole: what it is, what it scored, how it was trained, and what lies beside its record."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from bench.compare import SUBSET, render_record
from bench.compare.chance import at_chance
from bench.compare.groups import control
from bench.compare.numbers import number
from bench.compare.run_tables import entry
from bench.config import NOT_IDENTITY, RunConfig, as_json, flat
from bench.data.cards import load_card
from bench.errors import BenchError, UsageError
from bench.records.record import Record
from bench.utils.run_files import features_path, weights_path
from bench.utils.tables import Table, terminal
from bench.utils.terminal import printable
from bench.utils.text import columns, counted, wrapped

_PARTS = {"waiting": "waiting for clips"}  # of `Record.timings`, in words
_POINTS = 5  # of the loss curve
_NEWEST = 20  # runs of a list


def sheet(record: Record, path: Path, records: Sequence[Record]) -> str:
    """A run as text. path: of its record. records: among which its controls are looked for."""
    facts = {
        "made": f"{record.created}, {_code(record)}",
        "again": "" if record.external else shlex.join(["bench", "run", *_words(record)]),
        "parameters": _parameters(record),
        "on": _hardware(record),
        "took": ", ".join(f"{_PARTS.get(part, part)} {seconds:.0f} s" for part, seconds in record.timings.items()),
        "loss": _losses(record),
        "validation": _validation(record),
        "weights of": ""
        if record.external
        else f"step {record.selection['step']}, chosen by {record.selection['rule']}",
        "emotions": ", ".join(f"{name} {version.split(', sha256')[0]}" for name, version in record.lexicons.items()),
        "faces": record.faces.get("source", ""),
        "controls": ", ".join(
            f"{one.run} ({control(one)})"
            for one in records
            if control(one) and one.controls["true_run"] == record.run != one.run
        ),
        "probe": f"bench probe {record.run} shows what was measured" if record.probe else "",
        "beside it": ", ".join(
            name
            for name, place in (("weights", weights_path(path)), ("features", features_path(path)))
            if place.is_file()
        ),
        "record": str(path),
    }
    lines = [render_record(record)]
    lines += [line for sentence in at_chance(record, SUBSET) for line in wrapped(sentence, 2, "", columns())]
    lines.append("")
    for name, fact in facts.items():
        lines += wrapped(printable(fact), 12, f"{name:<12}", columns()) if fact else []
    return "\n".join(lines)


def listed(records: Sequence[Record], full: bool = False) -> str:
    """One line a run, the newest first; the newest alone unless `full`."""
    newest = sorted(records, key=lambda record: record.created, reverse=True)
    shown = newest if full else newest[:_NEWEST]
    places = {f"{record.dataset}/{record.split}" for record in shown}
    rows: list[list[str] | str] = [
        [
            record.run,
            *([f"{record.dataset}/{record.split}"] if len(places) > 1 else []),
            _under(record),
            record.created[5:16].replace("T", " "),
            number(entry(record, "all", "t2v", "R@1").value or 0.0),
        ]
        for record in shown
    ]
    left = len(newest) - len(shown)
    below = [f"{left} older ones are not shown: use --full, --only or --dataset."] if left else []
    place = "" if len(places) > 1 else f" of {min(places)}"
    note = f"{counted(len(newest), 'run')}{place}, the newest first; made (UTC); T2V R@1 of all queries in %."
    header = ["run", *(["dataset"] if len(places) > 1 else []), "", "made", "R@1"]
    return terminal(Table(header, rows, below), "", note).rstrip("\n")


def _under(record: Record) -> str:
    """In a word what makes a run no rival of the others."""
    controls = record.controls
    if record.external:
        return "external"
    if controls["matched_parameters"]:
        return "constant"
    if controls["train_emotions"] != "true":
        return f"trained {controls['train_emotions']}"
    return controls["emotions"] if controls["emotions"] != "true" else "" if record.curve else "untrained"


def _words(record: Record) -> list[str]:
    """What of `bench run` makes this run: the settings that are not the dataset's own."""
    try:
        recipe = flat(load_card(record.dataset).recipe)
    except (BenchError, UsageError):  # of a plugin that is not loaded
        recipe = {}
    usual = {**flat(as_json(RunConfig())), **recipe, "split": record.split, "test": record.test}
    words = ["--variant", record.variant]
    for name, value in flat(record.config).items():
        if name in ("variant", "hp", "seed") or (name in NOT_IDENTITY and name != "root"):
            continue
        if value is not None and str(value) != str(usual.get(name)):
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    hp = [word for name, value in record.hyperparameters.items() for word in (f"--hp.{name}", str(value))]
    return [*words, *hp, "--seed", str(record.seed)]


def _parameters(record: Record) -> str:
    if record.external:
        return ""
    return f"{record.parameters['total']:,}, of which the variant adds {record.parameters['added']:,}"


def _code(record: Record) -> str:
    commit = str(record.code.get("commit") or "")[:8]
    changed = " with changes" if record.code.get("dirty") else ""
    return f"bench {record.code.get('version', '')}" + (f", commit {commit}{changed}" if commit else "")


def _hardware(record: Record) -> str:
    return ", ".join(f"{name} {value}" for name, value in record.hardware.items() if value not in (None, "", []))


def _losses(record: Record) -> str:
    """The loss at some steps from the first to the last."""
    if not record.curve:
        return "" if record.external else "no step was trained"
    last = len(record.curve) - 1
    places = sorted({round(part * last / (_POINTS - 1)) for part in range(_POINTS)})
    return ", ".join(f"step {record.curve[i]['step']}: {record.curve[i]['loss']:.3f}" for i in places)


def _validation(record: Record) -> str:
    points = [(point["step"], point["val"]) for point in record.curve if "val" in point]
    return ", ".join(f"step {step}: T2V R@1 {values['T2V R@1']:.1f}" for step, values in points[-3:])
