"""Bulk work in shards: which item belongs to which shard, where a shard writes, and whether all shards are there.

A digest of an item's name says which of n shards it belongs to. So each item is in exactly one, whatever else is there,
on every machine, and items that come or go move no other one.

What a shard writes lies beside the output of the whole work: faces.3-of-8.parquet is the part of shard 3/8 of
faces.parquet.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from bench.errors import BenchError, UsageError
from bench.utils.source import code_digest, with_helpers

T = TypeVar("T")
SHOWN = 3  # shards or items that a message names


class Shard(NamedTuple):
    """One of `total` shards, numbered from 1."""

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """ "3/8". UsageError: anything else, or a number beyond the total."""
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
        shard = cls(*map(int, found.groups())) if found else None
        if shard is None or not 1 <= shard.number <= shard.total:
            raise UsageError(f"--shard takes the number of a shard and how many there are, 1/8 to 8/8, not {text!r}.")
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    def owns(self, name: str) -> bool:
        """Whether the item of that name is this shard's."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8]) % self.total == self.number - 1

    def part(self, out: Path) -> Path:
        """What this shard writes of an output."""
        return out.with_name(f"{out.stem}.{self.number}-of-{self.total}{out.suffix}")


def owned(items: Mapping[str, T], shard: Shard | None) -> dict[str, T]:
    """The items, by name, that are the shard's; without a shard all."""
    return {name: item for name, item in items.items() if shard is None or shard.owns(name)}


def all_parts(out: Path) -> dict[Shard, Path]:
    """What the shards of an output wrote, by shard. BenchError: nothing, not all of it, or of two counts."""
    parts = find_parts(out)
    counts = {shard.total for shard in parts}
    if not parts:
        raise BenchError(f"no shard of {out} is there. Run them first: --shard 1/N, …, --shard N/N")
    if len(counts) > 1:
        some = " and ".join(
            next(path.name for shard, path in parts.items() if shard.total == n) for n in sorted(counts)
        )
        raise BenchError(
            f"{out.parent} holds parts of different numbers of shards ({some}). Remove those of one number."
        )
    [count] = counts
    every = [Shard(number, count) for number in range(1, count + 1)]
    if lacking := [str(shard) for shard in every if shard not in parts]:
        raise BenchError(f"{out}: of {count} shards {len(lacking)} are missing. Run --shard {some_of(lacking)}")
    return {shard: parts[shard] for shard in every}


def find_parts(out: Path) -> dict[Shard, Path]:
    """What shards of an output have written so far, by shard."""
    form = re.compile(rf"{re.escape(out.stem)}\.([1-9]\d{{0,5}})-of-([1-9]\d{{0,5}}){re.escape(out.suffix)}", re.ASCII)
    found = {path: form.fullmatch(path.name) for path in out.parent.glob("*-of-*")}
    return {Shard(*map(int, match.groups())): path for path, match in sorted(found.items()) if match}


def some_of(names: list[str]) -> str:
    """The first few of some names."""
    return ", ".join([*names[:SHOWN], *["…"] * (len(names) > SHOWN)])


@cache
def code_of(*modules: str) -> str:
    """What changes when the code of imported modules does, or that of a module of bench which they import."""
    return code_digest(with_helpers(modules))[:16]
