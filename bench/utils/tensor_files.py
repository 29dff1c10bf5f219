"""`.safetensors` files: written whole or not at all, the same bytes for the same content."""

import errno
import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench.utils.files import replacing

if TYPE_CHECKING:
    from torch import Tensor

METADATA = "bench"  # the one name in a file's metadata: safetensors writes several in an order drawn at random


def save_tensors(tensors: Mapping[str, "Tensor"], path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Writes tensors by name, and texts by name as metadata. OSError: it cannot be written, the disk is full.

    Tensors that share memory are written one by one: the format has no other way.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    users = Counter(tensor.untyped_storage().data_ptr() for tensor in ready.values())
    for name, tensor in ready.items():
        if users[tensor.untyped_storage().data_ptr()] > 1:
            ready[name] = tensor.clone()
    with replacing(path) as temporary:
        try:
            save_file(ready, temporary, {METADATA: json.dumps(metadata, sort_keys=True)} if metadata else None)
        except SafetensorError as error:  # it hides the system's error in its text
            code = re.search(r"(?:os error|code:) (\d+)", str(error))
            number = int(code[1]) if code else errno.EIO
            raise OSError(number, os.strerror(number), str(path)) from None


def metadata_of(written: Mapping[str, str] | None) -> dict[str, str]:
    """The metadata that `save_tensors` was given, out of that of a file; files of older versions had the names bare."""
    written = dict(written or {})
    if METADATA not in written:
        return written
    found = json.loads(written[METADATA])
    return found if isinstance(found, dict) else {}
