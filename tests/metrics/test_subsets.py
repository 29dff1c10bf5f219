"""Graded subsets. Golden counts of 1k-A: the published labels, and NLTK's analyzer called here."""

import csv
import json
import zipfile
from pathlib import Path

import pytest
from nltk.sentiment.vader import SentimentIntensityAnalyzer, VaderConstants

from bench.emotions import EMOTIONS
from bench.emotions.scores import polarity
from bench.metrics.ranking import DIRECTIONS
from bench.metrics.statistics import MIN_QUERIES
from bench.metrics.subsets import SUBSETS, graded_subsets, subset_rows


class PlainVader(SentimentIntensityAnalyzer):
    """NLTK's analyzer on the official lexicon, read here."""

    def __init__(self, archive: Path) -> None:
        with zipfile.ZipFile(archive) as file:
            lines = file.read("vader_lexicon/vader_lexicon.txt").decode().rstrip("\n").split("\n")
        self.lexicon = {line.split("\t")[0]: float(line.split("\t")[1]) for line in lines}
        self.constants = VaderConstants()


@pytest.fixture(scope="module")
def sentences(shared: Path) -> dict[str, str]:
    """1k-A: video -> its sentence."""
    with (shared / "msrvtt" / "MSRVTT_JSFUSION_test.csv").open(encoding="utf-8") as file:
        return {row["video_id"]: row["sentence"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def labels(shared: Path) -> dict[str, dict]:
    """1k-A: video -> the report's labels."""
    return {one["video_id"]: one for one in json.loads((shared / "msrvtt" / "msrvtt_test1k.json").read_text())}


@pytest.fixture(scope="module")
def videos_of(sentences: dict[str, str]) -> dict[str, set[str]]:
    """Subset -> the 1k-A videos whose sentence belongs to it."""
    videos = list(sentences)
    subsets = graded_subsets(list(sentences.values()))
    return {name: {videos[index] for index in members} for name, members in subsets.items()}


def test_any_nrc_holds_426_of_1k_a(videos_of: dict[str, set[str]]):
    assert len(videos_of["any-nrc"]) == 426


def test_the_reports_filter_holds_34_of_1k_a(videos_of: dict[str, set[str]]):
    assert len(videos_of["report-filter"]) == 34


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_an_emotions_subset_is_that_of_the_published_labels(
    videos_of: dict[str, set[str]], labels: dict[str, dict], emotion: str
):
    assert videos_of[f"nrc-{emotion}"] == {video for video, label in labels.items() if label[emotion] > 0}


def test_polarity_is_that_of_the_published_labels(videos_of: dict[str, set[str]], labels: dict[str, dict]):
    signs = {video: label["positive"] - label["negative"] for video, label in labels.items()}
    neutral = {video for video, label in labels.items() if label["neutral"]}
    assert videos_of["positive"] == {video for video, sign in signs.items() if sign > 0}
    assert videos_of["negative"] == {video for video, sign in signs.items() if sign < 0}
    assert videos_of["neutral"] == neutral
    assert videos_of["mixed"] == {video for video, sign in signs.items() if sign == 0} - neutral


@pytest.mark.parametrize("bound", [0.05, 0.3, 0.6])
def test_the_vader_subsets_are_nltks(
    videos_of: dict[str, set[str]], sentences: dict[str, str], shared: Path, bound: float
):
    analyzer = PlainVader(shared / "lexicons" / "vader_lexicon.zip")
    compound = {video: analyzer.polarity_scores(text)["compound"] for video, text in sentences.items()}
    assert videos_of[f"vader-{bound}"] == {video for video, score in compound.items() if abs(score) > bound}


def test_every_subset_is_explained():
    assert graded_subsets(["a man"]).keys() == SUBSETS.keys()


def test_as_many_positive_as_negative_words_are_mixed_and_not_neutral():
    found = graded_subsets(["an amused man who is afraid", "a man"])  # amused: positive, afraid: negative
    assert (found["mixed"], found["neutral"]) == ([0], [1])


def test_polarity_is_the_sign_of_positive_less_negative_words():
    assert polarity(["an amused man", "afraid", "amused, afraid", "a man"]).tolist() == [1, -1, 0, 0]


def rows_of(n: int, members: range) -> dict:
    counts = {"greater": [0] * n, "equal": [0] * n}
    captions = [str(query) for query in range(n)]
    [row] = subset_rows(dict.fromkeys(DIRECTIONS, counts), {"some": members}, captions)
    return row


def test_19_queries_claim_nothing():
    assert rows_of(30, range(MIN_QUERIES - 1)) == {"subset": "some", "n": 19, "t2v": None, "v2t": None}


def test_20_queries_have_a_recall_with_wilsons_interval():
    # Wilson's interval for 20 of 20: from 1 / (1 + 1.96^2 / 20) = 0.8389 to 1
    row = rows_of(30, range(20))
    assert row["n"] == 20
    assert row["t2v"]["R@1"] == {"value": 100.0, "low": pytest.approx(83.89, abs=0.01), "high": 100.0}
