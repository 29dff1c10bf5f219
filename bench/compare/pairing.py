"""Which runs of a variant may be set against which of the baseline, and why the others may not."""

from dataclasses import dataclass, replace

from bench.compare.groups import Family, Group, training_settings
from bench.utils.text import counted


@dataclass(frozen=True)
class Pair:
    """Two families of equal training and equal numbers of seeds. note: a sentence where not all seeds are compared."""

    family: Family
    baseline: Family
    note: str = ""


def pairs(group: Group, baseline: str) -> list[Pair]:
    """Every family of a group that may be compared with the baseline, the best first; none in a mixed group."""
    return [found for found in _tried(group, baseline) if isinstance(found, Pair)]


def withheld(group: Group, baseline: str) -> list[str]:
    """A sentence for every family that may not be compared with the baseline: why there is no verdict."""
    return [found for found in _tried(group, baseline) if isinstance(found, str)]


def _tried(group: Group, baseline: str) -> list[Pair | str]:
    base = group.baseline(baseline) if group.questions and not group.mixed else None
    return [_pair(family, base) for family in group.others(base)] if base else []


def _pair(family: Family, baseline: Family) -> Pair | str:
    """The two with as many seeds on both sides, or why there is no verdict.

    Where the numbers of seeds differ, those that both have are compared: a mean of three seeds is surer than a single
    one, and picking among them is not ours to do.
    """
    if unequal := _unequal_training(family, baseline):
        return f"No verdict on {family.name}: its training differs from the baseline's ({', '.join(unequal)})."
    if len(family.records) == len(baseline.records):
        return Pair(family, baseline)
    counts = f"{counted(len(family.records), 'seed')} against {len(baseline.records)} of {baseline.name}"
    shared = sorted(set(family.seeds) & set(baseline.seeds))
    if not shared:
        return f"No verdict on {family.name}: {counts}, none in common. Run it with the same seeds."
    seeds = ", ".join(map(str, shared))
    note = f"{family.name} has {counts}: compared are those that both have ({seeds})."
    return Pair(_only(family, shared), _only(baseline, shared), note)


def _unequal_training(family: Family, baseline: Family) -> list[str]:
    """Each setting of the training in which two families differ, with both values.

    A setting that an older record does not know had the value that changes nothing; one that this version does not
    know, and one of the two does not have, is no difference.
    """
    one, other = (training_settings(side.records[0]) for side in (family, baseline))
    return [f"{name} {one[name]}, there {other[name]}" for name in one if name in other and one[name] != other[name]]


def _only(family: Family, seeds: list[int]) -> Family:
    return replace(family, records=tuple(record for record in family.records if record.seed in seeds))
