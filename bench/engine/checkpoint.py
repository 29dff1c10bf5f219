"""Checkpoints: what a training needs to go on, in a folder of two files. Nothing in them is pickled.

    checkpoint/tensors.safetensors    weights, buffers, and the optimizer's moments
    checkpoint/progress.json          the rest: step, curve, schedule, random states of every process, checksums
    checkpoint.old/                   the one before, for the day when a file of the last one is damaged
    best-<step>.safetensors           the weights that scored best in validation so far

progress.json is written last and holds the digests of the other files and of itself. A folder without it is no
checkpoint: it was never finished, or its removal was begun. One whose digests do not fit is damaged and never loaded.
"""

import hashlib
import json
import random
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import Tensor

from bench.errors import BenchError
from bench.model.variant import Variant
from bench.utils import distributed
from bench.utils.files import sha256
from bench.utils.tensor_files import save_tensors

_FRESH, _KEPT, _BEFORE = "checkpoint.part", "checkpoint", "checkpoint.old"
_TENSORS, _PROGRESS = "tensors.safetensors", "progress.json"
_OLDER = "pytorch_model.bin"  # of checkpoints that were pickled


@dataclass
class Progress:
    """Where a training is: what a checkpoint holds beside tensors and states."""

    step: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)
    compiled: int = 0  # of the steps, those in which the towers' layers ran compiled
    best: dict[str, float] = field(default_factory=dict)  # of the validation: step, and the point that chose it
    best_sha256: str = ""  # of the file with those weights
    seconds: float = 0.0
    waited: float = 0.0  # of these seconds, in the main process, until the next batch's clips were there


@dataclass(frozen=True)
class Training:
    """What is saved and put back. optimizer, schedule: PyTorch's, or Accelerate's around them.

    checksums: of the data and the first weights. A checkpoint that was made from others is refused.
    """

    variant: Variant
    optimizer: Any
    schedule: Any
    checksums: dict[str, str]


class _Damaged(Exception):
    """A file of a checkpoint is not what was written."""


def save_checkpoint(training: Training, now: Progress, folder: Path, accelerator: Accelerator) -> None:
    """Written beside the old one and then renamed: at any moment there is one whole checkpoint.

    Of several processes the main one writes. BenchError: it could not be written; the one before is as it was.
    """
    random_states = distributed.gather(_random_states())
    if accelerator.is_main_process:
        try:
            _write(training, now, folder, random_states)
        except OSError as error:
            _remove(folder / _FRESH)
            kept = (
                f"That of an earlier step is kept in {folder}." if (folder / _KEPT).is_dir() else "There is none yet."
            )
            raise BenchError(
                f"the checkpoint of step {now.step} cannot be written: {error.strerror or error}. {kept} "
                "Make room, then repeat the command to resume."
            ) from None
    distributed.wait()


def _write(training: Training, now: Progress, folder: Path, random_states: list[dict[str, Any]]) -> None:
    fresh, kept, before = folder / _FRESH, folder / _KEPT, folder / _BEFORE
    _remove(fresh)
    moments = training.optimizer.state_dict()
    tensors = {f"model.{name}": value for name, value in training.variant.state_dict().items()}
    for parameter, state in moments["state"].items():
        tensors |= {f"optimizer.{parameter}.{name}": value for name, value in state.items()}
    save_tensors(tensors, fresh / _TENSORS)
    content = {
        **vars(now),
        "checksums": training.checksums,
        "files": {_TENSORS: sha256(fresh / _TENSORS)},
        "optimizer": moments["param_groups"],
        "schedule": training.schedule.state_dict(),
        "random": random_states,
    }
    text = json.dumps({"sha256": _digest(content), **content})
    (fresh / _PROGRESS).write_text(text, encoding="utf-8")
    if _is_whole(kept):
        _remove(before)
        kept.replace(before)
    else:
        _remove(kept)
    fresh.replace(kept)
    _remove_unused_best(folder)


def resume(training: Training, folder: Path, accelerator: Accelerator) -> Progress:
    """Puts back the last checkpoint in `folder` that is intact, and gives its progress; of a new run, an empty one.

    BenchError: none is intact, or the one to go on from was made by an older version or from other data or weights.
    Differ: not all processes see the same one.
    """
    path, state, damage = _last_intact(folder)
    distributed.agree({"the last checkpoint": f"of step {state['step']}" if state else "none"})
    if state:
        _check_checksums(state, training, path)
        _put_back(state, path, training, accelerator.process_index)
    distributed.wait()
    if accelerator.is_main_process and damage:
        print(f"{damage} Going on from the checkpoint before.", file=sys.stderr)
        _remove(folder / _KEPT)  # or the next one would put it in the place of the good one
        path.replace(folder / _KEPT)
    elif accelerator.is_main_process and not state:
        remove_checkpoints(folder)  # what was left of a removal or of a first checkpoint
    distributed.wait()
    known = state or {}
    return Progress(**{name: known.get(name, start) for name, start in vars(Progress()).items()})


def _last_intact(folder: Path) -> tuple[Path, dict[str, Any], str]:
    """The last intact checkpoint, what it says, nothing where there is none; and the damage to the one after it."""
    damage = ""
    for path in (folder / _KEPT, folder / _BEFORE):
        if not _is_whole(path):
            continue
        try:
            return path, _verified(path), damage
        except _Damaged as error:
            damage = damage or str(error)
    if damage:
        raise BenchError(f"{damage} There is no other checkpoint. Remove {folder} to start again.")
    return folder / _KEPT, {}, ""


def has_checkpoint(folder: Path) -> bool:
    """Whether a run's folder holds a training to go on from."""
    return any(_is_whole(folder / name) for name in (_KEPT, _BEFORE))


