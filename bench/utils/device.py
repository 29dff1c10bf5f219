"""Where models compute: `--device auto | cpu | cuda | cuda:1 | mps`."""

import re
from typing import TYPE_CHECKING

from bench.errors import UsageError

if TYPE_CHECKING:
    import torch

AUTO = "auto"
ABOUT = "Where to compute: auto (a CUDA GPU where there is one, otherwise the CPU), cpu, cuda, cuda:1, …, mps."


def check_device(name: str) -> None:
    """UsageError: no device is named like that. Whether this machine has it, `choose_device` says."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]*))?", name):
        raise UsageError(f"--device takes auto, cpu, cuda, cuda:N or mps, not '{name}'.")


def choose_device(name: str) -> "torch.device":
    """The device of that name; auto: a CUDA GPU where PyTorch sees one, otherwise the CPU.

    UsageError: there is none of that name, or this machine has none of that kind, or not so many.
    """
    check_device(name)
    import torch  # takes seconds; names are checked without

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == AUTO:
        return torch.device("cuda" if gpus else "cpu")
    kind, _, number = name.partition(":")
    if kind == "cuda" and not gpus:
        raise UsageError(f"--device {name}: PyTorch sees no CUDA GPU on this machine. Leave --device out, or name cpu.")
    if kind == "cuda" and int(number or 0) >= gpus:  # torch.device takes cuda:200 for cuda:-56
        raise UsageError(f"--device {name}: the GPUs of this machine are cuda:0 to cuda:{gpus - 1}.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: PyTorch sees no Apple GPU on this machine. Leave --device out, or name cpu.")
    return torch.device(name)


def has_bf16(device: "torch.device") -> bool:
    """Whether a device computes in bf16 by itself."""
    import torch

    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
