"""Datasets by name: how each comes to be a folder of annotations and videos.

One more dataset is a card, `datasets/x/card.yaml`. If its files need reading or making, a module here or a plugin says
how; without one its folder must lie ready, as `bench.data.annotation` describes it. A folder of one's own with a table
of captions needs neither: see `bench.data.own_folder`.

    @register_dataset("x")
    class X(Importer):
        def prepare(self, root):
            ...
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.data import cards
from bench.data.annotation import Annotation, load_annotation
from bench.data.cards import check_split, load_card, what_it_needs
from bench.errors import BenchError, UsageError
from bench.utils.files import read_text
from bench.utils.messages import say_once
from bench.utils.registry import Registry

I = TypeVar("I", bound="type[Importer]")  # noqa: E741


class Importer:
    """How the folder of one dataset comes about. As it stands, the user has made it; a subclass overrides what differs.

    name: as registered, which is also the name of the card.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def ensure(self, root: Path | None) -> Path:
        """The folder, ready to be opened by a run. root: what --root says. UsageError or BenchError: it is not."""
        folder = self.folder(root)
        if not any((folder / "annotations").glob("*.json")):
            raise BenchError(self._missing(folder, list(load_card(self.name).splits)))
        return folder

    def prepare(self, root: Path | None) -> object:
        """Writes the annotations. What it gives is printed: what was found and written."""
        folder, splits = self.folder(root), list(load_card(self.name).splits)
        missing = [split for split in splits if not (folder / "annotations" / f"{split}.json").is_file()]
        if missing:
            raise BenchError(self._missing(folder, missing))
        return f"nothing to prepare: {folder} has the annotations of {', '.join(splits)}"

    def annotation(self, root: Path | None, split: str) -> Annotation:
        """One split, for which no clip is looked at. UsageError or BenchError: the folder does not have it."""
        return load_annotation(self.ensure(root), split, self.name)

    def recognise(self, root: Path) -> bool:
        """Whether a folder is this dataset's. Here: whether its annotations say so."""
        written = sorted((root / "annotations").glob("*.json"), key=lambda path: path.stat().st_size)
        try:
            return bool(written) and json.loads(read_text(written[0]))["dataset"] == self.name
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False

    def folder(self, root: Path | None) -> Path:
        """The folder that --root names. UsageError: none is named, or it is not there."""
        if root is None:
            known = f"where is {self.name}? --root DIR, the folder with its annotations and videos."
            raise UsageError(f"{known}{what_it_needs(load_card(self.name), None)}")
        if not root.is_dir():
            raise UsageError(f"--root {root} is no folder. Name the one with {self.name}'s annotations and videos.")
        return root

    def _missing(self, folder: Path, splits: list[str]) -> str:
        files = ", ".join(f"annotations/{split}.json" for split in splits)
        return (
            f"{folder} lacks {files}. {self.name} has a card but no importer, so its annotations and videos/ must lie "
            "there: see docs/datasets.md."
        )


class OwnFolder(Importer):
    """A folder of one's own, as `bench.data.own_folder` prepares it."""

    def ensure(self, root: Path | None) -> Path:
        """The folder. BenchError: its splits are not of its table as it is now."""
        from bench.data.own_folder import check_fresh

        folder = self.folder(root)
        check_fresh(load_card(self.name, folder), folder)
        return folder

    def prepare(self, root: Path | None) -> object:
        """Makes the splits again."""
        from bench.data.own_folder import prepare_folder

        return prepare_folder(self.folder(root), self.name)


IMPORTERS: Registry[type[Importer]] = Registry("dataset", "bench.data.importers")


def register_dataset(name: str, card: Path | None = None) -> Callable[[I], I]:
    """Class decorator: makes a subclass of Importer known as the one of dataset `name`.

    card: the path of its card; by default datasets/<name>/card.yaml, or else card.yaml beside the file that registers
    it. UsageError: the name is taken, or there is no card.
    """

    def add(importer: I) -> I:
        known = cards.shipped(name)
        if known and card:
            raise UsageError(f"the dataset '{name}' of {card} has a card already: {known}. Rename one of them.")
        place = card or Path(sys.modules[importer.__module__].__file__ or "").with_name("card.yaml")
        if not known and not place.is_file():
            raise UsageError(f"the dataset '{name}' has no card at {place}. Write one: see docs/datasets.md.")
        IMPORTERS.register(name)(importer)
        if not known:
            cards.add(name, place)
        return importer

    return add


