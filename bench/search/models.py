"""What encodes clips and queries: a run of ours, a published CLIP-ViP checkpoint, or a plain CLIP.

--run ID                    the run's variant and weights, given emotions (and faces) as in its evaluation
--model clip-vip:FILE       CLIP-ViP B/32 or B/16 without emotion
--model clip:DIR_OR_NAME    plain CLIP, the features of a window's frames averaged: needs no training
--model hf:DIR_OR_NAME      any dual encoder of Hugging Face (CLIP, SigLIP, X-CLIP, …), likewise
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from bench.data.tokenizer import check_vocabulary, clip_tokenizer, encode
from bench.emotions.sources import SourceOptions
from bench.engine.reopen import open_model
from bench.engine.score_matrix import scores_of
from bench.errors import UsageError
from bench.model.checkpoints import (
    DIFFERENT_TEXTS,
    bytes_of,
    check_texts_differ,
    clip_digest,
    initialize,
    take_clip,
)
from bench.model.clip_vip import towers
from bench.model.hugging_face import read_model, read_tokenizer_of
from bench.model.model_names import HF
from bench.model.variant import Variant
from bench.model.variant_registry import build, source_digest
from bench.records import store
from bench.search.reading import WindowFrames
from bench.utils.device import AUTO, choose_device
from bench.utils.names import did_you_mean
from bench.utils.run_files import record_paths, weights_path

if TYPE_CHECKING:
    from bench.records.record import Record

FRAMES = VideoConfig().frames  # of a window, where no run says otherwise
_MODELS = ("clip", "clip-vip", "hf")
TOKENIZER = "openai/clip-vit-base-patch32"

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Described:
    """A model, for people and for the manifest."""

    name: str  # run:ID, clip-vip:FILE, clip:DIR_OR_NAME, hf:DIR_OR_NAME
    about: str  # what it is and what it was trained on, one line
    digest: str  # of all that makes a window's features
    frames: int  # T of a window
    size: int  # S, pixels
    width: int  # numbers in a window's features: P, or T x P of per-frame features
    faces: str  # how several faces of a frame become one, where the model needs faces: largest, mean, max; else ""


class Encoder(Protocol):
    """A loaded model. Features are float32; of unit norm, and scored by their dot product, if `dot`.

    A window's are one row of `described.width` numbers, whatever their shape in the model: what an index stores.
    """

    described: Described
    dot: bool

    def text(self, query: str) -> Rows:  # (P,), or as `score` takes it
        """A query's features."""
        ...

    def windows(self, seen: Sequence[WindowFrames]) -> Rows:  # (n, width)
        """The features of n windows."""
        ...

    def score(self, text: Rows, windows: Rows) -> Rows:  # (P,), (n, width) -> (n,)
        """The score of a query with each window; higher is better."""
        ...


def load(name: str, results: Path, tokenizer: str = TOKENIZER, device: str = AUTO) -> Encoder:
    """The model of that name, on the device of that name (see `choose_device`).

    results: the folder of records, for a run. tokenizer: CLIP's, for clip-vip. UsageError: no such name, run or device.
    BenchError: weights or a tokenizer that are gone or broken.
    """
    there = choose_device(device)
    kind, _, where = name.partition(":")
    encoder: Encoder
    if kind == "run" and where:
        encoder = _run(where, results, there)
    elif kind == "clip-vip" and where:
        encoder = _clip_vip(where, tokenizer, there)
    elif kind == "clip" and where:
        encoder = PlainClip(where, there)
    elif kind == "hf" and where:
        encoder = _hf(where, there)
    else:
        raise _no_model(name)
    check_texts_differ([torch.from_numpy(encoder.text(query)) for query in DIFFERENT_TEXTS], name)
    return encoder


def _no_model(name: str) -> UsageError:
    kind, _, where = name.partition(":")
    near = did_you_mean(kind, _MODELS) if where else ""
    return UsageError(
        f"--model '{name}' is none of clip-vip:FILE, clip:DIR_OR_NAME, hf:DIR_OR_NAME; a run is named by --run ID."
        f"{near}"
    )


