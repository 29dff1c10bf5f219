"""Grids: many runs from one file, each run once, in an order in which each finds what it needs.

The format of a grid file is in docs/grids.md. A control (`emotions` other than true) scores the weights of its true
run, so that run is a cell too, listed or not.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from bench.config import IDENTITY_DEFAULTS, RunConfig
from bench.data.controls import ORACLE
from bench.engine.settings import parse
from bench.errors import BenchError, UsageError
from bench.model.variant_registry import build, entries, get
from bench.utils.files import load_yaml
from bench.utils.names import did_you_mean
from bench.utils.paths import HERE
from bench.utils.run_files import folder_of
from bench.utils.text_yaml import TextLoader

GRIDS = HERE / "grid" / "shipped"
KEYS = ("summary", "settings", "cells", "slurm")
CELL, RUN = "cell:", "run:"  # what `init` says before the name of a cell, and before a run's id
MOST_CELLS = 2000  # counted before they are made
LONGEST_CHAIN = 100  # cells that start from one another
ALL = "all"  # as a variant: every one that there is, plugins too

CellState = Literal["done", "started", "waiting", "to do"]
_GROUPS = [name for name, value in asdict(RunConfig()).items() if isinstance(value, dict)]


@dataclass(frozen=True)
class Listed:
    """One cell as the file has it: a choice of one value for every setting."""

    place: str  # for error lines
    name: str  # empty if the file gives none
    settings: dict[str, str]  # by dotted name: {"train.lr": "1e-5"}


@dataclass(frozen=True)
class Grid:
    """A grid file, read and sound; whether the settings mean anything is seen in `plan`."""

    path: Path
    summary: str
    cells: tuple[Listed, ...]
    slurm: dict[str, Any]  # parameters of the jobs, every value as text


@dataclass(frozen=True)
class Cell:
    """One run of a grid."""

    run: str  # its id
    record: Path  # where its record lies or will lie; what else it leaves is in the folder of the same name
    name: str
    settings: dict[str, str]  # what the file says of it, by dotted name
    needs: tuple[str, ...]  # the runs whose weights it starts from or scores
    command: tuple[str, ...] = field(repr=False)  # the words after `bench`

    @property
    def folder(self) -> Path:
        """The run's checkpoints, weights and logs."""
        return folder_of(self.record)

    @property
    def done(self) -> bool:
        """Whether its record is there."""
        return self.record.is_file()


def find_grid(name: str) -> Path:
    """A grid file by its path, or a shipped one by its name. UsageError, with the nearest names, if it is neither."""
    shipped = {path.stem: path for path in sorted(GRIDS.glob("*.yaml"))}
    if Path(name).is_file():
        return Path(name)
    if name not in shipped:
        raise UsageError(
            f"'{name}' is no grid file, and no shipped grid.{did_you_mean(name, shipped)} "
            f"There are {', '.join(shipped)}."
        )
    return shipped[name]


def read_grid(path: Path) -> Grid:
    """The cells that a grid file lists. UsageError, one line, for a file of another form."""
    content = load_yaml(path, TextLoader)
    if not isinstance(content, dict):
        raise UsageError(f"{path} holds no grid. It takes lines such as `cells: [{{variant: plain, seed: [42, 43]}}]`.")
    for key in content:
        if key not in KEYS:
            raise UsageError(f"{path}: a grid has no '{key}'.{did_you_mean(key, KEYS)} It has {', '.join(KEYS)}.")
    for key in ("settings", "slurm"):
        if not isinstance(content.setdefault(key, {}), dict):
            raise UsageError(f"{path}: {key} takes lines such as `name: value`, not {content[key]!r}.")
    entries = content.get("cells")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{path} lists no cells. They look like `cells: [{{variant: plain, seed: [42, 43]}}]`.")
    common = _flat(content["settings"], f"{path}, settings")
    cells: list[Listed] = []
    for number, entry in enumerate(entries, 1):
        cells += _product(entry, common, f"{path}, cell {number}", MOST_CELLS - len(cells))
    return Grid(path, str(content.get("summary", "")), tuple(cells), content["slurm"])


