"""Any expression classifier in ONNX, described by a few lines of YAML; faces are found by OpenCV's Haar cascade.

file: mini_xception.onnx    beside the YAML file
size: 64                    side of the square that the classifier takes
colour: grey                or rgb, bgr
range: [-1, 1]              what pixels 0 and 255 become; default [0, 1]
mean: 0                     then (pixel - mean) / std; one number, or one a channel
std: 1
labels: [angry, disgust, fear, happy, sad, surprise, neutral]     in the order of its output
softmax: false              true: the output is logits
input, output               names in the graph, where the first is not the one
"""

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from bench.data.faces import EXPRESSIONS
from bench.errors import BenchError, UsageError
from bench.face_detection import ClipFrames, Face, face_backend, needs_extra
from bench.utils.files import load_yaml, sha256
from bench.utils.names import did_you_mean

CASCADE = "haarcascade_frontalface_default.xml"
STEP, NEIGHBOURS = 1.1, 10  # the cascade's: growth from one scale to the next, hits that a face needs
SMALLEST = 32  # pixels; a smaller face shows little, and much of the search would go into finding it
BORDER = 0.25  # of the shorter side, black: with it the cascade finds faces that touch the edge of the frame
COLOURS = {"grey": 1, "rgb": 3, "bgr": 3}
DEFAULTS = {"range": [0, 1], "mean": 0, "std": 1, "softmax": False, "input": None, "output": None}
NEEDED = ("file", "size", "colour", "labels")


@face_backend("onnx")
class Onnx:
    """A classifier as its YAML file describes it.

    model: the YAML file. A face's confidence is the logistic function of the weight that the cascade's last stage gives
    it: it puts faces in order, from 0 to 1, and is no probability. What lies beyond the frame is black for the
    classifier; boxes end at the frame.
    """

    def __init__(self, *, model: Path) -> None:
        try:
            import cv2
            import onnxruntime
        except ImportError as error:
            raise needs_extra("onnx", error) from None
        self._about = about = _described(model)
        path = model.parent / about["file"]
        if not path.is_file():
            raise BenchError(f"{model} names the classifier {path}, which is not there.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the parallelism is over clips
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common class
            raise BenchError(f"{path} is no ONNX file that can be run: {str(error).splitlines()[0]}") from None
        inputs = {one.name: one.shape for one in self._session.get_inputs()}
        outputs = [one.name for one in self._session.get_outputs()]
        self._input, self._output = about["input"] or next(iter(inputs)), about["output"] or outputs[0]
        if self._input not in inputs or self._output not in outputs:
            raise UsageError(
                f"{model} names an input or output that {path.name} does not have. "
                f"It has: {', '.join(inputs)}; {', '.join(outputs)}."
            )
        self._channels_last = inputs[self._input][-1] == COLOURS[about["colour"]]
        self._order = [about["labels"].index(name) for name in EXPRESSIONS]
        try:
            self._scores(np.zeros((about["size"], about["size"], COLOURS[about["colour"]]), np.uint8))
        except BenchError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())
            raise UsageError(f"{path.name} does not take what {model} describes: {said}") from None
        cv2.setNumThreads(1)
        cascade = Path(cv2.__file__).parent / "data" / CASCADE
        self._cascade = cv2.CascadeClassifier(str(cascade))
        digest = sha256(path)
        versions = f"onnxruntime {onnxruntime.__version__}, OpenCV {cv2.__version__}"
        self.source = f"onnx {path.name}, detector Haar cascade, {versions}, weights sha256 {digest[:8]}"
        self.settings = {**about, "file": path.name, "sha256": digest, "opencv": cv2.__version__}

    def faces(self, clip: ClipFrames) -> list[list[Face]]:
        """The faces of each frame: those that the cascade finds, each scored from its box alone."""
        return [self._look(image) for image in clip.images]

    def _look(self, image: NDArray[np.uint8]) -> list[Face]:
        import cv2

        height, width, _ = image.shape
        # Without a border boxes sit better; with one a close-up is found (10 frames of 12 in a clip that had none).
        for edge in (0, round(BORDER * min(height, width))):
            wide = cv2.copyMakeBorder(image, edge, edge, edge, edge, cv2.BORDER_CONSTANT)
            grey = cv2.cvtColor(wide, cv2.COLOR_RGB2GRAY)
            boxes, _, weights = self._cascade.detectMultiScale3(
                grey, STEP, NEIGHBOURS, minSize=(SMALLEST, SMALLEST), outputRejectLevels=True
            )
            if len(boxes):
                break
        pixels: Any = {"grey": grey, "rgb": wide, "bgr": wide[..., ::-1]}[self._about["colour"]]
        faces = []
        for (x, y, w, h), weight in zip(boxes, weights, strict=True):
            scores = self._scores(pixels[y : y + h, x : x + w])
            left, right = np.clip((x - edge, x - edge + w), 0, width).tolist()
            top, bottom = np.clip((y - edge, y - edge + h), 0, height).tolist()
            faces.append(Face(scores, (left, top, right - left, bottom - top), _logistic(weight)))
        return faces

    def _scores(self, face: NDArray[np.uint8]) -> tuple[float, ...]:
        """Scores of EXPRESSIONS for a face (h, w) or (h, w, 3)."""
        import cv2

        about, side = self._about, self._about["size"]
        low, high = about["range"]
        small = cv2.resize(np.ascontiguousarray(face), (side, side), interpolation=cv2.INTER_AREA)
        pixels = (low + small.reshape(side, side, -1) * ((high - low) / 255) - about["mean"]) / about["std"]
        given = pixels if self._channels_last else pixels.transpose(2, 0, 1)
        (raw,) = self._session.run([self._output], {self._input: given[None].astype(np.float32)})
        scores = np.ravel(raw).astype(np.float64)
        if about["softmax"]:
            scores = np.exp(scores - scores.max())
            scores /= scores.sum()
        if len(scores) != len(about["labels"]) or not ((scores >= -1e-6) & (scores <= 1 + 1e-6)).all():
            raise UsageError(
                f"{about['file']} gives {len(scores)} numbers from {scores.min():.3g} to {scores.max():.3g}, not "
                f"{len(about['labels'])} scores from 0 to 1. Its YAML file may need other labels, or softmax: true."
            )
        return tuple(np.clip(scores[self._order], 0, 1).tolist())


