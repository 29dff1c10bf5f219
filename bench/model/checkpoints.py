"""Where a run's weights start, and where they are kept.

--init random | tiny | clip-vip:FILE | clip:DIR_OR_NAME | run:ID
--init hf | run:ID                                                      with --model hf:DIR_OR_NAME
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from torch import Tensor, nn

from bench.errors import BenchError, UsageError, first_line
from bench.model import variant_registry
from bench.model.clip_vip import ClipVip, clip_config
from bench.model.hugging_face import read_model, rebuild
from bench.model.model_names import HF, OWN, hf_source
from bench.model.tiny import WORDS, read_tiny
from bench.utils.files import sha256
from bench.utils.names import did_you_mean
from bench.utils.run_files import record_paths, weights_by_run
from bench.utils.tensor_files import metadata_of, save_tensors

if TYPE_CHECKING:
    from transformers import CLIPModel

    from bench.model.variant import Variant

ADDED = ("vision_model.embeddings.added_cls", "vision_model.embeddings.temporal_embedding")
PATCH = "clipmodel.vision_model.embeddings.patch_embedding.weight"
FETCH = (
    "pretrain_clipvip_base_32.pt (or …_base_16.pt) by the link in CLIP-ViP/README.md of github.com/microsoft/XPretrain "
    "(it has a key and is valid to the end of 2029; the file's bare address answers 409), then --init clip-vip:PATH"
)
WRAPPERS = ("model_state_dict", "state_dict", "model", "module")  # the last one is DeepSpeed's, of consolidated files
DIFFERENT_TEXTS = ("a man", "two dogs run along a beach", "happy people laugh")  # for `check_texts_differ`
PREFIXES = ("module.", "model.", "_orig_mod.")  # of DistributedDataParallel, Lightning, torch.compile

# Tensors by name, the source, what they were wrapped in, and what lay beside them and is none of the model's.
State = tuple[dict[str, Tensor], str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Loaded:
    """What came from where, by the tensor's name."""

    source: str  # as the protocol signature has it, e.g. clip-vip:1a2b3c4d
    loaded: tuple[str, ...]
    new: tuple[str, ...]
    unused: tuple[str, ...]
    wrappers: tuple[str, ...] = ()  # what the tensors were taken out of: "state_dict", or a prefix such as "module."

    def __str__(self) -> str:
        def some(names: tuple[str, ...]) -> str:
            return f"{len(names)}" + (f" ({', '.join(names[:4])}{', …' if len(names) > 4 else ''})" if names else "")

        if not self.loaded:
            return "Starting from random weights."
        inside = f" from inside {', '.join(self.wrappers)}" if self.wrappers else ""
        return (
            f"{self.source}: {len(self.loaded)} tensors loaded{inside}, "
            f"new {some(self.new)}, unused {some(self.unused)}"
        )


