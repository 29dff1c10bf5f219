"""Text in the terminal."""

from bench.utils.text import WIDTH, counted, wrapped


def test_one_is_singular_and_every_other_count_plural() -> None:
    assert [counted(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert counted(1, "video", 4) == "   1 video"


def test_lines_stay_within_the_width_and_are_indented() -> None:
    lines = wrapped("text-to-video retrieval " * 20, 4)
    assert all(line.startswith("    ") and len(line) <= WIDTH and not line.endswith("-") for line in lines)
    assert " ".join(line.strip() for line in lines) == ("text-to-video retrieval " * 20).strip()
