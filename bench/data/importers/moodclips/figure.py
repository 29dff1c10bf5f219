"""A person in a pose, drawn from the feet up, with the things that an action or a mood brings along."""

import numpy as np

from bench.data.importers.moodclips.acting import Pose
from bench.data.importers.moodclips.canvas import INK, Color, Point, blend, box, ellipse, line, polygon
from bench.data.importers.moodclips.looks import Person, draw_head

WOOD: Color = (176, 116, 58)
METAL: Color = (70, 74, 84)


def draw_person(image: np.ndarray, person: Person, what: str, p: Pose, x: float, ground: float) -> Point:
    """The person who does `what`, standing on the ground at x. Gives back the centre of the head."""
    x, y = x + p.shift[0], ground + p.shift[1]
    hip, shoulder = (x, y + p.hips), (x + p.lean * 0.7, y + p.hips - 22)
    neck = (x + p.lean, y + p.hips - 37)
    if what == "riding":
        _scooter(image, x, y)
    for side, foot in ((-1, p.left_foot), (1, p.right_foot)):
        end = (x + foot[0], y + foot[1])
        knee = _bend((hip[0] + 4 * side, hip[1]), end, 4.0 * side if what in ("sitting", "climbing") else 1.0 * side)
        _limb(image, [(hip[0] + 4 * side, hip[1]), knee, end], 6.0, person.legs)
        ellipse(image, end[0] + 1.0 * side, end[1] + 0.5, 4.5, 2.8, INK)
    top, dark = person.top, blend(person.top, INK, 0.18)
    if person.skirt:
        polygon(
            image, [(x - 5, hip[1] - 12), (x + 5, hip[1] - 12), (x + 14, hip[1] + 8), (x - 14, hip[1] + 8)], dark, rim=1
        )
    polygon(
        image,
        [(shoulder[0] - 10, shoulder[1]), (shoulder[0] + 10, shoulder[1]), (x + 8, hip[1] + 2), (x - 8, hip[1] + 2)],
        top,
        rim=1,
    )
    if what == "drumming":
        _drum(image, x, y)
    hands = [(x + hand[0], y + hand[1]) for hand in (p.left_hand, p.right_hand)]
    if what == "lifting":
        _barbell(image, hands)
    for side, hand in zip((-1, 1), hands, strict=True):
        joint = (shoulder[0] + 9 * side, shoulder[1] + 3)
        _limb(image, [joint, _bend(joint, hand, 4.0 * side), hand], 5.0, dark)
        ellipse(image, hand[0], hand[1], 2.6, 2.6, person.skin, rim=0.7)
    head = (neck[0] + p.head[0], neck[1] + p.head[1])
    draw_head(image, person, *head, p.face, p.look, p.turn)
    _in_hand(image, what, hands, x, y)
    return head


def draw_furniture(image: np.ndarray, what: str, x: float, ground: float) -> None:
    """What stands still behind the person: the chair, the ladder, the easel."""
    if what == "sitting":
        box(image, x - 19, ground - 62, x + 19, ground - 12, (132, 70, 170), 9, rim=1)
        box(image, x - 14, ground - 57, x + 14, ground - 12, (164, 104, 200), 7)
        box(image, x - 24, ground - 32, x - 14, ground + 1, (112, 54, 150), 3, rim=1)
        box(image, x + 14, ground - 32, x + 24, ground + 1, (112, 54, 150), 3, rim=1)
        box(image, x - 15, ground - 16, x + 15, ground - 1, (132, 70, 170), 2, rim=1)
    elif what == "climbing":
        for side in (-1, 1):
            line(image, [(x + 14 * side, ground + 2), (x + 12 * side, 4)], 3.6, (232, 176, 40), rim=0.8)
        for rung in range(8):
            y = ground - 6 - 13 * rung
            line(image, [(x - 13, y), (x + 13, y)], 3, (232, 176, 40))
    elif what == "painting":
        line(image, [(x + 27, ground), (x + 37, ground - 62)], 3, WOOD)
        line(image, [(x + 49, ground), (x + 39, ground - 62)], 3, WOOD)
        box(image, x + 25.5, ground - 60.5, x + 50.5, ground - 29.5, (250, 248, 240), rim=1.5)
        ellipse(image, x + 34, ground - 40, 5, 5, (230, 70, 60))
        ellipse(image, x + 42, ground - 50, 5, 4, (60, 120, 230))
        ellipse(image, x + 44, ground - 37, 4, 5, (250, 200, 40))


