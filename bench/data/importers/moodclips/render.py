"""From a shot to its frames."""

from random import Random

import numpy as np

from bench.data.importers.moodclips.acting import FRAMES, pose
from bench.data.importers.moodclips.canvas import swing
from bench.data.importers.moodclips.figure import draw_friend, draw_furniture, draw_gift, draw_person
from bench.data.importers.moodclips.looks import HEAD_HEIGHT, HEAD_WIDTH, PEOPLE
from bench.data.importers.moodclips.scenes import GROUND, draw_place, draw_prop
from bench.data.importers.moodclips.shots import Shot

Box = tuple[int, int, int, int]


def render_shot(shot: Shot) -> tuple[np.ndarray, list[Box]]:
    """The clip's frames, (12, 128, 128, 3) uint8 RGB, and where the face is in each: (x, y, w, h) in pixels.

    The same bytes for the same shot on any machine.
    """
    rng = Random(shot.look)
    sideways, light = int(rng.random() * 17) - 8, int(rng.random() * 25) - 12
    x = 58 + int(rng.random() * 9) - 4 - (6 if shot.content["what"] == "painting" else 0)
    ground = GROUND + int(rng.random() * 5) - 2
    prop_at = (108 + int(rng.random() * 7) - 3, 122 + int(rng.random() * 4))
    start = int(rng.random() * 16) / 16
    what, person = shot.content["what"], PEOPLE[shot.content["who"]]
    still = draw_place(shot.content["where"], sideways, light)  # (3, 128, 128), all that does not move
    draw_furniture(still, what, x, ground)
    draw_prop(still, shot.content["prop"], *prop_at)
    if shot.mood == "anticipation":
        draw_gift(still, x - 36, ground + 4)
    frames = np.empty((FRAMES, *still.shape[1:], 3), np.uint8)
    boxes = []
    for frame in range(FRAMES):
        image = still.copy()
        p = pose(what, shot.mood, frame, start)
        head = draw_person(image, person, what, p, x, ground)
        if shot.mood == "trust":
            draw_friend(image, p, x, ground, abs(swing(frame / 8)))
        frames[frame] = image.transpose(1, 2, 0)
        corner = head[0] - HEAD_WIDTH, head[1] - HEAD_HEIGHT
        boxes.append((int(corner[0]), int(corner[1]), int(2 * HEAD_WIDTH), int(2 * HEAD_HEIGHT)))
    return frames, boxes
