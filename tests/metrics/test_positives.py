"""Which counts answer a question, by hand: two videos, the first with captions 0 to 2, the second with 3 and 4."""

from typing import Any

import numpy as np
import pytest

from bench.metrics.positives import ALL_CAPTIONS, answers
from bench.metrics.ranking import summarize

VIDEO_OF = [0, 0, 0, 1, 1]
CAPTIONS = ["a", "b", "a", "b", "c"]
# Of the first video captions 0 and 2 are level at the best place, with one caption of the other video.
RANKS = {
    "t2v": {"greater": [0, 1, 0, 0, 1], "equal": [0, 0, 1, 0, 0]},
    "v2t": {"greater": [1, 4, 1, 2, 0], "equal": [2, 0, 2, 0, 0]},
}


def found(direction: str, rows: list[int] | None = None) -> list[list[int]]:
    asked = answers(RANKS, direction, CAPTIONS, VIDEO_OF, rows)
    return [asked.greater.tolist(), asked.equal.tolist()]


def test_the_best_caption_of_a_video_counts_and_those_level_with_it_are_no_rivals() -> None:
    assert found("v2t") == [[1, 0], [1, 0]]  # three level, two of them the video's own: one rival


def test_all_captions_count_each_for_itself() -> None:
    assert found(ALL_CAPTIONS) == [RANKS["v2t"]["greater"], RANKS["v2t"]["equal"]]


def test_a_subset_of_captions_is_of_their_videos_where_videos_ask() -> None:
    assert found("t2v", [4, 3]) == [[1, 0], [0, 0]]
    assert found(ALL_CAPTIONS, [1]) == [[4], [0]]
    assert found("v2t", [1]) == [[1], [1]]  # its best caption, of the subset or not
    assert found("v2t", [4, 3]) == [[0], [0]]


@pytest.mark.parametrize(("direction", "gallery", "clusters"), [("t2v", 2, [0, 0, 1]), (ALL_CAPTIONS, 5, [0, 0, 1])])
def test_captions_of_a_video_are_a_cluster(direction: str, gallery: int, clusters: list[int]) -> None:
    asked = answers(RANKS, direction, CAPTIONS, VIDEO_OF, [0, 1, 3])
    assert asked.by_video and asked.gallery == gallery
    assert asked.clusters is not None and asked.clusters.tolist() == clusters
    assert asked.video_clusters is asked.clusters


def test_videos_are_each_for_itself() -> None:
    asked = answers(RANKS, "v2t", CAPTIONS, VIDEO_OF)
    assert asked.clusters is None and not asked.by_video and asked.gallery == 5


def test_with_one_caption_a_video_equal_captions_are_a_cluster_in_t2v_alone() -> None:
    asked = answers(RANKS, "t2v", CAPTIONS)
    assert asked.clusters is not None and asked.clusters.tolist() == CAPTIONS
    assert not asked.by_video and asked.gallery == 5
    assert asked.video_clusters is None
    assert answers(RANKS, "v2t", CAPTIONS).clusters is None


@pytest.fixture(scope="module")
def metrics() -> dict[str, dict[str, Any]]:
    return summarize(RANKS, {"second": [3, 4], "none": []}, CAPTIONS, video_of=VIDEO_OF)


def test_each_direction_has_its_n(metrics: dict[str, dict[str, Any]]) -> None:
    assert list(metrics["all"]) == ["n", "t2v", "v2t", ALL_CAPTIONS]
    assert metrics["all"]["n"] == 5 and "n" not in metrics["all"]["t2v"]["R@1"]
    assert metrics["all"]["v2t"]["R@1"]["n"] == 2 and metrics["second"]["v2t"]["R@1"]["n"] == 1
    assert metrics["none"]["v2t"]["R@1"] == {"value": None, "low": None, "high": None, "n": 0}


def test_values_of_the_two_definitions(metrics: dict[str, dict[str, Any]]) -> None:
    # best: ranks 2.5 and 1; all: ranks 3, 5, 3, 3, 1
    assert [metrics["all"]["v2t"][name]["value"] for name in ("R@1", "MdR", "MnR")] == [50.0, 1.75, 1.75]
    assert [metrics["all"][ALL_CAPTIONS][name]["value"] for name in ("R@1", "MdR", "MnR")] == [20.0, 3.0, 3.0]


def test_intervals_of_twenty_captions_a_video_are_those_of_videos() -> None:
    """Where all captions of a video fare alike, 20 of them say no more than one."""
    hits = np.random.default_rng(0).random(100) < 0.4
    greater = np.repeat(np.where(hits, 0, 7), 20)
    counts = {way: {"greater": greater.tolist(), "equal": [0] * 2000} for way in ("t2v", "v2t")}
    captions = [str(i) for i in range(2000)]
    several = summarize(counts, {}, captions, video_of=np.repeat(np.arange(100), 20).tolist())["all"]["t2v"]
    single = {way: {name: column[::20] for name, column in found.items()} for way, found in counts.items()}
    alone = summarize(single, {}, captions[:100])["all"]["t2v"]
    for name in ("R@1", "MdR", "MnR"):
        wide, narrow = (one[name]["high"] - one[name]["low"] for one in (several, alone))
        assert several[name]["value"] == alone[name]["value"]
        assert wide == pytest.approx(narrow, rel=0.1)
