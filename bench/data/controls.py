"""Controls: emotions other than the true ones, given to a variant to see whether its gain comes from emotion at all.

    true       what the words, or the faces, say
    shuffled   what another caption, or another clip, of the same split says: right emotions in wrong places
    zeroed     nothing: captions without emotion, frames without a face
    random     drawn anew, as often as in the split: emotions one by one for captions, whole clips' faces for clips
    opposite   joy for sadness, trust for disgust, fear for anger, surprise for anticipation, and back (Plutchik);
               for a variant with both captions and faces only the captions are turned, or both would agree again
    oracle     what the words, or the faces, say; it is the scores that are told the truth, see `bench.engine.oracle`
    constant   the same for everything, all emotions at once: parameters without information

Everything is drawn from the run's seed and the order of the split, so a control repeats. Captions and clips are drawn
from different streams, or a shuffled caption would meet a clip that was shuffled with it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.faces import IS_EXPRESSED, Faces
from bench.emotions import EMOTIONS, OPPOSITE

ORACLE = "oracle"


def control_scores(scores: NDArray, control: str, seed: int, threshold: float = 0.0) -> NDArray:  # (n, 8) -> (n, 8)
    """The emotion scores of n captions under a control. threshold: above it an emotion is named."""
    rng = np.random.default_rng([seed, len(scores), 0])
    if control == "shuffled":
        return scores[_neighbours(len(scores), rng)]
    if control == "zeroed":
        return np.zeros_like(scores)
    if control == "random":
        return (rng.random(scores.shape) < (scores > threshold).mean(axis=0)).astype(scores.dtype)
    if control == "opposite":
        return scores[:, OPPOSITE]
    if control == "constant":
        return np.ones_like(scores)
    return scores


class FaceTracks:
    """The facial expressions of a split's clips under a control: `tracks[place, positions]`.

    faces: what was read from the clips. videos: the split's clips in order. pooling: how several faces of a frame
    become one.
    """

    def __init__(self, faces: Faces, videos: Sequence[str], control: str, seed: int, pooling: str):
        rng = np.random.default_rng([seed, len(videos), 1])
        self.faces, self.videos, self.control, self.pooling = faces, videos, control, pooling
        self.asked = {"shuffled": _neighbours, "random": _drawn}.get(control, _themselves)(len(videos), rng)

    def __getitem__(self, key: tuple[int, NDArray]) -> tuple[NDArray, NDArray]:
        """positions: (T,) in [0, 1), a share of the clip's length. Returns (T, 8) float32 and (T,) bool: face seen."""
        place, positions = key
        video = self.videos[self.asked[place]]
        if video in self.faces.videos:
            scores, seen = self.faces.pooled(video, positions, self.pooling)
        else:  # nobody looked, and the run goes on without: --missing skip
            scores, seen = np.zeros((len(positions), len(EMOTIONS)), np.float32), np.zeros(len(positions), np.bool_)
        if self.control == "zeroed":
            return np.zeros_like(scores), np.zeros_like(seen)
        if self.control == "opposite":  # of those that a face can show; disgust and surprise stay
            pairs = np.where(IS_EXPRESSED[list(OPPOSITE)] & IS_EXPRESSED, OPPOSITE, np.arange(len(EMOTIONS)))
            return scores[:, pairs], seen
        if self.control == "constant":
            return np.tile(IS_EXPRESSED / IS_EXPRESSED.sum(), (len(seen), 1)).astype(np.float32), np.ones_like(seen)
        return scores, seen


def _neighbours(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """For each of n places another one, each once: none keeps its own (but for n = 1)."""
    order = rng.permutation(n)
    other = np.empty(n, np.int64)
    other[order] = np.roll(order, 1)
    return other


def _drawn(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """For each of n places any place, its own too."""
    return rng.integers(n, size=n)


def _themselves(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.arange(n)
