"""The formulas of the counterfactual metrics, by hand, and two planted models: one hears emotion alone, one is deaf."""

import math
from collections.abc import Sequence
from functools import cache
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.analysis.measure import edit_effects
from bench.data.importers.moodclips.shots import plan
from bench.emotions import EMOTIONS
from bench.emotions.counterfactuals import counterfactual, emotional_words, plain_adjectives
from bench.metrics.counterfactual import (
    CHANCE,
    deltas,
    mean,
    rank_counts,
    selectivity,
    share,
    shifts,
    summarize,
    twin_scores,
)


def test_ranks_of_edited_queries_are_counted_against_their_own_video():
    greater, equal = rank_counts(np.array([[0.5, 0.5, 0.1], [0.9, 0.3, 0.4]]), [0, 1])
    assert (greater.tolist(), equal.tolist()) == ([0, 2], [1, 0])


def test_a_score_that_is_no_number_is_an_error():
    with pytest.raises(ValueError, match="no number"):
        rank_counts(np.array([[math.nan, 1.0]]), [0])


def test_delta_is_the_quotient_of_the_ranks_in_e_folds():
    true, edited = np.array([[3.0, 2.0, 1.0, 0.0]]), np.array([[0.0, 2.0, 1.0, 3.0]])  # rank 1, then 4
    assert deltas(true, edited, [0]).tolist() == [pytest.approx(math.log(4))]


def test_the_shift_is_target_less_source_in_standard_deviations_without_the_own_video():
    true = np.array([[9.0, 1.0, 1.0, 5.0, 4.0]])
    edited = np.array([[0.0, 0.0, 3.0, 5.0, 4.0]])
    shows = np.array([[1, 0], [1, 0], [0, 1], [0, 0], [0, 0]], np.bool_)  # the own video shows the source too
    # target video 2: +2; source video 1: -1; standard deviation of 9, 1, 1, 5, 4 about their mean 4: sqrt(44 / 5)
    assert shifts(true, edited, [0], [0], [1], shows).tolist() == [pytest.approx(3 / math.sqrt(44 / 5))]


def test_without_another_video_of_an_emotion_there_is_no_shift():
    shows = np.array([[1, 0], [0, 1]], np.bool_)
    assert np.isnan(shifts(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), [0], [0], [1], shows)).all()


@pytest.mark.parametrize(
    ("scores", "text", "video", "group"),
    [
        ([[1, 0], [0, 1]], 1, 1, 1),
        ([[3, 2], [0, 1]], 0, 1, 0),  # the clip B likes the other caption better
        ([[3, 0], [2, 1]], 1, 0, 0),  # the caption b likes the other clip better
        ([[5, 5], [4, 4]], 0, 0, 0),  # hears the captions alone
        ([[5, 4], [5, 4]], 0, 0, 0),  # sees the clips alone
        ([[1, 1], [1, 1]], 0, 0, 0),
    ],
)
def test_the_scores_of_a_pair_of_twins(scores: list[list[int]], text: int, video: int, group: int):
    found = twin_scores(np.array(scores), {0: 1, 1: 0})
    assert found == {"pairs": [[0, 1]], "text": [text], "video": [video], "group": [group]}


def test_chance_of_the_twins_scores_is_that_of_random_scores():
    scores = np.random.default_rng(0).random((40_000, 2, 2))
    own, twin = scores[:, [0, 1], [0, 1]], scores[:, [0, 1], [1, 0]]
    text = (own > twin[:, ::-1]).all(axis=1)
    video = (own > twin).all(axis=1)
    for name, won in (("text", text), ("video", video), ("group", text & video)):
        assert 100 * won.mean() == pytest.approx(CHANCE[name], abs=0.8)


def test_a_share_comes_with_wilsons_interval():
    # statsmodels: proportion_confint(15, 20, method="wilson") = (0.5312993, 0.8881383)
    assert share([1.0] * 15 + [0.0] * 5 + [None]) == {
        "value": 75.0,
        "low": 53.1299,
        "high": 88.8138,
        "chance": 50.0,
        "n": 20,
    }


def test_of_fewer_than_twenty_queries_nothing_is_claimed():
    assert share([1.0] * 19) == {"value": None, "low": None, "high": None, "chance": 50.0, "n": 19}
    assert mean([1.0] * 19, ["a"] * 19) == {"value": None, "low": None, "high": None, "n": 19}
    assert selectivity([1.0] * 19, [0.0] * 19, ["a"] * 19)["p"] is None


