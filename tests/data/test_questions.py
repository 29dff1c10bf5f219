"""Declared questions: what their texts mean, and which of them a test split can answer."""

import pytest

from bench.data.questions import Question, answerable, parse_question
from bench.errors import BenchError


def test_the_two_kinds() -> None:
    assert parse_question("ranks:all") == Question("ranks", "all")
    assert parse_question("ranks:emotion") == Question("ranks", "emotion")
    assert parse_question("twins") == Question("twins", "twins")


@pytest.mark.parametrize("text", ["", "ranks", "ranks:", "twins:all", "recall:all", "Ranks:all"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(BenchError, match="is no question"):
        parse_question(text)


def test_a_split_answers_what_it_has_queries_for() -> None:
    declared = ["ranks:all", "ranks:emotion", "twins"]
    assert answerable(declared, {"emotion": [1]}, {0: 1}) == declared
    assert answerable(declared, {"emotion": []}, {0: 1}) == ["ranks:all", "twins"]
    assert answerable(declared, {}, {}) == ["ranks:all"]


def test_a_split_that_can_answer_none_is_asked_for_the_usual() -> None:
    assert answerable(["twins"], {}, {}) == ["ranks:all"]
