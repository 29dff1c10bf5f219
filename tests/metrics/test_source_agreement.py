"""Two sources over the same captions, with made scores so that every count can be seen."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.asking import Capture, failure, output
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.proportion import proportion_confint

from bench.emotions import EMOTIONS
from bench.emotions.sources import EmotionSource, find_source
from bench.metrics.source_agreement import agreement

JOY, FEAR, ANGER = (EMOTIONS.index(emotion) for emotion in ("joy", "fear", "anger"))
CAPTIONS = [f"caption {number}" for number in range(40)]


def source(name: str, threshold: float, **named: dict[int, float]) -> EmotionSource:
    scores = np.zeros((len(CAPTIONS), 8))
    for emotion, rows in named.items():
        for row, score in rows.items():
            scores[row, EMOTIONS.index(emotion)] = score
    known = dict(zip(CAPTIONS, scores, strict=True))
    return EmotionSource(name, lambda captions: np.array([known[one] for one in captions]), "1", False, threshold)


COUNTS = source("counts", 0, joy=dict.fromkeys(range(10), 2.0), anger={0: 1.0, 30: 1.0})
SOFT = source("soft", 0.5, joy=dict.fromkeys(range(5, 15), 0.9) | {39: 0.5}, fear={30: 0.8})


def test_prevalence_and_kappa_are_of_what_each_source_names_by_its_own_threshold() -> None:
    found = agreement(CAPTIONS, COUNTS, SOFT)
    joy = found.emotions[JOY]
    assert (joy.prevalence.value, joy.prevalence_against.value, joy.differing) == (25, 25, 10)  # 0.5 is not above 0.5
    one, other = np.isin(np.arange(40), range(10)), np.isin(np.arange(40), range(5, 15))
    assert joy.kappa.value == pytest.approx(cohen_kappa_score(one, other), abs=1e-4)
    assert found.emotions[EMOTIONS.index("trust")].kappa.value is None  # neither names it


def test_the_captions_of_which_they_differ_in_most_emotions_come_first() -> None:
    found = agreement(CAPTIONS, COUNTS, SOFT)
    assert [one.caption for one in found.differences[:3]] == ["caption 0", "caption 30", "caption 1"]
    assert found.differences[1].named == ("anger",) and found.differences[1].named_against == ("fear",)
    assert len(found.differences) == 11  # 0 to 4, 10 to 14, 30


def test_an_equal_caption_counts_each_time_and_is_shown_once() -> None:
    found = agreement([*CAPTIONS, "caption 0"], COUNTS, SOFT)
    assert found.emotions[ANGER].differing == 3
    assert [one.caption for one in found.differences].count("caption 0") == 1


def by_statsmodels(count: int) -> dict[str, float]:
    low, high = proportion_confint(count, 40, method="wilson")
    return {"value": 2.5 * count, "low": round(100 * low, 4), "high": round(100 * high, 4)}


def test_the_command_prints_agreement_prevalence_and_differences(tmp_path: Path, capsys: Capture) -> None:
    texts = ["a happy man", "a man is not happy", "Happy people", "a table"] * 10
    (tmp_path / "captions.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    words = ["emotions", "--source", "nrc", "--against", "nrc-negation", str(tmp_path / "captions.txt")]
    shown = output(words, capsys)
    assert all(len(line) <= 80 for line in shown.splitlines())
    joy = next(line.split() for line in shown.splitlines() if line.startswith("joy"))
    assert joy[:3] == ["joy", "50.0", "25.0"] and joy[3] == "0.50" and joy[-1] == "10"
    assert "They differ on 1 caption:\n  a man is not happy\n      a: joy, trust, anticipation; b: none" in shown
    stated = json.loads(output([*words, "--json"], capsys))
    assert stated["captions"] == 40
    assert stated["emotions"]["joy"] == {
        "prevalence": by_statsmodels(20),
        "prevalence_against": by_statsmodels(10),
        "kappa": stated["emotions"]["joy"]["kappa"],
        "differing": 10,
    }
    assert stated["emotions"]["joy"]["kappa"]["value"] == 0.5
    assert stated["against"] == {"name": "nrc-negation", "version": find_source("nrc-negation").version}


def test_two_sources_that_say_the_same(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "captions.txt").write_text("a happy man\n", encoding="utf-8")
    shown = output(["emotions", "--file", str(tmp_path / "captions.txt"), "--against", "nrc-lower"], capsys)
    assert "They name the same emotions for every caption." in shown and "fewer than 20 captions" in shown


def test_an_empty_file_has_nothing_to_compare(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "captions.txt").write_text("", encoding="utf-8")
    line = failure(["emotions", str(tmp_path / "captions.txt"), "--against", "nrc-lower"], capsys)
    assert line == (2, "bench: --against needs a file with captions, one a line, not --lowercase: take nrc-lower.\n")
