"""The baseline that reads captions alone."""

import math

import pytest

from bench.analysis.text_only import Bigrams


def test_a_bigram_is_as_probable_as_lidstone_says():
    blind = Bigrams(["a man", "a man", "a dog"])
    V = 6  # a, man, dog, the two ends and the unknown word
    first = math.log2(3.01 / (3 + 0.01 * V))  # a caption begins with "a"
    second = math.log2(2.01 / (3 + 0.01 * V))  # "man" after "a"
    last = math.log2(2.01 / (2 + 0.01 * V))
    assert blind.score("A man") == pytest.approx((first + second + last) / 3)


def test_the_commoner_caption_scores_higher():
    blind = Bigrams(["a happy man"] * 3 + ["an angry man"])
    assert blind.score("a happy man") > blind.score("an angry man") > blind.score("a livid man") > -math.inf


def test_words_that_never_occurred_are_all_the_same():
    blind = Bigrams(["a happy man"])
    assert blind.score("an elated cook") == blind.score("an irate chef")
