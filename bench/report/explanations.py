"""Why a run picked what it picked, for some flips: words, frames, the emotion input, as `bench explain` shows them."""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.records.record import Record
from bench.report.won_and_lost import flips
from bench.utils.run_files import record_path, weights_path

MOST = 3


def explanations(baseline: Record, others: Sequence[Record], results: Path) -> tuple[list[tuple[str, str]], str]:
    """Queries with the HTML of their explanations, and one line on what they are of.

    Of the best other run that has weights: the flips that moved furthest, each with the clip that ranks first; all
    bars on one scale. Nothing where no run's weights are at hand.
    """
    from bench.analysis.explain import explain
    from bench.analysis.explain_render import common_scale, explanation_html
    from bench.engine.reopen import reopen

    for record in others:
        path = record_path(results, record.dataset, record.split, record.variant, record.run)
        if not weights_path(path).is_file():
            continue
        try:
            trained = reopen(record.run, results)
            chosen = flips(baseline, record)[:MOST]
            found = [explain(trained, record.queries["captions"][one["query"]]) for one in chosen]
        except BenchError as error:
            print(f"no explanations of {record.run}: {error}", file=sys.stderr)
            continue
        scale = common_scale(found)
        shown = [(one.query, explanation_html(one, scale)) for one in found]
        note = (
            f"The {len(shown)} queries that moved furthest from {baseline.run} to {record.run}, each with the clip "
            "that the latter ranks first. Words: integrated gradients; frames: what the score loses without them; all "
            "bars are on one scale."
        )
        return shown, note
    return [], ""
