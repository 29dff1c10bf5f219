"""A dual encoder of Hugging Face, from a folder or by name: `--model hf:DIR_OR_NAME`.

Four files are read and nothing is executed: config.json names a class of transformers, model.safetensors holds tensors,
preprocessor_config.json and tokenizer.json are data. A model whose folder brings code of its own is refused.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.utils import logging as hub_logging
from safetensors import safe_open
from tokenizers import Tokenizer
from torch.nn.functional import pad
from transformers import AutoConfig, AutoModel, PretrainedConfig
from transformers.image_processing_base import ImageProcessingMixin
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_MAPPING
from transformers.utils import logging
from transformers.utils.hub import cached_file

from bench.data.tokenizer import check_vocabulary, encode
from bench.errors import BenchError, UsageError, first_line
from bench.model.clip_vip import check_numbers
from bench.model.dual_encoder import DualEncoder, Inputs
from bench.model.model_names import HF, OWN
from bench.utils.files import sha256
from bench.utils.tensor_files import metadata_of

NEEDED = "config.json, model.safetensors, preprocessor_config.json and tokenizer.json"
_OWN = ("*.safetensors", "*.safetensors.index.json", "*config.json", "tokenizer.json")  # what makes a folder's features
_ODD = 10**9  # a tokenizer that knows no longest text says about 1e30


def read_model(source: str) -> DualEncoder:
    """The model with its own weights, in float32 whatever it was saved in.

    BenchError: a file is missing or odd, a tensor is missing, or it is no dual encoder.
    """
    config = read_config(source)
    kind, inputs = _model_class(config, source), read_inputs(source)
    with _failing(source):
        answer: Any = kind.from_pretrained(
            _place(source),
            config=config,
            dtype=torch.float32,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    model, report = answer
    if absent := sorted(report["missing_keys"]):  # transformers would draw them at random
        raise BenchError(f"{HF}{source} lacks {len(absent)} tensors: {', '.join(absent[:6])}. Fetch it again.")
    encoder, tokenizer = DualEncoder(model.eval(), inputs), read_tokenizer_of(source)
    check_vocabulary(tokenizer, encoder.vocabulary, f"{HF}{source}")
    with _failing(source):
        encoder.inputs = replace(inputs, filled=_padding_matters(encoder, tokenizer))
        _freeze_unused(encoder)
    return encoder


def empty_model(source: str) -> DualEncoder:
    """The same without storage: to see what fits around it."""
    with torch.device("meta"):
        return _build(read_config(source), read_inputs(source), source)


def rebuild(weights: Path) -> DualEncoder:
    """The backbone of a run, as the file of its weights describes it; its weights are drawn at random.

    BenchError: the file has no such description.
    """
    try:
        with safe_open(weights, framework="pt") as file:
            written = metadata_of(file.metadata())
        tree, inputs = json.loads(written["hf_config"]), Inputs(**json.loads(written["hf_inputs"]))
        config = CONFIG_MAPPING[tree["model_type"]].from_dict(tree)
        encoder = _build(_checked(config), inputs, str(weights))
        _freeze_unused(encoder)
        return encoder
    except Exception as error:  # odd values end anywhere in transformers
        what = "does not say which model it is of" if isinstance(error, KeyError) else first_line(error)
        raise BenchError(f"{weights}: {what}. Take a run that was made with --model {HF}DIR_OR_NAME.") from None


def read_config(source: str) -> PretrainedConfig:
    """Which model it is, of transformers' own. BenchError: none of these."""
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # it warns of what published models have
    hub_logging.set_verbosity_error()
    if source.startswith((".", "/", "~")) and not Path(source).expanduser().is_dir():
        raise BenchError(f"no folder at {source}. Give one that holds {NEEDED}, or a name at huggingface.co.")
    with _failing(source):
        return _checked(AutoConfig.from_pretrained(_place(source), trust_remote_code=False))


def read_inputs(source: str) -> Inputs:
    """What the model's processor and tokenizer say. `filled` is left open: weights tell. BenchError: they are odd."""
    config = read_config(source)
    with _failing(source):
        images, _ = ImageProcessingMixin.get_image_processor_dict(_place(source))
        size = _side(images.get("crop_size") or images["size"])
        built = getattr(getattr(config, "vision_config", None), "image_size", size)
        if built != size:
            raise ValueError(f"its processor gives {size} pixels, its vision tower takes {built}")
        if abs(images.get("rescale_factor", 1 / 255) * 255 - 1) > 1e-3 or not images.get("do_rescale", True):
            raise ValueError("its processor scales pixels otherwise than by 1/255")
        means = (
            (images["image_mean"], images["image_std"]) if images.get("do_normalize", True) else ((0,) * 3, (1,) * 3)
        )
        mean, std = (tuple(float(number) for number in numbers) for numbers in means)
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError("its image_mean and image_std are no three numbers each")
        told = _json(source, "tokenizer_config.json")
        text = config.get_text_config()
        return Inputs(
            image_size=size,
            mean=mean,
            std=std,
            padding=_padding(told, text, read_tokenizer_of(source)),
            places=min(
                int(number)
                for number in (text.max_position_embeddings, told.get("model_max_length", _ODD))
                if 0 < number < _ODD
            ),
            masked="attention_mask" in told.get("model_input_names", ["attention_mask"]),
            filled=False,
        )


