"""Emotion metrics: examples by hand, slow formulas, and rankers that are perfect or blind."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.video_emotions import VideoEmotions
from bench.emotions import EMOTIONS
from bench.emotions.scores import score_captions
from bench.metrics.emotion import EMOTION_METRICS, at_places, base_rate, jaccard, measure, ndcg, ndcg_chance, precision

# Words of the NRC lexicon with one emotion each: joy, fear, sadness, anger; "a man" has none.
WORDS = ("amused", "afraid", "crying", "annoying", "a man")
SHOWN = ({"joy"}, {"fear"}, {"sadness"}, {"anger"}, set())
NAMES = ("EmoP@1", "EmoP@5", "EmoP@10", "EmoNDCG@10", "EmoR@1", "EmoR@5", "EmoR@10")


def videos(*shown: set[str], polarity: list[int] | None = None, judged: list[bool] | None = None) -> VideoEmotions:
    """One video for each set of emotions."""
    present = np.array([[emotion in one for emotion in EMOTIONS] for one in shown])
    valid = np.repeat(np.array(judged or [True] * len(shown))[:, None], len(EMOTIONS), axis=1)
    return VideoEmotions(present * 1.0, valid, present & valid, np.array(polarity or [0] * len(shown)), "by hand")


def crowd(n: int, seed: int) -> tuple[list[str], VideoEmotions]:
    """n queries that name one emotion or none, and n videos that show one, mostly the query's."""
    rng = np.random.default_rng(seed)
    asked = rng.integers(len(WORDS), size=n)
    shown = np.where(rng.random(n) < 0.7, asked, rng.integers(len(WORDS), size=n))
    sign = np.array([1, -1, -1, -1, 0])[shown]
    captions = [f"{WORDS[word]} number {query}" for query, word in enumerate(asked)]
    return captions, videos(*(SHOWN[word] for word in shown), polarity=sign.tolist())


def per_query(similarity: list[list[float]], captions: list[str], found: VideoEmotions) -> dict[str, list]:
    return measure(np.array(similarity), captions, found)["per_query"]


# --- by hand --------------------------------------------------------------------------------------------------------

# Query 0 names joy; its own video is 0. Of the rivals 1 shows joy, 2 joy and fear, 3 fear: two of three share joy.
FOUR = videos({"joy"}, {"joy"}, {"joy", "fear"}, {"fear"}, polarity=[1, 1, -1, -1])
ASKED = ["amused", "a man", "a man", "a man"]


def of_query_0(scores: list[float]) -> dict[str, Any]:
    """per_query of the one query with an emotion, under these scores of the four videos."""
    rest = [[0.0, 0.0, 0.0, 0.0]] * 3
    return {name: values[0] for name, values in per_query([scores, *rest], ASKED, FOUR).items()}


def test_precision_is_of_the_rivals_and_not_of_the_true_video():
    found = of_query_0([0.9, 0.1, 0.2, 0.3])  # the true one, then 3, 2, 1
    assert (found["EmoP@1"], found["EmoP@5"]) == (0.0, pytest.approx(66.6667))


def test_the_base_rate_is_of_the_rivals_too():
    assert of_query_0([0.9, 0.1, 0.2, 0.3])["EmoP chance"] == pytest.approx(66.6667)


def test_tied_rivals_share_their_places():
    assert of_query_0([0.9, 0.1, 0.3, 0.3])["EmoP@1"] == 50.0


def test_ndcg_grades_by_the_jaccard_index():
    # joy against {fear}, {joy, fear}, {joy}: 0, 1/2, 1. (1/2 / log2 3 + 1 / 2) / (1 + 1/2 / log2 3) = 0.6199
    assert of_query_0([0.9, 0.1, 0.2, 0.3])["EmoNDCG@10"] == pytest.approx(0.6199, abs=1e-4)


def test_conditional_recall_leaves_out_videos_of_other_emotions():
    found = of_query_0([0.25, 0.1, 0.2, 0.3])  # 3 is above the true one, but is afraid
    assert found["EmoR@1"] == 100.0


def test_conditional_recall_counts_rivals_of_the_same_emotion():
    assert of_query_0([0.15, 0.1, 0.2, 0.3])["EmoR@1"] == 0.0


def test_a_wrong_answer_without_the_emotion_is_in_excess_of_what_blind_ones_would_miss():
    assert of_query_0([0.15, 0.1, 0.2, 0.3])["ExcessEmoErr"] == pytest.approx(100 - 33.3333, abs=1e-3)


