"""Arrays in files of any program: `.npy`, `.npz`, `.safetensors`, `.pt`, read without executing anything.

What the format allows is mapped: of a large matrix, only what is asked for is read from the disk.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor

from bench.errors import BenchError, UsageError, first_line
from bench.utils.files import replacing
from bench.utils.tensor_files import save_tensors

FORMATS = ("npy", "npz", "safetensors", "pt")

Entry = Tensor | list[str]  # an array of numbers, or a list of texts


def read_arrays(path: Path) -> dict[str, Entry]:
    """Everything that a file holds, by name; the one array of a file without names is called "".

    UsageError: no such file, or not one of FORMATS. BenchError: it is damaged, or holds more than arrays and texts.
    """
    kind = path.suffix.lower().removeprefix(".").replace("pth", "pt")
    if kind not in FORMATS:
        raise UsageError(f"{path} is none of {', '.join(f'.{name}' for name in FORMATS)}. Save the array as one.")
    if not path.is_file():
        raise UsageError(f"there is no file {path}.")
    try:
        found = {"npy": _numpy, "npz": _numpy, "safetensors": _safetensors, "pt": _torch}[kind](path)
        return {name: _entry(value, f"{path}: {name or 'the array'}") for name, value in found.items()}
    except BenchError:
        raise
    except Exception as error:  # of odd bytes numpy, torch and its unpickler say anything
        raise BenchError(f"{path} cannot be read ({_reason(error)}).") from None


def the_array(entries: Mapping[str, Entry], role: str, path: Path) -> Tensor:
    """The array called `role`, or else the only one, or the only matrix. BenchError: there is none, or several."""
    arrays = {name: entry for name, entry in entries.items() if isinstance(entry, Tensor) and not name.endswith("ids")}
    matrices = {name: array for name, array in arrays.items() if array.ndim == 2}
    for found in ({role: arrays[role]} if role in arrays else {}, arrays, matrices):
        if len(found) == 1:
            return next(iter(found.values()))
    names = f"{len(arrays)} arrays ({', '.join(sorted(arrays))})" if arrays else "no array"
    raise BenchError(f"{path} holds {names}. Call the one that is meant {role!r}, or keep it alone.")


def write_arrays(entries: Mapping[str, NDArray | list[str]], path: Path) -> None:
    """Writes arrays by name in the format of the suffix, whole or not at all; the format `npy` takes a single one.

    Lists of text are left out of `.npy` and `.safetensors`, which cannot hold them.
    """
    arrays = {name: entry for name, entry in entries.items() if isinstance(entry, np.ndarray)}
    kind = path.suffix.removeprefix(".")
    if kind == "safetensors":
        save_tensors({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
        return
    with replacing(path) as temporary:
        if kind == "npy":
            (array,) = arrays.values()
            np.save(temporary, array)
        elif kind == "npz":
            columns: dict[str, Any] = {name: np.asarray(entry) for name, entry in entries.items()}
            np.savez(temporary, **columns)
        else:
            tensors = {name: torch.from_numpy(entry) for name, entry in arrays.items()}
            torch.save({**entries, **tensors}, temporary)


def _numpy(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"PK"):  # arrays in a zip file, which cannot be mapped
            with np.load(file, allow_pickle=False) as found:
                return {name: found[name] for name in found.files}
    if head != b"\x93NUMPY":
        raise ValueError("it is no file of numpy")
    return {"": np.load(path, mmap_mode="r", allow_pickle=False)}


def _safetensors(path: Path) -> dict[str, object]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict


def _torch(path: Path) -> dict[str, object]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as error:
        if "mmap can only be used" not in str(error):
            raise
        found = torch.load(path, map_location="cpu", weights_only=True)  # the format of torch before 1.6
    if isinstance(found, Tensor):
        return {"": found}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise BenchError(f"{path} holds neither a tensor nor tensors by name. Save one: torch.save(tensor, …).")
    return found


def _entry(value: object, where: str) -> Entry:
    """Numbers as a tensor on the CPU, texts as a list. BenchError: it is neither."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "US" and value.ndim == 1:
        return [one.decode() if isinstance(one, bytes) else one for one in value.tolist()]
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        native = value if value.dtype.isnative and value.dtype.str[1:] in _SHARED else value.astype(np.float64)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nobody writes to it
            return torch.from_numpy(native)
    plain = isinstance(value, Tensor) and value.layout == torch.strided and value.device.type == "cpu"
    if isinstance(value, Tensor) and plain and not value.is_complex() and value.dtype != torch.bool:
        return value.detach()
    kind = value.dtype if isinstance(value, np.ndarray | Tensor) else type(value).__name__
    raise BenchError(f"{where} is of the type {kind}: neither plain numbers nor a list of text.")


_SHARED = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1")  # types that numpy and torch have in common


def _reason(error: Exception) -> str:
    if "WeightsUnpickler" in str(error) or "Weights only load failed" in str(error):
        return "it holds more than tensors, which would be executed to read it; save the tensor alone"
    if "allow_pickle" in str(error):
        return "it holds Python objects, which would be executed to read them; save numbers, and text as np.array(ids)"
    return first_line(error)[:120]
