"""Registering things for the time of one test."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.data import cards
from bench.data.importers import IMPORTERS
from bench.emotions.sources import SOURCES
from bench.face_detection import BACKENDS
from bench.utils import plugins


@contextmanager
def forgotten() -> Iterator[None]:
    """What is registered inside, by a test or a plugin that it loads, is forgotten afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for registry in (IMPORTERS, SOURCES, BACKENDS):
            registry.names()
            patch.setattr(registry, "_things", dict(registry._things))
            patch.setattr(registry, "_modules", dict(registry._modules))
        patch.setattr(cards, "_of_plugins", dict(cards._of_plugins))
        patch.setattr(plugins, "_files", dict(plugins._files))
        yield