def settings_of_model(source: str) -> dict[str, Any]:
    """The settings of a run, nested, that the model decides unless they are given."""
    config = read_config(source)
    kind, inputs = _model_class(config, source), read_inputs(source)
    video: dict[str, Any] = {"size": inputs.image_size}
    if hasattr(kind, "get_video_features") and hasattr(config.vision_config, "num_frames"):
        video["frames"] = config.vision_config.num_frames
    return {"init": OWN, "model": {"tokenizer": source, "tokens": inputs.places}, "video": video}


def read_tokenizer_of(source: str) -> Tokenizer:
    """The model's own tokenizer, with the ends that it puts around a text. BenchError: there is none."""
    with _failing(source):
        path = cached_file(_place(source), "tokenizer.json")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_padding()  # `encode` and the model do that
        tokenizer.no_truncation()
        return tokenizer


def folder_digest(source: str) -> str:
    """Hex digest of a folder's files that make the model, wherever it lies; of a name at huggingface.co the name."""
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return source
    files = sorted({path for pattern in _OWN for path in folder.glob(pattern) if path.is_file()})
    return _files_digest(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@lru_cache
def _files_digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    return hashlib.sha256("".join(f"{path.name} {sha256(path)}\n" for path, *_ in files).encode()).hexdigest()


@contextmanager
def _failing(source: str) -> Iterator[None]:
    """Within, whatever transformers says of a model that it cannot read becomes one line."""
    try:
        yield
    except BenchError:
        raise
    except Exception as error:  # odd values end anywhere in transformers
        said = f"it lacks {error}" if isinstance(error, KeyError) else first_line(error)
        raise BenchError(
            f"no model at {HF}{source}: {said.rstrip('.')}. It takes a folder, or a name at huggingface.co, "
            f"with {NEEDED}."
        ) from None


def _place(source: str) -> str:
    """A folder in full, or the name as it is."""
    folder = Path(source).expanduser()
    return str(folder) if folder.is_dir() else source


def _checked(config: PretrainedConfig) -> PretrainedConfig:
    """ValueError for numbers without end. Attention is transformers' own, whatever the file asks for."""
    for part in _parts(config.to_dict()):
        check_numbers({str(name).removeprefix("mit_"): value for name, value in part.items() if value is not None})
    config._attn_implementation = "sdpa" if getattr(_class_of(config), "_supports_sdpa", False) else "eager"
    return config


def _parts(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield tree
    for value in tree.values():
        if isinstance(value, Mapping):
            yield from _parts(value)


def _class_of(config: PretrainedConfig) -> Any:
    found = MODEL_MAPPING.get(type(config), None)
    return found[0] if isinstance(found, (tuple, list)) else found


def _model_class(config: PretrainedConfig, source: str) -> Any:
    """The class of transformers for a config. UsageError: it gives no features of texts, or none of images or clips."""
    kind = _class_of(config)
    sees = hasattr(kind, "get_image_features") or hasattr(kind, "get_video_features")
    if not sees or not hasattr(kind, "get_text_features"):
        raise UsageError(
            f"{HF}{source} is a {config.model_type}, no dual encoder: it gives no features of texts and of images or "
            "clips. See `bench list models`."
        )
    return kind


def _build(config: PretrainedConfig, inputs: Inputs, source: str) -> DualEncoder:
    _model_class(config, source)
    return DualEncoder(AutoModel.from_config(config, trust_remote_code=False).eval(), inputs)


def _side(size: Any) -> int:
    """The pixels of a square's side, out of the forms in which processors say it."""
    sides = set(size.values()) if isinstance(size, Mapping) else {size}
    if len(sides) != 1 or not isinstance(side := sides.pop(), int):
        raise ValueError(f"its images are no squares of one size ({size})")
    return side


def _json(source: str, name: str) -> dict[str, Any]:
    """A file of the model, or nothing where it has none of that name."""
    path = cached_file(_place(source), name, _raise_exceptions_for_missing_entries=False)
    found = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    return found if isinstance(found, dict) else {}


def _padding(told: Mapping[str, Any], text: PretrainedConfig, tokenizer: Tokenizer) -> int:
    """The token that fills up texts: the tokenizer's, or else the text tower's."""
    word = told.get("pad_token")
    word = word.get("content") if isinstance(word, Mapping) else word
    number = tokenizer.token_to_id(word) if isinstance(word, str) else None
    return number if number is not None else int(text.pad_token_id or 0)


@torch.no_grad()
def _padding_matters(encoder: DualEncoder, tokenizer: Tokenizer) -> bool:
    """Whether a text's features change with the padding behind it, as where the last place is its feature (SigLIP)."""
    ids, mask = (torch.from_numpy(part) for part in encode(tokenizer, ["a man"], encoder.inputs.places))
    more = min(8, encoder.inputs.places - ids.shape[1])
    longer = encoder.encode_text(pad(ids, (0, more)), pad(mask, (0, more)))
    return not torch.allclose(encoder.encode_text(ids, mask), longer, atol=1e-4)


@torch.enable_grad()
def _freeze_unused(encoder: DualEncoder) -> None:
    """Parameters that no feature depends on (a bias of another loss, X-CLIP's prompts) are not trained."""
    size, frames = encoder.image_size, encoder.frames or 1
    ids = torch.ones(1, 2, dtype=torch.long)
    found = encoder.encode_text(ids, torch.ones_like(ids)).sum()
    found = found + encoder.encode_video(torch.zeros(1, frames, 3, size, size)).sum()
    wanted = [p for p in encoder.parameters() if p is not encoder.logit_scale]
    for parameter, gradient in zip(wanted, torch.autograd.grad(found, wanted, allow_unused=True), strict=True):
        parameter.requires_grad_(gradient is not None)
