"""Where a clip plays, and the prop. Drawn once a clip; nothing here moves."""

from collections.abc import Callable

import numpy as np

from bench.data.importers.moodclips.canvas import INK, Color, blend, box, ellipse, line, polygon

SIZE = 128
GROUND = 112  # the line people stand on, pixels from the top


def draw_place(where: str, shift: int, light: int) -> np.ndarray:
    """The empty scene as an image (3, 128, 128) int16. shift: -8..8 pixels sideways; light: -12..12 grey levels."""
    image = np.zeros((3, SIZE, SIZE), np.int16)
    PLACES[where](image, shift)
    image += np.int16(light)
    return np.clip(image, 0, 255, out=image)


def _ground(image: np.ndarray, top: float, sky: Color, ground: Color) -> None:
    box(image, -4, -4, SIZE + 4, top, sky)
    box(image, -4, top, SIZE + 4, SIZE + 4, ground)


def _seaside(image: np.ndarray, s: int) -> None:
    _ground(image, 84, (140, 214, 250), (246, 222, 150))
    box(image, -4, 58, SIZE + 4, 86, (30, 130, 200))
    for y, x in ((66, 20), (72, 80), (78, 40)):
        line(image, [(x + s, y), (x + s + 22, y)], 1.5, (190, 230, 250))
    ellipse(image, 22 + s, 20, 11, 11, (255, 236, 110))
    polygon(image, [(98 + s, 40), (112 + s, 58), (98 + s, 58)], (255, 255, 255))
    polygon(image, [(92 + s, 59), (116 + s, 59), (111 + s, 64), (97 + s, 64)], (190, 50, 40))


def _forest(image: np.ndarray, s: int) -> None:
    _ground(image, 90, (150, 200, 150), (64, 110, 44))
    for x, size in ((4, 26), (30, 20), (58, 24), (88, 20), (116, 28)):
        box(image, x + s - 4, 50, x + s + 4, 96, (88, 58, 34))
        ellipse(image, x + s, 40, size * 0.8, size, (24, 92, 40))
        ellipse(image, x + s - 3, 34, size * 0.5, size * 0.6, (40, 120, 52))


def _kitchen(image: np.ndarray, s: int) -> None:
    _ground(image, 94, (252, 232, 196), (190, 112, 76))
    for y in range(8, 60, 13):
        box(image, -4, y, SIZE + 4, y + 1, (226, 200, 160))
    for x in range(-8, SIZE, 16):
        box(image, x + s, -4, x + s + 1, 60, (226, 200, 160))
    box(image, -4, 62, SIZE + 4, 68, (120, 80, 60))
    box(image, -4, 68, SIZE + 4, 94, (246, 246, 240))
    box(image, 84 + s, 66, 116 + s, 95, (64, 66, 76), 1)
    box(image, 88 + s, 76, 112 + s, 92, (20, 20, 26), 2)
    box(image, 10 + s, 10, 40 + s, 34, (210, 90, 50), 1)
    box(image, 92 + s, 54, 108 + s, 63, (180, 190, 200), 2)


def _street(image: np.ndarray, s: int) -> None:
    _ground(image, 92, (206, 214, 226), (84, 86, 94))
    for x, top, color in (
        (-10, 22, (150, 84, 70)),
        (24, 6, (110, 122, 150)),
        (60, 30, (190, 160, 110)),
        (94, 12, (120, 94, 130)),
    ):
        box(image, x + s, top, x + s + 32, 92, color)
        for wy in range(top + 6, 84, 14):
            for wx in (6, 19):
                box(image, x + s + wx, wy, x + s + wx + 7, wy + 8, (250, 236, 160))
    box(image, -4, 92, SIZE + 4, 97, (170, 170, 176))
    for x in range(-10, SIZE, 30):
        box(image, x + s, 119, x + s + 16, 122, (240, 240, 240))


