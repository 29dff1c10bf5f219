"""A metric is one function: registered, it is in new records, in old ones, in the list, and nothing else changes."""

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.records import make_record
from helpers.registries import forgotten

from bench.errors import UsageError
from bench.metrics.metric_registry import CORE, METRICS, added, metric, names
from bench.metrics.ranking import completed, hits, meanings, ranks, summarize

COUNTS = {"greater": [0, 1, 3, 0], "equal": [0, 0, 0, 1]}  # ranks 1, 2, 4, 1.5
BOTH = {"t2v": COUNTS, "v2t": COUNTS}
CAPTIONS = ["a", "b", "c", "d"]


@pytest.fixture
def mrr() -> Iterator[Callable]:
    """The mean reciprocal rank, registered for one test."""
    with forgotten():

        @metric("MRR", "mean reciprocal rank of the true answer; 1 is best", better="high")
        def mean_reciprocal_rank(greater: Any, equal: Any) -> Any:
            return 1 / ranks(greater, equal)

        yield mean_reciprocal_rank


def test_the_core_is_registered_and_comes_first(mrr: Callable) -> None:
    assert names() == [*CORE, "MRR"] and added() == ["MRR"]
    assert [METRICS.get(name).better for name in CORE] == ["high", "high", "high", "low", "low"]
    assert [*meanings()] == [*CORE, "MRR", "TwinAcc"]


def test_a_registered_metric_is_measured_with_an_interval(mrr: Callable) -> None:
    found = summarize(BOTH, {"few": [0, 2], "none": []}, CAPTIONS)
    assert found["few"]["v2t"]["MRR"]["value"] == 0.625  # (1 + 1/4) / 2
    assert found["all"]["t2v"]["MRR"]["low"] < found["all"]["t2v"]["MRR"]["value"] < 1
    assert found["none"]["t2v"]["MRR"] == {"value": None, "low": None, "high": None}


def test_a_share_is_in_percent_with_wilsons_interval(mrr: Callable) -> None:
    metric("R@2", "among the first two", better="high", statistic="share")(lambda g, e: hits(g, e, 2))
    # Brown, Cai and DasGupta 2001, eq. 4, worked by hand for 3 of 4 at z = 1.959964: 0.3006 to 0.9544
    assert summarize(BOTH, {}, CAPTIONS)["all"]["t2v"]["R@2"] == {"value": 75.0, "low": 30.0642, "high": 95.4413}


def test_a_record_without_it_gains_it_and_keeps_the_rest(mrr: Callable) -> None:
    record = make_record()
    old = {
        subset: {"n": found["n"], **{way: {k: v for k, v in found[way].items() if k != "MRR"} for way in BOTH}}
        for subset, found in record.metrics.items()
    }
    assert completed(old, record.ranks, record.subsets, record.queries["captions"]) == record.metrics


@pytest.mark.parametrize("name", ["MRR", "R@1"])
def test_a_taken_name_is_an_error(mrr: Callable, name: str) -> None:
    with pytest.raises(UsageError, match=f"the metric '{name}' is registered twice"):
        metric(name, "another", better="high")(ranks)


@pytest.mark.parametrize("name", ["n", "TwinAcc", "", "two words", "a\nb"])
def test_a_name_that_a_record_or_a_table_cannot_hold_is_an_error(mrr: Callable, name: str) -> None:
    with pytest.raises(UsageError, match="a metric cannot be called"):
        metric(name, "of no use", better="high")(ranks)


FAULTS = {
    "one number for all": (lambda g, e: 1.0, "mean", "must give one finite number for each of 4 queries"),
    "a number that is none": (lambda g, e: np.log(g - g) * math.nan, "mean", "must give one finite number"),
    "a share above 1": (ranks, "share", "its numbers must lie from 0 to 1"),
    "a fault of its own": (lambda g, e: g.no_such, "mean", "fails: AttributeError"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_function_that_gives_something_else_is_one_line(mrr: Callable, fault: str) -> None:
    function, statistic, said = FAULTS[fault]
    metric("Odd", "of no use", better="high", statistic=statistic)(function)
    with pytest.raises(UsageError, match=f"the metric 'Odd' .*{said}"):
        summarize(BOTH, {}, CAPTIONS)


def test_a_plugin_file_s_metric_is_listed(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from bench.metrics.ranking import ranks\nfrom bench.metrics.metric_registry import metric\n\n\n"
        '@metric("MRR", "mean reciprocal rank", better="high")\ndef mrr(greater, equal):\n'
        "    return 1 / ranks(greater, equal)\n"
    )
    code = (
        "import sys, pathlib\nfrom bench.utils.plugins import load_plugin\nload_plugin(pathlib.Path(sys.argv[1]))\n"
        "from bench.metrics.ranking import meanings\nprint(*meanings(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, plugin], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [*CORE, "MRR", "TwinAcc", "False"]
