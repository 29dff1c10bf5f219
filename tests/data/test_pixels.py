"""Resize, crop and normalization against a slow reference written from the definition."""

import numpy as np
import pytest
import torch

from bench.data.pixels import normalize, resize_crop


def cubic(x: float) -> float:
    """Keys' kernel with a = -0.5, as Pillow's BICUBIC (Keys 1981, equation 4)."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def resized_line(line: np.ndarray, size: int) -> np.ndarray:
    """One axis: (old, …) to (size, …). Each new value is the kernel's mean around its centre, rounded to a byte."""
    old = len(line)
    step = old / size
    width = max(step, 1.0)  # the kernel widens when the picture shrinks
    new = []
    for index in range(size):
        centre = (index + 0.5) * step
        weights = np.array([cubic((place + 0.5 - centre) / width) for place in range(old)])
        new.append(np.tensordot(weights / weights.sum(), line, axes=(0, 0)))
    return np.clip(np.floor(np.array(new) + 0.5), 0, 255)


def slow_resize_crop(frame: np.ndarray, size: int) -> np.ndarray:
    """Columns first, then rows, then the middle: plain and slow."""
    height, width, _ = frame.shape
    new_height, new_width = (side * size // min(height, width) for side in (height, width))
    wide = resized_line(frame.astype(float).transpose(1, 0, 2), new_width).transpose(1, 0, 2)
    whole = resized_line(wide, new_height)
    top, left = round((new_height - size) / 2), round((new_width - size) / 2)
    return whole[top : top + size, left : left + size]


SIZES = [(64, 85, 56), (97, 131, 32), (131, 97, 32), (20, 30, 48), (64, 80, 64), (50, 50, 33), (48, 71, 30)]


@pytest.mark.parametrize(("height", "width", "size"), SIZES)
def test_resize_and_crop_equal_the_slow_reference(height: int, width: int, size: int):
    frames = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    slow = np.stack([slow_resize_crop(frame, size) for frame in frames])
    assert abs(resize_crop(frames, size).astype(int) - slow).max() <= 1


@pytest.mark.parametrize(("height", "width", "size"), SIZES)
def test_resize_and_crop_equal_pillow(height: int, width: int, size: int):
    image = pytest.importorskip("PIL.Image", reason="Pillow is no dependency; where it is, it is the second witness")
    frame = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    wide, high = (side * size // min(height, width) for side in (width, height))
    whole = np.asarray(image.fromarray(frame).resize((wide, high), image.Resampling.BICUBIC)).astype(int)
    top, left = round((high - size) / 2), round((wide - size) / 2)
    assert abs(resize_crop(frame[None], size)[0] - whole[top : top + size, left : left + size]).max() <= 1


def test_a_square_of_the_right_size_is_left_as_it_is():
    frames = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    assert (resize_crop(frames, 32) == frames).all()


def test_the_crop_is_the_middle():
    frames = np.zeros((1, 4, 10, 3), dtype=np.uint8)
    frames[..., 0] = np.arange(10)
    assert resize_crop(frames, 4)[0, 0, :, 0].tolist() == [3, 4, 5, 6]


def test_half_a_pixel_is_rounded_to_the_even_side():
    frames = np.zeros((1, 4, 5, 3), dtype=np.uint8)
    frames[..., 0] = np.arange(5)
    assert resize_crop(frames, 4)[0, 0, :, 0].tolist() == [0, 1, 2, 3]  # (5 - 4) / 2 = 0.5 becomes 0


def test_normalize_subtracts_the_mean_and_divides_by_the_deviation():
    frames = np.array([0, 128, 255], dtype=np.uint8).reshape(1, 1, 1, 3)
    # by hand: (0/255 - 0.48145466) / 0.26862954, (128/255 - 0.4578275) / 0.26130258, (1 - 0.40821073) / 0.27577711
    assert normalize(torch.from_numpy(frames)).flatten().tolist() == pytest.approx(
        [-1.7922626, 0.1688972, 2.1458970], abs=1e-6
    )


def test_normalize_puts_channels_before_height_and_width():
    frames = np.zeros((2, 5, 7, 9, 3), dtype=np.uint8)
    assert (normalize(torch.from_numpy(frames)).shape, normalize(torch.from_numpy(frames)).dtype) == (
        (2, 5, 3, 7, 9),
        torch.float32,
    )
