"""Which revision of an index a backend's copy of its vectors has: a small file beside the index."""

import json

from bench.search.index_store import Store
from bench.utils.files import replacing


def is_marked(store: Store, backend: str, place: str) -> bool:
    """Whether the backend's copy at `place` was brought to this revision of the index."""
    path = store.path / f"{backend}.json"
    return path.is_file() and path.read_text(encoding="utf-8") == _line(store, place)


def mark(store: Store, backend: str, place: str) -> None:
    """Writes down that the copy at `place` has what this revision of the index has."""
    with replacing(store.path / f"{backend}.json") as temporary:
        temporary.write_text(_line(store, place), encoding="utf-8")


def _line(store: Store, place: str) -> str:
    return json.dumps({"url": place, "revision": store.revision})
