"""Clips whose captions are alike but for emotion: neighbours against a slow reference, pairs by hand."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.annotation import Annotation, Clip
from bench.data.batches import training_keys
from bench.data.similar import NEIGHBOURS, SimilarPairs, different_emotions, neighbours
from bench.errors import UsageError

TEXTS = [
    "a happy man sings a song",
    "a sad man sings a song",
    "a man with a red hat sings",
    "an angry woman rides the horse on the beach",
    "a cheerful woman rides the horse",
    "the dog runs on the beach\na dog runs",
    "water",
]
EMOTION_WORDS = {"happy", "sad", "angry", "cheerful", "horse"}  # of these texts, NRC's: `horse` is tied to trust


def split(*captions: str) -> Annotation:
    return Annotation("x", "train", tuple(Clip(f"video{place}", (text,)) for place, text in enumerate(captions)))


def by_hand(texts: list[str]) -> list[list[float]]:
    """Cosines of TF-IDF as scikit-learn's manual defines it (smooth idf, sublinear tf), in plain Python."""
    counted = [Counter(w for w in text.split() if len(w) > 1 and w not in EMOTION_WORDS) for text in texts]
    having = Counter(word for words in counted for word in words)
    weights = [
        {word: (1 + math.log(n)) * (math.log((1 + len(texts)) / (1 + having[word])) + 1) for word, n in words.items()}
        for words in counted
    ]
    lengths = [math.sqrt(sum(weight**2 for weight in words.values())) for words in weights]
    return [
        [sum(one[word] * other.get(word, 0) for word in one) / a / b for other, b in zip(weights, lengths, strict=True)]
        for one, a in zip(weights, lengths, strict=True)
    ]


def test_neighbours_are_those_of_tf_idf_without_emotion_words() -> None:
    cosines = by_hand(TEXTS)
    wanted = []
    for place, row in enumerate(cosines):
        others = sorted((other for other in range(len(TEXTS)) if other != place), key=lambda other: -row[other])
        wanted.append([other if row[other] > 0 else -1 for other in others])
    assert neighbours(TEXTS, "x/train").tolist() == wanted
    assert cosines[0][1] == pytest.approx(1)
    assert wanted[6] == [-1] * 6


def test_equally_near_texts_are_taken_in_the_order_in_which_they_follow() -> None:
    many = NEIGHBOURS + 10
    found = neighbours(["a man"] * many, "x/train")
    assert found.tolist() == [[(place + 1 + step) % many for step in range(NEIGHBOURS)] for place in range(many)]


def test_emotions_differ_where_both_are_named_and_none_is_shared() -> None:
    counts = np.zeros((5, 8), np.int64)
    counts[0, 0] = 2  # joy
    counts[1, [0, 4]] = 1, 3  # joy, but more sadness
    counts[2, [0, 4]] = 1  # both
    counts[3, 6] = 1  # anger; the last names none
    found = different_emotions(counts, np.array([[1, 2], [0, 2], [0, 3], [4, -1], [0, 1]]))
    assert found.tolist() == [[True, False], [True, False], [False, True], [False, False], [False, False]]


def test_a_clip_is_paired_with_another_emotion_before_a_nearer_one() -> None:
    train = split("a happy man runs home", "a happy man runs home", "an angry man runs", "an angry man runs")
    for seed in range(5):
        pairs = SimilarPairs(train)(np.random.default_rng(seed))
        assert {frozenset({one < 2, other < 2}) for one, other in pairs} == {frozenset({True, False})}
        assert len(pairs) == 2


def test_a_clip_like_no_other_stays_alone() -> None:
    pairs = SimilarPairs(split("a man sings", "water", "the man walks"))
    assert [sorted(pair) for pair in pairs(np.random.default_rng(0))] == [[0, 2]]


WORDS = st.sampled_from(["man", "woman", "dog", "runs", "sings", "happy", "sad", "angry", "song"])


@settings(deadline=None, max_examples=25)
@given(
    texts=st.lists(st.lists(WORDS, min_size=1).map(" ".join), min_size=4, max_size=12),
    start=st.integers(0, 8),
)
def test_a_clip_is_in_one_pair_at_most_and_batches_can_be_resumed(texts: list[str], start: int) -> None:
    pairs = SimilarPairs(split("man", *texts))
    for seed in range(3):
        paired = [place for pair in pairs(np.random.default_rng(seed)) for place in pair]
        assert len(set(paired)) == len(paired)
    n = len(texts) + 1
    whole = list(training_keys(n, 4, 1, range(9), groups=pairs))
    assert list(training_keys(n, 4, 1, range(start, 9), groups=pairs)) == whole[start:]


def test_captions_of_emotion_words_alone_are_an_error() -> None:
    with pytest.raises(UsageError, match="the captions of x/train have only emotion words"):
        SimilarPairs(split("happy", "sad sad", "angry"))


def test_neighbours_of_many_texts_are_kept_and_a_damaged_file_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    texts = [f"man number{place // 3} runs" for place in range(1000)]
    fresh = neighbours(texts, "x/train")
    [path] = (tmp_path / "emotions").glob("similar-*.npy")
    kept = path.read_bytes()
    path.write_bytes(kept[:-40] + bytes(40))
    np.testing.assert_array_equal(neighbours(texts, "x/train"), fresh)
    assert "is damaged: it is made again" in capsys.readouterr().err
    assert path.read_bytes() == kept