def resolved(name: str) -> str:
    """The same name wherever it is read: a local path in full, a Hugging Face name as it is. UsageError: it is none."""
    kind, _, where = name.partition(":")
    if name and (not where or kind not in ("run", *_MODELS)):
        raise _no_model(name)
    local = Path(where).expanduser()
    return f"{kind}:{local.resolve()}" if kind in _MODELS and where and local.exists() else name


def latest_run(results: Path) -> str:
    """The id of the run with weights that was made last, controls left out. UsageError: there is none."""
    made = [store.load_run(path) for path in record_paths(results) if weights_path(path).is_file()]
    made = [record for record in made if not _control(record)]
    if not made:
        raise UsageError(
            f"no run with weights under {results}: name a model (--model clip:DIR needs no training), "
            "or train one: bench run --variant plain"
        )
    return max(made, key=lambda record: record.created).run


class OfVariant:
    """A variant of ours, with what its queries and clips need. shape: of one window's features."""

    def __init__(
        self,
        variant: Variant,
        tokenizer: Tokenizer,
        tokens: int,
        described: Described,
        shape: tuple[int, ...],
        device: torch.device,
        source: str = "nrc",
        options: SourceOptions = SourceOptions(),  # noqa: B008, it is frozen
    ) -> None:
        self.variant = variant.to(device).eval()
        self.described, self._tokenizer, self._tokens = described, tokenizer, tokens
        self._shape, self.source, self.options = shape, source, options
        self.dot = type(variant).similarity is Variant.similarity

    @torch.inference_mode()
    def text(self, query: str) -> Rows:
        known = [query] if self.variant.text_needs else None
        phrase = self.variant.phrase
        collate = Collator(self._tokenizer, self._tokens, phrase, known, source=self.source, options=self.options)
        return _numbers(self.variant.encode_text(collate.text([query]).to(self.variant.device)))[0]

    @torch.inference_mode()
    def windows(self, seen: Sequence[WindowFrames]) -> Rows:
        tracks = [one.track for one in seen if one.track] if self.described.faces else []
        faces = torch.from_numpy(np.stack([track.scores for track in tracks])) if tracks else None
        there = torch.from_numpy(np.stack([track.seen for track in tracks])) if tracks else None
        frames = torch.from_numpy(np.stack([one.frames for one in seen]))
        features = self.variant.encode_video(VideoBatch(frames, faces, there).to(self.variant.device))
        return _numbers(features.flatten(1))

    def bank(self, windows: Rows) -> Tensor:  # (n, width) -> (n, P) or (n, T, P)
        """Windows' features as the variant's similarity takes them, where the variant is."""
        return torch.from_numpy(windows).to(self.variant.device).unflatten(1, self._shape)

    @torch.inference_mode()
    def score(self, text: Rows, windows: Rows) -> Rows:
        query = torch.from_numpy(text[None]).to(self.variant.device)
        return scores_of(self.variant.similarity, query, self.bank(windows))[0]


class PlainClip:
    """CLIP as Hugging Face has it; a window's features are the mean of its frames' unit features, of unit norm.

    Source: mean pooling as in Luo et al., CLIP4Clip, arXiv 2104.08860.
    """

    dot = True

    def __init__(self, where: str, device: torch.device) -> None:
        model = take_clip(where)
        digest = clip_digest(model)
        self._model, self._device = model.eval(), device
        self._model.to(device)
        text, vision = towers(self._model.config)
        self._tokenizer, self._tokens = clip_tokenizer(where), text.max_position_embeddings
        check_vocabulary(self._tokenizer, text.vocab_size, where)
        size, width = int(str(vision.image_size)), int(self._model.config.projection_dim or 0)
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
    def text(self, query: str) -> Rows:
        ids, mask = (torch.from_numpy(part).to(self._device) for part in encode(self._tokenizer, [query], self._tokens))
        pooled = self._model.text_model(input_ids=ids, attention_mask=mask).pooler_output
        return _numbers(unit(self._model.text_projection(pooled), dim=-1))[0]

    @torch.inference_mode()
    def windows(self, seen: Sequence[WindowFrames]) -> Rows:
        pixels = normalize(torch.from_numpy(np.stack([one.frames for one in seen])).to(self._device))  # (n, T, 3, S, S)
        pooled = self._model.vision_model(pixel_values=pixels.flatten(0, 1)).pooler_output
        frames = unit(self._model.visual_projection(pooled), dim=-1).unflatten(0, pixels.shape[:2])
        return _numbers(unit(frames.mean(dim=1), dim=-1))

    def score(self, text: Rows, windows: Rows) -> Rows:
        return windows @ text


