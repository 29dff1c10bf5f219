"""A model over the folder, asked by one query at a time; and a second one beside it."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench.analysis.explain import QueryExplanation
from bench.demo import why
from bench.errors import BenchError, UsageError
from bench.search.answer_render import changes
from bench.search.index_store import IndexSettings
from bench.search.models import resolved
from bench.search.searcher import Answer, Choice, Moment, Searcher, open_folder
from bench.utils.device import AUTO
from bench.utils.paths import home
from bench.utils.terminal import printable

A = TypeVar("A")

LINK = "clips"  # in the folder that stands for the indexed one under a second model
EXPLAINED = 64  # explanations that are kept


class ModelThread:
    """One thread for all that models do: torch would start threads of its own for every thread that it is called in."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def do(self, work: Callable[[], A]) -> A:
        """The work's result, when its turn has come."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


class Session:
    """A searcher, and its files' paths below the folder that is shown. folder: that folder; prefix: to be taken off."""

    def __init__(self, searcher: Searcher, folder: Path, prefix: str = "") -> None:
        self.searcher, self.folder, self._prefix = searcher, folder, prefix
        self.name, self.about = self._without_paths("name"), self._without_paths("about")
        self.why = lru_cache(EXPLAINED)(self._why)

    def ask(self, query: str, k: int) -> Answer:
        """As `Searcher.ask`; where the folder lies is left out."""
        found = self.searcher.ask(query, k)
        moments = tuple(Moment(**{**vars(one), "file": self._shown(one.file)}) for one in found.moments)
        return Answer(**{**vars(found), "model": self.name, "about": self.about, "folder": "", "moments": moments})

    def window(self, moment: Moment) -> int:
        """The id of the window that a moment is."""
        return self.searcher.store.id_of(self._prefix + moment.file, moment.start)

    def moment(self, window: int) -> tuple[str, float, float] | None:
        """The file, start and end of a window, if there is one of that id."""
        store = self.searcher.store
        if not len(store) or not np.isin(window, store.ids):
            return None
        file, start, end = store.window(window)
        return self._shown(file), start, end

    @property
    def unexplained(self) -> str:
        """Why this model's scores are not explained, or nothing."""
        return why.unexplained(self.searcher)

    def _why(self, query: str, window: int) -> QueryExplanation:
        return why.explained(self.searcher, query, window)

    @property
    def troubles(self) -> list[str]:
        """What could not be indexed, one line each, without where the folder lies."""
        folders = (self.searcher.folder, self.folder, self.folder.resolve())
        places = {f"{printable(str(folder))}/" for folder in folders}
        lines = changes(self.searcher.summary)
        for place in sorted(places, key=len, reverse=True):
            lines = [line.replace(place, "") for line in lines]
        return lines

    def _shown(self, file: str) -> str:
        return file.removeprefix(self._prefix)

    def _without_paths(self, what: str) -> str:
        """The model's name or description; of a model on this disk only its last part."""
        described = self.searcher.encoder.described
        _, _, where = described.name.partition(":")
        text: str = getattr(described, what)
        return text.replace(where, Path(where).name) if Path(where).is_absolute() else text


def open_second(first: Session, model: str, results: Path, tokenizer: str = "", device: str = AUTO) -> Session:
    """The same folder under another model, with windows and faces as in the first index.

    A folder has one index, of one model. So the second one is that of a folder in the cache which holds nothing but a
    link to the first: `bench index` would index it as any other. What it was made with is in its name.
    UsageError: it is the same model. Otherwise as `open_folder`.
    """
    about = first.searcher.store.about
    asked = resolved(model if ":" in model else f"run:{model}")
    if asked == about.model:
        raise UsageError(f"--compare {model} is the model that is compared with. Name another one.")
    link = _standing_for(first.folder, asked, about) / LINK
    if not link.is_symlink():
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(first.folder.resolve(), target_is_directory=True)
        except FileExistsError:
            pass  # another process was faster
        except OSError as error:
            raise BenchError(f"--compare needs a link at {link}, and cannot make it: {error.strerror}.") from None
    faces = about.faces.get("backend", ""), about.faces.get("settings", {})
    choice = Choice(asked, tokenizer, about.window, *faces, device=device)
    return Session(open_folder(link.parent, results, choice), first.folder, f"{LINK}/")


def _standing_for(folder: Path, model: str, about: IndexSettings) -> Path:
    faces = {key: about.faces[key] for key in ("backend", "settings")} if about.faces else {}
    made_with = json.dumps([str(folder.resolve()), model, about.window, faces], sort_keys=True)
    return home() / "demo" / f"{folder.resolve().name}-{hashlib.sha256(made_with.encode()).hexdigest()[:12]}"
