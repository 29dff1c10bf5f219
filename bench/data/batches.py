"""Which clips make up each batch of training.

    random     clips in a random order, cut into batches
    twins      clips of one content in several moods come together: within such a pair content alone tells nothing
    similar    for any dataset: clips whose captions are alike but for emotion come together, in pairs

A batch is a function of the seed, the epoch and its number alone, so a run may be interrupted anywhere and shared by
any number of processes. In an epoch each clip occurs at most once: those that do not fill a last batch are left out.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.config import TrainConfig
from bench.data.annotation import Annotation
from bench.data.similar import SimilarPairs
from bench.errors import UsageError

Key = tuple[int, int]  # epoch, place in the split
Groups = Callable[[np.random.Generator], list[list[int]]]  # the places of clips that come together in an epoch


def check_batches(train: Annotation, config: TrainConfig) -> None:
    """UsageError if a training split does not have what its batches are to be made of."""
    if config.batches == "twins" and not train.twins:
        raise UsageError(
            f"--train.batches twins: {train.dataset}/{train.split} does not say which clips are twins. "
            "For any dataset: --train.batches similar"
        )


def training_groups(train: Annotation, config: TrainConfig) -> Groups | None:
    """What of a split comes together, by `config.batches`; None for nothing.

    UsageError: captions of emotion words alone.
    """
    if config.batches == "twins":
        twins = connected(train.twins)
        return lambda rng: twins
    if config.batches == "similar":
        return SimilarPairs(train)
    return None


def training_keys(
    n: int,
    batch: int,
    seed: int,
    batches: range,
    *,
    groups: Groups | None = None,
    share: float = 1.0,
    rank: int = 0,
    world: int = 1,
) -> Iterator[list[Key]]:
    """The samples of each training batch, by number; this rank's part of them. The rest of an epoch is dropped.

    groups, share: see `compose`.
    """
    per_epoch = n // batch
    for number in batches:
        epoch, place = divmod(number, per_epoch)
        if place == 0 or number == batches.start:
            rng = np.random.default_rng([seed, epoch])
            composed = compose(n, batch, groups(rng) if groups else [], share, rng)
        part = batch // world
        yield [(epoch, int(p)) for p in composed[place][rank * part : (rank + 1) * part]]


def compose(
    n: int, batch: int, groups: Sequence[Sequence[int]], share: float, rng: np.random.Generator
) -> NDArray[np.int64]:  # (n // batch, batch)
    """The batches of an epoch over n clips: places in the split, each at most once.

    groups: clips that come together; disjoint. share: how much of each batch is filled with whole groups, if there are
    so many; the rest are clips drawn one by one from what is left.
    """
    batches = n // batch
    whole = [list(group[start : start + batch]) for group in groups for start in range(0, len(group), batch)]
    in_batch = min(share, sum(map(len, whole)) / n) * batch  # clips that come in groups, as many in every batch
    waiting = [whole[place] for place in rng.permutation(len(whole))] if whole else []
    filled: list[list[int]] = []
    taken = 0
    for number in range(1, batches + 1):
        places, waiting = _fill(waiting, min(batch, math.floor(number * in_batch + 1e-9) - taken))
        filled.append(places)
        taken += len(places)
    free = np.ones(n, np.bool_)
    free[[place for places in filled for place in places]] = False
    loose = iter(rng.permutation(np.flatnonzero(free)).tolist())
    return np.array([[*places, *(next(loose) for _ in range(batch - len(places)))] for places in filled], np.int64)


def _fill(waiting: list[list[int]], room: int) -> tuple[list[int], list[list[int]]]:
    """The clips of the first groups that fit, and the groups that go on waiting."""
    places: list[int] = []
    passed: list[list[int]] = []
    for number, group in enumerate(waiting):
        if len(places) == room:
            return places, passed + waiting[number:]
        if len(places) + len(group) <= room:
            places += group
        else:
            passed.append(group)
    return places, passed


def connected(twins: Mapping[int, int]) -> list[list[int]]:
    """The clips that are twins of one another, by way of others too: groups of two or more, in order."""
    found: dict[int, list[int]] = {}
    for one, other in twins.items():
        joined = found.get(one, [one])
        if other not in joined:
            joined = sorted({*joined, *found.get(other, [other])})
            found |= dict.fromkeys(joined, joined)
    groups = {group[0]: group for group in found.values()}
    return [groups[first] for first in sorted(groups)]
