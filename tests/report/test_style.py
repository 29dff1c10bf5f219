"""Files of figures: the same bytes for the same drawing; colours that can be told apart."""

from itertools import combinations
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Drawing

from bench.report.figures import PAPER, SCREEN, Figure, save
from bench.report.style import COLOURS, DARK, EMOTION_COLOURS, EMOTION_MARKERS, STYLE, colour, themed


def draw() -> Figure:
    with mpl.rc_context(STYLE):
        drawing = Drawing()
        axes = drawing.add_subplot()
        axes.plot([1, 2], [3, 4], label="a")
        axes.legend()
    return Figure("name", "Title", "caption", "alt", drawing)


def test_the_same_drawing_gives_the_same_bytes(tmp_path: Path) -> None:
    once, again = (save(draw(), tmp_path / folder, kinds=(*SCREEN, *PAPER)) for folder in ("once", "again"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]
    assert [path.name for path in once] == ["name.svg", "name.png", "name.pdf"]


def test_files_do_not_tell_when_and_by_what_they_were_written(tmp_path: Path) -> None:
    svg, png = (path.read_bytes() for path in save(draw(), tmp_path))
    assert b"<dc:date>" not in svg and b"Software" not in png


def test_a_drawing_in_a_page_has_two_sets_of_colours(tmp_path: Path) -> None:
    svg, _ = save(draw(), tmp_path)
    text = themed(svg.read_text())
    assert "prefers-color-scheme:dark" in text and "fill: var(--cffffff)" in text
    assert f"--cffffff:{DARK['#ffffff']};" in text and "--cffffff:#ffffff;" in text


def test_every_series_stands_out_from_both_grounds() -> None:
    for one in (*COLOURS, *EMOTION_COLOURS.values()):
        dark = DARK.get(one.lower(), one)
        assert (luminance(dark) + 0.05) / (luminance(DARK["#ffffff"]) + 0.05) >= 2, one


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