def test_a_wrong_answer_with_the_emotion_is_below_it():
    assert of_query_0([0.15, 0.3, 0.2, 0.1])["ExcessEmoErr"] == pytest.approx(-33.3333, abs=1e-3)


def test_a_right_answer_is_no_error():
    assert of_query_0([0.9, 0.1, 0.2, 0.3])["ExcessEmoErr"] is None


def test_opposite_polarity_is_of_the_rivals():
    found = of_query_0([0.9, 0.1, 0.2, 0.3])  # positive query; 3 and 2 are negative
    assert (found["OppPol@1"], found["OppPol@5"]) == (100.0, pytest.approx(66.6667))


def test_polarity_of_the_first_answer_counts_the_true_video():
    assert of_query_0([0.9, 0.1, 0.2, 0.3])["PolAgree"] == 100.0


def test_queries_without_emotion_or_polarity_do_not_count():
    assert of_query_0([0.9, 0.1, 0.2, 0.3])["EmoP@1"] is not None
    everything = per_query([[0.0] * 4] * 4, ASKED, FOUR)
    assert all(values[1:] == [None] * 3 for values in everything.values())


def test_a_query_whose_emotion_no_rival_has_does_not_count():
    found = per_query([[0.9, 0.1], [0.1, 0.9]], ["amused", "afraid"], videos({"joy"}, {"fear"}))
    assert all(found[name] == [None, None] for name in (*NAMES, "ExcessEmoErr"))


def test_a_video_that_was_not_judged_is_left_out_of_the_gallery():
    judged = videos({"joy"}, {"joy"}, set(), {"fear"}, judged=[True, True, False, True])
    found = per_query([[0.2, 0.1, 0.9, 0.0], *[[0.0] * 4] * 3], ASKED, judged)
    assert (found["EmoP@1"][0], found["EmoP chance"][0]) == (100.0, 50.0)
    assert found["ExcessEmoErr"][0] is None  # 2 is above the true one, but nothing is known of it


def test_emotions_that_the_witness_never_tells_are_taken_from_the_queries():
    # "admire" names trust alone
    assert (score_captions(["admire"])[0] > 0).tolist() == [emotion == "trust" for emotion in EMOTIONS]
    told = np.array([[emotion != "trust" for emotion in EMOTIONS]] * 2)
    blind = VideoEmotions(told * 0.0, told, np.zeros((2, 8), np.bool_), np.zeros(2, np.int64), "faces")
    assert per_query([[0.9, 0.1], [0.1, 0.9]], ["admire", "a man"], blind)["EmoP@1"] == [None, None]


def test_the_jaccard_index_of_two_sets():
    one, other, none = ([[True, True, False]], [[False, True, True]], [[False, False, False]])
    assert jaccard(np.array(one), np.array(other)).tolist() == [[1 / 3]]
    assert jaccard(np.array(none), np.array(none)).tolist() == [[0.0]]


# --- against slow formulas and another's code -----------------------------------------------------------------------


@pytest.mark.parametrize(("k", "expected"), [(1, [0.5, 0.0]), (3, [0.560202, 0.158967]), (6, [0.778786, 0.514216])])
def test_ndcg_is_scikit_learns(k: int, expected: list[float]):
    # sklearn.metrics.ndcg_score of scikit-learn 1.9.1, each row alone; it averages over ties too
    gains = np.array([[0.5, 0, 1, 0.25, 0, 0.5], [0, 1 / 3, 0, 0, 1, 0.5]])
    scores = np.array([[0.9, 0.8, 0.8, 0.1, 0.8, 0.3], [0.2, 0.2, 0.2, 0.7, 0.1, 0.2]])
    assert ndcg(scores, gains, k).tolist() == pytest.approx(expected, abs=1e-6)


rows = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=1, max_size=5)


def orders(scores: list[int], keep_ties: bool) -> list[tuple[int, ...]]:
    """Every order of the candidates that a sort by score may give; every order at all where nothing is known."""
    every = permutations(range(len(scores)))
    falling = [order for order in every if [scores[i] for i in order] == sorted(scores, reverse=True)]
    return falling if keep_ties else list(permutations(range(len(scores))))


def dcg(gains: list[float], k: int) -> float:
    return sum(gain / np.log2(place + 1) for place, gain in enumerate(gains[:k], start=1))


