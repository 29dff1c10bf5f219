"""The smallest ONNX classifier: a matrix over the pixels, written byte by byte as the format's definition has it."""

from pathlib import Path

import numpy as np


def linear(path: Path, weights: np.ndarray, *, channels: int, size: int, last: bool = False) -> Path:
    """Writes a graph `pixels` (1, channels, size, size) -> `scores` (1, 7) = pixels, flattened, times `weights`.

    weights: (channels * size * size, 7). last: the input is (1, size, size, channels).
    Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
    """
    shape = (1, size, size, channels) if last else (1, channels, size, size)
    flatten = _text(1, "pixels") + _text(2, "flat") + _text(4, "Flatten")
    product = _text(1, "flat") + _text(1, "weights") + _text(2, "scores") + _text(4, "MatMul")
    dims = b"".join(_number(1, length) for length in weights.shape)
    tensor = dims + _number(2, 1) + _text(8, "weights") + _bytes(9, weights.astype("<f4").tobytes())
    graph = _bytes(1, flatten) + _bytes(1, product) + _text(2, "linear") + _bytes(5, tensor)
    graph += _bytes(11, _value("pixels", shape)) + _bytes(12, _value("scores", (1, weights.shape[1])))
    path.write_bytes(_number(1, 8) + _bytes(8, _number(2, 13)) + _bytes(7, graph))
    return path


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, length)) for length in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, dims)))


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, content: str) -> bytes:
    return _bytes(field, content.encode())
