"""Curly quotes in what a person types: the same emotions as without them."""

import pytest

from bench.emotions.quotes import plain_quotes
from bench.emotions.scores import score_captions, vader_compound


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("I don’t care", "I don't care"),
        ("a ‘sad’ man", "a sad man"),
        ("“happy” people", "happy people"),
        ("„happy people‟", "happy people"),
        ("he said ‘I don’t care’.", "he said I don't care."),
        ("“a ‘sad’ man”", "a sad man"),
        ("the dogs’ joy", "the dogs' joy"),
        ("rock ’n’ roll", "rock n roll"),
        ("don´t, don`t, don＇t", "don't, don't, don't"),
        ("a «sad» man and a ‹sad› one", "a sad man and a sad one"),
        ("＂happy＂ people", "happy people"),
        ("6\" of 'joy", "6\" of 'joy"),
        ('‘’ ""', "'' \"\""),
    ],
)
def test_quotes_become_plain(typed: str, plain: str) -> None:
    assert plain_quotes(typed) == plain


def test_don_t_names_no_trust() -> None:
    assert not score_captions([plain_quotes("don’t")]).any()


@pytest.mark.parametrize("typed", ["a ‘sad’ man", "a 'sad' man", "a “sad” man", "a «sad» man"])
def test_a_quoted_word_keeps_its_valence(typed: str) -> None:
    assert vader_compound([plain_quotes(typed)]) == vader_compound(["a sad man"]) < -0.4


def test_captions_of_datasets_are_counted_as_they_stand() -> None:
    """The published counts were made with this: "don" is a word of trust."""
    assert score_captions(["don’t"]).any()