@settings(deadline=None)
@given(rows, st.integers(1, 6))
def test_precision_is_the_mean_over_all_orders_of_ties(row: list[tuple[int, float]], k: int):
    scores, gains = map(list, zip(*row, strict=True))
    k_there = min(k, len(row))
    expected = np.mean([sum(gains[i] > 0 for i in order[:k]) / k_there for order in orders(scores, True)])
    assert precision(np.array([scores], float), np.array([gains]) > 0, k)[0] == pytest.approx(expected)


@settings(deadline=None)
@given(rows, st.integers(1, 6), st.booleans())
def test_ndcg_is_the_mean_over_all_orders_of_ties_and_its_chance_that_over_all_orders(
    row: list[tuple[int, float]], k: int, known: bool
):
    scores, gains = map(list, zip(*row, strict=True))
    best = dcg(sorted(gains, reverse=True), k)
    found = (ndcg if known else ndcg_chance)(np.array([scores], float), np.array([gains]), k)[0]
    if best == 0:
        assert np.isnan(found)
    else:
        expected = np.mean([dcg([gains[i] for i in order], k) for order in orders(scores, known)]) / best
        assert found == pytest.approx(expected)


def test_what_scores_minus_infinity_is_no_candidate():
    scores, gains = np.array([[0.1, -np.inf, 0.3]]), np.array([[1.0, 1.0, 0.0]])
    assert at_places(scores, gains, 3).tolist() == [[0.0, 1.0, 0.0]]
    assert precision(scores, gains > 0, 3).tolist() == [0.5]
    assert base_rate(scores, gains > 0).tolist() == [0.5]


# --- rankers --------------------------------------------------------------------------------------------------------


def test_a_random_ranking_is_at_chance_within_its_intervals():
    # 95 % intervals: over 20 rankings of independent noise each metric may miss its chance a few times, never often
    captions, found = crowd(120, 0)
    outside: dict[str, int] = {}
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=(120, 120))
        entries = measure(noise, captions, found)
        for name in ("EmoP@10", "EmoLift@10", "EmoNDCG@10", "EmoR@10", "ExcessEmoErr", "OppPol@10", "PolAgree"):
            entry = entries[name]
            outside[name] = outside.get(name, 0) + (not entry["low"] <= entry["chance"] <= entry["high"])
    assert max(outside.values()) <= 4  # binomial(20, 0.05) is above 4 in 0.3 % of cases


def test_a_ranking_that_knows_nothing_is_exactly_at_chance():
    captions, found = crowd(60, 1)
    entries = measure(np.zeros((60, 60)), captions, found)  # all tied: the mean over all rankings
    del entries["per_query"]
    assert {name: entry["value"] for name, entry in entries.items()} == pytest.approx(
        {name: entry["chance"] for name, entry in entries.items()}
    )


@pytest.fixture(scope="module")
def by_emotion() -> dict[str, Any]:
    """A ranker that orders by shared emotion alone, each emotion shown by more than ten rivals."""
    captions, found = crowd(200, 2)
    noise = np.random.default_rng(0).normal(size=(200, 200))
    return measure(jaccard(score_captions(captions) > 0, found.present) + 1e-6 * noise, captions, found)


def test_a_perfect_emotion_ranker_has_precision_1(by_emotion: dict[str, Any]):
    assert [by_emotion[name]["value"] for name in ("EmoP@1", "EmoP@5", "EmoP@10")] == [100.0] * 3


def test_a_perfect_emotion_ranker_has_ndcg_1(by_emotion: dict[str, Any]):
    assert by_emotion["EmoNDCG@10"]["value"] == pytest.approx(1)


def test_a_perfect_emotion_ranker_has_the_best_lift_there_is(by_emotion: dict[str, Any]):
    assert by_emotion["EmoLift@10"]["value"] == pytest.approx(100 / by_emotion["EmoP@10"]["chance"], abs=1e-3)


def test_a_perfect_emotion_ranker_makes_no_emotion_errors(by_emotion: dict[str, Any]):
    assert by_emotion["ExcessEmoErr"]["high"] < -50


def test_a_perfect_content_ranker_makes_no_errors_at_all():
    captions, found = crowd(60, 3)
    noise = 0.1 * np.random.default_rng(0).random((60, 60))
    entries = measure(np.eye(60) + noise, captions, found)
    assert entries["ExcessEmoErr"] == {"value": None, "low": None, "high": None, "chance": None, "n": 0}
    assert entries["EmoR@1"]["value"] == 100.0


