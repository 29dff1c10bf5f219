"""What looks for faces in a clip and scores their expressions: backends by name, one module each.

A backend is a class that takes its settings as keyword arguments, which are the flags of `bench faces`. It names its
source for people and for the record, and answers for one clip at a time. Nothing heavy is imported before one is built.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError, UsageError
from bench.utils.names import did_you_mean

T = TypeVar("T", bound=type)

_registered: dict[str, type["Backend"]] = {}


class Face(NamedTuple):
    """One face of a frame."""

    scores: tuple[float, ...]  # of bench.data.faces.EXPRESSIONS, 0..1
    box: tuple[int, int, int, int]  # x, y, w, h in pixels
    confidence: float  # the detector's


@dataclass(frozen=True)
class Clip:
    """A clip and which of its frames are to be looked at."""

    name: str
    path: Path
    frames: int  # how many the file has
    indices: NDArray[np.int64]  # (T,) of the frames to look at, rising

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """These frames, (T, H, W, 3) RGB; decoded when they are first asked for. VideoError: a broken file."""
        from bench.data.video import read_frames
        from bench.face_detection.frames import is_picture, read_picture

        return read_picture(self.path)[None] if is_picture(self.path) else read_frames(self.path, self.indices)


class Backend(Protocol):
    """What `register` takes."""

    source: str  # one line for people: what, which version, which weights
    settings: dict[str, Any]  # all that can change its answers, as JSON holds it

    def faces(self, clip: Clip) -> list[list[Face]]:
        """The faces of each looked-at frame, T lists; an empty one where there is none. BenchError: a broken clip."""
        ...


def register(name: str) -> Callable[[T], T]:
    """Class decorator: makes a backend known as `name`."""

    def add(backend: T) -> T:
        _registered[name] = backend
        return backend

    return add


def backends() -> dict[str, type[Backend]]:
    """Every backend by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(_registered.items()))


def build(name: str, settings: dict[str, Any]) -> Backend:
    """The backend `name`, ready to look.

    UsageError: an unknown name, a setting that it does not take, or one that it needs. BenchError: a package or a file
    of weights is missing.
    """
    known = backends()
    if name not in known:
        raise UsageError(f"'{name}' is no backend for faces.{did_you_mean(name, known)} There are: {', '.join(known)}.")
    takes = inspect.signature(known[name]).parameters
    flags = ", ".join(f"--{flag}" for flag in takes)
    for flag in settings:
        if flag not in takes:
            raise UsageError(f"the backend '{name}' takes no --{flag}. It takes: {flags}.")
    for flag, parameter in takes.items():
        if parameter.default is parameter.empty and flag not in settings:
            raise UsageError(f"the backend '{name}' needs --{flag} FILE: see docs/faces.md.")
    return known[name](**settings)


def needs_extra(backend: str, error: ImportError) -> BenchError:
    """What to say where a package is missing."""
    return BenchError(
        f"the backend '{backend}' cannot import {error.name or error}. "
        "It needs the extra faces: pip install -c constraints.txt -e '.[faces]'"
    )