def draw_friend(image: np.ndarray, p: Pose, x: float, ground: float, squeeze: float) -> None:
    """The second, small figure, who hugs the person from the left. squeeze: 0..1, how tight."""
    x, y = x + p.shift[0] - 17 + 2 * squeeze, ground + p.shift[1]
    for side in (-1, 1):
        _limb(image, [(x + 3 * side, y - 10), (x + 3.5 * side, y)], 4.5, (72, 60, 120))
    polygon(image, [(x - 6, y - 24), (x + 6, y - 24), (x + 6, y - 9), (x - 6, y - 9)], (250, 196, 40), rim=1)
    _limb(image, [(x + 4, y - 20), (x + 12, y - 22 - squeeze), (x + 21, y - 24)], 4.2, (232, 170, 20))
    hx, hy = x + 2.5, y - 31
    ellipse(image, hx, hy, 7.7, 7.7, (240, 194, 158), rim=0.9)
    ellipse(image, hx, hy - 6, 7, 3.2, (60, 38, 24))
    for side in (-1, 1):
        line(image, [(hx + 3 * side - 1.5, hy), (hx + 3 * side, hy - 1.4), (hx + 3 * side + 1.5, hy)], 1.2, INK)
    line(image, [(hx - 2.4, hy + 3), (hx, hy + 4.4), (hx + 2.4, hy + 3)], 1.2, INK)


def draw_gift(image: np.ndarray, x: float, y: float) -> None:
    """A wrapped box with a bow, its base at (x, y)."""
    box(image, x - 10, y - 16, x + 10, y, (196, 40, 170), 0.5, rim=1)
    box(image, x - 2, y - 16, x + 2, y, (255, 226, 60))
    box(image, x - 10, y - 10, x + 10, y - 6.5, (255, 226, 60))
    for side in (-1, 1):
        ellipse(image, x + 4.5 * side, y - 19, 3.6, 2.4, (255, 226, 60), rim=0.9)


def _limb(image: np.ndarray, points: list[Point], width: float, color: Color) -> None:
    line(image, points, width, color, rim=0.8)


def _bend(start: Point, end: Point, out: float) -> Point:
    """Elbow or knee: half way and a little outwards, less so the further the limb reaches."""
    return (start[0] + end[0]) / 2 + out, (start[1] + end[1]) / 2 + abs(out) * 0.3


def _scooter(image: np.ndarray, x: float, y: float) -> None:
    box(image, x - 16, y, x + 16, y + 3, (220, 40, 60), 1)
    line(image, [(x + 15, y + 2), (x + 20, y - 36)], 3, METAL)
    for wheel in (-15, 16):
        ellipse(image, x + wheel, y + 5, 4.5, 4.5, INK)
        ellipse(image, x + wheel, y + 5, 2.2, 2.2, (210, 210, 216))


def _drum(image: np.ndarray, x: float, y: float) -> None:
    box(image, x - 14, y - 22, x + 14, y - 5, (214, 36, 44), 1.5, rim=1)
    for step in (-9, 0, 9):
        line(image, [(x + step - 3, y - 20), (x + step + 3, y - 7)], 1.4, (255, 214, 90))
    ellipse(image, x, y - 23, 14, 2.8, (250, 244, 226), rim=0.9)


def _barbell(image: np.ndarray, hands: list[Point]) -> None:
    (ax, ay), (bx, by) = hands
    line(image, [(ax - 13, ay), (bx + 13, by)], 2.6, METAL)
    for x in (ax - 12, bx + 12):
        box(image, x - 3, ay - 10, x + 3, ay + 10, (0, 176, 170), 2, rim=1)
    for x in (ax - 6.5, bx + 6.5):
        box(image, x - 2, ay - 6.5, x + 2, ay + 6.5, (0, 120, 120), 1, rim=0.8)


def _in_hand(image: np.ndarray, what: str, hands: list[Point], x: float, y: float) -> None:
    """What the hands hold, in front of everything."""
    right = hands[1]
    if what == "painting":
        line(image, [right, (right[0] + 7, right[1] - 5)], 2, WOOD)
        ellipse(image, right[0] + 7, right[1] - 5, 1.8, 1.8, (230, 70, 60))
    elif what == "drumming":
        for hand, inward in zip(hands, (6, -6), strict=True):
            line(image, [hand, (hand[0] + inward, hand[1] + 5)], 1.8, WOOD)
    elif what == "riding":
        line(image, [(x + 16, y - 36), (x + 24, y - 36)], 3, METAL)
