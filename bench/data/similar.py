"""Clips whose captions are alike but for emotion: the pairs that batches of similar clips are made of.

Captions are compared by TF-IDF over their words without the emotion words, those that the NRC lexicon ties to an
emotion and those of the swap list, so that "a happy man sings" is next to "a sad man sings". A clip's emotions are
those that its captions name most often, by the NRC lexicon whatever the run's own source: all runs are batched alike.

For the 9 000 training clips of MSR-VTT and their 180 000 captions, two clips in three quarters of all pairs have
different emotions.
"""

from functools import cache
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from bench.data.annotation import Annotation
from bench.emotions import EMOTIONS
from bench.emotions.counterfactuals import emotional_words
from bench.emotions.lexicons import digest, nrc
from bench.emotions.scores import cached, score_captions
from bench.errors import UsageError

NEIGHBOURS = 20  # of a clip that it may be paired with
BLOCK = 200  # clips that are compared with all others at a time
STEPS = 1_000_000  # similarities closer than 1 / STEPS are equal, so that no rounding decides


class SimilarPairs:
    """The pairs of a training split; they are others in each epoch."""

    def __init__(self, train: Annotation):
        """UsageError: the captions hold nothing but emotion words."""
        texts = ["\n".join(clip.captions) for clip in train.clips]
        nearest = neighbours(texts, f"{train.dataset}/{train.split}")
        differ = different_emotions(score_captions(texts), nearest)
        first = np.argsort(~differ, axis=1, kind="stable")
        self.candidates: list[list[int]] = np.take_along_axis(nearest, first, axis=1).tolist()  # the best first

    def __call__(self, rng: np.random.Generator) -> list[list[int]]:
        """Clips in a random order, each with the first of its candidates that is left. Some stay without any."""
        free = [True] * len(self.candidates)
        pairs = []
        for one in rng.permutation(len(free)).tolist():
            if not free[one]:
                continue
            free[one] = False
            other = next((place for place in self.candidates[one] if place >= 0 and free[place]), None)
            if other is not None:
                free[other] = False
                pairs.append([one, other])
        return pairs


def different_emotions(counts: NDArray, nearest: NDArray) -> NDArray[np.bool_]:  # (n, 8), (n, k) -> (n, k)
    """Whether a clip and its neighbour both name emotions, and those that they name most often have none in common.

    counts: how often each clip's captions name each emotion. A clip that names none is of no other emotion: its
    captions leave open of which it is.
    """
    own = (counts == counts.max(axis=1, keepdims=True)) & (counts > 0)  # (n, 8)
    common = (own[:, None] & own[nearest]).any(axis=2)
    return own.any(axis=1)[:, None] & own.any(axis=1)[nearest] & ~common & (nearest >= 0)


def neighbours(texts: list[str], where: str) -> NDArray[np.int64]:  # (n, k)
    """For each of n texts those that are most alike but for emotion words, the nearest first; -1 for nothing in common.

    Kept in the cache folder by the texts and all that decides. Equally near ones are taken in the order in which they
    follow on the text itself, so that many equal texts are not all given the same few neighbours. where: for errors.
    """
    decides = f"{digest(nrc().words)} {sorted(emotional_words())} {version('scikit-learn')} {NEIGHBOURS} {STEPS}"
    return cached("similar", decides, texts, lambda: _neighbours(texts, where))


def _neighbours(texts: list[str], where: str) -> NDArray[np.int64]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    n, k = len(texts), min(NEIGHBOURS, len(texts) - 1)
    try:
        rows = TfidfVectorizer(stop_words=_without(), sublinear_tf=True).fit_transform(texts)  # (n, words), unit norm
    except ValueError:
        raise UsageError(
            f"--train.batches similar: the captions of {where} have only emotion words, so none are similar."
        ) from None
    columns = rows.T.tocsr()
    found = np.empty((n, k), np.int64)
    for start in range(0, n, BLOCK):
        block = np.arange(start, min(start + BLOCK, n))
        steps = np.rint((rows[block] @ columns).toarray() * STEPS).astype(np.int64)  # (b, n)
        steps[np.arange(len(block)), block] = -1  # itself comes last
        after = (np.arange(n) - block[:, None]) % n
        order = steps * n + (n - 1 - after)  # no two of a row are equal
        best = np.argpartition(-order, k - 1, axis=1)[:, :k]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(order, best, axis=1), axis=1), axis=1)
        found[block] = np.where(np.take_along_axis(steps, best, axis=1) > 0, best, -1)
    return found


@cache
def _without() -> list[str]:
    """The emotion words, as scikit-learn splits texts into words."""
    named = {word for word, affects in nrc().words.items() if set(affects) & set(EMOTIONS)}
    return sorted(word for word in named | emotional_words().keys() if word.isalnum() and len(word) > 1)
