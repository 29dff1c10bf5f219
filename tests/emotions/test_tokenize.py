"""The reference is TextBlob itself. Its trained sentence model is a download, so Punkt runs untrained in both."""

import nltk.tokenize
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.tokenize.punkt import PunktSentenceTokenizer
from textblob import TextBlob

from bench.emotions.tokenize import words, words_by_sentence

PIECES_TEXT = r"""
    can't don't. He cannot cannot. Mr. Mr.'s ok. ok." dog's dog's. dogs' 'tis 'Twas happy/sad self_pity _x_ Happy HATE
    wanna wanna. gimme more'n d'ye "joy" ''joy'' `joy` “joy” ‘joy’ ’s it’s (happy) [sad]. a.b ... …. ! ?! joy!he joy.he
    , ,, : :: 5,000 5. I. J. - -- well-being — – a--b #x @y 50% $5 & é naïve. ' '' " 'happy' 'happy'. rock'n'roll
    they'll. N'T I'M *joy* ~ ^ | \ joy\sad <b> joy> n't 's e.g. U.S.'s
"""
PIECES = PIECES_TEXT.split()
texts_of_pieces = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from([" ", "", "\n", "\u00a0"]))).map(
    lambda parts: "".join(piece + blank for piece, blank in parts)
)
chunks = st.text(st.sampled_from("aAéno. /,:-_5²cannotwanna\n\u00a0"), max_size=40)


@pytest.fixture(scope="module", autouse=True)
def untrained_textblob():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nltk.tokenize, "_get_punkt_tokenizer", lambda language: PunktSentenceTokenizer())
        yield


@settings(deadline=None, max_examples=400)
@given(st.one_of(texts_of_pieces, st.text(max_size=60)))
def test_property_words_equal_textblobs(text):
    assert words(text) == [str(word) for word in TextBlob(text).words]


@settings(deadline=None, max_examples=400)
@given(chunks)
def test_property_chunk_by_chunk_equals_sentence_by_sentence(text):
    assert words(text) == words_by_sentence(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("They can't stay.", ["They", "ca", "n't", "stay"]),
        ("the dog's joy. He cannot.", ["the", "dog", "'s", "joy", "He", "can", "not"]),
        ("happy/sad self_pity", ["happy/sad", "self_pity"]),
        ("_joy_ “Joy” (JOY)!", ["joy", "“", "Joy", "”", "JOY"]),
        ("... ?! --", []),
        ("5A.:5", ["5A", "5"]),
    ],
)
def test_words_of_a_text(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'innovate", ["innovate"]),  # NLTK 3.10.0 and older: "'innovate"
        ("the 'sad man", ["the", "sad", "man"]),  # 3.10.0 and older: "'sad"
        ("happy—sad", ["happy", "—", "sad"]),  # 3.9.3 and older: one word
        ("don't.“sad.”he", ["do", "n't", "“", "sad", "”", "he"]),  # 3.10.1: "don't"
    ],
)
def test_the_allowed_versions_of_nltk_agree_on_these_words(text, expected):
    """Held for 3.10.2, 3.10.3 and 3.10.4; pyproject.toml allows no other, for the words decide every count."""
    assert words(text) == expected
