"""What encodes clips and queries: a run of ours, a published CLIP-ViP checkpoint, or a plain CLIP.

--run ID                    the run's variant and weights, told of emotion (and faces) as in its evaluation
--model clip-vip:FILE       CLIP-ViP B/32 or B/16 without emotion
--model clip:DIR_OR_NAME    plain CLIP, the features of a window's frames averaged: needs no training
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import normalize as unit

from bench.config import VideoConfig
from bench.data.batch import VideoBatch
from bench.data.loading import Collator
from bench.data.pixels import normalize
from bench.data.tokenizer import clip_tokenizer, encode
from bench.errors import BenchError, UsageError
from bench.model.checkpoints import clip_digest, initialize, read_tokenizer, run_weights, take_clip
from bench.model.clip_vip import towers
from bench.model.registry import source_digest
from bench.model.variant import Variant
from bench.records import store
from bench.search.reading import WindowFrames

if TYPE_CHECKING:
    from transformers import CLIPVisionConfig

    from bench.records.record import Record

FRAMES = VideoConfig().frames  # of a window, where no run says otherwise
TOKENIZER = "openai/clip-vit-base-patch32"

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Described:
    """A model, for people and for the manifest."""

    name: str  # run:ID, clip-vip:FILE, clip:DIR_OR_NAME
    about: str  # what it is and what it was trained on, one line
    digest: str  # of all that makes a window's features
    frames: int  # T of a window
    size: int  # S, pixels
    width: int  # P
    faces: str  # how several faces of a frame become one, where the model needs faces: largest, mean, max; else ""


class Encoder(Protocol):
    """A loaded model. Features are float32; of unit norm, and scored by their dot product, if `dot`."""

    described: Described
    dot: bool

    def text(self, query: str) -> Features:  # (P,)
        """A query's features."""
        ...

    def windows(self, seen: Sequence[WindowFrames]) -> Features:  # (n, P)
        """The features of n windows."""
        ...

    def score(self, text: Features, windows: Features) -> Features:  # (P,), (n, P) -> (n,)
        """The score of a query with each window; higher is better."""
        ...


def load(name: str, results: Path, tokenizer: str = TOKENIZER) -> Encoder:
    """The model of that name, on the GPU if there is one.

    results: the folder of records, for a run. tokenizer: CLIP's, for clip-vip. UsageError: no such name or run.
    BenchError: weights or a tokenizer that are gone or broken.
    """
    kind, _, where = name.partition(":")
    if kind == "run" and where:
        return _run(where, results)
    if kind == "clip-vip" and where:
        return _clip_vip(where, tokenizer)
    if kind == "clip" and where:
        return PlainClip(where)
    raise UsageError(f"--model '{name}' is none of clip-vip:FILE, clip:DIR_OR_NAME; a run is named by --run ID.")


def side(vision: "CLIPVisionConfig") -> int:
    """The pixels of a side that a vision tower takes."""
    assert isinstance(vision.image_size, int)
    return vision.image_size


def resolved(name: str) -> str:
    """The same name wherever it is read: a local path in full, a Hugging Face name as it is."""
    kind, _, where = name.partition(":")
    local = Path(where).expanduser()
    return f"{kind}:{local.resolve()}" if kind in ("clip", "clip-vip") and where and local.exists() else name


def latest_run(results: Path) -> str:
    """The id of the run with weights that was made last, controls left out. UsageError: there is none."""
    made = [store.load(path) for path in store.record_paths(results) if _weights(path).is_file()]
    made = [record for record in made if not _control(record)]
    if not made:
        raise UsageError(
            f"no run with weights under {results}: name a model (--model clip:DIR needs no training), "
            "or train one: bench run --variant plain"
        )
    return max(made, key=lambda record: record.created).run


class OfVariant:
    """A variant of ours, with what its queries and clips need."""

    def __init__(self, variant: Variant, tokenizer: Tokenizer, tokens: int, described: Described) -> None:
        self.variant = variant.to(_device()).eval()
        self.described, self._tokenizer, self._tokens = described, tokenizer, tokens
        self.dot = type(variant).similarity is Variant.similarity

    @torch.inference_mode()
    def text(self, query: str) -> Features:
        known = [query] if self.variant.text_needs else None
        collate = Collator(self._tokenizer, self._tokens, self.variant.phrase, known)
        return _numbers(self.variant.encode_text(collate.text([query]).to(self.variant.device)))[0]

    @torch.inference_mode()
    def windows(self, seen: Sequence[WindowFrames]) -> Features:
        tracks = [one.track for one in seen if one.track] if self.described.faces else []
        faces = torch.from_numpy(np.stack([track.scores for track in tracks])) if tracks else None
        there = torch.from_numpy(np.stack([track.seen for track in tracks])) if tracks else None
        frames = torch.from_numpy(np.stack([one.frames for one in seen]))
        return _numbers(self.variant.encode_video(VideoBatch(frames, faces, there).to(self.variant.device)))

    @torch.inference_mode()
    def score(self, text: Features, windows: Features) -> Features:
        device = self.variant.device
        text_there, windows_there = (torch.from_numpy(part).to(device) for part in (text[None], windows))
        return _numbers(self.variant.similarity(text_there, windows_there))[0]


