"""Records of test sets whose videos have several captions: kept, checked, refused where they contradict themselves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.records import make_record, make_several

from bench.errors import BenchError
from bench.metrics.metric_registry import share
from bench.records.check import check
from bench.records.record import Record
from bench.records.store import load, save

RECORD = make_several(12, 3)


def test_it_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    assert load(save(RECORD, tmp_path)) == RECORD


def test_a_query_leads_to_its_video() -> None:
    assert [RECORD.clip_of(query) for query in (0, 2, 3, 35)] == [0, 0, 1, 11]
    assert [make_record(12).clip_of(query) for query in (0, 11)] == [0, 11]


def test_the_counts_of_v2t_are_of_videos_or_of_captions() -> None:
    assert [len(RECORD.answers(way)) for way in RECORD.directions] == [36, 12, 36]
    assert make_record(12).directions == ("t2v", "v2t")


def queries(**columns: Any) -> Callable[[Record], Record]:
    return lambda record: replace(record, queries={**record.queries, **columns})


def protocol(old: str, new: str) -> Callable[[Record], Record]:
    return lambda record: replace(record, protocol=record.protocol.replace(old, new))


def metric(record: Record) -> Record:
    metrics = {**record.metrics, "all": {**record.metrics["all"]}}
    metrics["all"]["v2t"] = {name: {**entry, "n": 36} for name, entry in metrics["all"]["v2t"].items()}
    return replace(record, metrics=metrics)


def without_all(record: Record) -> Record:
    return replace(
        record, metrics={**record.metrics, "all": {k: record.metrics["all"][k] for k in ("n", "t2v", "v2t")}}
    )


def wilson_of_captions(record: Record) -> Record:
    """Intervals as if each caption were drawn for itself."""
    stated = record.metrics["all"]["t2v"]["R@1"]["value"]
    t2v = {**record.metrics["all"]["t2v"], "R@1": share(stated * 36 / 100, 36).as_json()}
    return replace(record, metrics={**record.metrics, "all": {**record.metrics["all"], "t2v": t2v}})


def counts_too_high(record: Record) -> Record:
    t2v = {**record.ranks["t2v"], "greater": [12, *record.ranks["t2v"]["greater"][1:]]}
    return replace(record, ranks={**record.ranks, "t2v": t2v})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (queries(video_of=[0] * 36), "must lead from 36 captions to all of 12 videos, in order"),
        (queries(video_of=[v for v in range(12) for _ in range(3)][::-1]), "in order"),
        (queries(video_of="all"), "in order"),
        (queries(video_of=None), "12 videos but 36 captions"),
        (queries(clip_of=[]), "queries holds captions, clip_of, video_of, videos"),
        (lambda record: replace(record, twins={0: 3}, twin_wins={0: 1.0}), "one caption each"),
        (protocol("36x12", "36x36"), "the record holds 36 queries and 12 videos"),
        (protocol("positives:own|", ""), "the protocol says positives nothing"),
        (protocol("positives:own", "positives:equal"), "the protocol says positives equal"),
        (metric, "v2t of all is of other than its 12 queries"),
        (without_all, "must hold n, t2v and v2t and v2t-all"),
        (wilson_of_captions, "has the interval"),
        (counts_too_high, "no count from 0 to 11"),
    ],
)
def test_what_cannot_be_is_refused(change: Callable[[Record], Record], said: str) -> None:
    with pytest.raises(BenchError, match=said) as error:
        check(change(RECORD))
    assert "\n" not in str(error.value)


def test_one_caption_a_video_needs_no_definition() -> None:
    record = make_record(12)
    assert "positives" not in record.protocol
    with pytest.raises(BenchError, match="the protocol says positives own"):
        check(protocol("|12x12|", "|12x12|positives:own|")(record))
    with pytest.raises(BenchError, match="to all of 12 videos"):
        check(queries(video_of=list(range(12)))(record))
