"""Plugin files for a while: loaded by a test or a module of tests, and forgotten after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.model import registry


@contextmanager
def loaded(*paths: Path) -> Iterator[None]:
    """Loads plugin files; at the end whatever came from plugins meanwhile is known no more."""
    modules = list(registry._plugins)
    try:
        for path in paths:
            registry.load_plugin(path)
        yield
    finally:
        came = [name for name in registry._plugins if name not in modules]
        registry._plugins[:] = modules
        for name in [name for name, variant in registry._registered.items() if variant.__module__ in came]:
            del registry._registered[name]