def initialize(
    name: str,
    hyperparameters: dict[str, Any],
    *,
    init: str,
    size: str,
    frames: int,
    vocabulary: Mapping[str, int] | int,
    results: Path,
) -> tuple["Variant", Loaded]:
    """A variant with its first weights, and what was loaded. The caller seeds torch; what is new is drawn at random.

    size: as `--model` has it; "" takes b32 or b16 from a published checkpoint.
    vocabulary: the tokenizer's words with their numbers, or how many there are; for the size `tiny`.
    results: where `run:ID` looks.
    A file whose keys or shapes do not fit is a BenchError that names them.
    """
    kind, _, where = init.partition(":")
    words = vocabulary if isinstance(vocabulary, int) else len(vocabulary)
    if (source := hf_source(size)) is not None:
        return _initialize_hf(name, hyperparameters, init, source, results)
    if kind == "random" and not where:
        variant = variant_registry.build(
            name, ClipVip(clip_config(size, vocabulary=words), frames=frames), hyperparameters
        )
        return variant, Loaded("random", (), tuple(variant.state_dict()), ())
    readers = {
        "tiny": lambda where: read_tiny(vocabulary),
        "clip-vip": read_published,
        "clip": read_clip,
        "run": lambda where: read_run(where, results),
    }
    if kind not in readers or bool(where) == (kind == "tiny"):
        raise UsageError(
            f"--init '{init}' is none of random, tiny, clip-vip:FILE, clip:DIR_OR_NAME, run:ID. A model of Hugging "
            f"Face that is no CLIP, or is to stay as it is, is named by --model {HF}DIR_OR_NAME."
        )
    state, source, wrappers, beside = readers[kind](where)
    if kind == "tiny":
        words = len(state[WORDS])
    size = size or published_size(state, where)
    T = next((v.shape[1] for k, v in state.items() if k.endswith(ADDED[1]) and v.ndim == 3), frames)
    backbone = ClipVip(clip_config(size, vocabulary=words), frames=T)
    variant = variant_registry.build(name, backbone, hyperparameters)
    ours = kind in ("run", "tiny")  # under our own names
    own = {} if ours else variant.take_published(state)
    prefix = "" if ours else "backbone."
    incoming = {prefix + key: value for key, value in state.items()} | own
    unused = tuple(key for key in incoming if key.endswith("position_ids"))  # a buffer that older CLIPs saved
    incoming = {key: value for key, value in incoming.items() if key not in unused}
    target = variant.state_dict()  # with buffers, and every name of a tensor that has several
    incoming |= {name: incoming[other] for name, other in _ties(variant) if name not in incoming and other in incoming}
    _check(init, incoming, target, allow_new=ADDED if kind == "clip" else ())
    variant.load_state_dict(incoming, strict=False)
    if kind == "clip":
        _grow(backbone)
    new = tuple(key for key in target if key not in incoming)
    return variant, Loaded(source, tuple(incoming), new, unused + beside, wrappers)


def _initialize_hf(
    name: str, hyperparameters: dict[str, Any], init: str, source: str, results: Path
) -> tuple["Variant", Loaded]:
    """A variant around a dual encoder of Hugging Face, with its own weights or with those of a former run."""
    if init == OWN:
        backbone = read_model(source)
        variant = variant_registry.build(name, backbone, hyperparameters)
        own = [key for key in variant.state_dict() if not key.startswith("backbone.")]
        loaded = tuple(key for key in variant.state_dict() if key not in own)
        return variant, Loaded(f"{HF}{clip_digest(backbone.model)[:8]}", loaded, tuple(own), ())
    kind, _, run = init.partition(":")
    if kind != "run" or not run:
        raise UsageError(
            f"--init '{init}' is no start of --model {HF}{source}, which has weights of its own: leave --init out, or "
            "name a run of this model: run:ID."
        )
    weights = run_weights(run, results)
    variant = variant_registry.build(name, rebuild(weights), hyperparameters)
    state, target = read_tensors(weights), variant.state_dict()
    state |= {key: state[other] for key, other in _ties(variant) if key not in state and other in state}
    _check(init, state, target, allow_new=())
    variant.load_state_dict(state, strict=False)
    return variant, Loaded(init, tuple(state), tuple(key for key in target if key not in state), ())


def read_published(where: str) -> State:
    """A checkpoint in the published key format, `.pt` (weights only, nothing is executed) or `.safetensors`."""
    path = Path(where)
    if not path.is_file():
        raise BenchError(f"no checkpoint at {path}. Fetch {FETCH}.")
    state, wrappers, beside = _unwrapped(_read(path), path)
    return state, f"clip-vip:{sha256(path)[:8]}", wrappers, beside


def published_size(state: Mapping[str, Tensor], where: str) -> str:
    """b32 or b16, by the patches of a checkpoint in the published key format. BenchError: neither."""
    shape = tuple(state[PATCH].shape) if PATCH in state else ()
    for size in ("b32", "b16"):
        if shape == (768, 3, int(size[1:]), int(size[1:])):
            return size
    raise BenchError(f"{where} is no CLIP-ViP B/32 or B/16. Fetch {FETCH}.")