def _snow(image: np.ndarray, s: int) -> None:
    _ground(image, 76, (188, 206, 232), (246, 250, 255))
    ellipse(image, 30 + s, 84, 50, 22, (232, 240, 252))
    ellipse(image, 104 + s, 82, 44, 16, (222, 232, 248))
    for x in (12, 112):
        for y, width in ((62, 13), (50, 10), (40, 7)):
            polygon(image, [(x + s, y - 14), (x + s + width, y + 4), (x + s - width, y + 4)], (60, 110, 120))
    for x, y in ((8, 10), (30, 26), (50, 8), (76, 20), (98, 8), (118, 28), (20, 42), (90, 44), (64, 38)):
        ellipse(image, x + s, y, 1.8, 1.8, (255, 255, 255))


def _moon(image: np.ndarray, s: int) -> None:
    _ground(image, 88, (14, 12, 40), (150, 150, 160))
    for x, y in ((10, 14), (34, 40), (52, 12), (70, 30), (90, 50), (120, 44), (16, 64), (60, 58), (84, 10)):
        ellipse(image, x + s, y, 1.2, 1.2, (255, 255, 220))
    ellipse(image, 108 + s, 22, 12, 12, (50, 110, 210))
    ellipse(image, 105 + s, 19, 5, 4, (80, 180, 90))
    for x, y, r in ((18, 100, 10), (70, 120, 14), (110, 98, 9)):
        ellipse(image, x + s, y, r, r * 0.35, (116, 116, 128))


def _barn(image: np.ndarray, s: int) -> None:
    _ground(image, 86, (250, 214, 160), (170, 150, 60))
    box(image, 10 + s, 42, 92 + s, 90, (176, 34, 28))
    polygon(image, [(28 + s, 12), (74 + s, 12), (96 + s, 44), (6 + s, 44)], (110, 40, 36))
    box(image, 34 + s, 56, 68 + s, 90, (250, 240, 226))
    box(image, 37 + s, 59, 65 + s, 90, (140, 26, 22))
    line(image, [(37 + s, 59), (65 + s, 90)], 2.5, (250, 240, 226))
    line(image, [(65 + s, 59), (37 + s, 90)], 2.5, (250, 240, 226))
    for x in (100, 114):
        box(image, x + s, 74, x + s + 3, 92, (240, 240, 236))
    box(image, 94 + s, 79, SIZE + 12, 82, (240, 240, 236))


def _library(image: np.ndarray, s: int) -> None:
    _ground(image, 96, (94, 60, 36), (120, 30, 60))
    shades = ((200, 60, 50), (60, 110, 180), (230, 190, 90), (70, 140, 90), (150, 90, 160), (220, 220, 210))
    for row, y in enumerate((4, 34, 64)):
        box(image, -4, y + 24, SIZE + 4, y + 28, (58, 34, 20))
        for column in range(-1, 17):
            x = column * 8 + s
            color = shades[(column * 5 + row * 3) % 6]
            box(image, x, y + (column * 7 + row * 5) % 6, x + 6.5, y + 24, blend(color, (94, 60, 36), 0.25))


PLACES: dict[str, Callable[[np.ndarray, int], None]] = {
    "seaside": _seaside,
    "forest": _forest,
    "kitchen": _kitchen,
    "street": _street,
    "snow": _snow,
    "moon": _moon,
    "barn": _barn,
    "library": _library,
}


