"""Flat shapes with smooth edges, drawn the same to the last bit on every machine.

Only +, -, *, /, sqrt, comparisons and integers touch a pixel: IEEE 754 fixes their results. No sine, no exp, no matrix
product, no sum over floats. An image is (3, H, W) int16 with values 0..255: planes, because numpy is twice as fast on
them. x goes right, y down, in pixels; pixel (i, j) has its centre at (j + 0.5, i + 0.5). Shapes may lie partly or
wholly outside the image. `rim` is the width of a dark outline around a shape, 0 for none.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

Color = tuple[int, int, int]
Point = tuple[float, float]
INK: Color = (38, 30, 34)


def swing(turns: float) -> float:
    """A wave like the sine, -1..1 with period 1, made of parabolas: the libraries' sines differ in the last bit."""
    u = turns % 1.0
    return 16 * u * (0.5 - u) if u < 0.5 else -16 * (u - 0.5) * (1 - u)


def blend(one: Color, other: Color, share: float) -> Color:
    """The colour `share` (0..1) of the way from one to the other."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def box(
    image: np.ndarray, x0: float, y0: float, x1: float, y1: float, color: Color, round_by: float = 0.0, rim: float = 0.0
) -> None:
    """A rectangle from corner to corner, its corners rounded by `round_by` pixels."""
    window = _window(image, x0 - rim, y0 - rim, x1 + rim, y1 + rim)
    if window is None:
        return
    part, x, y = window
    across = np.abs(x - (x0 + x1) / 2) - ((x1 - x0) / 2 - round_by)
    down = np.abs(y - (y0 + y1) / 2) - ((y1 - y0) / 2 - round_by)
    if round_by:
        across_out, down_out = np.maximum(across, 0), np.maximum(down, 0)
        outside = np.sqrt(across_out * across_out + down_out * down_out)
        _fill(part, outside + np.minimum(np.maximum(across, down), 0) - round_by, color, rim)
    else:
        _fill(part, np.maximum(across, down), color, rim)


def ellipse(image: np.ndarray, x0: float, y0: float, rx: float, ry: float, color: Color, rim: float = 0.0) -> None:
    """An ellipse around (x0, y0); rx and ry are at least half a pixel."""
    window = _window(image, x0 - rx - rim, y0 - ry - rim, x0 + rx + rim, y0 + ry + rim)
    if window is None:
        return
    part, x, y = window
    u, v = (x - x0) / rx, (y - y0) / ry
    scaled = u * u + v * v
    slope = np.sqrt((u / rx) * (u / rx) + (v / ry) * (v / ry)) * 2
    _fill(part, (scaled - 1) / np.maximum(slope, 1e-6), color, rim)


def line(image: np.ndarray, points: Sequence[Point], width: float, color: Color, rim: float = 0.0) -> None:
    """A stroke through two or more points, with round ends."""
    half = width / 2
    reach = half + rim
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    window = _window(image, min(xs) - reach, min(ys) - reach, max(xs) + reach, max(ys) + reach)
    if window is None:
        return
    part, x, y = window
    nearest = np.array(np.inf)
    for (ax, ay), (bx, by) in pairwise(points):
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        along = ((x - ax) * dx + (y - ay) * dy) / (length or 1.0)
        along = np.minimum(np.maximum(along, 0), 1)
        u, v = x - ax - along * dx, y - ay - along * dy
        nearest = np.minimum(nearest, u * u + v * v)
    _fill(part, np.sqrt(nearest) - half, color, rim)


def polygon(image: np.ndarray, points: Sequence[Point], color: Color, rim: float = 0.0) -> None:
    """A convex polygon; the points go round clockwise as seen on the screen."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    window = _window(image, min(xs) - rim, min(ys) - rim, max(xs) + rim, max(ys) + rim)
    if window is None:
        return
    part, x, y = window
    distance = np.array(-np.inf)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        dx, dy = bx - ax, by - ay
        length = float(np.sqrt(dx * dx + dy * dy))
        distance = np.maximum(distance, ((x - ax) * dy - (y - ay) * dx) / length)
    _fill(part, distance, color, rim)


def arc(start: Point, middle: Point, end: Point, steps: int = 5) -> list[Point]:
    """Points on the parabola that starts at `start`, ends at `end` and has `middle` half way."""
    cx, cy = 2 * middle[0] - (start[0] + end[0]) / 2, 2 * middle[1] - (start[1] + end[1]) / 2
    points = []
    for step in range(steps + 1):
        t = step / steps
        a, b, c = (1 - t) * (1 - t), 2 * t * (1 - t), t * t
        points.append((a * start[0] + b * cx + c * end[0], a * start[1] + b * cy + c * end[1]))
    return points


Window = tuple[np.ndarray, np.ndarray, np.ndarray]


def _window(image: np.ndarray, x0: float, y0: float, x1: float, y1: float) -> Window | None:
    """The part of the image that a shape may touch, and its pixels' x (1, w) and y (h, 1); None if it is empty."""
    _, height, width = image.shape
    left, right = max(int(x0 - 2), 0), min(int(x1 + 2), width)
    top, bottom = max(int(y0 - 2), 0), min(int(y1 + 2), height)
    if left >= right or top >= bottom:
        return None
    return image[:, top:bottom, left:right], CENTRES[None, left:right], CENTRES[top:bottom, None]


CENTRES = np.arange(1024) + 0.5


def _fill(part: np.ndarray, distance: np.ndarray, color: Color, rim: float) -> None:
    """Paints where the signed distance to the edge (pixels, negative inside) is below half a pixel, in 64 steps."""
    if rim:
        _fill(part, distance - rim, INK, 0.0)
    cover = np.minimum(np.maximum(32 - 64 * distance, 0), 64).astype(np.int16)
    change = np.array(color, np.int16)[:, None, None] - part
    change *= cover
    change += 32
    change >>= 6
    part += change
