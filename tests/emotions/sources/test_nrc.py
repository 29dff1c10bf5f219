"""The sources made of the NRC lexicon: what each adds to the published rule, by words whose entries are known."""

from pathlib import Path

import nltk.data
import numpy as np
import pytest
from helpers.emotion_scores import score_by

from bench.emotions import EMOTIONS
from bench.emotions.lemmas import read_wordnet
from bench.emotions.scores import score_captions
from bench.emotions.sources import find_source
from bench.emotions.sources.nrc import _known_lemma, known_form
from bench.errors import BenchError

JOY, SADNESS = EMOTIONS.index("joy"), EMOTIONS.index("sadness")


def joy(source: str, caption: str) -> float:
    return float(score_by(source, [caption])[0, JOY])


def test_in_lower_case_capitals_do_not_hide_a_word() -> None:
    assert (joy("nrc", "Happy people"), joy("nrc-lower", "Happy people")) == (0, 1)


@pytest.mark.parametrize(
    ("caption", "count"),
    [
        ("a happy man", 1),
        ("a man who is not happy", 0),
        ("a man who isn't happy", 0),
        ("Not happy", 0),
        ("a man who is not really very happy", 0),  # three words before: the last that counts
        ("not a man who is happy", 1),  # five words before
        ("a man without joy", 0),
        ("no joy", 0),
        ("happy, not sad", 1),  # what comes before a negation counts
        ("nobody is happy", 1),  # VADER's list has no "nobody"
        ("not happy but full of joy and happy", 2),  # "joy" is four words after "not"
    ],
)
def test_a_word_within_three_words_after_a_negation_does_not_count(caption: str, count: int) -> None:
    assert joy("nrc-negation", caption) == count


def test_without_a_negation_nothing_changes() -> None:
    texts = ["a happy man and an angry dog", "Happy people", "a sad cook", ""]
    np.testing.assert_array_equal(score_by("nrc-negation", texts), score_captions(texts))


def test_a_negated_word_does_not_count_for_its_opposite() -> None:
    assert not score_by("nrc-negation", ["a man who is not happy"]).any()


@pytest.mark.parametrize(("source", "unknown"), [("nrc", ["sad", "cook", "Happy"]), ("nrc-lower", ["sad", "cook"])])
def test_what_the_lexicon_lacks_is_named_without_articles_and_the_like(source: str, unknown: list[str]) -> None:
    asked = find_source(source).unknown
    assert asked is not None
    assert asked("a sad cook, and the happy one. Happy 5 2") == unknown


def test_lemmas_stand_in_for_words_that_the_lexicon_lacks(tiny_wordnet: Path) -> None:
    assert (joy("nrc-lower", "a man smiles"), joy("nrc-lemma", "a man Smiles")) == (0, 1)
    assert known_form("happy") == "happy"  # the lexicon has it: no lemma is asked
    assert known_form("walked") == ""  # its lemma is known to WordNet, and carries nothing
    unknown = find_source("nrc-lemma").unknown
    assert unknown is not None and unknown("a sad man smiles") == ["sad", "man"]


def test_the_version_of_lemmas_follows_from_wordnet_s_data(tiny_wordnet: Path) -> None:
    assert find_source("nrc-lemma").version == f"1, sha256 {read_wordnet().digest}"


def test_without_wordnet_one_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    read_wordnet.cache_clear()
    _known_lemma.cache_clear()
    with pytest.raises(BenchError, match=r"needs NLTK's WordNet.* python -m nltk\.downloader wordnet"):
        score_by("nrc-lemma", ["a man smiles"])
