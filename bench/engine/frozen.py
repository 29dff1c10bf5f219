"""Frozen towers: what they give for a clip or a text never changes, so it is computed once and kept.

    $BENCH_HOME/frozen/DIGEST.safetensors    the features of a list of clips, or of texts

The digest is of everything that the features depend on: the tower's weights, the clips' files or the texts' tokens,
frames and size, precision, device and versions. So variants, seeds and cells of a grid share what is equal to all, and
no file is ever out of date. The folder may be removed at any time; above `LIMIT` bytes the files that were not used for
longest go.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from accelerate import Accelerator
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bench.data.batch import TextBatch, VideoBatch
from bench.data.loading import TEST, Collator, Samples
from bench.data.tokenizer import token_keys
from bench.data.video_memory import mark
from bench.engine.evaluate import encode_captions, encode_clips
from bench.engine.opening import Opened
from bench.engine.run_config import training_control
from bench.engine.train import precision
from bench.model.backbone import Backbone
from bench.model.variant import Variant
from bench.utils.messages import say_once
from bench.utils.paths import home
from bench.utils.tensor_files import save_tensors

LIMIT = 4 * 10**9  # bytes of the whole folder
FORMAT = 1  # to be raised when equal facts no longer mean equal features


def freeze_towers(opened: Opened, accelerator: Accelerator) -> Opened:
    """Freezes the towers that the config names; the samples and collators of what it returns give their features.

    The variant goes to the accelerator's device. Where a variant changes what goes into a frozen tower, the tower runs
    in every step, and a line says so.
    """
    variant = opened.variant.to(accelerator.device).eval()
    variant.backbone.freeze(opened.config.train.frozen_towers)
    samples = _two_samples(opened, accelerator.device)
    for tower in variant.backbone.frozen:
        with accelerator.autocast():
            takes = takes_features(variant, tower, *samples)
        if not takes:
            say_once(
                f"{opened.config.variant} changes the input of the frozen {tower} tower, or uses its output otherwise "
                "than plain does, so its features cannot be kept: the tower runs in every step."
            )
        elif tower == "video":
            videos = replace(opened.data.videos, features=_clip_features(opened, accelerator))
            opened = replace(opened, data=replace(opened.data, videos=videos))
        else:
            opened = replace(opened, text_features=_text_features(opened, accelerator))
    return opened


@torch.no_grad()
def takes_features(variant: Variant, tower: str, text: TextBatch, video: VideoBatch) -> bool:
    """Whether a variant's features of clips ("video") or captions ("text") follow from the plain tower's.

    Its hook before the tower must be Variant's, and the samples must come out equal to the bit: a variant that goes its
    own way to a clip's pixels finds none.
    """
    hook, plain = f"fuse_{tower}", Variant(variant.backbone)
    if getattr(type(variant), hook) is not getattr(Variant, hook):
        return False
    if tower == "text":
        given = replace(text, features=plain.encode_text(text))
        return torch.equal(variant.encode_text(given), variant.encode_text(text))
    without_pixels = replace(video, pixels=video.pixels.flatten(1)[:, :0], features=plain.encode_video(video))
    try:
        found = variant.encode_video(without_pixels)
    except Exception:  # whatever it does with pixels that are not there
        return False
    return torch.equal(found, variant.encode_video(video))


def _two_samples(opened: Opened, device: torch.device) -> tuple[TextBatch, VideoBatch]:
    part = replace(opened.data.train, clips=opened.data.train.clips[:2])
    samples, collate = opened.samples(part, "true"), opened.collator(opened.texts(part))
    text, video, _ = collate([samples[TEST, place] for place in range(len(part.clips))])
    return text.to(device), video.to(device)


def _clip_features(opened: Opened, accelerator: Accelerator) -> dict[str, np.ndarray]:
    """Those of all clips of a run, by name; every clip is decoded once, with the frames that scoring sees."""
    config, data, backbone = opened.config, opened.data, opened.variant.backbone
    config = replace(config, video=replace(config.video, cache=False))  # that would decode the other frames as well
    collate = Collator(opened.tokenizer, config.model.tokens, Variant.phrase, None)
    found: dict[str, np.ndarray] = {}
    for part in (data.train, data.validation, data.test):
        if part is None:
            continue
        names = [clip.video for clip in part.clips]
        files = [mark(data.videos.paths[name], data.videos.spans[name]) for name in names]
        samples = Samples(part, data.videos, config)
        encode = partial(encode_clips, Variant(backbone), samples, collate, config, accelerator)
        facts = {"files": files, "frames": config.video.frames, "size": config.video.size}
        found |= zip(names, _kept(facts, "video", backbone, encode, accelerator), strict=True)
    return found


def _text_features(opened: Opened, accelerator: Accelerator) -> dict[bytes, np.ndarray]:
    """Those of all texts that training and scoring may ask for, by `token_keys`."""
    data, backbone, swaps = opened.data, opened.variant.backbone, opened.swaps()
    trained, tested = opened.texts(data.train, data.validation), opened.texts(data.test)
    found: dict[bytes, np.ndarray] = {}
    for collate, texts in (
        (opened.collator(trained, training_control(opened.config), swaps), [*trained, *swaps.values()]),
        (opened.collator(tested), tested),
    ):
        texts = list(dict.fromkeys(texts))
        batch = collate.text(texts)
        keys = token_keys(batch.input_ids.numpy(), batch.attention_mask.numpy())
        encode = partial(encode_captions, Variant(backbone), texts, collate, accelerator)
        facts = {"texts": hashlib.sha256(b"".join(b"%d:%b" % (len(key), key) for key in keys)).hexdigest()}
        found |= zip(keys, _kept(facts, "text", backbone, encode, accelerator), strict=True)
    return found


@torch.no_grad()
def _kept(
    facts: Mapping[str, Any], tower: str, backbone: Backbone, encode: Callable[[], Tensor], accelerator: Accelerator
) -> np.ndarray:  # (n, P) float32
    """Features from their file, or encoded and written there. facts: what they depend on beside the tower."""
    made_with = {
        "format": FORMAT,
        "tower": tower,
        "weights": _digest(backbone, tower),
        "model": backbone.metadata(),
        "precision": precision(accelerator),
        "device": accelerator.device.type,
        "versions": [torch.__version__, transformers.__version__],
    }
    name = hashlib.sha256(json.dumps({**made_with, **facts}, sort_keys=True).encode()).hexdigest()
    path = home() / "frozen" / f"{name}.safetensors"
    found = _read(path)
    everywhere = accelerator.reduce(torch.tensor(float(found is not None), device=accelerator.device), "sum")
    if found is None or everywhere < accelerator.num_processes:  # all processes encode together
        found = encode().cpu()
        if accelerator.is_local_main_process:
            _write(found, path)
    return found.numpy()


def _digest(backbone: Backbone, tower: str) -> str:
    """64 hex digits of a tower's weights and buffers."""
    digest = hashlib.sha256()
    for module in backbone.tower(tower):
        for name, value in module.state_dict().items():
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _read(path: Path) -> Tensor | None:
    """None where there is no such file, or a damaged one, which a line names."""
    try:
        content = load_file(path)
        if content["sha256"].numpy().tobytes() == _sha256(content["features"]):
            with suppress(OSError):  # a folder that is only read
                os.utime(path)  # used just now
            return content["features"]
    except FileNotFoundError:
        return None
    except (SafetensorError, KeyError, OSError):
        pass
    say_once(f"{path} is damaged: the features in it are computed again.")
    return None


def _write(features: Tensor, path: Path) -> None:
    """Keeps features, whole or not at all, and removes what was not used for longest beyond `LIMIT`."""
    digest = torch.frombuffer(bytearray(_sha256(features)), dtype=torch.uint8)
    try:
        save_tensors({"features": features, "sha256": digest}, path)
    except OSError as error:
        say_once(f"{path} cannot be written ({error.strerror}): going on, but the next run computes it again.")
    total = 0
    for _, size, file in sorted(_files(path.parent), reverse=True):  # used last first
        total += size
        if total > LIMIT and file != path:
            file.unlink(missing_ok=True)


def _files(folder: Path) -> Sequence[tuple[float, int, Path]]:
    """When each was used last, its bytes, and the file; another process may be removing some."""
    found = []
    for file in folder.glob("*.safetensors"):
        with suppress(FileNotFoundError):
            facts = file.stat()
            found.append((facts.st_mtime, facts.st_size, file))
    return found


def _sha256(features: Tensor) -> bytes:
    return hashlib.sha256(features.contiguous().numpy().tobytes()).digest()