def _run(run: str, results: Path, device: torch.device) -> Encoder:
    path = store.find(run, results)
    record = store.load_run(path)
    if why := _control(record):
        raise UsageError(f"{run} is a control, {why}. Search with its true run: --run {record.controls['true_run']}")
    model = open_model(path)
    config, variant = model.config, model.variant
    frames, size = config.video.frames, config.video.size
    faces = config.faces.pooling if variant.video_needs else ""
    shape = _shape(variant, frames, size)
    where = f"{record.dataset}/{record.split}"
    trained = f"trained on {where}" if record.curve else f"with the weights of {config.init}, not trained further"
    described = Described(
        name=f"run:{run}",
        about=f"run {run} ({record.variant}), {trained}, {frames} frames a window",
        digest=_digest(_weights_digest(variant), source_digest(record.variant), config.hp, frames, size, faces),
        frames=frames,
        size=size,
        width=math.prod(shape),
        faces=faces,
    )
    options = SourceOptions(config.label_map, "zero", str(device))  # no file of labels has what people will ask
    tokens, source = config.model.tokens, config.emotion_source
    return OfVariant(variant, model.tokenizer, tokens, described, shape, device, source, options)


def _clip_vip(where: str, tokenizer: str, device: torch.device) -> Encoder:
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
    check_vocabulary(words, variant.backbone.vocabulary, tokenizer)
    about = f"CLIP-ViP at {where}, {FRAMES} frames a window; not trained here"
    parts = (_weights_digest(variant), source_digest("plain"))
    return _plain(variant, words, f"clip-vip:{where}", about, FRAMES, parts, device)


def _hf(where: str, device: torch.device) -> Encoder:
    backbone, words = read_model(where), read_tokenizer_of(where)
    frames = backbone.frames or FRAMES
    averaged = "" if backbone.has_video_tower else " averaged"
    about = f"{type(backbone.model).__name__} at {where}, {frames} frames a window{averaged}; not trained here"
    variant = build("plain", backbone, {})
    parts = (_weights_digest(variant), asdict(backbone.inputs), hashlib.sha256(words.to_str().encode()).hexdigest())
    return _plain(variant, words, f"{HF}{where}", about, frames, parts, device)


def _plain(
    variant: Variant,
    words: Tokenizer,
    name: str,
    about: str,
    frames: int,
    parts: tuple[object, ...],
    device: torch.device,
) -> Encoder:
    """A backbone without emotion. parts: what decides a window's features, beside the frames."""
    size = variant.backbone.image_size
    shape = _shape(variant, frames, size)
    described = Described(
        name=resolved(name),
        about=about,
        digest=_digest(*parts, frames, size),
        frames=frames,
        size=size,
        width=math.prod(shape),
        faces="",
    )
    return OfVariant(variant, words, variant.backbone.text_places, described, shape, device)


def _control(record: "Record") -> str:
    """Why a run's model is not what it would be with true emotions, or nothing."""
    if (control := record.controls["emotions"]) != "true":
        return f"scored with {control} emotions"
    return "given the same emotion for everything" if record.controls["matched_parameters"] else ""


def _shape(variant: Variant, frames: int, size: int) -> tuple[int, ...]:
    """(P,) or (T, P): the shape of one clip's features, seen on a clip that shows nothing."""
    nothing = VideoBatch(
        torch.zeros(1, frames, size, size, 3, dtype=torch.uint8),
        torch.zeros(1, frames, 8) if variant.video_needs else None,
        torch.zeros(1, frames, dtype=torch.bool) if variant.video_needs else None,
    )
    with torch.inference_mode():
        return tuple(variant.eval().encode_video(nothing.to(variant.device)).shape[1:])


def _weights_digest(variant: Variant) -> str:
    weights = sorted(variant.state_dict().items())
    return _digest(*(f"{key} {hashlib.sha256(bytes_of(value)).hexdigest()}" for key, value in weights))


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _numbers(tensor: Tensor) -> Rows:
    return tensor.float().cpu().numpy()