class PlainClip:
    """CLIP as Hugging Face has it; a window's features are the mean of its frames' unit features, of unit norm.

    Source: mean pooling as in Luo et al., CLIP4Clip, arXiv 2104.08860.
    """

    dot = True

    def __init__(self, where: str) -> None:
        model = take_clip(where)
        digest = clip_digest(model)
        self._model = model.eval()
        self._model.to(_device())
        text, vision = towers(self._model.config)
        self._tokenizer, self._tokens = clip_tokenizer(where), text.max_position_embeddings
        if self._tokenizer.get_vocab_size() > text.vocab_size:
            raise BenchError(f"the tokenizer in '{where}' has more tokens than its text tower. Fetch it again.")
        size, width = side(vision), int(self._model.config.projection_dim or 0)
        self.described = Described(
            name=resolved(f"clip:{where}"),
            about=f"CLIP at {where}, {FRAMES} frames a window averaged; not trained here",
            digest=_digest("clip", digest, FRAMES, size),
            frames=FRAMES,
            size=size,
            width=width,
            faces="",
        )

    @torch.inference_mode()
    def text(self, query: str) -> Features:
        ids, mask = (torch.from_numpy(part).to(_device()) for part in encode(self._tokenizer, [query], self._tokens))
        pooled = self._model.text_model(input_ids=ids, attention_mask=mask).pooler_output
        return _numbers(unit(self._model.text_projection(pooled), dim=-1))[0]

    @torch.inference_mode()
    def windows(self, seen: Sequence[WindowFrames]) -> Features:
        pixels = normalize(torch.from_numpy(np.stack([one.frames for one in seen])).to(_device()))  # (n, T, 3, S, S)
        pooled = self._model.vision_model(pixel_values=pixels.flatten(0, 1)).pooler_output
        frames = unit(self._model.visual_projection(pooled), dim=-1).unflatten(0, pixels.shape[:2])
        return _numbers(unit(frames.mean(dim=1), dim=-1))

    def score(self, text: Features, windows: Features) -> Features:
        return windows @ text


def _run(run: str, results: Path) -> Encoder:
    record = store.load(store.find(run, results))
    if why := _control(record):
        raise UsageError(f"{run} is a control, {why}. Search with its true run: --run {record.controls['true_run']}")
    path = run_weights(run, results)
    tokenizer = read_tokenizer(path)
    config: dict[str, Any] = record.config
    frames, size = config["video"]["frames"], config["video"]["size"]
    variant, _ = initialize(
        record.variant,
        config["hp"],
        init=f"run:{run}",
        size=config["model"]["size"],
        frames=frames,
        vocabulary=tokenizer.get_vocab_size(),
        results=results,
    )
    faces = config.get("faces", {}).get("pooling", "largest") if variant.video_needs else ""
    where = f"{record.dataset}/{record.split}"
    trained = f"trained on {where}" if record.curve else f"with the weights of {config['init']}, not trained further"
    described = Described(
        name=f"run:{run}",
        about=f"run {run} ({record.variant}), {trained}, {frames} frames a window",
        digest=_digest(_weights_digest(variant), source_digest(record.variant), config["hp"], frames, size, faces),
        frames=frames,
        size=size,
        width=_width(variant, frames, size),
        faces=faces,
    )
    return OfVariant(variant, tokenizer, config["model"]["tokens"], described)


def _clip_vip(where: str, tokenizer: str) -> Encoder:
    words = clip_tokenizer(tokenizer)
    variant, _ = initialize(
        "plain",
        {},
        init=f"clip-vip:{where}",
        size="",  # as the checkpoint has it
        frames=FRAMES,
        vocabulary=words.get_vocab_size(),
        results=Path(),
    )
    text, vision = towers(variant.backbone.config)
    if words.get_vocab_size() > text.vocab_size:
        raise BenchError(f"the tokenizer {tokenizer} has more tokens than the text tower of {where}.")
    described = Described(
        name=resolved(f"clip-vip:{where}"),
        about=f"CLIP-ViP at {where}, {FRAMES} frames a window; not trained here",
        digest=_digest(_weights_digest(variant), source_digest("plain"), FRAMES, side(vision)),
        frames=FRAMES,
        size=side(vision),
        width=_width(variant, FRAMES, side(vision)),
        faces="",
    )
    return OfVariant(variant, words, text.max_position_embeddings, described)


def _weights(record: Path) -> Path:
    return record.with_suffix("") / "model.safetensors"


def _control(record: "Record") -> str:
    """Why a run's model is not what it would be with true emotions, or nothing."""
    if (told := record.controls["emotions"]) != "true":
        return f"scored with {told} emotions"
    return "told the same emotion of everything" if record.controls["matched_parameters"] else ""


def _width(variant: Variant, frames: int, size: int) -> int:
    """P of a variant's features; what it is shown says nothing."""
    nothing = VideoBatch(
        torch.zeros(1, frames, size, size, 3, dtype=torch.uint8),
        torch.zeros(1, frames, 8) if variant.video_needs else None,
        torch.zeros(1, frames, dtype=torch.bool) if variant.video_needs else None,
    )
    with torch.inference_mode():
        return variant.eval().encode_video(nothing.to(variant.device)).shape[1]


def _weights_digest(variant: Variant) -> str:
    return _digest(*(f"{key} {_sha(value)}" for key, value in sorted(variant.state_dict().items())))


def _sha(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.detach().cpu().contiguous().numpy().tobytes()).hexdigest()


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _numbers(tensor: Tensor) -> Features:
    return tensor.float().cpu().numpy()
