"""Grids: many runs from one file, each run once, in an order in which each finds what it needs.

A grid file is YAML:

    summary: one sentence
    settings: {dataset: moodclips, train: {epochs: 5}}   # for all cells: those of `bench run`, nested like --config's
    cells:                                               # a list of values means each of them
      - {name: start, variant: plain}
      - {variant: additive_text, hp: {init_std: [1.0, 0]}, seed: [42, 43], init: "cell:start"}
      - {variant: [plain, additive_text], seed: 42, emotions: ["true", shuffled]}
    slurm: {timeout_min: 120, gpus_per_node: 1}          # for --executor slurm alone, see bench/executors.py

A cell's own settings win over those for all. `init: cell:NAME` starts from the weights of the cell of that name. A
control (`emotions` other than true) scores the weights of its true run, so that run is a cell too, listed or not.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from .config import RunConfig
from .errors import UsageError
from .paths import HERE
from .registry import did_you_mean
from .settings import parse, read_yaml

GRIDS = HERE / "grids"
KEYS = ("summary", "settings", "cells", "slurm")
CELL = "cell:"  # what `init` says before the name of a cell

State = Literal["done", "started", "waiting", "to do"]
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
        return self.record.with_suffix("")

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
    content = read_yaml(path)
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
    cells = [
        cell for number, entry in enumerate(entries, 1) for cell in _product(entry, common, f"{path}, cell {number}")
    ]
    return Grid(path, str(content.get("summary", "")), tuple(cells), content["slurm"])


def plan(grid: Grid, results: Path, plugins: Sequence[Path] = ()) -> list[Cell]:
    """The cells in the order in which they run, each after what it needs; true runs of controls are added.

    Every cell's settings are parsed here, so that a typo in the last one stops before the first one runs.
    plugins: files that are loaded already and that every run has to load as well.
    UsageError for settings that are off, a `cell:` that names no cell or several, a circle, or a cell listed twice.
    """
    from .results import record_path
    from .run import complete, run_name

    rest = [f"--results={results}", *(f"--plugin={path}" for path in plugins)]
    cells: dict[str, Cell] = {}
    listed: dict[str, str] = {}

    def add(item: Listed, above: tuple[Listed, ...] = ()) -> Cell:
        if item in above:
            raise UsageError(f"{item.place} starts from itself, by way of {' and '.join(i.name for i in above)}.")
        settings, needs = dict(item.settings), []
        if settings.get("init", "").startswith(CELL):
            needs.append(add(_named(grid, item), (*above, item)).run)
            settings["init"] = f"run:{needs[0]}"
        words = [f"--{name}={value}" for name, value in settings.items()]
        try:
            config, _ = complete(parse(words))
        except UsageError as error:
            raise UsageError(f"{item.place}: {error}") from None
        if config.emotions != "true":
            needs.append(add(replace(item, name="", settings={**item.settings, "emotions": "true"}), above).run)
        run = run_name(config)
        record = record_path(results, config.dataset, config.split, config.variant, run)
        cell = Cell(run, record, item.name, item.settings, tuple(needs), ("run", *words, *rest))
        return cells.setdefault(run, cell)

    for item in grid.cells:
        run = add(item).run
        if run in listed:
            raise UsageError(f"{item.place} is the run {run}, which {listed[run]} is already. Take one of them out.")
        listed[run] = item.place
    return list(cells.values())


def state(cell: Cell, cells: Iterable[Cell]) -> tuple[State, tuple[str, ...]]:
    """How far a cell is, and the cells that it waits for: their names, or else their runs."""
    from .train import CHECKPOINTS

    if cell.done:
        return "done", ()
    if any((cell.folder / name).is_dir() for name in CHECKPOINTS[1:]):  # the first is not whole
        return "started", ()
    missing = tuple(other.name or other.run for other in cells if other.run in cell.needs and not other.done)
    return ("waiting", missing) if missing else ("to do", ())


def apart(cell: Cell, others: Sequence[Cell]) -> list[str]:
    """A cell's name, and its settings in which any of the others differs: "start", "hp.init_std=0", "init=…".

    Variant and seed are not among them: they stand in the run's id.
    """
    names = dict.fromkeys(name for other in others for name in other.settings if name not in ("variant", "seed"))
    differ = [name for name in names if len({other.settings.get(name) for other in others}) > 1]
    shown = [f"{name}={cell.settings[name]}" for name in differ if name in cell.settings]
    return [cell.name, *shown] if cell.name else shown


def recall(cell: Cell) -> float | None:
    """T2V R@1 in % of a cell that is done; None for one that is not. BenchError if its record is broken."""
    from .results import load

    if not cell.done:
        return None
    value: float = load(cell.record).metrics["all"]["t2v"]["R@1"]["value"]
    return value


def _named(grid: Grid, item: Listed) -> Listed:
    """The cell that `init: cell:NAME` means."""
    name = item.settings["init"].removeprefix(CELL)
    found = [cell for cell in grid.cells if cell.name == name]
    if not found:
        names = {cell.name for cell in grid.cells if cell.name}
        raise UsageError(f"{item.place}: no cell is named '{name}'.{did_you_mean(name, names)} Cells take `name: …`.")
    if len(found) > 1:
        raise UsageError(f"{item.place}: {CELL}{name} means {len(found)} cells. A run starts from the weights of one.")
    return found[0]


def _product(entry: Any, common: dict[str, list[str]], place: str) -> Iterator[Listed]:
    """Every choice of one value a setting, the last setting's values changing fastest."""
    if not isinstance(entry, dict):
        raise UsageError(f"{place} takes settings such as {{variant: plain, seed: 42}}, not {entry!r}.")
    name = entry.get("name", "")
    if not isinstance(name, str):
        raise UsageError(f"{place}: name takes one name, not {name!r}.")
    own = _flat({key: value for key, value in entry.items() if key != "name"}, place)
    settings = {**common, **own}
    for values in itertools.product(*settings.values()):
        yield Listed(place, name, dict(zip(settings, values, strict=True)))


def _flat(settings: dict[str, Any], place: str, prefix: str = "") -> dict[str, list[str]]:
    """{"train": {"lr": ["1", "2"]}} -> {"train.lr": ["1", "2"]}; a single value becomes a list of one."""
    flat: dict[str, list[str]] = {}
    for key, value in settings.items():
        name = prefix + key
        if isinstance(value, dict):
            flat |= _flat(value, place, f"{name}.")
            continue
        if name in _GROUPS:  # the parser would take it for nothing at all
            raise UsageError(f"{place}: {name} takes settings of its own, such as `{name}: {{…}}`, not {value!r}.")
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(one, str) for one in values):
            raise UsageError(f"{place}: {name} takes a value or a list of values, not {value!r}.")
        flat[name] = values
    return flat
