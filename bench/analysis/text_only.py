"""What a caption's words alone say of an edit: a bigram model that never sees a video.

It prefers the caption that is more like the training captions. How often that is the true one is how much of FlipAcc
can be had without looking: edits that make odd captions let a blind model win. Source of the baseline: Hsieh et al.,
SugarCrepe: fixing hackable benchmarks for vision-language compositionality, NeurIPS 2023.

Of a group score it gets nothing: it scores a caption the same for both clips, so no text score and no video score.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from bench.emotions.tokenize import words

ADDED = 0.01  # to every count; of 1, 0.1 and 0.01 it foretells held-out captions of moodclips and of MSR-VTT best


class Bigrams:
    """P(word | word before) = (count + 0.01) / (count of the word before + 0.01 V) over lower-cased training captions.

    V: the words that occur. A word that never did has the count 0.
    Source: Lidstone, Note on the general case of the Bayes-Laplace formula, Transactions of the Faculty of Actuaries 8
    (1920); as `nltk.lm.Lidstone`.
    """

    def __init__(self, captions: Iterable[str]):
        from nltk.lm import Lidstone
        from nltk.lm.preprocessing import padded_everygram_pipeline

        texts = [words(caption.lower()) for caption in captions]
        self.size = len(texts)
        self._model: Any = Lidstone(ADDED, 2)
        self._model.fit(*padded_everygram_pipeline(2, texts))

    def score(self, caption: str) -> float:
        """Mean log2 probability of the caption's words and its end. The mean, or shorter captions would win."""
        tokens = ["<s>", *words(caption.lower()), "</s>"]
        pairs = list(pairwise(tokens))
        return sum(self._model.logscore(word, (before,)) for before, word in pairs) / len(pairs)

    def __str__(self) -> str:
        return f"bigrams of {self.size} training captions, add {ADDED}"
