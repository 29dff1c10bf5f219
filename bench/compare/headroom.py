"""Headroom: how far a run has come from a floor to a ceiling, as a share of the way.

    headroom used = (run - floor) / (ceiling - floor)

Of R@1 the floor is the baseline before any training step (`--train.epochs 0`), the ceiling the trained baseline told
the true mood of every query and clip (`--emotions oracle`). What a model reaches that knows the content of every clip
and nothing of its mood follows from the twins, and is shown as a row of its own: beyond it a gain is emotion's.
Of TwinAcc that is chance, 50, which serves as the floor: what is used of the way from there is emotion used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.compare.asked import content_clusters, query_clusters
from bench.compare.groups import Family, Group
from bench.compare.numbers import estimate, number
from bench.data.cards import load_card
from bench.data.questions import ALL
from bench.errors import BenchError, UsageError
from bench.metrics.estimate import Estimate
from bench.metrics.metric_registry import TWIN_ACCURACY
from bench.metrics.seeds import share_of_way
from bench.records.record import Record
from bench.utils.tables import Table

CHANCE = 0.5  # of a query's own clip to score above its twin, by content alone


@dataclass(frozen=True)
class Bounds:
    """Floor and ceiling of a group's runs."""

    floor: Family
    ceiling: Family

    def used(self, family: Family) -> Estimate:
        """The share of the headroom of T2V R@1 that a family uses; 1 is all of it. Empty where there is none."""
        rows = range(family.records[0].metrics[ALL]["n"])
        run, floor, ceiling = (side.hits(rows, "t2v", 1) for side in (family, self.floor, self.ceiling))
        return _used(run, floor, ceiling, query_clusters(family, rows))

    def emotion_used(self, family: Family) -> Estimate:
        """The share of the way from chance to the ceiling's TwinAcc; of records with twins."""
        record = family.records[0]
        rows = sorted(record.twins)
        chance = np.full((1, len(rows)), CHANCE)
        return _used(family.twin_wins(rows), chance, self.ceiling.twin_wins(rows), content_clusters(record, rows))


def bounds(group: Group, baseline: str) -> Bounds | None:
    """None where the floor or the ceiling is not among the records; `missing` says which run to make."""
    base = None if group.mixed else group.baseline(baseline)
    floor, ceiling = (group.floor(base), group.ceiling(base)) if base else (None, None)
    return Bounds(floor, ceiling) if floor and ceiling else None


def missing(group: Group, baseline: str) -> str:
    """Which run headroom takes that is not there; empty where it is there, or where the truth is not known."""
    base = None if group.mixed else group.baseline(baseline)
    if not base or base.records[0].external or not _knows_moods(base.records[0]):
        return ""
    lacking = [] if group.ceiling(base) else ["with --emotions oracle (the ceiling)"]
    lacking += [] if group.floor(base) else ["with --train.epochs 0 (the floor)"]
    once = " and once ".join(lacking)
    how = f"{'once ' * (len(lacking) > 1)}{once}"
    return f"To see the headroom, run {base.name} with the settings that it has here, but {how}." if lacking else ""


def headroom(group: Group, found: Bounds) -> Table:
    """T2V R@1, TwinAcc, and what each family uses of the headroom: ceiling first, floor last."""
    record = group.records[0]
    twins = bool(record.twins)
    rows: list[list[str] | str] = [[f"ceiling: {found.ceiling.name}", *_cells(found, found.ceiling, twins)]]
    rows += [[family.name, *_cells(found, family, twins)] for family in group.families if family is not found.floor]
    if twins:
        rows.append(["content alone, computed", *_by_content(found, record)])
    rows.append([f"floor: {found.floor.name}", *_cells(found, found.floor, twins)])
    return Table(["", "T2V R@1", "headroom used", *([TWIN_ACCURACY, "emotion used"] if twins else [])], rows)


HEADROOM_NOTE = (
    "Headroom used: (run - floor) / (ceiling - floor) of T2V R@1, 1 is all of it, [95 % interval]. Floor: before "
    "training. Ceiling: told the true mood of query and clip (oracle), not a result."
)
NOTE_TWINS = (
    " Content alone: a model that knows all content and no mood. Emotion used: the same ratio for TwinAcc, from 50."
)


def content_alone(record: Record) -> float:
    """Mean T2V R@1, a share, of a model to which the clips of one content are alike and no others are."""
    n = record.metrics[ALL]["n"]
    of = content_clusters(record, range(n))
    return float((1 / np.bincount(of)[of]).mean())


def _cells(found: Bounds, family: Family, twins: bool) -> list[str]:
    """Two cells a quantity: its mean over the seeds, and what is used of the way; by definition 0 and 1 at the ends."""
    used = {found.floor.name: "0", found.ceiling.name: "1"}.get(family.name) or estimate(found.used(family), 2)
    cells = [number(family.recall), used]
    if not twins:
        return cells
    accuracy = 100 * float(family.twin_wins(sorted(family.records[0].twins)).mean())
    emotion = "1" if family.name == found.ceiling.name else estimate(found.emotion_used(family), 2)
    return [*cells, number(accuracy), emotion]


def _by_content(found: Bounds, record: Record) -> list[str]:
    """The cells of what is computed: numbers without an interval."""
    reached = content_alone(record)
    floor, ceiling = (side.recall / 100 for side in (found.floor, found.ceiling))
    used = (reached - floor) / (ceiling - floor) if ceiling > floor else None
    return [number(100 * reached), "–" if used is None else number(used, digits=2), number(100 * CHANCE), "0"]


def _used(run: NDArray, floor: NDArray, ceiling: NDArray, clusters: NDArray) -> Estimate:
    found = share_of_way(run, floor, ceiling, clusters)
    if found is None:
        return Estimate.empty()
    low, high = found.interval() or (None, None)
    return Estimate(found.value, low, high)


def _knows_moods(record: Record) -> bool:
    """Whether a ceiling can be made: the dataset's card names the subsets of true moods, and the record has them."""
    try:
        root = record.config.get("root")  # of a dataset of one's own, where its card lies
        moods: Sequence[str] = load_card(record.dataset, Path(root) if isinstance(root, str) else None).moods
    except (BenchError, UsageError):  # of a plugin that is not loaded
        return False
    return bool(moods) and all(mood in record.subsets for mood in moods)
