"""Arrays that a person gives, as files or from a script: which row is whose, and what is wrong with them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.split_ids import places, read_ids
from bench.errors import BenchError, UsageError
from bench.utils.array_files import read_arrays, the_array
from bench.utils.files import sha256

Given = str | Path | NDArray[Any] | Tensor  # a file, or the array itself
GivenIds = str | Path | Sequence[str]  # a file, or the ids themselves

QUERIES, VIDEOS = "queries", "videos"
IDS = {QUERIES: "query_ids", VIDEOS: "video_ids"}  # what ids are called in files and as arguments
ROWS = 1024  # looked at together


@dataclass(frozen=True)
class NamedIds:
    """Ids, and what errors call them."""

    ids: list[str]
    name: str


@dataclass(frozen=True)
class GivenArray:
    """An array, mapped from its file where that can be.

    name: what errors call it. digest: sha256 of the file, or of the numbers. ids: of the rows or columns that are
    queries or videos, where they were given.
    """

    array: Tensor
    name: str
    digest: str
    ids: dict[str, NamedIds]

    @property
    def size(self) -> str:
        """Its shape, for people."""
        return " x ".join(map(str, self.array.shape)) if self.array.ndim else "a single number"

    def order(self, axis: str, wanted: Sequence[str], where: str) -> Tensor:
        """(n,) for each wanted id its row or column; without ids they are in order. BenchError: ids that do not fit.

        axis: QUERIES or VIDEOS. where: the split, for errors.
        """
        if axis not in self.ids:
            return torch.arange(len(wanted))
        named = self.ids[axis]
        return torch.tensor(places(named.ids, wanted, named.name, f"{axis} of {where}"))

    def check_numbers(self, *axes: tuple[Tensor, Sequence[str]]) -> None:
        """BenchError for the first number that float32 does not have, with its place and whose it is.

        axes: the order of the rows, and of the columns where they are something's, each with the ids in that order.
        """
        for start in range(0, len(self.array), ROWS):
            finite = torch.isfinite(self.array[start : start + ROWS].float())
            if finite.all():
                continue
            row, column = torch.nonzero(~finite)[0].tolist()
            row += start
            whose = [ids[int((order == at).nonzero())] for (order, ids), at in zip(axes, (row, column), strict=False)]
            value = self.array[row, column].item()
            where = f"{self.name}: [{row}, {column}]"
            raise BenchError(f"{where} is {value} ({', '.join(whose)}), not a finite number in float32.")


def open_given(given: Given, role: str, axes: Sequence[str], ids: dict[str, NamedIds]) -> GivenArray:
    """The array, or that of a file, with the ids of its axes: those given, or those that the file holds itself.

    role: what the array is called in a file of several. UsageError: no such file, or ids twice.
    """
    found = {axis: ids[axis] for axis in axes if axis in ids}
    if not isinstance(given, (str, Path)):
        array = torch.as_tensor(np.ascontiguousarray(given) if isinstance(given, np.ndarray) else given).detach().cpu()
        return GivenArray(array, role, _digest_of(array), found)
    path = Path(given)
    entries = read_arrays(path)
    for axis in axes:
        name = next((name for name in (IDS[axis], *(["ids"] if len(axes) == 1 else [])) if name in entries), "")
        if name and axis in found:
            raise UsageError(f"{path} holds {name} itself: leave out --{IDS[axis].replace('_', '-')}.")
        if name:
            entry = entries[name]
            own = entry if isinstance(entry, list) else [str(one) for one in entry.flatten().tolist()]
            found[axis] = NamedIds(own, f"{path}, {name}")
    return GivenArray(the_array(entries, role, path), str(path), sha256(path), found)


def named_ids(queries: GivenIds | None, videos: GivenIds | None) -> dict[str, NamedIds]:
    """Those that were given, by axis. UsageError: a file that cannot be read."""
    found = {}
    for axis, given in ((QUERIES, queries), (VIDEOS, videos)):
        if isinstance(given, (str, Path)):
            found[axis] = NamedIds(read_ids(Path(given)), str(given))
        elif given is not None:
            found[axis] = NamedIds([str(one) for one in given], IDS[axis])
    return found


def digest_of_all(arrays: Sequence[GivenArray], ids: dict[str, NamedIds]) -> str:
    """The sha256 of the one file that was given; of several, and of ids beside them, that of their digests."""
    digests = [given.digest for given in arrays]
    digests += [hashlib.sha256("\n".join([axis, *named.ids]).encode()).hexdigest() for axis, named in ids.items()]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _digest_of(array: Tensor) -> str:
    content = array.contiguous().reshape(-1).view(torch.uint8).numpy()
    return hashlib.sha256(f"{array.dtype} {tuple(array.shape)} ".encode() + content.tobytes()).hexdigest()
