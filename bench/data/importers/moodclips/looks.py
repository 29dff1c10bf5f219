"""Who is filmed: the colours of each person, what grows or sits on the head, and the face in each mood."""

from dataclasses import dataclass

import numpy as np

from bench.data.importers.moodclips.canvas import INK, Color, Point, arc, blend, box, ellipse, line, polygon

WHITE: Color = (255, 255, 255)
LIP: Color = (130, 30, 40)
HEAD_WIDTH, HEAD_HEIGHT = 12.5, 13.0  # half axes, pixels: the face is 25 wide in a picture of 128


@dataclass(frozen=True)
class Person:
    """Colours, and the names of what `hair` and `hat` below know how to draw."""

    skin: Color
    top: Color
    legs: Color
    hair: Color
    style: str
    skirt: bool = False


PEOPLE = {
    "schoolboy": Person((244, 200, 164), (40, 96, 214), (50, 54, 84), (92, 56, 28), "short"),
    "girl": Person((252, 214, 184), (240, 104, 168), (250, 206, 178), (248, 214, 84), "pigtails", skirt=True),
    "old man": Person((236, 190, 160), (128, 110, 92), (84, 78, 74), (236, 236, 236), "bald"),
    "red-haired woman": Person((250, 212, 188), (30, 140, 84), (40, 40, 46), (206, 56, 20), "long", skirt=True),
    "robot": Person((190, 202, 212), (112, 128, 144), (84, 96, 110), (250, 120, 30), "antenna"),
    "chef": Person((198, 140, 98), (248, 248, 248), (60, 60, 66), (250, 250, 250), "chef"),
    "cowboy": Person((226, 168, 122), (196, 60, 50), (70, 96, 150), (120, 74, 36), "cowboy"),
    "astronaut": Person((232, 182, 144), (236, 240, 246), (220, 226, 236), (244, 140, 40), "helmet"),
}


@dataclass(frozen=True)
class DrawnFace:
    """A facial expression. Lengths in pixels, positive is down; `brow` is inner and outer end of each brow."""

    brow: tuple[float, float] = (0.0, 0.0)
    eye: float = 2.9  # half the height of an open eye
    pupil: float = 1.5
    closed: str = ""  # "up": laughing eyes, "down": lowered lids, "squint"
    mouth: str = "flat"
    tint: Color | None = None
    drops: tuple[Point, ...] = ()  # tears or sweat, from the middle of the face


FACES = {
    "neutral": DrawnFace(),
    "joy": DrawnFace(brow=(-1.5, -1.0), closed="up", mouth="laugh"),
    "sadness": DrawnFace(brow=(-2.2, 1.6), eye=2.2, mouth="frown", drops=((-7.2, 2.5), (7.2, 2.5))),
    "anger": DrawnFace(brow=(2.8, -1.6), eye=2.3, pupil=1.2, mouth="teeth", tint=(226, 60, 40)),
    "fear": DrawnFace(brow=(-3.0, -0.6), eye=3.7, pupil=0.9, mouth="wavy", drops=((10.5, -5.0),), tint=(196, 214, 240)),
    "surprise": DrawnFace(brow=(-3.4, -3.0), eye=3.9, pupil=1.5, mouth="round"),
    "disgust": DrawnFace(brow=(2.2, 1.2), closed="squint", mouth="tongue", tint=(120, 190, 70)),
    "trust": DrawnFace(brow=(-0.8, -0.2), closed="down", mouth="smile"),
    "anticipation": DrawnFace(brow=(-2.4, -2.0), eye=3.3, mouth="grin"),
}


def draw_head(image: np.ndarray, person: Person, x: float, y: float, face: DrawnFace, look: Point, turn: float) -> None:
    """Head and face around (x, y). look: where the pupils point, -1..1; turn: how far the face is turned, in pixels."""
    skin = blend(person.skin, face.tint, 0.2) if face.tint else person.skin
    w, h = HEAD_WIDTH, HEAD_HEIGHT
    _behind(image, person, x, y)
    if person.style == "antenna":
        box(image, x - w, y - h, x + w, y + h, skin, 3.5, rim=1)
    else:
        ellipse(image, x, y, w, h, skin, rim=1)
    _before(image, person, x, y)
    _draw_face(image, face, x + turn, y + 1.5, look, skin)


def _behind(image: np.ndarray, person: Person, x: float, y: float) -> None:
    color = person.hair
    if person.style == "pigtails":
        for side in (-1, 1):
            ellipse(image, x + 15 * side, y + 1, 3.7, 6.7, color, rim=0.8)
    elif person.style == "long":
        box(image, x - 15, y - 13, x + 15, y + 17, color, 8.5, rim=1)
    elif person.style == "helmet":
        ellipse(image, x, y - 0.5, 16.5, 16.5, (240, 244, 250), rim=1)
        box(image, x - 18, y - 3, x - 15, y + 5, color, 1)
        box(image, x + 15, y - 3, x + 18, y + 5, color, 1)
    elif person.style == "antenna":
        line(image, [(x, y - 12), (x, y - 20)], 2, INK)
        ellipse(image, x, y - 21, 3, 3, color)
        box(image, x - 16, y - 4, x - 12, y + 4, INK, 1)
        box(image, x + 12, y - 4, x + 16, y + 4, INK, 1)


