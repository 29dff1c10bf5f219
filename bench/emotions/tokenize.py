"""Text -> words, as TextBlob's `.words` gives them, without the model that TextBlob must download.

The rule: NLTK's Treebank word tokenizer (`NLTKWordTokenizer`, the one behind `nltk.word_tokenize`) on each sentence,
ASCII punctuation stripped from both ends of a token unless it starts with an apostrophe, empty tokens dropped. So
"can't" is "ca", "n't"; "happy/sad" and "self_pity" stay one word; capitals stay capitals; nothing is lemmatized.

Sentences are found by NLTK's Punkt without its trained parameters. The trained model knows abbreviations, so it does
not end a sentence after "Mr.". The stop is stripped from the word either way, so the words differ only where more is
glued to the stop of such an abbreviation: of "U.S.'s^" TextBlob makes one word, this rule two.
"""

import re
import string
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer

# In a text of these characters alone no rule of the tokenizer looks past a blank, so it may go chunk by chunk, and
# where sentences end does not matter: a final stop is split off or stripped, with the same words left. Only before a
# colon does Punkt end a sentence inside a chunk: "5A.:5".
chunkwise = re.compile(r"(?:[\w\s/,:-]|\.(?!:))*").fullmatch

_treebank = NLTKWordTokenizer()
_punkt = PunktSentenceTokenizer()


def words(text: str) -> list[str]:
    """The words of a text in order."""
    if chunkwise(text):
        return list(chain.from_iterable(map(chunk_words, text.split())))
    return words_by_sentence(text)


def words_by_sentence(text: str) -> list[str]:
    """The rule itself, for any text; `words` gives the same faster."""
    return [
        word
        for sentence in _punkt.tokenize(text)
        for part in _punkt.tokenize(sentence)  # TextBlob does, and then NLTK's word_tokenize does it again
        for word in _bare(_treebank.tokenize(part))
    ]


@lru_cache(maxsize=1 << 17)  # the 180 000 training captions of MSR-VTT have about 37 000 different chunks
def chunk_words(chunk: str) -> tuple[str, ...]:
    """The words of a chunk: a piece without blanks of a text that is `chunkwise`."""
    bare = chunk.strip(string.punctuation)
    if bare.isalnum() and not any(rule.search(f" {bare} ") for rule in NLTKWordTokenizer.CONTRACTIONS2):
        return (bare,)  # the tokenizer has thirty rules, and for letters and digits only "cannot" and its like
    return tuple(_bare(_treebank.tokenize(chunk)))


def _bare(tokens: list[str]) -> Iterator[str]:
    for token in tokens:
        if bare := token.strip(string.punctuation):
            yield token if token.startswith("'") else bare