def importer(dataset: str, root: Path | None = None) -> Importer:
    """How a dataset's folder comes about. root: where it lies. UsageError, with near names: no such dataset."""
    if load_card(dataset, root).metadata:
        return OwnFolder(dataset)
    return IMPORTERS.get(dataset)(dataset) if dataset in IMPORTERS.names() else Importer(dataset)


def ensure(dataset: str, root: Path | None) -> Path:
    """The folder of a dataset, ready to open: the user's own, or one that is made on first use."""
    return importer(dataset, root).ensure(root)


def is_folder(dataset: str) -> bool:
    """Whether what stands for a dataset is a folder of one's own and no name."""
    return dataset not in cards.names() and Path(dataset).is_dir()


def named(dataset: str, root: Path | None) -> tuple[str, Path | None]:
    """The name and the folder that a dataset's name and --root stand for; or the one of a folder of one's own.

    That is prepared first where it has no card yet, and a word is said. UsageError: a folder and --root.
    """
    if not is_folder(dataset):
        return dataset, root
    if root is not None:
        raise UsageError(f"--dataset {dataset} is a folder, so it takes no --root. Leave out --root {root}.")
    folder = Path(dataset)
    card = cards.own_card(folder)
    if card is None:
        from bench.data.own_folder import prepare_folder

        card = prepare_folder(folder).card
        parts = ", ".join(f"{facts['videos']} clips in {split}" for split, facts in card.splits.items())
        say_once(f"prepared {folder} as the dataset {card.name}: {parts}. Its card: {folder / 'card.yaml'}")
    return card.name, folder


def read_test_split(dataset: str, test: str, root: Path | None) -> Annotation:
    """A test split of a dataset, "" for the card's own; no clip is looked at, rendered or missed.

    UsageError, with near names: no such dataset or split. UsageError or BenchError: its folder does not have it.
    """
    card = load_card(dataset, root)
    return importer(dataset, root).annotation(root, check_split(card, test or card.test, "test"))


def check_there(dataset: str, root: Path | None) -> None:
    """BenchError if the folder that a record names is not there or empty.

    `ensure` would make some datasets there, and where a record says is nobody's wish. None is the user's cache.
    """
    if root is not None and not (root.is_dir() and any(root.iterdir())):
        raise BenchError(f"the record says that {dataset} is in {root}, which is missing or empty. Give --root DIR")


def prepare(dataset: str, root: Path | None) -> str:
    """Makes a dataset's folder ready and says what was found and written."""
    return str(importer(dataset, root).prepare(root))


def recognise(root: Path) -> str:
    """The dataset whose folder this is. UsageError: it is none's, or could be several's."""
    if not root.is_dir():
        raise UsageError(f"--root {root} is no folder. Name the one of a dataset.")
    if own := cards.own_card(root):
        return own.name
    found = [name for name in cards.names() if importer(name).recognise(root)]
    if len(found) == 1:
        return found[0]
    says = f"could be the folder of {' or '.join(found)}" if found else "is the folder of no known dataset"
    raise UsageError(f"--root {root} {says}. Say which it is: --dataset {'|'.join(found or cards.names())}")


def download(dataset: str, root: Path) -> str:
    """Downloads a dataset to `root` from the address in its card, unpacks it, and says where it lies."""
    from bench.data.download import download as fetch
    from bench.data.download import unpack

    known = load_card(dataset).download
    if not known:
        raise UsageError(
            f"the card of {dataset} has no address to download from. Next: bench data prepare {dataset} --root {root}"
        )
    archive = fetch(known["url"], root / known["file"], sha256=known.get("sha256"), size=known.get("bytes"))
    unpacked = unpack(archive, root)
    counts = f"{unpacked.written} files unpacked, {unpacked.kept} were there"
    return f"{counts}\n{root}\nnext: bench data prepare {dataset} --root {root}"
