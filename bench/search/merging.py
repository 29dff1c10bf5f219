"""Makes a folder's index of the parts that shards made of it (`bench index DIR --shard 3/8`), which are removed then.

A part is an index of the shard's own videos in a folder beside that of the whole. The merged index holds the videos in
the order in which a run without shards would have taken them.
"""

import shutil
from dataclasses import fields, replace
from pathlib import Path

from bench.errors import BenchError, UsageError
from bench.search import building, index_store
from bench.search.building import Listing, UpdateSummary
from bench.search.index_store import IndexSettings, Store
from bench.utils.shards import Shard, all_parts, find_parts, some_of

SAVE_EVERY = 65_536  # windows: what is held in memory


def merge(folder: Path, replace_index: bool = False) -> tuple[Store, UpdateSummary]:
    """The merged index, and what changed in that of the folder; no model is needed.

    replace_index: put it in place of an index that was made otherwise. Without any part, an index that has all videos
    is left as it is. UsageError: no such folder, or an index that was made otherwise. BenchError: parts that are
    missing, incomplete or unlike each other.
    """
    found = building.walk(folder)
    summary = UpdateSummary(hidden=found.hidden, unreadable=found.unreadable, unread=found.unread)
    whole, path = index_store.read(folder), index_store.place(folder)
    if whole is not None and not find_parts(path) and not building.pending(whole, found):
        building.compared(whole, found, False, summary)
        building.count(whole, summary)
        return whole, summary
    parts, about = _parts(folder)
    alike = whole is not None and whole.about == about
    if whole is not None and not alike and not replace_index:
        raise UsageError(
            f"{folder} has an index that was made otherwise than its shards ({_difference(whole.about, about)}). "
            f"Replace it by theirs: bench index {folder} --merge --replace"
        )
    _check_complete(folder, found, parts, whole if alike else None)
    if whole is None or alike:
        store = Store(path, about) if whole is None else whole
        with store.locked():
            _take(store, found, parts, summary)
    else:
        with whole.locked():
            store = index_store.replacement(whole, about)
            _take(store, found, parts, summary)
            store.take_place_of(whole)
    for part in parts.values():
        shutil.rmtree(part.path, ignore_errors=True)
    return store, summary


def _parts(folder: Path) -> tuple[dict[Shard, Store], IndexSettings]:
    """The parts of all shards, and what all were made with."""
    parts: dict[Shard, Store] = {}
    for shard in all_parts(index_store.place(folder)):
        part = index_store.read(folder, shard)
        if part is None:
            raise BenchError(f"shard {shard} of {folder} was not finished. {_again(folder, shard)}")
        first, one = next(iter(parts.items()), (shard, part))
        if differs := _difference(one.about, part.about):
            raise BenchError(
                f"shards {first} and {shard} of {folder} were made differently ({differs}). {_again(folder, shard)}"
            )
        parts[shard] = part
    return parts, replace(one.about, code="")


def _check_complete(folder: Path, found: Listing, parts: dict[Shard, Store], whole: Store | None) -> None:
    """BenchError: a part lacks a video of its shard, or has it as it was before it changed."""
    for shard, part in parts.items():
        _, lacking = building.compared(part, building.of_shard(shard, found, whole), False, UpdateSummary())
        if lacking:
            raise BenchError(
                f"shard {shard} of {folder} lacks {len(lacking)} videos that are new or changed ({some_of(lacking)}). "
                f"{_again(folder, shard)}"
            )


def _take(store: Store, found: Listing, parts: dict[Shard, Store], summary: UpdateSummary) -> None:
    """Brings an index up to date with what the parts hold."""
    old, todo = building.compared(store, found, False, summary)
    store.remove(old)
    of = {path: part for shard, part in parts.items() for path in part.entries if shard.owns(path)}
    held = 0
    for path in todo:
        features, faces = of[path].rows(path)
        store.add(path, of[path].entries[path], features, faces)
        held += len(features)
        if held >= SAVE_EVERY:
            store.save()
            held = 0
    store.save()
    building.count(store, summary)


def _difference(one: IndexSettings, other: IndexSettings) -> str:
    """The first setting in which two differ, with both values, or an empty text."""
    for field in fields(one):
        values = [getattr(about, field.name) for about in (one, other)]
        if values[0] != values[1]:
            return f"{field.name}: {values[0]}, {values[1]}"
    return ""


def _again(folder: Path, shard: Shard) -> str:
    return f"Repeat it: bench index {folder} --shard {shard}"
