"""Maps from a classifier's labels to the eight emotions."""

from pathlib import Path

import pytest

from bench.emotions.label_maps import SHIPPED_MAP, read_label_map
from bench.errors import UsageError

# Demszky et al. 2020, table 1, and their ekman_mapping.json
GOEMOTIONS_TEXT = """
admiration amusement anger annoyance approval caring confusion curiosity desire disappointment
disapproval disgust embarrassment excitement fear gratitude grief joy love nervousness optimism
pride realization relief remorse sadness surprise neutral
"""
GOEMOTIONS = GOEMOTIONS_TEXT.split()
EKMAN = {
    "anger": ["anger", "annoyance", "disapproval"],
    "disgust": ["disgust"],
    "fear": ["fear", "nervousness"],
    "joy": ["joy", "amusement", "excitement", "gratitude", "love", "optimism", "relief", "pride", "desire", "caring"],
    "sadness": ["sadness", "disappointment", "embarrassment", "grief", "remorse"],
    "surprise": ["surprise", "realization", "confusion"],
}
BY_PLUTCHIK = {"admiration": "trust", "approval": "trust", "curiosity": "anticipation"}


def test_the_shipped_map_has_the_28_labels_of_goemotions() -> None:
    assert list(read_label_map(SHIPPED_MAP).emotions) == GOEMOTIONS


def test_labels_belong_where_their_authors_group_them_but_for_trust_and_anticipation() -> None:
    emotions = read_label_map(SHIPPED_MAP).emotions
    for emotion, labels in EKMAN.items():
        assert all(emotion in emotions[label] for label in labels), emotion
    assert all(emotions[label] == (emotion,) for label, emotion in BY_PLUTCHIK.items())
    assert emotions["neutral"] == ()
    assert {label for label in GOEMOTIONS if len(emotions[label]) > 1} == {"love", "optimism", "remorse"}


def test_every_emotion_is_named_by_some_label() -> None:
    assert read_label_map(SHIPPED_MAP).matrix(GOEMOTIONS).any(axis=0).all()


def test_capitals_of_labels_do_not_matter() -> None:
    assert read_label_map(SHIPPED_MAP).matrix(["Joy"]).tolist() == [[True, *[False] * 7]]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("joy", "is no label map"),
        ("labels: [joy]", "is no label map"),
        ("labels: {grief: [sadnes]}", r"'sadnes' of the label grief is none of the eight.* Did you mean sadness"),
        ("labels: {grief: {sadness: 1}}", "the label grief takes a list of emotions"),
        ("labels: {}\nother: 1", "a label map has no 'other'"),
        ("labels: {}\nthreshold: x", "the threshold is 'x'"),
        ("labels: {}\nthreshold: 1.0", "its threshold is 1.0"),
        ("labels: {}\nthreshold: [1]", "the threshold is"),
        ("labels: {a: joy, a: fear}", "'a' stands there twice"),
    ],
)
def test_a_map_of_another_form_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=line):
        read_label_map(tmp_path / "map.yaml")
