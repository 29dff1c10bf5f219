"""Registering things for the time of a test, or of a module of tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.data import cards
from bench.data.importers import IMPORTERS
from bench.emotions.sources import SOURCES
from bench.face_detection import FACE_BACKENDS
from bench.metrics.metric_registry import METRICS
from bench.model import variant_registry as variants
from bench.report.figures import FIGURES
from bench.search.backends import SEARCH_BACKENDS
from bench.utils import plugins


@contextmanager
def forgotten() -> Iterator[None]:
    """What is registered inside, by a test or a plugin that it loads, is forgotten afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for registry in (IMPORTERS, SOURCES, FACE_BACKENDS, SEARCH_BACKENDS, METRICS, FIGURES):
            registry.names()
            patch.setattr(registry, "_things", dict(registry._things))
            patch.setattr(registry, "_modules", dict(registry._modules))
        patch.setattr(cards, "_of_plugins", dict(cards._of_plugins))
        patch.setattr(plugins, "_files", dict(plugins._files))
        yield
        for name, variant in list(variants._registered.items()):
            if variant.__module__.startswith("bench_plugin_"):
                del variants._registered[name]


@contextmanager
def loaded(*paths: Path) -> Iterator[None]:
    """Plugin files, loaded for a while."""
    with forgotten():
        for path in paths:
            variants.load_plugin(path)
        yield
