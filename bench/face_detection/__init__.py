"""What looks for faces in a clip and scores their expressions: face backends by name.

    @face_backend("mine")
    class Mine:
        def __init__(self, *, model: Path) -> None: ...
        def faces(self, clip: ClipFrames) -> list[list[Face]]: ...

One more is one such class, in a module of `bench.face_detection.backends` or in a plugin. It takes its settings as
keyword arguments, which are flags of `bench faces`: --model, --detector, --engine, --weights. It names its source for
people and for the record, and answers for one clip at a time. What is heavy to import waits until one is built.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.data.timeline import Span
from bench.errors import BenchError, UsageError
from bench.utils.plugins import load_plugin, plugin_files
from bench.utils.registry import Registry

T = TypeVar("T", bound=type)


class Face(NamedTuple):
    """One face of a frame."""

    scores: tuple[float, ...]  # of bench.data.faces.EXPRESSIONS, 0..1
    box: tuple[int, int, int, int]  # x, y, w, h in pixels
    confidence: float  # the detector's


@dataclass(frozen=True)
class ClipFrames:
    """A clip and which of its frames are to be looked at."""

    name: str
    path: Path
    frames: int  # how many it has
    indices: NDArray[np.int64]  # (T,) of the frames to look at, rising
    span: Span | None = None  # the seconds of the file that are the clip; None: all

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """These frames, (T, H, W, 3) RGB; decoded when they are first asked for. VideoError: a broken file."""
        from bench.data.video import read_frames
        from bench.face_detection.frames import is_picture, read_picture

        if is_picture(self.path):
            return read_picture(self.path)[None]
        return read_frames(self.path, self.indices, span=self.span)


class FaceBackend(Protocol):
    """What `face_backend` takes."""

    source: str  # one line for people: what, which version, which weights
    settings: dict[str, Any]  # all that can change its answers, as JSON holds it

    def faces(self, clip: ClipFrames) -> list[list[Face]]:
        """The faces of each looked-at frame, T lists; an empty one where there is none. BenchError: a broken clip."""
        ...


FACE_BACKENDS: Registry[type[FaceBackend]] = Registry("face backend", "bench.face_detection.backends")


def face_backend(name: str) -> Callable[[T], T]:
    """Class decorator: makes a backend known as `name`. UsageError: the name is taken."""

    def add(backend: T) -> T:
        FACE_BACKENDS.add(name, backend, backend)
        return backend

    return add


def settings_of(name: str) -> dict[str, Any]:
    """The settings that a backend takes, each with its default, or `inspect.Parameter.empty` if it needs one."""
    return {flag: known.default for flag, known in inspect.signature(FACE_BACKENDS.get(name)).parameters.items()}


def build(name: str, settings: dict[str, Any]) -> FaceBackend:
    """The backend `name`, ready to look.

    UsageError: as `check_settings`. BenchError: a package or a file of weights is missing.
    """
    check_settings(name, settings)
    return FACE_BACKENDS.get(name)(**settings)


class Recipe(NamedTuple):
    """What another process needs to build a backend: it starts anew, and has registered none."""

    name: str
    settings: tuple[tuple[str, Any], ...]
    plugins: tuple[Path, ...]  # files, one of which may bring the backend
    module: str  # that brings it

    @classmethod
    def of(cls, name: str, settings: dict[str, Any]) -> "Recipe":
        """UsageError: the backend is part of the script or notebook that runs, which no other process can import."""
        module = FACE_BACKENDS.get(name).__module__
        if module == "__main__":
            raise _out_of_reach(name)
        return cls(name, tuple(settings.items()), plugin_files(), module)

    def build(self) -> FaceBackend:
        """As `build`, in a process that has not registered the backend. UsageError: importing its module does not."""
        for plugin in self.plugins:
            load_plugin(plugin)
        why = ""
        try:
            import_module(self.module)
        except ImportError as error:  # no fault where a plugin has brought the backend already
            why = f" ({error})"
        if self.name not in FACE_BACKENDS:
            raise _out_of_reach(self.name, why)
        return build(self.name, dict(self.settings))


def _out_of_reach(name: str, why: str = "") -> UsageError:
    return UsageError(
        f"the face backend '{name}' is not in a module that other processes can import{why}. Put it into a file of its "
        "own, at the top, and import that or name it: --plugin FILE"
    )


def check_settings(name: str, settings: Iterable[str]) -> None:
    """UsageError: an unknown backend, a setting that it does not take, or one that it needs."""
    takes = settings_of(name)
    flags = ", ".join(f"--{flag}" for flag in takes)
    for flag in settings:
        if flag not in takes:
            raise UsageError(f"the backend '{name}' takes no --{flag}. It takes: {flags}.")
    for flag, default in takes.items():
        if default is inspect.Parameter.empty and flag not in settings:
            raise UsageError(f"the backend '{name}' needs --{flag} FILE: see docs/faces.md.")


def needs_extra(backend: str, error: ImportError) -> BenchError:
    """What to say where a package is missing."""
    return BenchError(
        f"the backend '{backend}' cannot import {error.name or error}. "
        "It needs the extra faces: pip install -c constraints.txt -e '.[faces]'"
    )