def read_clip(where: str) -> State:
    """A Hugging Face CLIP, from a folder or by name."""
    model = take_clip(where)
    state = {f"clipmodel.{key}": value for key, value in model.state_dict().items()}
    return state, f"clip:{clip_digest(model)[:8]}", (), ()


def take_clip(where: str) -> "CLIPModel":
    """A Hugging Face CLIP as transformers has it, in float32 whatever it was saved in.

    BenchError: there is none, or a tensor of it is missing.
    """
    from transformers import CLIPModel
    from transformers.utils import logging

    if Path(where).is_dir():
        logging.disable_progress_bar()  # nothing is downloaded, and reading takes a moment
    elif where.startswith((".", "/", "~")):
        raise BenchError(f"no folder at {where}. Give one that holds config.json and weights, or a Hugging Face name.")
    try:
        answer: Any = CLIPModel.from_pretrained(  # typed as the model alone
            where, output_loading_info=True, dtype=torch.float32, trust_remote_code=False
        )
    except Exception as error:  # odd values in config.json end anywhere in transformers
        reason = first_line(error)
        raise BenchError(f"no CLIP at '{where}': {reason} Give a folder that holds config.json and weights.") from None
    model, report = answer
    if absent := sorted(report["missing_keys"]):  # transformers would draw them at random
        raise BenchError(f"the CLIP at '{where}' lacks {len(absent)} tensors: {', '.join(absent[:6])}. Fetch it again.")
    return model


def clip_digest(model: nn.Module) -> str:
    """Hex digest over the weights of a CLIP or of any other model."""
    state = model.state_dict()
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(bytes_of(state[key]))
    return digest.hexdigest()


def bytes_of(tensor: Tensor) -> bytes:
    """A tensor's memory, of any dtype: numpy has no bfloat16 and no 8-bit floats."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def check_texts_differ(features: Sequence[Tensor], where: str) -> None:
    """BenchError if different texts have the same features, as where a tokenizer gives every word the same token.

    features: of one text each.  where: the model, for the message.
    """
    first = features[0]
    if all(one.shape == first.shape and torch.allclose(one, first, atol=1e-6) for one in features[1:]):
        raise BenchError(
            f"{where} gives different texts the same features, so every query would find the same. Its tokenizer is "
            "not the one that it was trained with, or its weights are broken."
        )


def read_run(where: str, results: Path) -> State:
    """The weights of a former run, by its id; the source has their digest, for a run can be made again elsewhere."""
    path = run_weights(where, results)
    return read_tensors(path), f"run:{where}:{sha256(path)[:8]}", (), ()


def run_weights(run: str, results: Path) -> Path:
    """Where a former run's weights lie: beside its record."""
    known = weights_by_run(results)
    if run not in known and (records := [path for path in record_paths(results) if path.stem == run]):
        raise BenchError(f"the weights of {run} are gone. Remove {records[0]} to train that run again.")
    if run not in known:
        raise UsageError(f"no weights of a run '{run}' under {results}.{did_you_mean(run, known)}")
    return known[run]


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a `.safetensors` file, or of a `.pt` file that holds them by name."""
    return _unwrapped(_read(path), path)[0]


def _read(path: Path) -> Any:
    """What a file holds. Of a `.pt` file only tensors and plain containers are read; nothing is executed."""
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118, it is no dict
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of random bytes torch and its unpickler say anything, IndexError too
        reason = first_line(error)
        mend = "Fetch it again."
        if "WeightsUnpickler" in str(error):  # whole trainers, argparse.Namespace, code
            reason, mend = "it holds more than tensors", "Save its state dict alone: torch.save(model.state_dict(), …)."
        raise BenchError(f"{path} is no readable checkpoint ({reason[:120]}). {mend}") from None


def _unwrapped(state: Any, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...], tuple[str, ...]]:
    """A checkpoint's tensors by name; what they were wrapped in, dictionaries' keys and prefixes of names; and the
    names of what lay beside them: a trainer's numbers and texts, and tensors without the model's prefix.
    """
    wrappers: list[str] = []
    while isinstance(state, dict) and (inner := [key for key in WRAPPERS if isinstance(state.get(key), dict)]):
        wrappers.append(inner[0])
        state = state[inner[0]]
    tensors = {k: v for k, v in state.items() if isinstance(v, Tensor)} if isinstance(state, dict) else {}
    others = [k for k in state if k not in tensors] if isinstance(state, dict) else []
    if not tensors or not all(isinstance(k, str) for k in state) or not all(_is_plain(state[k]) for k in others):
        raise BenchError(
            f"{path} holds no state dict of tensors. Give the checkpoint file that has the model's weights."
        )
    prefixes = _prefixes(tensors)
    prefix = "".join(prefixes)
    beside = [key for key in tensors if not key.startswith(prefix)]
    kept = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    return kept, (*wrappers, *prefixes), (*beside, *others)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _prefixes(names: Collection[str]) -> list[str]:
    """The prefixes before the model's names, outermost first: those of PATCH, or of all names if there is none."""
    if PATCH in names:
        return []
    sought = [name for name in names if name.endswith(PATCH) and name.startswith(PREFIXES)] or list(names)
    found: list[str] = []
    while common := [one for one in PREFIXES if all(name.startswith(one) for name in sought)]:
        found.append(common[0])
        sought = [name.removeprefix(common[0]) for name in sought]
    return found


