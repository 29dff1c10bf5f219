"""A run that finds no more than guessing would: said under its table, with what to look at."""

from bench.compare.groups import control
from bench.compare.numbers import estimate
from bench.compare.run_tables import entry
from bench.metrics.statistics import MIN_QUERIES
from bench.model.variant_registry import entries
from bench.records.record import Record


def at_chance(record: Record, subset: str) -> list[str]:
    """Sentences on a trained, true run whose T2V R@1 is no better than guessing; none for any other run.

    Of all queries or, if those are above chance, of a subset's. No better: its interval reaches down to the R@1 of
    guessing, one in the gallery.
    """
    if control(record) or not record.curve:
        return []
    guessing = 100 / len(record.queries["videos"])
    for name in ("all", subset):
        metrics, found = record.metrics.get(name), entry(record, name, "t2v", "R@1")
        if metrics and metrics["n"] >= MIN_QUERIES and found.low is not None and found.low <= guessing:
            queries = f"{metrics['n']} queries" if name == "all" else f"the {metrics['n']} queries of {name}"
            known = entries().get(record.variant)
            return [
                f"At chance level: T2V R@1 of {queries} is {estimate(found)} %, guessing gives {guessing:.2g} %.",
                *([known.at_chance] if known and known.at_chance else []),
                "Check the loss (bench show RUN), the learning rate (--train.lr), the initial size of what the variant "
                "adds, and the same recipe with --variant plain.",
            ]
    return []
