"""Which records are asked about: --dataset and --only."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from bench.errors import UsageError
from bench.records.record import Record
from bench.utils.names import did_you_mean


def select(
    records: Sequence[Record], *, dataset: str = "", only: Sequence[str] = (), baseline: str = ""
) -> list[Record]:
    """The records of a dataset that `only` names, if it names any.

    A name is a variant or a run's id (its controls come with it); `*` stands for any letters. The baseline stays.
    UsageError, with near names: one that fits no record.
    """
    if dataset and dataset not in (known := {record.dataset for record in records}):
        raise UsageError(f"no record is of the dataset '{dataset}'.{did_you_mean(dataset, known)}")
    found = [record for record in records if not dataset or record.dataset == dataset]
    for name in only:
        if not any(_is_run(record, name) for record in found):
            known = {own for record in found for own in (record.variant, record.run)}
            raise UsageError(f"'{name}' fits no run.{did_you_mean(name, known)} Name a variant or a run's id.")
    return [one for one in found if not only or any(_is_run(one, name) for name in (*only, baseline))]


def _is_run(record: Record, name: str) -> bool:
    return any(fnmatchcase(own, name) for own in (record.variant, record.run, record.controls["true_run"]))
