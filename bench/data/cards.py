"""Dataset cards: what a dataset is, its splits, and the recipe that fits it. One `datasets/<name>/card.yaml` each.

A plugin brings its own card; `bench.data.importers.register_dataset` says where it lies.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bench.data.questions import ALL, RANKS, USUAL, parse_question
from bench.errors import BenchError, UsageError
from bench.utils import paths
from bench.utils.files import MOST_BYTES, load_yaml, read_text
from bench.utils.names import did_you_mean, names_a_file
from bench.utils.plugins import load_installed

NO_SPLIT = "none"  # in place of a training split's name: evaluation alone
MADE_FROM = ("file", "sha256", "splits")  # what such a card's `metadata` says: the table, its digest, the splits
WRITTEN = "# Written by bench data prepare"  # how the card of a folder of one's own begins

_of_plugins: dict[str, Path] = {}  # name -> its card


@dataclass(frozen=True)
class Card:
    """`datasets/<name>/card.yaml`. `recipe` overrides RunConfig's defaults, by the names that the command line has.

    question: what verdicts on its runs ask, see `bench.data.questions`. moods: where the true mood of query and clip is
    known, the subsets of the test split that say it; each query is in one of them. needs: which files the user must get
    and where they go, as the end of "it needs …". metadata: of a folder of one's own, what its splits were made from.
    train: "" if there is no training split.
    """

    name: str
    title: str
    summary: str
    licence: str
    source: str
    train: str
    test: str
    splits: dict[str, dict[str, Any]]
    validation: str = ""
    needs: str = ""
    subsets: dict[str, str] = field(default_factory=dict)
    question: list[str] = field(default_factory=lambda: [USUAL])
    moods: list[str] = field(default_factory=list)
    download: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)


def names() -> list[str]:
    """The datasets that have a card: shipped ones, and those of plugins."""
    load_installed()
    return sorted({path.parent.name for path in paths.cards().glob("*/card.yaml")} | _of_plugins.keys())


def shipped(name: str) -> Path | None:
    """The card of a dataset under datasets/, or None."""
    path = paths.cards() / name / "card.yaml"
    return path if names_a_file(name) and path.is_file() else None


def add(name: str, path: Path) -> None:
    """Makes a plugin's card known."""
    _of_plugins[name] = path


def check_split(card: Card, split: str, role: str) -> str:
    """The split, if it is one of the card's for that role, train or test. UsageError, with near names, otherwise."""
    fit = [name for name, facts in card.splits.items() if facts["role"] == role]
    if split not in fit:
        raise UsageError(
            f"{card.name} has no {role} split '{split}'.{did_you_mean(split, fit)} It has: {', '.join(fit)}."
        )
    return split


def training_split(card: Card, split: str) -> str:
    """The training split that is named, or the card's own; NO_SPLIT for evaluation alone. UsageError: another's."""
    split = split or card.train or NO_SPLIT
    return split if split == NO_SPLIT else check_split(card, split, "train")


def check_knows_moods(card: Card) -> None:
    """UsageError for a dataset whose card does not say which moods its clips truly have."""
    if not card.moods:
        raise UsageError(f"{card.name} does not know the true moods of its clips: leave out --emotions oracle.")


def load_card(name: str, root: Path | None = None) -> Card:
    """The card of a dataset. root: its folder, where the card of a dataset of one's own lies.

    UsageError, with near names: no such dataset. BenchError: its card cannot be read.
    """
    path = shipped(name)
    if path is None:
        if name not in names():
            if root is not None and (own := own_card(root)) and own.name == name:
                return own
            where = f", and {root} has no card of a dataset" if root is not None else ""
            raise UsageError(f"'{name}' is no dataset{where}.{did_you_mean(name, names())} See `bench list datasets`.")
        path = _of_plugins[name]
    return _read(name, path)


def own_card(folder: Path) -> Card | None:
    """The card that `bench data prepare` wrote into a folder of one's own; None where there is none.

    BenchError: it cannot be read.
    """
    path = folder / "card.yaml"
    try:
        written = path.is_file() and read_text(path, MOST_BYTES).startswith(WRITTEN)
        name = load_yaml(path, yaml.SafeLoader)["name"] if written else ""
    except (TypeError, KeyError, OSError, UnicodeDecodeError) as error:
        raise BenchError(f"the card {path} cannot be read: {' '.join(str(error).split())}") from None
    if not name:
        return None
    card = _read(str(name), path)
    if not all(isinstance(card.metadata.get(part), str) for part in MADE_FROM):
        mend = f"Remove it, and make it again: bench data prepare {folder}"
        raise BenchError(f"the card {path} does not say what its splits were made from. {mend}")
    return card


def _read(name: str, path: Path) -> Card:
    try:
        card = Card(**deepcopy(_parsed(path.read_text(encoding="utf-8"))))
    except (TypeError, OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BenchError(f"the card {path} cannot be read: {' '.join(str(error).split())}") from None
    if card.name != name:
        raise BenchError(f"the card {path} says that its name is '{card.name}', not '{name}'. Mend that line.")
    _check_names(card, path)
    _check_recipe(card.recipe, path)
    return card


@lru_cache
def _parsed(text: str) -> Any:
    """A grid reads the same card for every cell, and the parser takes far longer than the file."""
    return yaml.safe_load(text)


def what_it_needs(card: Card, folder: Path | None) -> str:
    """A sentence to add: what the user must get, and where it goes. Nothing where the card does not say."""
    return f" It needs {card.needs.replace('DIR', str(folder or 'DIR'))}." if card.needs else ""


def _check_recipe(recipe: Any, path: Path) -> None:
    """BenchError unless the recipe, and each of its groups that is read by itself, is a group of settings."""
    if not isinstance(recipe, dict):
        raise BenchError(f"the card {path}: recipe is a group of settings, not {recipe!r}.")
    for name in ("model", "train"):
        if not isinstance(recipe.get(name, {}), dict):
            raise BenchError(f"the card {path}: {name} of the recipe is a group of settings, not {recipe[name]!r}.")


def _check_names(card: Card, path: Path) -> None:
    """BenchError unless `question` and `moods` are lists of text that name subsets of the card."""
    for name in ("question", "moods"):
        value = getattr(card, name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BenchError(f"the card {path}: {name} takes a list of names, not {value!r}.")
    try:
        asked = [parse_question(text) for text in card.question]
    except BenchError as error:
        raise BenchError(f"the card {path}: {error}") from None
    named = {*card.moods, *(one.subset for one in asked if one.kind == RANKS and one.subset != ALL)}
    if not asked or (unknown := sorted(named - card.subsets.keys())):
        fault = f"it has no subset {unknown[0]!r}" if asked else "it declares no question"
        raise BenchError(f"the card {path}: {fault}. Mend `question`, `moods` or `subsets`.")