def save_weights(variant: "Variant", tokenizer: Tokenizer, path: Path) -> None:
    """Writes a variant's weights and buffers, with what its backbone is and the tokenizer in the file's metadata.

    A tensor with several names (tied weights) is written once, under the name by which `_ties` finds it again.
    """
    metadata = {**variant.backbone.metadata(), "tokenizer": tokenizer.to_str()}
    again = {name for name, _ in _ties(variant)}
    state = {key: value for key, value in variant.state_dict().items() if key not in again}
    save_tensors(state, path, metadata)


def _ties(variant: "Variant") -> list[tuple[str, str]]:
    """Every further name of a tensor that has several, with its first one; the backbone's names come first."""
    first: dict[int, str] = {}
    state = variant.state_dict(keep_vars=True)
    ordered = sorted(state, key=lambda name: not name.startswith("backbone."))
    pairs = [(name, first.setdefault(id(state[name]), name)) for name in ordered]
    return [(name, other) for name, other in pairs if name != other]


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer that a run's weights were trained with."""
    try:
        with safe_open(path, framework="pt") as file:
            return Tokenizer.from_str(metadata_of(file.metadata())["tokenizer"])
    except Exception as error:  # tokenizers raises nothing more special
        raise BenchError(f"{path} holds no tokenizer ({first_line(error)}). Make that run again.") from None


def _check(init: str, incoming: dict[str, Tensor], target: Mapping[str, Tensor], allow_new: tuple[str, ...]) -> None:
    """Every backbone parameter is there, nothing else is, and all shapes fit. A variant's own parameters may be new."""
    unexpected = [key for key in incoming if key not in target]
    absent = [k for k in target if k.startswith("backbone.") and k not in incoming and not k.endswith(allow_new)]
    differs = [
        f"{key} {tuple(value.shape)} for {tuple(target[key].shape)}"
        for key, value in incoming.items()
        if key in target and value.shape != target[key].shape
    ]
    for what, keys in (("unexpected", unexpected), ("missing", absent), ("of another shape", differs)):
        if keys:
            more = f" and {len(keys) - 6} more" if len(keys) > 6 else ""
            raise BenchError(
                f"--init {init} does not fit this variant and size: {len(keys)} tensors are {what}: "
                f"{', '.join(keys[:6])}{more}. Check --variant and --model.size."
            )


@torch.no_grad()
def _grow(backbone: ClipVip) -> None:
    """CLIP becomes CLIP-ViP: the added proxies start from the class embedding, the temporal embedding from zero."""
    embeddings = backbone.clipmodel.vision_model.embeddings
    embeddings.added_cls.copy_(embeddings.class_embedding.expand_as(embeddings.added_cls))
    embeddings.temporal_embedding.zero_()
