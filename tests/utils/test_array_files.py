"""Arrays in files of other programs: every format gives the same numbers, and nothing in a file is executed."""

import io
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.errors import BenchError, UsageError
from bench.utils.array_files import read_arrays, the_array, write_arrays

MATRIX = np.arange(6, dtype=np.float32).reshape(2, 3)


class Executed:
    """Pickled, it would make a file when it is read."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("format", ["npy", "npz", "safetensors", "pt"])
def test_what_is_written_is_read(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"sims.{format}"
    write_arrays({"similarity": MATRIX, "query_ids": ["a", "b"]}, path)
    found = read_arrays(path)
    torch.testing.assert_close(the_array(found, "similarity", path), torch.from_numpy(MATRIX), rtol=0, atol=0)
    assert found.get("query_ids", ["a", "b"]) == ["a", "b"]
    assert ("query_ids" in found) == (format in ("npz", "pt"))


def test_files_of_numpy_and_torch_alone_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "fortran.npy", np.asfortranarray(MATRIX.astype(">f8")))
    np.savez_compressed(tmp_path / "small.npz", MATRIX.astype(np.float16))
    torch.save(torch.from_numpy(MATRIX).bfloat16(), tmp_path / "bare.pt")
    torch.save(torch.from_numpy(MATRIX), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for path in tmp_path.iterdir():
        assert the_array(read_arrays(path), "similarity", path).float().tolist() == MATRIX.tolist(), path


def test_a_large_matrix_is_not_read_as_a_whole(tmp_path: Path) -> None:
    """A file of 80 GB of zeros, of which the disk holds a page: whoever read all of it would not live."""
    path = tmp_path / "large.npy"
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (200_000, 100_000)})
    with path.open("wb") as file:
        file.write(head.getvalue())
        file.truncate(head.tell() + 200_000 * 100_000 * 4)
    assert the_array(read_arrays(path), "similarity", path)[199_999, :3].tolist() == [0, 0, 0]


def test_nothing_is_executed(tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    np.save(tmp_path / "objects.npy", np.array([Executed(trace)]), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", similarity=MATRIX, ids=np.array([Executed(trace)], dtype=object))
    torch.save({"similarity": Executed(trace)}, tmp_path / "objects.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Executed(trace)))
    for name in ("objects.npy", "objects.npz", "objects.pt", "bare.pt"):
        with pytest.raises(BenchError, match=r"would be executed|cannot be read") as error:
            read_arrays(tmp_path / name)
        assert "\n" not in str(error.value)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.safetensors", "a.pt"])
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04", struct.pack("<Q", 2**60), b"\x80\x04."])
def test_a_damaged_file_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BenchError, match="cannot be read") as error:
        read_arrays(tmp_path / name)
    assert "\n" not in str(error.value)


def test_what_is_no_array_is_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", one=MATRIX, other=MATRIX)
    np.save(tmp_path / "complex.npy", MATRIX.astype(complex))
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(BenchError, match=r"holds 2 arrays \(one, other\)\. Call the one that is meant 'similarity'"):
        the_array(read_arrays(tmp_path / "two.npz"), "similarity", tmp_path / "two.npz")
    with pytest.raises(BenchError, match=r"the array is of the type complex128"):
        read_arrays(tmp_path / "complex.npy")
    with pytest.raises(BenchError, match="holds neither a tensor nor tensors by name"):
        read_arrays(tmp_path / "list.pt")
    with pytest.raises(UsageError, match=r"sims\.csv is none of \.npy, \.npz, \.safetensors, \.pt"):
        read_arrays(tmp_path / "sims.csv")
    with pytest.raises(UsageError, match=r"there is no file .*none\.npy"):
        read_arrays(tmp_path / "none.npy")


def test_the_named_array_is_taken_before_others(tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", similarity=MATRIX, other=MATRIX + 1, video_ids=np.array([1, 2, 3]))
    found = read_arrays(tmp_path / "many.npz")
    assert the_array(found, "similarity", tmp_path / "many.npz").tolist() == MATRIX.tolist()
    del found["other"], found["similarity"]
    with pytest.raises(BenchError, match="holds no array"):  # ids are none
        the_array(found, "similarity", tmp_path / "many.npz")
