"""How a person moves: what each action asks of the limbs, and what a mood does to them.

Positions are in pixels from the point between the feet, x right and y up to the hips negative, as on the screen.
"""

from dataclasses import dataclass, replace

from bench.data.importers.moodclips.canvas import Point, swing
from bench.data.importers.moodclips.looks import FACES, DrawnFace

FRAMES = 12
FPS = 6


@dataclass(frozen=True)
class Pose:
    """Where a person's parts are in one frame. `left` and `right` are as seen on the screen."""

    shift: Point = (0.0, 0.0)
    hips: float = -22.0
    lean: float = 0.0  # how far the head is to the right of the hips
    head: Point = (0.0, 0.0)
    left_hand: Point = (-15.0, -25.0)
    right_hand: Point = (15.0, -25.0)
    left_foot: Point = (-5.5, 0.0)
    right_foot: Point = (5.5, 0.0)
    face: DrawnFace = FACES["neutral"]
    look: Point = (0.0, 0.0)
    turn: float = 0.0


FREE_LEFT = ("walking", "waving", "sitting", "riding", "painting")  # actions that leave the left arm to the mood
PACE = {"joy": 1.2, "sadness": 0.6, "anger": 1.3, "fear": 1.1}  # moods that hurry or slow the action


def pose(what: str, mood: str, frame: int, start: float) -> Pose:
    """A person's pose. start: where in its cycle the action begins, in turns."""
    acted = _act(what, frame, frame * PACE.get(mood, 1.0) / 6 + start)
    return _feel(
        acted, mood, frame, free=what in FREE_LEFT, stands=what in ("walking", "waving", "painting", "lifting")
    )


def _act(what: str, frame: int, turns: float) -> Pose:
    wave = swing(turns)
    along = frame / (FRAMES - 1) * 2 - 1
    if what == "walking":
        return Pose(
            shift=(9 * along, -abs(wave)),
            left_foot=(-7 * wave, min(0.0, -3 * swing(turns + 0.25))),
            right_foot=(7 * wave, min(0.0, 3 * swing(turns + 0.25))),
            left_hand=(-13 + 5 * wave, -24),
            right_hand=(13 - 5 * wave, -24),
        )
    if what == "waving":
        return Pose(right_hand=(23 + 6 * swing(turns * 2), -66 - abs(wave)))
    if what == "sitting":
        return Pose(hips=-16, left_foot=(-8 + 2 * wave, 0), right_foot=(8 + 2 * wave, 0), right_hand=(10, -18))
    if what == "climbing":
        return Pose(
            shift=(0, -10 - 7 * along),
            left_hand=(-13, -56 - 7 * wave),
            right_hand=(13, -56 + 7 * wave),
            left_foot=(-7, -4 - 4 * wave),
            right_foot=(7, -4 + 4 * wave),
        )
    if what == "riding":
        return Pose(shift=(11 * along, -5), right_hand=(19, -33), left_foot=(-6, 0), right_foot=(5, 0), lean=1.5)
    if what == "painting":
        return Pose(right_hand=(25 + 3 * swing(turns * 2), -46 + 8 * wave))
    if what == "lifting":
        height = -62 - 14 * wave
        return Pose(left_hand=(-17, height), right_hand=(17, height))
    left, right = swing(turns * 2), swing(turns * 2 + 0.5)  # drumming
    return Pose(left_hand=(-13, -29 - 5 * left), right_hand=(13, -29 - 5 * right))


def _feel(p: Pose, mood: str, frame: int, *, free: bool, stands: bool) -> Pose:
    """Lays a mood over a pose: the face always, the body a little, the left arm where the action leaves it free."""
    x, y = p.shift
    if mood == "joy":
        hop = abs(swing(frame / 6 + 0.1))
        p = replace(p, shift=(x, y - 5 * hop), head=(1.5 * swing(frame / 6), 0), face=FACES["joy"])
        hand = (-20.0, -62 - 4 * hop)
    elif mood == "sadness":
        p = replace(p, shift=(x, y + 1), head=(-1, 5), look=(0, 1), face=FACES["sadness"], hips=p.hips + 2)
        hand = (-11.0, -18.0)
    elif mood == "anger":
        stamp = frame % 3
        foot = (p.right_foot[0] + 1, p.right_foot[1] - 6) if stands and stamp == 0 else p.right_foot
        p = replace(p, shift=(x + 0.6 * frame - 3, y + (0, 2, 0)[stamp]), lean=p.lean + 3, right_foot=foot)
        p = replace(p, face=FACES["anger"], look=(0.2, 0.2), head=((0.0, 1.0, -1.0)[stamp], 1))
        hand = (-19.0, -52 + (0, 6, 3)[stamp])
    elif mood == "fear":
        shake = 1.5 if frame % 2 else -1.5
        p = replace(p, shift=(x - 2 + shake, y + 1), lean=p.lean - 3, hips=p.hips + 2, face=FACES["fear"])
        p = replace(p, look=(0.3, 0), head=(0, 2))
        hand = (-6.0, -44 + shake)
    elif mood == "surprise":
        hand = (-15.0, -25.0)
        if frame >= 3:  # calm at first, then a start
            leap = (4.0, 8.0, 5.0, 1.0)[frame - 3] if frame < 7 else 0.0
            back = min(frame - 2, 3) * 2.2
            p = replace(p, shift=(x - back, y - leap), lean=p.lean - 2, face=FACES["surprise"], head=(-1, -1))
            hand = (-21.0, -50.0)
    elif mood == "disgust":
        away = min(frame, 5) / 5
        p = replace(p, lean=p.lean - 4 * away, turn=-4 * away, head=(-1.5 * away, 0), face=FACES["disgust"])
        hand = (-17 + 2 * away, -30.0)
    elif mood == "trust":
        p = replace(p, lean=p.lean - 2, head=(-1.5, 1 + 0.8 * swing(frame / 8)), face=FACES["trust"])
        hand = (-19.0, -26.0)
    elif mood == "anticipation":
        tiptoe = abs(swing(frame / 8))
        p = replace(p, shift=(x, y - 2.5 * tiptoe), lean=p.lean - 2.5, look=(-0.9, 0.7), turn=-1.5)
        p = replace(p, face=FACES["anticipation"])
        hand = (-9.0, -36 - 3 * swing(frame / 4))
    else:
        hand = p.left_hand
    return replace(p, left_hand=hand) if free else p
