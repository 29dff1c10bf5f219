"""Curly quotes in what a person types: the same emotions as with straight ones."""

import pytest

from bench.emotions.quotes import straight_quotes
from bench.emotions.scores import score_captions


@pytest.mark.parametrize(
    ("curly", "straight"),
    [
        ("I don’t care", "I don't care"),
        ("a ‘sad’ man", "a 'sad' man"),
        ("“happy” people", '"happy" people'),
        ("„happy‟ people‚", '"happy" people\''),
    ],
)
def test_quotes_become_straight(curly: str, straight: str) -> None:
    assert straight_quotes(curly) == straight


def test_don_t_names_no_trust() -> None:
    assert not score_captions([straight_quotes("don’t")]).any()


def test_a_quoted_emotion_counts() -> None:
    assert score_captions([straight_quotes("a ‘sad’ man")])[0].tolist() == score_captions(["a sad man"])[0].tolist()


def test_captions_of_data_sets_are_counted_as_they_stand() -> None:
    """The published counts were made with this: "don" is a word of trust."""
    assert score_captions(["don’t"]).any()
