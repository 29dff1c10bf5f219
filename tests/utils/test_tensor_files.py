"""`.safetensors` files: shared memory, metadata, a full disk."""

import errno
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from bench.utils.tensor_files import metadata_of, save_tensors


def test_tensors_that_share_memory_come_back(tmp_path: Path) -> None:
    whole = torch.arange(6.0).reshape(2, 3)
    tensors = {"whole": whole, "again": whole, "part": whole[:, 1]}
    save_tensors(tensors, tmp_path / "a.safetensors")
    found = load_file(tmp_path / "a.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_metadata_come_back(tmp_path: Path) -> None:
    save_tensors({"one": torch.zeros(1)}, tmp_path / "a.safetensors", {"b": "1", "a": "2"})
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        assert metadata_of(file.metadata()) == {"a": "2", "b": "1"}


def test_a_full_disk_is_the_system_s_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors import SafetensorError

    def full(*_: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError) as error:
        save_tensors({"one": torch.zeros(1)}, tmp_path / "a.safetensors")
    assert error.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []
