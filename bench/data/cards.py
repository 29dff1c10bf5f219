"""Dataset cards: what a dataset is, its splits, and the recipe that fits it. One `datasets/<name>/card.yaml` each."""

from dataclasses import dataclass, field
from typing import Any

import yaml

from bench.errors import BenchError, UsageError
from bench.utils import paths
from bench.utils.names import did_you_mean


@dataclass(frozen=True)
class Card:
    """`datasets/<name>/card.yaml`. `recipe` overrides RunConfig's defaults, by the names that the command line has."""

    name: str
    title: str
    summary: str
    licence: str
    source: str
    train: str
    test: str
    splits: dict[str, dict[str, Any]]
    validation: str = ""
    subsets: dict[str, str] = field(default_factory=dict)
    download: dict[str, Any] = field(default_factory=dict)
    expected: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)


def names() -> list[str]:
    """The datasets that have a card."""
    return sorted(path.parent.name for path in paths.cards().glob("*/card.yaml"))


def load_card(name: str) -> Card:
    """The card of a dataset; an unknown name is a UsageError with the nearest ones."""
    if name not in names():
        raise UsageError(f"'{name}' is no dataset.{did_you_mean(name, names())} See `bench list datasets`.")
    path = paths.cards() / name / "card.yaml"
    try:
        return Card(**yaml.safe_load(path.read_text(encoding="utf-8")))
    except (TypeError, yaml.YAMLError) as error:
        raise BenchError(f"the card {path} cannot be read: {' '.join(str(error).split())}") from None
