"""Scores that another program wrote down in our format, or moodclips' simulated ones."""

from pathlib import Path

import numpy as np

from bench.data.faces import BOX, EXPRESSIONS, read_table
from bench.errors import BenchError
from bench.face_detection import ClipFrames, Face, face_backend
from bench.utils.files import sha256


@face_backend("sidecar")
class Sidecar:
    """Answers with the looked-at frame of a parquet file that is nearest in time; looks at no pixel.

    model: the file, in the format of `bench.data.faces`. Its boxes are handed on as they are, in pixels of whatever
    file they were found in. A clip that it does not have is a broken clip.
    """

    def __init__(self, *, model: Path) -> None:
        table, source, _ = read_table(model, "--model takes a parquet file as `bench faces` writes it.")
        digest = sha256(model)
        self.source = f"{source} (sidecar, sha256 {digest[:8]})"
        self.settings = {"sha256": digest}
        self._model = model
        self._faces: dict[str, dict[float, list[Face]]] = {}  # video -> place in time -> faces
        columns = table.select(["video", "frame", "frames", "face", *EXPRESSIONS, *BOX, "confidence"]).to_pydict()
        for video, frame, frames, face, *rest in zip(*columns.values(), strict=True):
            here = self._faces.setdefault(video, {}).setdefault(frame / frames, [])
            if face is not None:
                here.append(Face(tuple(rest[:7]), tuple(rest[7:11]), rest[11]))

    def faces(self, clip: ClipFrames) -> list[list[Face]]:
        """The faces of the nearest looked-at frames; of two as near, the earlier one's."""
        if clip.name not in self._faces:
            raise BenchError(f"{clip.path}: {self._model.name} has no scores of {clip.name}")
        known = self._faces[clip.name]
        places = np.array(sorted(known))
        nearest = np.searchsorted((places[1:] + places[:-1]) / 2, clip.indices / clip.frames)
        return [known[float(place)] for place in places[nearest]]
