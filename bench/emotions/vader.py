"""NLTK's VADER, with the same scores from less work.

NLTK rebuilds a table of every word with every punctuation mark for each text, and scores every word in a Python
loop, though few words carry anything and a repeated word always gets the score of its first place. Here what a word
becomes without punctuation is remembered, and NLTK's rules run once for each word that the lexicon knows. The rules
themselves (negation, boosters, idioms, "but", emphasis, sums) are NLTK's own methods, unchanged.

Source: Hutto and Gilbert, VADER, ICWSM 2014; the code is NLTK's `nltk.sentiment.vader`.
"""

from functools import lru_cache

from nltk.sentiment.vader import SentimentIntensityAnalyzer, SentiText, VaderConstants

PUNCTUATION = frozenset(VaderConstants.PUNC_LIST)


@lru_cache(maxsize=1 << 17)
def _cleaned(chunk: str) -> str:
    """A chunk without the one mark of NLTK's list before or after it; unchanged where there is none, or another.

    NLTK looks the chunk up among all words of the text, each with each mark on either side. A chunk can only be found
    there through its own letters, so the other words of the text do not matter.
    """
    word = VaderConstants.REGEX_REMOVE_PUNCTUATION.sub("", chunk)
    if len(word) > 1 and (
        (chunk.startswith(word) and chunk[len(word) :] in PUNCTUATION)
        or (chunk.endswith(word) and chunk[: -len(word)] in PUNCTUATION)
    ):
        return word
    return chunk


class _Text(SentiText):
    """NLTK's text, prepared chunk by chunk."""

    def _words_and_emoticons(self) -> list[str]:
        return [_cleaned(chunk) for chunk in self.text.split() if len(chunk) > 1]

    def allcap_differential(self, words: list[str]) -> bool:
        # A text in lower case has no word in capitals: no need to look at each.
        return not self.text.islower() and super().allcap_differential(words)


class Vader(SentimentIntensityAnalyzer):
    """NLTK's analyzer on a lexicon that is already read (word -> valence): NLTK's own start accepts no file."""

    def __init__(self, lexicon: dict[str, float]) -> None:
        self.lexicon = lexicon
        self.constants = VaderConstants()
        self._carries = lru_cache(maxsize=1 << 17)(self._may_carry)

    def polarity_scores(self, text: str) -> dict[str, float]:
        """What NLTK returns, to the last digit: neg, neu and pos in 0..1, compound in -1..1."""
        prepared = _Text(text, self.constants.PUNC_LIST, self.constants.REGEX_REMOVE_PUNCTUATION)
        words = prepared.words_and_emoticons
        valences = self._valences(prepared)
        return self.score_valence(self._but_check(words, [valences.get(word, 0) for word in words]), text)

    def valences(self, text: str) -> dict[str, float]:
        """The words of the text that carry valence, each with what it is worth in its context, in order."""
        prepared = _Text(text, self.constants.PUNC_LIST, self.constants.REGEX_REMOVE_PUNCTUATION)
        return self._valences(prepared)

    def _valences(self, prepared: _Text) -> dict[str, float]:
        words = prepared.words_and_emoticons
        valences: dict[str, float] = {}
        for word in words:
            if word in valences or not self._carries(word):
                continue
            place = words.index(word)
            if word.lower() == "kind" and [following.lower() for following in words[place + 1 : place + 2]] == ["of"]:
                continue  # "kind of" weakens what follows and says nothing itself
            valences[word] = self.sentiment_valence(0, prepared, word, place, [])[0]
        return valences

    def _may_carry(self, word: str) -> bool:
        return word.lower() in self.lexicon and word.lower() not in self.constants.BOOSTER_DICT
