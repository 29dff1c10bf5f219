"""Files of figures: the same bytes for the same drawing; colours that can be told apart."""

from itertools import combinations
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Drawing

from bench.report.figures import Figure, save
from bench.report.style import COLOURS, EMOTION_COLOURS, EMOTION_MARKERS, STYLE, colour


def draw() -> Figure:
    with mpl.rc_context(STYLE):
        drawing = Drawing()
        axes = drawing.add_subplot()
        axes.plot([1, 2], [3, 4], label="a")
        axes.legend()
    return Figure("name", "Title", "caption", "alt", drawing)


def test_the_same_drawing_gives_the_same_bytes(tmp_path: Path) -> None:
    once, again = (save(draw(), tmp_path / folder) for folder in ("once", "again"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]
    assert [path.name for path in once] == ["name.svg", "name.png"]


def test_files_do_not_tell_when_and_by_what_they_were_written(tmp_path: Path) -> None:
    svg, png = (path.read_bytes() for path in save(draw(), tmp_path))
    assert b"<dc:date>" not in svg and b"Software" not in png


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_emotion_has_a_colour_and_a_marker_of_its_own() -> None:
    assert len(set(EMOTION_COLOURS.values())) == len(set(EMOTION_MARKERS.values())) == 9


def test_the_first_24_variants_look_different() -> None:
    assert len({colour(number) for number in range(24)}) == 24


def test_lines_stand_out_from_white() -> None:
    assert all(1.05 / (luminance(one) + 0.05) >= 2 for one in COLOURS)
    assert all(one != other for one, other in combinations(COLOURS, 2))
