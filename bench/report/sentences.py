"""What the records say, in sentences that are computed: verdicts, controls, optimism, and what is missing."""

from collections.abc import Sequence

from bench.compare.groups import Group, control
from bench.compare.sections import Section


def sentences(group: Group, sections: Sequence[Section]) -> list[str]:
    """The sentences of one group, most important first: they are those that stand below its tables."""
    trues, found = group.trues, []
    trained = [family for family in group.families if family.trained]
    families = trained or group.families  # the start alone is no variant of its own
    runs = [record for family in families for record in family.records]
    if runs:
        queries = runs[0].queries
        found.append(
            f"{_count(len(runs), 'run')} of {_count(len(families), 'variant')} under "
            f"{_count(len({record.seed for record in runs}), 'seed')}, {len(queries['captions'])} queries against "
            f"{len(queries['videos'])} clips of {runs[0].dataset}."
        )
    by_key = {
        section.key: [sentence for sentence in section.table.below if not sentence.startswith("faces: ")]
        for section in sections
    }
    if "verdicts" in by_key:
        found += [sentence for key, below in by_key.items() if key.startswith("verdicts") for sentence in below]
    elif trues:
        found.append("Nothing is tested: it takes a run of the baseline and one of another variant.")
    found += by_key.get("controls", [])
    if trues and trues[0].external:
        found.append(
            "Whether emotion makes the difference is open: models that are scored from files have no controls."
        )
    elif trues and not any(control(record) for record in group.records):
        found.append("Whether a gain comes from emotion is open: no run has a control yet (bench grid controls).")
    return found + by_key.get("runs", [])  # of runs that were selected on the test set


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"