def plan(grid: Grid, results: Path, plugins: Sequence[Path] = ()) -> list[Cell]:
    """The cells in the order in which they run, each after what it needs; true runs of controls are added.

    Every cell's settings are parsed here, its variant is built, and a run that it starts from is looked for, so that a
    typo in the last one stops before the first one runs.
    plugins: files that are loaded already and that every run has to load as well.
    UsageError for settings that are off, a `cell:` that names no cell or several, a circle, or a cell listed twice.
    BenchError for a start whose weights are gone.
    """
    from bench.engine.run_config import complete, run_name
    from bench.utils.run_files import record_path

    rest = [f"--results={results}", *(f"--plugin={path}" for path in plugins)]
    cells: dict[str, Cell] = {}
    places: dict[str, str] = {}  # of all of them, true runs of controls too
    listed: dict[str, str] = {}
    built: set[tuple] = set()
    added: dict[tuple, Cell] = {}  # by settings: a true run is asked for by each of its controls

    def add(item: Listed, above: tuple[Listed, ...] = ()) -> Cell:
        if item in above:
            circle = [one.name for one in above[above.index(item) :]]
            raise UsageError(f"{item.place} starts from itself, by way of {' and '.join(circle)}.")
        if len(above) > LONGEST_CHAIN:
            raise UsageError(f"{item.place} is the end of {len(above)} cells that start from one another: too many.")
        known = tuple(item.settings.items())
        if known in added:
            return added[known]
        settings = dict(item.settings)
        if settings.get("init", "").startswith(CELL):
            settings["init"] = RUN + add(_named(grid, item), (*above, item)).run
        words = [f"--{name}={value}" for name, value in settings.items()]
        try:
            config, _ = complete(parse(words))
            if (model := (config.variant, *config.hp.items(), config.model.size)) not in built:
                _try_to_build(config)
                built.add(model)
        except UsageError as error:
            raise UsageError(f"{item.place}: {error}") from None
        needs: tuple[str, ...] = ()
        if config.emotions != "true":
            needs = (add(replace(item, name="", settings={**item.settings, "emotions": "true"}), above).run,)
        elif config.init.startswith(RUN):
            needs = (config.init.removeprefix(RUN),)
        run = run_name(config)
        record = record_path(results, config.dataset, config.split, config.variant, run)
        places.setdefault(run, item.place)
        new = Cell(run, record, item.name, item.settings, needs, ("run", *words, *rest))
        return added.setdefault(known, cells.setdefault(run, new))

    for item in grid.cells:
        run = add(item).run
        if run in listed:
            before = listed[run].removeprefix(f"{grid.path}, ")
            raise UsageError(f"{item.place} is the run {run}, listed before as {before}. Take one of them out.")
        listed[run] = item.place
    return _in_order(cells, places, results)


def state(cell: Cell, cells: Iterable[Cell]) -> tuple[CellState, tuple[str, ...]]:
    """How far a cell is, and the cells that it waits for: their names, or else their runs."""
    from bench.engine.checkpoint import has_checkpoint

    if cell.done:
        return "done", ()
    if has_checkpoint(cell.folder):
        return "started", ()
    missing = tuple(other.name or other.run for other in cells if other.run in cell.needs and not other.done)
    return ("waiting", missing) if missing else ("to do", ())


def differences(cell: Cell, others: Sequence[Cell]) -> list[str]:
    """A cell's name, and its settings in which any of the others differs: "start", "hp.init_std=0", "init=…".

    Variant and seed are not among them: they stand in the run's id.
    """
    names = dict.fromkeys(name for other in others for name in other.settings if name not in ("variant", "seed"))
    several = [name for name in names if len({other.settings.get(name) for other in others}) > 1]
    shown = [f"{name}={cell.settings[name]}" for name in several if name in cell.settings]
    return [cell.name, *shown] if cell.name else shown


def recall(cell: Cell) -> float | None:
    """T2V R@1 in % of a cell that is done; None for one that is not. BenchError if its record is broken."""
    from bench.records.store import load_run

    if not cell.done:
        return None
    value: float = load_run(cell.record).metrics["all"]["t2v"]["R@1"]["value"]
    return value


def _in_order(cells: dict[str, Cell], places: dict[str, str], results: Path) -> list[Cell]:
    """Each cell after those that it needs. BenchError if it needs a run that is no cell and has no weights."""
    from bench.model.checkpoints import run_weights

    ordered: dict[str, Cell] = {}

    def put(cell: Cell) -> None:
        for run in cell.needs:
            if run in cells:
                put(cells[run])
            elif not cell.done:
                try:
                    run_weights(run, results)
                except BenchError as error:
                    raise type(error)(f"{places[cell.run]}: {error}") from None
        ordered.setdefault(cell.run, replace(cell, needs=tuple(run for run in cell.needs if run in cells)))

    for cell in cells.values():
        put(cell)
    return list(ordered.values())