def test_equal_captions_are_one_cluster():
    values, captions = [0.0] * 10 + [1.0] * 10, ["a"] * 10 + ["b"] * 10
    assert (mean(values, captions)["low"], mean(values, captions)["high"]) == (0, 1)


def test_selectivity_is_of_the_queries_that_have_both_edits():
    captions = [str(number) for number in range(30)]
    found = selectivity([1.0] * 25 + [None] * 5, [None] * 5 + [0.25] * 25, captions)
    assert (found["value"], found["low"], found["high"], found["n"]) == (0.75, 0.75, 0.75, 20)
    assert found["p"] == pytest.approx(1 / 10_001, abs=1e-6)  # no flip of 10 000 is as far


@cache
def moodclips():
    return plan(0, 1200, 120, 800).annotations[2]


@cache
def named() -> dict[str, str]:
    """Every emotion word of the list, synonyms too, and its emotion."""
    entries = emotional_words()
    return {entry.synonym: entry.emotion for entry in entries.values()} | {w: e.emotion for w, e in entries.items()}


def emotion_alone(captions: Sequence[str]) -> NDArray:
    """Scores 1 where the clip's emotion is the one that the caption names, 0 elsewhere. (n, 800)."""
    scores = np.zeros((len(captions), len(moodclips().clips)), np.float32)
    for row, caption in enumerate(captions):
        for word in caption.replace(",", "").split():
            if word in named():
                scores[row, list(moodclips().subsets[named()[word]])] = 1
    return scores


def deaf(captions: Sequence[str]) -> NDArray:
    """Scores by the caption without its emotion words and articles: numbers drawn for what is left. (n, 800)."""
    plain = [
        " ".join(word for word in text.replace(",", "").split() if word not in named() and word not in ("a", "an"))
        for text in captions
    ]
    return np.stack([np.random.default_rng(crc32(text.encode())).random(800) for text in plain])


def effects_of(model) -> tuple[dict, list[float | None]]:
    test = moodclips()
    captions = [clip.captions[0] for clip in test.clips]
    shown = np.column_stack([np.isin(np.arange(800), test.subsets[emotion]) for emotion in EMOTIONS])
    effects, shift = edit_effects(model(captions), [counterfactual(text) for text in captions], model, shown)
    return {**summarize(effects, captions), "shift": mean(shift, captions)}, shift


def test_a_model_that_hears_the_emotion_alone_has_everything():
    found, shift = effects_of(emotion_alone)
    flipped = {edit: entries["FlipAcc"]["value"] for edit, entries in found["edits"].items()}
    assert flipped == {"swap": 100, "synonym": 50, "deletion": 100, "adjective": 50}
    # own video: one of 90 that tie (rank 45.5), then behind the 90 of the other emotion among 710 (90 + 1 + 709 / 2)
    moved = math.log(445.5 / 45.5)
    assert found["edits"]["swap"]["Δ log-rank"]["value"] == pytest.approx(moved, abs=1e-4)
    assert found["edits"]["synonym"]["Δ log-rank"]["value"] == 0
    looks = [bool(plain_adjectives().keys() & set(clip.captions[0].split())) for clip in moodclips().clips]
    adjectives = sum(looks[place] for place in moodclips().subsets["emotion"])
    for control, n in (("synonym", 720), ("adjective", adjectives)):
        chosen = found["selectivity"][control]
        assert (chosen["value"], chosen["n"]) == (pytest.approx(moved, abs=1e-4), n)
        assert chosen["p"] < 0.001
    spread = math.sqrt(90 / 800 * 710 / 800)
    assert {round(value, 4) for value in shift if value is not None} == {round(2 / spread, 4)}


def test_a_model_that_is_deaf_to_emotion_has_nothing():
    found, shift = effects_of(deaf)
    assert found["edits"]["swap"]["FlipAcc"]["value"] == 50
    assert found["edits"]["swap"]["Δ log-rank"] == {"value": 0, "low": 0, "high": 0, "n": 720}
    assert found["selectivity"]["synonym"]["p"] == 1
    assert {value for value in shift if value is not None} == {0}
    assert abs(found["edits"]["adjective"]["Δ log-rank"]["value"]) > 0  # it hears the look
