"""Does emotion help a model find the right video, and is the gain real?

The engine: data, emotions, the backbone, one training loop, one evaluator, the records. It knows no variant by name;
those live in the package `variants`. Each folder is one topic and imports only from those below it: `docs/python.md`
lists them. The names here are the public ones; each is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.emotions import EMOTIONS
    from bench.model.registry import register
    from bench.model.variant import Variant

__version__ = "0.1.0"

__all__ = ["EMOTIONS", "Variant", "register"]

_HOMES = {"EMOTIONS": "bench.emotions", "Variant": "bench.model.variant", "register": "bench.model.registry"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