def _before(image: np.ndarray, person: Person, x: float, y: float) -> None:
    color = person.hair
    if person.style == "short":
        ellipse(image, x, y - 11, 11.5, 5, color)
        polygon(image, [(x - 12.5, y - 10), (x - 6, y - 11), (x - 11.5, y - 2)], color)
        polygon(image, [(x + 6, y - 11), (x + 12.5, y - 10), (x + 11.5, y - 2)], color)
    elif person.style in ("pigtails", "long"):
        line(image, arc((x - 11, y - 5), (x - 5, y - 12.5), (x, y - 10.5)), 5.5, color)
        line(image, arc((x, y - 10.5), (x + 5, y - 12.5), (x + 11, y - 5)), 5.5, color)
    elif person.style == "bald":
        for side in (-1, 1):
            ellipse(image, x + 12.5 * side, y, 3, 5.5, color)
        ellipse(image, x, y + 14.5, 7.3, 4, color, rim=0.7)
    elif person.style == "chef":
        ellipse(image, x, y - 21, 13, 7, color, rim=1)
        box(image, x - 9, y - 18, x + 9, y - 10.5, color, rim=1)
        box(image, x - 9, y - 22, x + 9, y - 15, color)
    elif person.style == "cowboy":
        box(image, x - 8.5, y - 21, x + 8.5, y - 10, color, 4, rim=1)
        ellipse(image, x, y - 10.7, 18.5, 2.9, color, rim=0.9)
    elif person.style == "antenna":
        for side in (-1, 1):
            ellipse(image, x + 10 * side, y + 10, 1, 1, INK)


def _draw_face(image: np.ndarray, face: DrawnFace, x: float, y: float, look: Point, skin: Color) -> None:
    for side in (-1, 1):
        ex, ey = x + 5.2 * side, y - 3
        if face.closed == "up":
            line(image, arc((ex - 2.8, ey + 1.2), (ex, ey - 1.8), (ex + 2.8, ey + 1.2)), 1.8, INK)
        elif face.closed == "down":
            line(image, arc((ex - 2.6, ey - 0.4), (ex, ey + 1.8), (ex + 2.6, ey - 0.4)), 1.6, INK)
        elif face.closed == "squint":
            outer, inner = ex + 2.8 * side, ex - 2.4 * side
            line(image, [(outer, ey - 1.4), (inner, ey + 0.4), (outer, ey + 1.8)], 1.5, INK)
        else:
            ellipse(image, ex, ey, 2.8, face.eye, WHITE, rim=0.7)
            ellipse(image, ex + look[0] * 1.4, ey + look[1] * 1.4, face.pupil, face.pupil, INK)
        inner, outer = face.brow
        top = ey - 5.2
        line(image, [(ex - 2.9 * side, top + inner), (ex + 3.1 * side, top + outer)], 1.9, INK)
    for dx, dy in face.drops:
        ellipse(image, x + dx, y + dy, 1.5, 2.6, (70, 150, 255))
    _draw_mouth(image, face.mouth, x, y + 5.2, blend(skin, LIP, 0.25))


def _draw_mouth(image: np.ndarray, mouth: str, x: float, y: float, shade: Color) -> None:
    if mouth == "flat":
        line(image, [(x - 3.2, y), (x + 3.2, y)], 1.6, INK)
    elif mouth == "smile":
        line(image, arc((x - 4.5, y - 1.6), (x, y + 2), (x + 4.5, y - 1.6)), 1.7, INK)
        for side in (-1, 1):
            ellipse(image, x + 8 * side, y - 2.2, 2, 1.5, (244, 130, 130))
    elif mouth == "grin":
        line(image, arc((x - 4, y - 1.2), (x, y + 2.6), (x + 4, y - 1.2)), 3.2, INK)
        line(image, arc((x - 3.4, y - 0.8), (x, y + 1.6), (x + 3.4, y - 0.8)), 1.3, WHITE)
    elif mouth == "laugh":
        polygon(
            image,
            [(x - 5.2, y - 1.6), (x + 5.2, y - 1.6), (x + 3.4, y + 2.2), (x, y + 3.5), (x - 3.4, y + 2.2)],
            LIP,
            rim=1,
        )
        box(image, x - 5, y - 1.7, x + 5, y + 0.1, WHITE)
    elif mouth == "frown":
        line(image, arc((x - 4.6, y + 2.6), (x, y - 1.8), (x + 4.6, y + 2.6)), 1.9, INK)
    elif mouth == "teeth":
        box(image, x - 4.6, y - 1.5, x + 4.6, y + 2.1, WHITE, 0.5, rim=1)
        line(image, [(x - 4.6, y + 0.3), (x + 4.6, y + 0.3)], 0.7, INK)
        for step in (-2.2, 0.0, 2.2):
            line(image, [(x + step, y - 1.5), (x + step, y + 2.1)], 0.7, INK)
    elif mouth == "wavy":
        trembling = [(x - 5.5 + 2.2 * step, y + (1.9 if step % 2 else 0.3)) for step in range(6)]
        line(image, trembling, 3.4, INK)
        line(image, trembling, 1.4, WHITE)
    elif mouth == "round":
        ellipse(image, x, y + 1.2, 2.3, 3.1, LIP, rim=1)
    elif mouth == "tongue":
        line(image, arc((x - 5, y + 0.8), (x, y - 1.4), (x + 5, y + 1.2)), 1.9, INK)
        box(image, x - 0.8, y + 0.4, x + 3, y + 5.6, (240, 90, 120), 1.8, rim=0.8)
        line(image, [(x + 1.1, y + 1), (x + 1.1, y + 3.6)], 0.7, shade)
