"""The NRC lexicon: as the published work used it, in lower case, by lemmas, and without what is negated."""

from collections.abc import Iterator, Sequence
from functools import cache

from numpy.typing import NDArray

from bench.emotions.lemmas import FETCH_WORDNET, read_wordnet
from bench.emotions.lexicons import nrc as nrc_lexicon
from bench.emotions.scores import count_emotions, score_captions
from bench.emotions.sources import emotion_source
from bench.emotions.unknown_words import unknown_words

SCOPE = 3  # words before an emotion word, in which VADER looks for a negation
# VADER's list (Hutto and Gilbert, 2014) as single words, and "no". Written out: no version of a package changes it.
_LISTED = (
    "aint arent cannot cant couldnt darent didnt doesnt dont hadnt hasnt havent isnt mightnt mustnt neednt neither "
    "never no none nope nor not nothing nowhere oughtnt shant shouldnt uhuh uh-uh wasnt werent without wont wouldnt "
    "rarely seldom despite n't"
)
NEGATIONS = frozenset(_LISTED.split())
COMES = "comes with bench's dependencies (NRCLex); free for research only"


def _unknown(text: str) -> list[str]:
    return unknown_words(text, nrc_lexicon().words.__contains__)


def _unknown_in_lower_case(text: str) -> list[str]:
    return unknown_words(text, lambda word: word.lower() in nrc_lexicon().words)


def _unknown_lemmas(text: str) -> list[str]:
    return unknown_words(text, lambda word: bool(known_form(word)))


# remember: score_captions keeps its scores itself
@emotion_source("nrc", version="1", remember=False, unknown=_unknown, origin=COMES)
def nrc(captions: Sequence[str]) -> NDArray:
    """How many words of a caption the NRC lexicon ties to each emotion (Mohammad and Turney, 2013)."""
    return score_captions(captions)


@emotion_source("nrc-lower", version="1", remember=False, unknown=_unknown_in_lower_case, origin=COMES)
def nrc_lower(captions: Sequence[str]) -> NDArray:
    """As nrc, with words in lower case: "Happy" counts."""
    return score_captions(captions, lowercase=True)


@emotion_source("nrc-negation", version="1", unknown=_unknown, origin=COMES)
def nrc_negation(captions: Sequence[str]) -> NDArray:
    """As nrc, but a word does not count where one of the three words before it is a negation: "not happy"."""
    return count_emotions(captions, _not_negated)


def _not_negated(words: Sequence[str]) -> Iterator[str]:
    negated = [word.lower() in NEGATIONS for word in words]
    for place, word in enumerate(words):
        if not any(negated[max(0, place - SCOPE) : place]):
            yield word


@emotion_source(
    "nrc-lemma",
    version=lambda: f"1, sha256 {read_wordnet().digest}",
    unknown=_unknown_lemmas,
    needs=f"NLTK's WordNet: {FETCH_WORDNET}",
    origin=COMES,
)
def nrc_lemma(captions: Sequence[str]) -> NDArray:
    """As nrc-lower, and a word that the lexicon lacks counts as its WordNet lemma: "smiles" as "smile"."""
    return count_emotions(captions, lambda words: (known_form(word) for word in words))


def known_form(word: str) -> str:
    """A word in lower case, or the first of its lemmas, that the NRC lexicon has; "" where it has none of them."""
    lexicon, lower = nrc_lexicon().words, word.lower()
    return lower if lower in lexicon else _known_lemma(lower)


@cache
def _known_lemma(word: str) -> str:
    return next((lemma for lemma in read_wordnet().lemmas(word) if lemma in nrc_lexicon().words), "")
