"""The facial expressions of a window's frames, by the backends of `bench faces`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import face_detection
from bench.data.faces import to_emotions
from bench.face_detection import ClipFrames, Face, FaceBackend, Recipe


@dataclass(frozen=True)
class FaceTrack:
    """What is seen in T frames: `scores` (T, 8) in the order of EMOTIONS, `seen` (T,), whether there is a face."""

    scores: NDArray[np.float32]
    seen: NDArray[np.bool_]

    def summary(self) -> NDArray[np.float32]:  # (9,)
        """The mean scores over the frames with a face, and the share of such frames."""
        mean = self.scores[self.seen].mean(axis=0) if self.seen.any() else np.zeros(self.scores.shape[1])
        return np.append(mean, self.seen.mean()).astype(np.float32)


class FaceDetector:
    """Looks for faces in single frames. pooling: of several faces in one, the "largest", the "mean" or the "max".

    Another process that is given one builds its own.
    """

    def __init__(self, backend: str, settings: dict[str, Any], pooling: str, built: FaceBackend | None = None) -> None:
        self._backend = built or face_detection.build(backend, settings)
        self._pooling = pooling
        self._made_of = backend, settings
        self.how: dict[str, Any] = json.loads(json.dumps(self._backend.settings))  # all that can change its answers

    def __reduce__(self) -> tuple[Any, ...]:
        return _built, (Recipe.of(*self._made_of), self._pooling)

    def __call__(self, path: Path, frames: int, index: int, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Scores (8,) of the frame `index` of `frames`, (H, W, 3); None without a face. BenchError: a broken clip."""
        clip = ClipFrames(path.stem, path, frames, np.array([index]))
        clip.__dict__["images"] = image[None]  # decoded already; otherwise it would be again
        [faces] = self._backend.faces(clip)
        return self._pooled(faces) if faces else None

    def _pooled(self, faces: list[Face]) -> NDArray[np.float32]:
        scores = to_emotions([face.scores for face in faces])
        if self._pooling == "largest":
            return scores[int(np.argmax([face.box[2] * face.box[3] for face in faces]))]
        return scores.mean(axis=0) if self._pooling == "mean" else scores.max(axis=0)


@cache
def _built(recipe: Recipe, pooling: str) -> FaceDetector:
    """This process's own."""
    return FaceDetector(recipe.name, dict(recipe.settings), pooling, recipe.build())
