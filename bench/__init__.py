"""Does emotion help a model find the right video, and is the gain real?

The engine: data, emotions, the backbone, one training loop, one evaluator, the records. It knows no variant by name;
those live in the package `variants`. Each folder is one topic and imports only from those below it: `docs/python.md`
lists them. The names here are the public ones; each is imported when it is first asked for.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.compare.comparison import compare_records
    from bench.data.importers import register_dataset
    from bench.emotions import EMOTIONS
    from bench.emotions.scores import score_captions
    from bench.emotions.sources import emotion_source
    from bench.engine.external import score
    from bench.engine.from_python import run
    from bench.face_detection import face_backend
    from bench.metrics.metric_registry import metric
    from bench.model.variant import Variant
    from bench.model.variant_registry import register
    from bench.records.store import load_records
    from bench.report.figures import figure
    from bench.search.backends import search_backend

__version__ = "0.1.0"

# Threads of PyTorch that wait for each other give their core away, in place of spinning on it for milliseconds: beside
# other work that made training several times slower. OpenMP reads this when torch is imported. Results are the same.
if not os.environ.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

__all__ = [
    "EMOTIONS",
    "Variant",
    "compare_records",
    "emotion_source",
    "face_backend",
    "figure",
    "load_records",
    "metric",
    "register",
    "register_dataset",
    "run",
    "score",
    "score_captions",
    "search_backend",
]

# A public name is one line here, one above for type checkers, and one in __all__; a test holds the three together.
# None may be the name of a room: importing that would put the room in its place.
_HOMES = {
    "EMOTIONS": "bench.emotions",
    "Variant": "bench.model.variant",
    "compare_records": "bench.compare.comparison",
    "emotion_source": "bench.emotions.sources",
    "face_backend": "bench.face_detection",
    "figure": "bench.report.figures",
    "load_records": "bench.records.store",
    "metric": "bench.metrics.metric_registry",
    "register": "bench.model.variant_registry",
    "register_dataset": "bench.data.importers",
    "run": "bench.engine.from_python",
    "score": "bench.engine.external",
    "score_captions": "bench.emotions.scores",
    "search_backend": "bench.search.backends",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
