"""A text classifier of transformers as a source: probabilities of its labels, mapped to the eight emotions.

`classifier:DIR` or `classifier:NAME` of the Hugging Face Hub. An emotion's score is the highest probability of the
labels that name it, or their sum where the labels exclude each other. Which of the two, the model's config says as for
transformers' own pipeline: sigmoids with problem_type multi_label_classification, otherwise a softmax.

Probabilities are kept in the cache folder by text and by a digest of the model's files, so that another label map, or
another set of captions, asks the model no text twice.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.emotions.label_maps import SHIPPED_MAP, read_label_map
from bench.emotions.sources import EmotionSource, SourceOptions, source_kind
from bench.errors import BenchError, UsageError
from bench.utils.device import AUTO, choose_device
from bench.utils.files import replacing, sha256
from bench.utils.messages import say_once
from bench.utils.paths import home
from bench.utils.progress import progress

if TYPE_CHECKING:
    import torch

RULE = 1  # raise it when the same model would give other probabilities, or they other scores
BATCH = 64  # texts at once, of like length
DIGITS = 5  # kept of a probability: the batch in which a text was read does not show in them
FILES = ("*.json", "*.safetensors", "*.txt", "*.model")  # of weights and tokenizer; nothing that runs code


@dataclass(frozen=True)
class Classifier:
    """A model's folder. labels: in the order of its outputs. several: whether a text may have more than one of them."""

    folder: Path
    labels: tuple[str, ...]
    several: bool
    digest: str


@source_kind(
    "classifier",
    "NAME_OR_DIR",
    options=("label_map",),
    needs="a text classification model in safetensors; --label-map FILE unless its labels are of GoEmotions",
    origin="the Hugging Face Hub, such as SamLowe/roberta-base-go_emotions, or a folder",
)
def classifier(argument: str, options: SourceOptions) -> EmotionSource:
    """What a text classifier of transformers says of a caption: probabilities from 0 to 1."""
    model = _describe(_folder(argument))
    asked = read_label_map(options.label_map or SHIPPED_MAP)
    named = asked.matrix(model.labels)  # (labels, 8)

    def score(captions: Sequence[str]) -> NDArray[np.float64]:
        likely = probabilities(model, captions, options.device)[:, :, None] * named  # (n, labels, 8)
        return likely.max(axis=1) if model.several else np.minimum(likely.sum(axis=1), 1)

    mapping = hashlib.sha256(repr((model.labels, named.tolist(), asked.threshold)).encode()).hexdigest()
    version = f"{RULE}, model {model.digest[:16]}, labels {mapping[:16]}"
    return EmotionSource(f"classifier:{argument}", score, version, remember=False, threshold=asked.threshold)


def probabilities(model: Classifier, captions: Sequence[str], device: str = AUTO) -> NDArray[np.float64]:
    """(n, labels): the probability of each label; texts that were asked before come from the cache folder.

    device: where the others are asked, as in `choose_device`. UsageError: this machine has no such device.
    """
    path = home() / "emotions" / f"classifier-{RULE}-{model.digest}.npz"
    known = _remembered(path, len(model.labels))
    keys = [hashlib.sha256(caption.encode("utf-8", "surrogatepass")).digest() for caption in captions]
    new = {key: caption for key, caption in zip(keys, captions, strict=True) if key not in known}
    if new:
        found = _ask(model, list(new.values()), choose_device(device))
        known = {**_remembered(path, len(model.labels)), **known, **dict(zip(new, found, strict=True))}
        _remember(path, known)
    return np.array([known[key] for key in keys], np.float64)


def _ask(model: Classifier, texts: list[str], device: "torch.device") -> NDArray[np.float64]:
    import torch

    network, tokenizer = _loaded(model.folder)
    network.to(device)
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    found = np.empty((len(texts), len(model.labels)))
    starts = range(0, len(texts), BATCH)
    for start in progress(starts, total=len(starts), what="classifying captions", unit="batch"):
        places = order[start : start + BATCH]
        batch = tokenizer([texts[place] for place in places], padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            logits = network(**batch.to(device)).logits.cpu().double()  # (B, labels)
        found[places] = (logits.sigmoid() if model.several else logits.softmax(dim=1)).numpy()
    network.to("cpu")
    if not np.isfinite(found).all():
        raise BenchError(f"the classifier in {model.folder} gives NaN: its weights are broken. Fetch it again.")
    return found.round(DIGITS)


def _folder(where: str) -> Path:
    """The folder of a model; one of the Hub is downloaded unless it is there."""
    if Path(where).is_dir():
        return Path(where)
    if where.startswith((".", "/", "~")) or where.count("/") > 1:
        raise UsageError(f"no folder at {where}. Give one that holds config.json and weights, or a Hugging Face name.")
    return _downloaded(where)


@cache
def _downloaded(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except Exception as error:  # no network, no such model, none without a login
        reason = str(error).strip().split("\n")[0]
        raise BenchError(f"no classifier at '{name}': {reason} Give a folder, or a Hugging Face name.") from None


def _describe(folder: Path) -> Classifier:
    files = sorted({path for pattern in FILES for path in folder.glob(pattern) if path.is_file()})
    if not any(path.suffix == ".safetensors" for path in files):
        raise UsageError(f"{folder} holds no weights in safetensors: other formats may run code when they are read.")
    facts = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    return _described(folder, tuple(files), facts)


@lru_cache(maxsize=4)
def _described(folder: Path, files: tuple[Path, ...], facts: tuple[tuple[int, int], ...]) -> Classifier:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        labels = tuple(str(config.id2label[place]) for place in range(len(config.id2label)))
    except Exception as error:  # odd values in config.json end anywhere in transformers
        raise UsageError(f"{folder} is no text classifier: {_first_line(error)}") from None
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name} {sha256(path)}\n".encode())
    several = config.problem_type == "multi_label_classification"
    return Classifier(folder, labels, several, digest.hexdigest())


@cache
def _loaded(folder: Path) -> tuple[Any, Any]:
    """The network in float32, and its tokenizer."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # reading takes a moment
    try:
        network, report = AutoModelForSequenceClassification.from_pretrained(
            folder, output_loading_info=True, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # likewise
        raise UsageError(f"{folder} is no text classifier: {_first_line(error)}") from None
    if absent := sorted(report["missing_keys"]):  # transformers would draw them at random
        raise UsageError(f"the classifier in {folder} lacks {len(absent)} tensors: {', '.join(absent[:6])}.")
    return network.eval(), tokenizer


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def _remembered(path: Path, labels: int) -> dict[bytes, NDArray]:
    """Digest of a text -> its probabilities, as the cache folder has them."""
    try:
        content = io.BytesIO(path.read_bytes())
    except OSError:
        return {}
    try:
        with np.load(content, allow_pickle=False) as file:
            keys, values = file["keys"], file["values"]
        if keys.shape == (len(values), 32) and keys.dtype == np.uint8 and values.shape == (len(keys), labels):
            return {key.tobytes(): row for key, row in zip(keys, values, strict=True)}
    except Exception:  # a damaged zip file ends in many ways
        pass
    say_once(f"{path} is damaged: it is made again.")
    return {}


def _remember(path: Path, known: dict[bytes, NDArray]) -> None:
    keys = np.frombuffer(b"".join(known), np.uint8).reshape(-1, 32)
    try:
        with replacing(path) as temporary:
            np.savez(temporary, keys=keys, values=np.array(list(known.values())))
    except OSError as error:
        say_once(f"{path.parent} cannot be written ({error.strerror}): captions will be scored again each time.")
