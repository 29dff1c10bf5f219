"""Text in the terminal."""

from bench.utils.text import WIDTH, wrapped


def test_lines_stay_within_the_width_and_are_indented() -> None:
    lines = wrapped("text-to-video retrieval " * 20, 4)
    assert all(line.startswith("    ") and len(line) <= WIDTH and not line.endswith("-") for line in lines)
    assert " ".join(line.strip() for line in lines) == ("text-to-video retrieval " * 20).strip()