def draw_prop(image: np.ndarray, prop: str, x: float, y: float) -> None:
    """The prop, about 24 pixels large, its base at (x, y)."""
    if prop == "ball":
        ellipse(image, x, y - 11, 12, 12, INK)
        ellipse(image, x, y - 11, 11, 11, (250, 250, 250))
        for dx, dy in ((0, 0), (-8, -3), (8, -3), (-5, 7), (5, 7), (0, -9)):
            ellipse(image, x + dx, y - 11 + dy, 2.6, 2.6, INK)
    elif prop == "balloon":
        line(image, [(x, y - 30), (x - 2, y - 12), (x, y)], 1.4, INK)
        ellipse(image, x, y - 44, 12.5, 15, INK)
        ellipse(image, x, y - 44, 11.5, 14, (236, 30, 60))
        ellipse(image, x - 4, y - 49, 3, 4, (255, 170, 180))
    elif prop == "plant":
        for dx, dy in ((-10, -30), (-5, -38), (0, -42), (5, -38), (10, -30)):
            line(image, [(x, y - 12), (x + dx * 0.6, y + dy * 0.7), (x + dx, y + dy)], 4.6, (20, 60, 20))
            line(image, [(x, y - 12), (x + dx * 0.6, y + dy * 0.7), (x + dx, y + dy)], 3.2, (60, 190, 60))
        polygon(image, [(x - 11, y - 15), (x + 11, y - 15), (x + 8, y + 1), (x - 8, y + 1)], INK)
        polygon(image, [(x - 10, y - 14), (x + 10, y - 14), (x + 7, y), (x - 7, y)], (206, 96, 46))
    elif prop == "suitcase":
        box(image, x - 5, y - 26, x + 5, y - 18, INK, 2)
        box(image, x - 3, y - 24, x + 3, y - 18, (226, 206, 170), 1)
        box(image, x - 15, y - 21, x + 15, y + 1, INK, 3)
        box(image, x - 14, y - 20, x + 14, y, (124, 66, 24), 2)
        for side in (-8, 8):
            box(image, x + side - 1.5, y - 20, x + side + 1.5, y, (240, 190, 80))
    elif prop == "lamp":
        box(image, x - 1.8, y - 32, x + 1.8, y, INK)
        ellipse(image, x, y - 1, 9, 2.6, INK)
        polygon(image, [(x - 7, y - 50), (x + 7, y - 50), (x + 14, y - 29), (x - 14, y - 29)], INK)
        polygon(image, [(x - 6, y - 49), (x + 6, y - 49), (x + 12.5, y - 30), (x - 12.5, y - 30)], (255, 240, 90))
    elif prop == "cat":
        _cat(image, x, y)
    elif prop == "pumpkin":
        ellipse(image, x, y - 10, 15, 11.5, INK)
        for dx in (-8, 8, 0):
            ellipse(image, x + dx, y - 10, 6.5, 10.5, (160, 70, 0))
            ellipse(image, x + dx, y - 10, 5.6, 10, (250, 130, 10))
        line(image, [(x, y - 20), (x + 2, y - 26)], 3.4, (50, 110, 40))
    else:
        _umbrella(image, x, y)


def _cat(image: np.ndarray, x: float, y: float) -> None:
    fur = (110, 110, 122)
    line(image, [(x + 8, y - 3), (x + 15, y - 8), (x + 13, y - 18)], 4, INK)
    ellipse(image, x, y - 8, 9, 9, INK)
    ellipse(image, x, y - 8, 8, 8, fur)
    for side in (-1, 1):
        tip, inner, outer = (x + 6 * side, y - 32), (x + 1 * side, y - 25), (x + 8 * side, y - 22)
        polygon(image, [tip, outer, inner] if side > 0 else [tip, inner, outer], INK)
    ellipse(image, x, y - 21, 8.6, 7.4, INK)
    ellipse(image, x, y - 21, 7.7, 6.5, fur)
    for side in (-1, 1):
        ellipse(image, x + 3.2 * side, y - 22, 1.6, 1.9, (210, 250, 90))
    ellipse(image, x, y - 18.5, 1.4, 1, (250, 150, 160))
    ellipse(image, x, y - 6, 4, 5, (230, 230, 236))


def _umbrella(image: np.ndarray, x: float, y: float) -> None:
    line(image, [(x, y - 44), (x, y)], 2.4, INK)
    ellipse(image, x, y - 40, 18, 12, INK)
    for dx, rx, color in ((0, 17, (50, 60, 220)), (0, 11, (255, 220, 40)), (0, 5, (50, 60, 220))):
        ellipse(image, x + dx, y - 40, rx, 11, color)
