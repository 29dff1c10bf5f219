"""DeepFace (Serengil and Ozpinar): its face detectors and its expression classifier, on the engine of your choice.

Weights are never downloaded in silence: where a file is missing, the error says which, where it goes, and the command.
"""

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.data.faces import EXPRESSIONS
from bench.errors import BenchError, UsageError
from bench.face_detection import ClipFrames, Face, face_backend, needs_extra
from bench.utils.files import sha256
from bench.utils.names import did_you_mean


@face_backend("deepface")
class DeepFace:
    """DeepFace.analyze on every frame; a frame in which its detector finds no face has none.

    detector: one of DeepFace's, such as opencv, ssd, yunet, retinaface, mtcnn. weights: what $DEEPFACE_HOME names, the
    home folder by default; files lie below it in .deepface/weights. engine: what runs the classifier, by default
    $DEEPFACE_BACKEND_ENGINE or the first that is installed of tensorflow, pytorch and onnx.
    """

    def __init__(
        self,
        *,
        detector: str = "opencv",
        weights: Path | None = None,
        engine: Literal["onnx", "pytorch", "tensorflow"] | None = None,
    ) -> None:
        if weights is not None:
            if not weights.is_dir():
                raise UsageError(f"there is no folder {weights} for --weights.")
            os.environ["DEEPFACE_HOME"] = str(weights.absolute())
        if engine is not None:
            os.environ["DEEPFACE_BACKEND_ENGINE"] = engine
        os.environ["DEEPFACE_LOG_LEVEL"] = "50"  # it logs to stdout
        self._detector = detector
        self._files: list[Path] = []
        try:
            import cv2
            from deepface.commons import backend_utils, weight_utils
            from deepface.modules import modeling
            from retinaface.commons import weight_utils as retina_weights
        except ImportError as error:
            raise needs_extra("deepface", error) from None
        weight_utils.download_weights_if_necessary = self._weights
        retina_weights.download_weights_if_necessary = lambda file_name, source_urls: self._weights(
            file_name, source_urls
        )
        # DeepFace keeps engine and models as long as the process lives; here the last one asked for counts.
        backend_utils._backend_engine = None
        vars(modeling).pop("cached_models", None)
        detectors = modeling.AVAILABLE_MODELS["face_detector"]
        if detector not in detectors:
            raise UsageError(
                f"deepface has no detector '{detector}'.{did_you_mean(detector, detectors)} "
                f"It has: {', '.join(detectors)}."
            )
        try:
            from deepface import DeepFace as library

            modeling.build_model("facial_attribute", "Emotion")
            modeling.build_model("face_detector", detector)
            engine_used = backend_utils.get_backend_engine()
        except BenchError:
            raise
        except Exception as error:  # broken weights, a detector's package that is missing: it has no common class
            raise BenchError(
                f"deepface cannot start with detector {detector}: {' '.join(str(error).split())}"
            ) from None
        self._analyze = library.analyze
        digests = {path.name: sha256(path) for path in self._files}
        self.source = (
            f"deepface {version('deepface')}, engine {engine_used}, detector {detector}, "
            f"weights sha256 {next(iter(digests.values()))[:8]}"
        )
        self.settings: dict[str, Any] = {
            "deepface": version("deepface"),
            "engine": engine_used,
            "detector": detector,
            "opencv": cv2.__version__,
            "weights": digests,
        }

    def faces(self, clip: ClipFrames) -> list[list[Face]]:
        """The faces of each frame, with DeepFace's own confidence: for opencv it *falls* as the cascade grows surer."""
        return [self._look(np.ascontiguousarray(image[..., ::-1])) for image in clip.images]

    def _look(self, bgr: NDArray[np.uint8]) -> list[Face]:
        from deepface.modules.exceptions import FaceNotDetected, ImgNotFound

        try:
            # enforce_detection: without it the whole frame counts as a face where there is none
            found = self._analyze(
                bgr, actions=["emotion"], detector_backend=self._detector, enforce_detection=True, silent=True
            )
        except (FaceNotDetected, ImgNotFound):
            return []
        return [
            Face(
                tuple(min(1.0, float(one["emotion"][name]) / 100) for name in EXPRESSIONS),
                (region["x"], region["y"], region["w"], region["h"]),
                float(one["face_confidence"]),
            )
            for one, region in ((one, one["region"]) for one in found)
        ]

    def _weights(self, file_name: str, source_url: str | Sequence[str], compress_type: str | None = None) -> str:
        """In place of DeepFace's download: the path of a file that is there, or what to do."""
        path = Path(os.environ.get("DEEPFACE_HOME", Path.home()), ".deepface", "weights", file_name)
        if not path.is_file():
            url = source_url if isinstance(source_url, str) else source_url[0]
            get = f"curl -L --create-dirs -o {path} {url}"
            if compress_type == "bz2":
                get = f"curl -L {url} | bunzip2 > {path}"
            raise BenchError(f"deepface's weights {file_name} are not there. Get them, then repeat: {get}")
        self._files.append(path)
        return str(path)
