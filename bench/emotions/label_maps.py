"""From a classifier's labels to the eight emotions, by a YAML file: goemotions.yaml beside this one, or the user's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS
from bench.emotions.sources import check_threshold
from bench.errors import UsageError
from bench.utils.files import load_yaml
from bench.utils.names import did_you_mean
from bench.utils.text_yaml import TextLoader

SHIPPED_MAP = Path(__file__).with_name("goemotions.yaml")
FORM = "It takes `threshold: 0.3` and `labels:` with lines such as `grief: [sadness]`"


@dataclass(frozen=True)
class LabelMap:
    """emotions: label in lower case -> the emotions that it names, none for a neutral one."""

    path: Path
    threshold: float
    emotions: dict[str, tuple[str, ...]]

    def matrix(self, labels: Sequence[str]) -> NDArray[np.bool_]:
        """(labels, 8): which emotions each of these labels names. UsageError for a label that it does not have."""
        if absent := [label for label in labels if label.lower() not in self.emotions]:
            more = ", …" * (len(absent) > 5)
            own = "" if self.path != SHIPPED_MAP else " Give a map of your own: --label-map FILE"
            raise UsageError(f"{self.path} has no line for the labels {', '.join(absent[:5])}{more}.{own}")
        return np.array([[emotion in self.emotions[label.lower()] for emotion in EMOTIONS] for label in labels])


def read_label_map(path: Path) -> LabelMap:
    """UsageError, one line, for a file of another form."""
    content = load_yaml(path, TextLoader)
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise UsageError(f"{path} is no label map. {FORM}.")
    if odd := sorted(content.keys() - {"threshold", "labels"}):
        raise UsageError(f"{path}: a label map has no '{odd[0]}'. {FORM}.")
    emotions: dict[str, tuple[str, ...]] = {}
    for label, named in content["labels"].items():
        for emotion in _names(path, label, named):
            if emotion not in EMOTIONS:
                near = did_you_mean(emotion, EMOTIONS) or f" There are {', '.join(EMOTIONS)}."
                raise UsageError(f"{path}: '{emotion}' of the label {label} is none of the eight emotions.{near}")
        emotions[label.lower()] = tuple(_names(path, label, named))
    try:
        threshold = float(content.get("threshold", "0.5"))
    except (TypeError, ValueError):
        raise UsageError(f"{path}: the threshold is {content['threshold']!r}, not a number from 0 up to 1.") from None
    check_threshold(threshold, str(path))
    return LabelMap(path, threshold, emotions)


def _names(path: Path, label: str, named: Any) -> list[str]:
    """One emotion, or a list of them, as a list."""
    names = [named] if isinstance(named, str) and named else named or []
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise UsageError(f"{path}: the label {label} takes a list of emotions, not {named!r}. {FORM}.")
    return names