def test_more_emotion_in_the_scores_raises_what_measures_it():
    captions, found = crowd(120, 4)
    noise = np.random.default_rng(0).normal(size=(120, 120)) + np.eye(120)
    shared = jaccard(score_captions(captions) > 0, found.present)
    blind, aware = measure(noise, captions, found), measure(noise + shared, captions, found)
    assert all(aware[name]["low"] > blind[name]["high"] for name in ("EmoP@10", "EmoLift@10", "EmoNDCG@10"))
    assert aware["ExcessEmoErr"]["high"] < blind["ExcessEmoErr"]["low"]


# --- properties -----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_the_order_of_queries_and_gallery_does_not_matter(seed: int):
    rng = np.random.default_rng(seed)
    captions, found = crowd(40, seed)
    similarity = rng.integers(4, size=(40, 40)).astype(np.float32)  # many ties
    order = rng.permutation(40)
    turned = VideoEmotions(
        found.scores[order], found.valid[order], found.present[order], found.polarity[order], found.source
    )
    before = measure(similarity, captions, found)["per_query"]
    after = measure(similarity[np.ix_(order, order)], [captions[query] for query in order], turned)["per_query"]
    for name, values in after.items():
        assert values == pytest.approx([before[name][query] for query in order], nan_ok=True), name


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_only_the_order_of_the_scores_matters(seed: int):
    captions, found = crowd(30, seed)
    similarity = np.random.default_rng(seed).normal(size=(30, 30))
    assert measure(np.exp(similarity / 3), captions, found) == measure(similarity, captions, found)


def test_a_gallery_in_blocks_is_measured_as_in_one(monkeypatch: pytest.MonkeyPatch):
    captions, found = crowd(50, 5)
    similarity = np.random.default_rng(0).normal(size=(50, 50))
    whole = measure(similarity, captions, found)
    monkeypatch.setattr("bench.metrics.emotion._BLOCK", 350)
    assert measure(similarity, captions, found) == whole


def test_the_confusion_of_a_polarity_adds_up():
    captions, found = crowd(120, 6)
    entries = measure(np.random.default_rng(0).normal(size=(120, 120)), captions, found)
    for asked in ("positive", "neutral", "negative"):
        row = [entries[f"Pol {asked}>{other}"] for other in ("positive", "neutral", "negative")]
        assert sum(entry["value"] for entry in row) == pytest.approx(100, abs=1e-3)
        assert {entry["n"] for entry in row} == {row[0]["n"]}


def test_the_interval_of_the_lift_is_that_of_resampled_ratios():
    captions, found = crowd(120, 7)
    shared = jaccard(score_captions(captions) > 0, found.present)
    entries = measure(np.random.default_rng(0).normal(size=(120, 120)) + shared, captions, found)
    values = [np.array([v for v in entries["per_query"][name] if v is not None]) for name in ("EmoP@10", "EmoP chance")]
    rng = np.random.default_rng(1)
    drawn = rng.integers(len(values[0]), size=(4000, len(values[0])))
    low, high = np.quantile(values[0][drawn].mean(axis=1) / values[1][drawn].mean(axis=1), [0.025, 0.975])
    lift = entries["EmoLift@10"]
    assert (lift["low"], lift["high"]) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_below_20_queries_nothing_is_claimed_but_every_query_is_kept():
    captions, found = crowd(19, 8)
    entries = measure(np.random.default_rng(0).normal(size=(19, 19)), captions, found)
    assert entries["EmoP@1"]["value"] is None and 0 < entries["EmoP@1"]["n"] < 20
    kept = [value for value in entries["per_query"]["EmoP@1"] if value is not None]
    assert len(kept) == entries["EmoP@1"]["n"]


def test_queries_of_one_caption_widen_the_interval():
    captions, found = crowd(40, 9)
    rows = np.arange(160) % 40
    many = VideoEmotions(found.scores[rows], found.valid[rows], found.present[rows], found.polarity[rows], "by hand")
    similarity = np.tile(np.random.default_rng(0).normal(size=(40, 160)), (4, 1))
    alike = measure(similarity, [captions[row] for row in rows], many)["EmoNDCG@10"]
    apart = measure(similarity, [f"{captions[row]} {n}" for n, row in enumerate(rows)], many)["EmoNDCG@10"]
    assert alike["high"] - alike["low"] > 1.5 * (apart["high"] - apart["low"])


def test_every_metric_is_explained():
    captions, found = crowd(30, 10)
    names = measure(np.zeros((30, 30)), captions, found).keys() - {"per_query"}
    families = {
        "Pol a>b" if name.startswith("Pol ") else name if name in EMOTION_METRICS else f"{name.split('@')[0]}@k"
        for name in names
    }
    assert families == EMOTION_METRICS.keys()
