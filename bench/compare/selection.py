"""Which records are asked about: --dataset, --only and --exclude."""

from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatchcase

from bench.errors import UsageError
from bench.records.protocol import LEFT_OUT, parse_signature
from bench.records.record import Record
from bench.utils.names import did_you_mean


def select(
    records: Sequence[Record],
    *,
    dataset: str = "",
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    baseline: str = "",
) -> list[Record]:
    """The records of a dataset that `only` names, if it names any, without those that `exclude` names.

    A name is a variant, a run's id (its controls come with it), or a part of the protocol, such as batches:twins; `*`
    stands for any letters. Of parts with one name one must fit, of parts with several names one of each. The baseline
    stays whatever variants and runs `only` names. UsageError, with near names: one that fits no record, or all of them
    are gone.
    """
    if dataset and dataset not in (known := {record.dataset for record in records}):
        raise UsageError(f"no record is of the dataset '{dataset}'.{did_you_mean(dataset, known)}")
    found = [record for record in records if not dataset or record.dataset == dataset]
    for name in (*only, *exclude):
        _check(name, found)
    if runs := [name for name in only if any(_is_run(record, name) for record in found)]:
        found = [one for one in found if _is_run(one, baseline) or any(_is_run(one, name) for name in runs)]
    parts = defaultdict(list)
    for name in only:
        if name not in runs:
            parts[name.partition(":")[0] if ":" in name else ""].append(name)
    for names in parts.values():
        found = [record for record in found if any(_has_part(record, name) for name in names)]
    found = [one for one in found if not any(_is_run(one, name) or _has_part(one, name) for name in exclude)]
    if not found:
        raise UsageError("--only and --exclude leave no run.")
    return found


def _is_run(record: Record, name: str) -> bool:
    return any(fnmatchcase(own, name) for own in (record.variant, record.run, record.controls["true_run"]))


def _has_part(record: Record, name: str) -> bool:
    parts = {**LEFT_OUT, **parse_signature(record.protocol)}
    return any(fnmatchcase(f"{part}:{value}", name) for part, value in parts.items()) or any(
        fnmatchcase(parts[part], name) for part in ("test", "size")
    )


def _check(name: str, records: Sequence[Record]) -> None:
    if any(_is_run(record, name) or _has_part(record, name) for record in records):
        return
    known = {own for record in records for own in (record.variant, record.run)}
    raise UsageError(
        f"'{name}' fits no run.{did_you_mean(name, known)} Name a variant, a run's id, or a part of the protocol such "
        "as batches:twins."
    )