def _described(path: Path) -> dict[str, Any]:
    """What a YAML file says of a classifier, checked, with the defaults filled in."""
    about = load_yaml(path, yaml.SafeLoader)
    if not isinstance(about, dict):
        raise UsageError(f"{path} describes no classifier. It takes lines such as `size: 64`.")
    for key in about:
        if key not in (*NEEDED, *DEFAULTS):
            near = did_you_mean(str(key), (*NEEDED, *DEFAULTS))
            raise UsageError(f"{path}: '{key}' says nothing of a classifier.{near}")
    for key in NEEDED:
        if key not in about:
            raise UsageError(f"{path} does not give '{key}', one of {', '.join(NEEDED)}.")
    about = {**DEFAULTS, **about}
    for key in ("file", "input", "output"):
        if not isinstance(about[key], str) and not (key in DEFAULTS and about[key] is None):
            raise UsageError(f"{path}: {key} is a name, not {about[key]!r}.")
    if about["colour"] not in list(COLOURS):
        raise UsageError(f"{path}: colour is one of {', '.join(COLOURS)}, not {about['colour']!r}.")
    if not isinstance(about["softmax"], bool):
        raise UsageError(f"{path}: softmax is true or false, without quotes, not {about['softmax']!r}.")
    if type(about["size"]) is not int or about["size"] < 1:  # a bool is an int too
        raise UsageError(f"{path}: size is the side of a square in pixels, not {about['size']!r}.")
    labels = about["labels"]
    if not isinstance(labels, list) or (lost := [name for name in EXPRESSIONS if labels.count(name) != 1]):
        missing = f"{lost[0]!r} is not there once" if isinstance(labels, list) else "they are no list"
        raise UsageError(f"{path}: labels must hold {', '.join(EXPRESSIONS)}, as they are written here; {missing}.")
    one_each = "1 number" if about["colour"] == "grey" else "1 or 3 numbers"
    for key, lengths, takes in (
        ("range", (2,), "2 numbers"),
        ("mean", (1, COLOURS[about["colour"]]), one_each),
        ("std", (1, COLOURS[about["colour"]]), f"{one_each}, none of them 0"),
    ):
        given = about[key] if isinstance(about[key], list) else [about[key]]
        if len(given) not in lengths or not all(map(_finite, given)) or (key == "std" and 0 in given):
            raise UsageError(f"{path}: {key} takes {takes}, not {about[key]!r}.")
    return about


def _finite(value: object) -> bool:
    """If a value of a YAML file is a number to reckon with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _logistic(weight: float) -> float:
    return float(1 / (1 + np.exp(-weight)))