def leftovers(folder: Path) -> list[Path]:
    """What a run that is done no longer needs: whole checkpoints, parts of them, and best weights."""
    folders = [folder / name for name in (_FRESH, _BEFORE, _KEPT)]
    return [path for path in folders if path.is_dir()] + sorted(folder.glob("best-*.safetensors"))


def remove_checkpoints(folder: Path) -> None:
    """Removes them; the best weights last, of which the checkpoints speak."""
    for path in leftovers(folder):
        if path.is_dir():
            _remove(path)
        else:
            path.unlink(missing_ok=True)


def save_best(variant: Variant, now: Progress, folder: Path, accelerator: Accelerator) -> None:
    """Keeps the weights as those of `now.best`; every process notes their digest."""
    path = _best_path(folder, now.best)
    digest = ""
    if accelerator.is_main_process:
        save_tensors(variant.state_dict(), path)
        digest = sha256(path)
    now.best_sha256 = distributed.from_main(digest)


def load_best(variant: Variant, now: Progress, folder: Path) -> None:
    """Puts back the weights that scored best in validation. BenchError: their file is damaged."""
    path = _best_path(folder, now.best)
    if not path.is_file() or sha256(path) != now.best_sha256:
        raise BenchError(f"{path} is missing or damaged. Remove {folder} to start again.")
    variant.load_state_dict(load_file(path, device=str(variant.device)))


def _best_path(folder: Path, best: Mapping[str, float]) -> Path:
    return folder / f"best-{int(best['step'])}.safetensors"


def _remove_unused_best(folder: Path) -> None:
    """Removes the best weights of which no checkpoint speaks any more."""
    used = set()
    for path in (folder / _KEPT / _PROGRESS, folder / _BEFORE / _PROGRESS):
        if path.is_file() and (best := json.loads(path.read_text(encoding="utf-8"))["best"]):
            used.add(_best_path(folder, best))
    for path in folder.glob("best-*.safetensors"):
        if path not in used:
            path.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    return (path / _PROGRESS).is_file()


def _remove(path: Path) -> None:
    """progress.json first: what is left by a kill in the middle is no checkpoint."""
    (path / _PROGRESS).unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)


def _verified(path: Path) -> dict[str, Any]:
    """The content of progress.json, after all digests were compared."""
    if (path / _OLDER).is_file():
        raise BenchError(
            f"{path} was made by an older version, in a format that could run code. "
            f"Finish that run with the older version, or remove {path.parent} to start again."
        )
    try:
        content = json.loads((path / _PROGRESS).read_text(encoding="utf-8"))
        stated = content.pop("sha256")
        intact = stated == _digest(content)
        files = {path / name: digest for name, digest in content["files"].items()}
        if content["best_sha256"]:
            files[_best_path(path.parent, content["best"])] = content["best_sha256"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        intact = False
    if not intact:
        raise _Damaged(f"{path / _PROGRESS} is damaged.")
    for file, digest in files.items():
        if not file.is_file() or sha256(file) != digest:
            raise _Damaged(f"{file} is missing or damaged.")
    return content


def _check_checksums(state: dict[str, Any], training: Training, path: Path) -> None:
    now, before = training.checksums, state["checksums"]
    changed = [name for name in now.keys() | before.keys() if now.get(name) != before.get(name)]
    if changed:
        raise BenchError(
            f"{path} was made from other data or weights ({', '.join(sorted(changed))} changed). "
            f"Put them back, or remove {path.parent} to start again."
        )


def _put_back(state: dict[str, Any], path: Path, training: Training, rank: int) -> None:
    """Into the objects of the training, in place; and the random states of this process."""
    weights: dict[str, Tensor] = {}
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in load_file(path / _TENSORS).items():
        kind, _, rest = name.partition(".")
        if kind == "model":
            weights[rest] = tensor
        else:
            parameter, _, what = rest.partition(".")
            moments.setdefault(int(parameter), {})[what] = tensor
    own = training.optimizer.param_groups  # one kernel for all or not is this machine's choice, not the checkpoint's
    groups = [
        {**group, "betas": tuple(group["betas"]), "fused": now["fused"]}
        for group, now in zip(state["optimizer"], own, strict=True)
    ]
    training.variant.load_state_dict(weights)
    training.optimizer.load_state_dict({"state": moments, "param_groups": groups})
    training.schedule.load_state_dict(state["schedule"])
    if rank < len(state["random"]):  # of more processes than before, the new ones keep what the seed gave them
        _set_random_states(state["random"][rank])


def _random_states() -> dict[str, Any]:
    """Those of Python, numpy and torch in this process, as plain JSON."""
    version, key, gauss = random.getstate()
    drawn: Any = np.random.get_state(legacy=False)  # noqa: NPY002, a variant may draw from it
    return {
        "python": [version, list(key), gauss],
        "numpy": {**drawn, "state": {"key": drawn["state"]["key"].tolist(), "pos": drawn["state"]["pos"]}},
        "torch": _hex(torch.get_rng_state()),
        "cuda": [_hex(state) for state in torch.cuda.get_rng_state_all()] if torch.cuda.is_available() else [],
    }


def _set_random_states(states: dict[str, Any]) -> None:
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    drawn = states["numpy"]
    key = np.array(drawn["state"]["key"], np.uint32)
    np.random.set_state({**drawn, "state": {**drawn["state"], "key": key}})  # noqa: NPY002
    torch.set_rng_state(_bytes(states["torch"]))
    if torch.cuda.is_available():
        for device, state in enumerate(states["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(_bytes(state), device)


def _hex(state: Tensor) -> str:
    return state.numpy().tobytes().hex()


def _bytes(text: str) -> Tensor:
    return torch.tensor(list(bytes.fromhex(text)), dtype=torch.uint8)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