def _try_to_build(config: RunConfig) -> None:
    """UsageError if the variant cannot be built with its hyperparameters around a backbone of that size."""
    import torch

    from bench.model.clip_vip import ClipVip, clip_config
    from bench.model.hugging_face import empty_model
    from bench.model.model_names import hf_source

    def whole() -> None:
        source = hf_source(config.model.size)
        if source is not None:
            build(config.variant, empty_model(source), config.hp)
        else:
            build(config.variant, ClipVip(clip_config(config.model.size), frames=config.video.frames), config.hp)

    try:
        with torch.device("meta"):  # without storage: it takes no memory and hardly any time
            whole()
    except UsageError:
        whole()  # a variant that looks at its weights can only be built in earnest, so that is what decides


def _named(grid: Grid, item: Listed) -> Listed:
    """The cell that `init: cell:NAME` means."""
    name = item.settings["init"].removeprefix(CELL)
    if not name:
        raise UsageError(f"{item.place}: `init: {CELL}` names no cell. Write {CELL}NAME, NAME being a cell's `name`.")
    found = [cell for cell in grid.cells if cell.name == name]
    if not found:
        names = {cell.name for cell in grid.cells if cell.name}
        raise UsageError(f"{item.place}: no cell is named '{name}'.{did_you_mean(name, names)} Cells take `name: …`.")
    if len(found) > 1:
        raise UsageError(f"{item.place}: {CELL}{name} means {len(found)} cells. A run starts from the weights of one.")
    return found[0]


def _product(entry: Any, common: dict[str, list[str]], place: str, most: int) -> Iterator[Listed]:
    """Every choice of one value a setting, the last setting's values changing fastest. UsageError: more than `most`."""
    if not isinstance(entry, dict):
        raise UsageError(f"{place} takes settings such as {{variant: plain, seed: 42}}, not {entry!r}.")
    name = entry.get("name", "")
    if not isinstance(name, str):
        raise UsageError(f"{place}: name takes one name, not {name!r}.")
    own = _flat({key: value for key, value in entry.items() if key != "name"}, place)
    settings = {**common, **own}
    every = ALL in settings.get("variant", ())
    if every:
        named = itertools.chain.from_iterable(entries() if one == ALL else [one] for one in settings["variant"])
        settings["variant"] = list(dict.fromkeys(named))
    if (count := math.prod(map(len, settings.values()))) > most:
        raise UsageError(f"{place} makes {count} cells; a grid may have {MOST_CELLS}. Leave values out, or split it.")
    for values in itertools.product(*settings.values()):
        chosen = dict(zip(settings, values, strict=True))
        if not (every and _changes_nothing(chosen)):
            yield Listed(place, name, chosen)


def _changes_nothing(settings: dict[str, str]) -> bool:
    """Whether a cell is a control, or has an emotion source, that cannot change what its variant reads.

    It would be its true run again, or that with the usual source.
    """
    if settings["variant"] not in entries():
        return False  # `plan` says so
    variant = get(settings["variant"])
    in_training = settings.get("train.emotions", "true") != "true" and not (variant.text_needs or variant.video_needs)
    told = settings.get("emotions", "true") not in ("true", ORACLE)  # the oracle speaks to every variant's scores
    at_test = told and not variant.reads_emotion_at_test()
    usual = IDENTITY_DEFAULTS["emotion_source"]
    other_source = settings.get("emotion_source", usual) != usual and not variant.text_needs
    return in_training or at_test or other_source


def _flat(settings: dict[str, Any], place: str, prefix: str = "") -> dict[str, list[str]]:
    """{"train": {"lr": ["1", "2"]}} -> {"train.lr": ["1", "2"]}; a single value becomes a list of one."""
    flat: dict[str, list[str]] = {}
    for key, value in settings.items():
        name = prefix + key
        if isinstance(value, dict):
            new = _flat(value, place, f"{name}.")
        elif name in _GROUPS:  # the parser would take it for nothing at all
            raise UsageError(f"{place}: {name} is a group of settings, such as `{name}: {{…}}`, not {value!r}.")
        else:
            new = {name: value if isinstance(value, list) else [value]}
            if not new[name] or not all(isinstance(one, str) for one in new[name]):
                raise UsageError(f"{place}: {name} takes a value or a list of values, not {value!r}.")
        for twice in flat.keys() & new.keys():
            raise UsageError(f"{place}: {twice} is given twice, nested and with dots. Keep one of them.")
        flat |= new
    return flat
