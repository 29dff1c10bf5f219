"""Things of one kind by name, e.g. datasets or figures: one more is one registration, and no list elsewhere changes.

    FIGURES: Registry[Callable[[Context], Figure]] = Registry("figure", "bench.report.figures")

    @FIGURES.register("recalls")
    def recalls(context): ...

A thing is known once the module that registers it is imported. For the built-in ones that happens when names are first
asked for, so that importing a registry is cheap; plugin files and installed packages are in `bench.utils.plugins`.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Generic, TypeVar

from bench.errors import UsageError
from bench.utils.names import did_you_mean
from bench.utils.plugins import load_installed

T = TypeVar("T")


class Registry(Generic[T]):
    """The things of one kind. Iterating gives their names, in alphabetical order.

    kind: the word for one of them in messages, e.g. "dataset".
    builtin: a module that registers some when it is imported; of a package, all its modules. None: there are none.
    """

    def __init__(self, kind: str, builtin: str | None = None):
        self.kind, self.builtin = kind, builtin
        self._things: dict[str, T] = {}
        self._modules: dict[str, ModuleType | None] = {}  # where each was registered
        self._complete = self._loading = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: makes a function or class known as `name`. UsageError, naming both places, if it is taken."""

        def add(thing: T) -> T:
            self.add(name, thing, thing)
            return thing

        return add

    def add(self, name: str, thing: T, source: Any) -> None:
        """Makes `thing` known as `name`; `source` is the function or class that it was made from.

        A plugin file that is loaded again, or a notebook's cell, replaces what it registered before.
        """
        module = sys.modules.get(source.__module__)
        if name in self._things and not _again(self._modules[name], module):
            places = f"in {_place(self._modules[name])} and in {_place(module)}"
            raise UsageError(f"the {self.kind} '{name}' is registered twice: {places}. Rename one of them.")
        self._things[name], self._modules[name] = thing, module

    def names(self) -> list[str]:
        """All names there are, in alphabetical order."""
        self._load()
        return sorted(self._things)

    def get(self, name: str) -> T:
        """What is registered as `name`. UsageError, with near names, if nothing is."""
        self._load()
        if name not in self._things:
            near = did_you_mean(name, self._things) or f" There are: {', '.join(self.names()) or 'none'}."
            raise UsageError(f"'{name}' is no {self.kind}.{near}")
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def items(self) -> list[tuple[str, T]]:
        """Names and things, in alphabetical order."""
        return [(name, self._things[name]) for name in self.names()]

    def _load(self) -> None:
        """Imports the built-in modules and the installed plugins, once; while it does, names are those so far."""
        if self._complete or self._loading:
            return
        self._loading = True
        try:
            if self.builtin:
                package = importlib.import_module(self.builtin)
                for found in pkgutil.iter_modules(getattr(package, "__path__", [])):
                    importlib.import_module(f"{self.builtin}.{found.name}")
            load_installed()
            self._complete = True
        finally:
            self._loading = False


def _again(known: ModuleType | None, module: ModuleType | None) -> bool:
    """Whether `module` is `known` run anew: the same file imported once more, or a session without a file."""
    file, before = getattr(module, "__file__", None), getattr(known, "__file__", None)
    return file == before and (module is not known or file is None)


def _place(module: ModuleType | None) -> str:
    return str(getattr(module, "__file__", None) or getattr(module, "__name__", "an unknown module"))
