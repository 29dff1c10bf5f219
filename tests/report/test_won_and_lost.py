"""Queries that were won and lost between two runs."""

from dataclasses import replace

from helpers.probes import make_probe
from helpers.records import make_record

from bench.report.won_and_lost import MOST, asked, flips

ONE = make_record(40, strength=2.0)
OTHER = make_record(40, variant="other", strength=2.0)


def with_ranks(greater: list[int]) -> dict[str, dict[str, list[int]]]:
    counts = {"greater": greater, "equal": [0] * len(greater)}
    return {"t2v": counts, "v2t": counts}


def test_a_query_that_ranks_better_is_won_and_the_furthest_moved_comes_first() -> None:
    one = replace(ONE, ranks=with_ranks([9, 0, 3] + [1] * 37))
    other = replace(OTHER, ranks=with_ranks([4, 7, 3] + [1] * 37))
    found = flips(one, other)
    assert [(flip["query"], flip["won"], flip["ranks"]) for flip in found] == [(1, False, [1, 8]), (0, True, [10, 5])]


def test_each_flip_shows_the_first_five_of_both_runs() -> None:
    flip = flips(ONE, OTHER)[0]
    assert flip["top"] == [ONE.top[flip["query"]][:5], OTHER.top[flip["query"]][:5]]


def test_a_record_without_lists_shows_none() -> None:
    assert flips(replace(ONE, top=[]), OTHER)[0]["top"][0] == []


def test_many_flips_are_cut_to_those_that_moved_furthest() -> None:
    one, other = (make_record(200, variant=name, strength=0.0) for name in ("plain", "other"))
    assert len(flips(one, other)) == MOST


def test_a_query_is_shown_with_the_emotions_of_its_own_words() -> None:
    captions = ["a happy man", "a man"] + ["x"] * 38
    found = asked(replace(ONE, queries={**ONE.queries, "captions": captions}), [0, 1])
    assert found[0]["words"] == ["happy"] and "joy" in found[0]["emotions"]
    assert found[1] == {"caption": "a man", "video": "clip0001", "emotions": ["neutral"], "words": []}


def test_the_swapped_caption_of_a_probe_stands_beside_its_query() -> None:
    captions = ["a happy man", "a man"] + ["x"] * 38
    probe = make_probe(moves=[0.6931, *[None] * 39]).as_json()
    found = asked(replace(ONE, queries={**ONE.queries, "captions": captions}, probe=probe), [0, 1])
    assert found[0]["swap"]["factor"] == 2.0 and found[0]["swap"]["caption"] != "a happy man"
    assert "swap" not in found[1]
