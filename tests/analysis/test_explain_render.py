"""What `bench explain` prints and writes: 80 columns, readable without colour, one safe file."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.asking import Capture, failure, output

from bench.analysis.explain import EmotionInput, Frame, ScoreExplanation, Word
from bench.analysis.explain_render import common_scale, explanation_css, explanation_html, page, terminal, words_html
from bench.cli import main

JPEG = b"\xff\xd8\xff\xd9"


@pytest.fixture
def explanation() -> ScoreExplanation:
    """Made by hand: the words add up to 0.3 = 0.5 - 0.2, and 0.2 of 0.5 in sizes lies on the emotion word."""
    return ScoreExplanation(
        run="additive_text-s42-1a2b3c4d",
        variant="additive_text",
        dataset="moodclips",
        query="a happy gnu",
        video="test0007",
        caption="a dog & a <b>cat</b>",
        named=True,
        rank=2.5,
        gallery=240,
        score=0.5,
        reference="[UNK]",
        reference_score=0.2,
        words=(
            Word("a", -0.1, ("a",), (), False, True),
            Word("happy", 0.2, ("happy",), ("joy", "trust"), False, True),
            Word("gnu", 0.2, ("[UNK]",), (), False, False),
        ),
        delta=0.00001,
        steps=64,
        frames=(Frame(0.0, 0.04, JPEG), Frame(0.5, -0.02, JPEG)),
        blank_score=0.125,
        emotion=EmotionInput(("joy", "trust"), 0.375),
    )


def test_a_terminal_shows_every_number_in_80_columns(explanation: ScoreExplanation) -> None:
    text = terminal(replace(explanation, query="a very happy man " * 12))
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(text.split())
    for fact in (
        "test0007, asked for: rank 2.5 of 240",
        "score 0.500; with every word replaced by [UNK] it is 0.200",
        "They add up to the difference of the two scores, +0.300, off by 1e-05 (64 steps)",
        "happy (joy, trust). They have 40% of the words' attribution by size and +0.200 together",
        "Emotion input: joy, trust. That adds +0.125: without emotion input, additive_text scores 0.375",
        "* names an emotion; ? not in the model's vocabulary",
        "0.50 s -0.0200",
        "with all of them painted it scores 0.125.",
    ):
        assert fact in words


def test_sign_and_size_show_without_colour(explanation: ScoreExplanation) -> None:
    text = terminal(explanation)
    assert "\033" not in text
    left, right = (re.search(rf"^  {name} .*$", text, re.M) for name in ("a ", r"happy\*"))
    assert left and right
    assert left[0].count("▒") == 11 and left[0].endswith("│")
    assert right[0].endswith("│" + "█" * 22)


def test_colour_changes_nothing_but_the_colour(explanation: ScoreExplanation) -> None:
    coloured = terminal(explanation, colour=True)
    assert "\033[34m" in coloured and "\033[33m" in coloured
    assert re.sub(r"\033\[\d+m", "", coloured) == terminal(explanation)


def test_words_that_do_not_add_up_are_not_passed_for_parts(explanation: ScoreExplanation) -> None:
    off = replace(explanation, delta=0.02, steps=1024)
    for shown in (terminal(off), explanation_html(off)):
        assert "THEY DO NOT ADD UP" in shown
        assert "by +0.020 even with 1024 steps" in " ".join(shown.split())
    assert 'role="alert"' in explanation_html(off)
    assert 'role="alert"' not in explanation_html(explanation)


def test_attributions_of_nothing_are_shown_as_such(explanation: ScoreExplanation) -> None:
    words = tuple(replace(word, attribution=0.0) for word in explanation.words)
    frames = tuple(replace(frame, attribution=0.0) for frame in explanation.frames)
    flat = replace(explanation, words=words, frames=frames, score=0.2, delta=0.0, emotion=None)
    assert "█" not in terminal(flat) and "▒" not in terminal(flat)
    assert "0% of the words' attribution" in terminal(flat)
    assert "additive_text takes none" in page(flat)


class Balanced(HTMLParser):
    """Every tag that opens is closed, in order; collects texts, images and attributes."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(text: str) -> Balanced:
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def test_the_page_is_sound_and_fetches_nothing(explanation: ScoreExplanation) -> None:
    text = page(explanation)
    parsed = read(text)
    assert not re.search(r"https?:|//|url\(|@import|<script|<link", text.replace("image/jpeg;base64,/9j/2Q==", ""))
    images = [attributes for tag, attributes in parsed.seen if tag == "img"]
    assert [image["alt"] for image in images] == [
        "frame at 0.00 s, attribution +0.0400",
        "frame at 0.50 s, attribution -0.0200",
    ]
    assert all(str(image["src"]).startswith("data:image/jpeg;base64,") for image in images)
    assert explanation_css() in text


def bars(text: str) -> list[tuple[str | None, str | None]]:
    return [(one["class"], one["width"]) for tag, one in read(text).seen if tag == "rect" and one["class"] != "zero"]


def test_words_carry_their_numbers_beside_their_bars(explanation: ScoreExplanation) -> None:
    text = explanation_html(explanation)
    assert bars(text)[:3] == [("less", "50"), ("more", "100"), ("more", "100")]
    heads = [attributes for tag, attributes in read(text).seen if tag == "th"][3:]
    assert [head.get("title") for head in heads] == [None, "names joy, trust", None]
    assert re.findall(r'<td class="number">(.*?)</td>', text) == ["-0.100", "+0.200", "+0.200"]
    assert "a whole bar\nis ±0.200" in text and "a whole bar is ±0.0400" in text


def test_several_explanations_have_one_scale(explanation: ScoreExplanation) -> None:
    """Equal bars are equal attributions: of the weaker of two queries no bar is whole."""
    weaker = replace(
        explanation,
        words=tuple(replace(word, attribution=word.attribution / 4) for word in explanation.words),
        frames=tuple(replace(frame, attribution=frame.attribution / 2) for frame in explanation.frames),
    )
    scale = common_scale([weaker, explanation])
    assert bars(explanation_html(weaker, scale)) == [
        *(("less", "12"), ("more", "25"), ("more", "25")),
        *(("more", "50"), ("less", "25")),
    ]
    assert bars(explanation_html(explanation, scale)) == bars(explanation_html(explanation))


def test_the_words_alone_have_no_style_of_their_own(explanation: ScoreExplanation) -> None:
    """The demo's pages may hold none."""
    assert " style=" not in words_html(explanation) and "Words, by integrated gradients" in words_html(explanation)


def test_what_people_typed_stays_text(explanation: ScoreExplanation) -> None:
    attack = '<script>alert("1")</script>'
    word = Word(attack, 0.3, (attack,), (), False, True)
    text = page(replace(explanation, query=attack, words=(word,), caption=attack, video=attack, reference=attack))
    assert "<script" not in text
    assert attack in "".join(read(text).texts)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(command: Callable[..., list[str]], tmp_path: Path, capsys: Capture) -> str:
    """The id of a run under tmp_path/results."""
    main(command(variant="emotion_prompt", train__epochs=0))
    capsys.readouterr()
    [path] = (tmp_path / "results").glob("*/*/*/*.json")
    return path.stem


def test_the_command_prints_writes_and_says_where(run: str, tmp_path: Path, capsys: Capture) -> None:
    html = tmp_path / "pages" / "why.html"
    words = ["explain", run, "a happy <man>", "--results", str(tmp_path / "results"), "--video", "video13"]
    shown = output([*words, "--html", str(html)], capsys)
    assert shown.endswith(f"{html}\n")
    assert "video13, asked for: rank" in shown
    assert "+ emotion_prompt added it" in shown
    assert "\033" not in shown
    read(html.read_text(encoding="utf-8"))
    answer = json.loads(output([*words, "--json"], capsys))
    assert [word["text"] for word in answer["words"]] == ["joy,", "trust,", "anticipation:", "a", "happy", "<man>"]
    assert answer["adds_up"] is True
    assert answer["emotion"]["emotions"] == ["joy", "trust", "anticipation"]
    assert [set(frame) for frame in answer["frames"]] == [{"second", "attribution"}] * 4


def test_what_does_not_fit_is_one_line(run: str, tmp_path: Path, capsys: Capture) -> None:
    results = ["--results", str(tmp_path / "results")]
    for words, line in (
        ([run[:-1], "a man"], f"no record of a run '{run[:-1]}' under {tmp_path}/results. Did you mean {run}?"),
        ([run, "a man", "--video", "vide13"], "msrvtt/1k-A has no clip 'vide13'. Did you mean video13"),
        ([run, ""], "the query is empty."),
        ([run, "a man " * 40], "the query has 82 tokens and the model reads 32: shorten it"),
        ([run], "requires an argument"),
    ):
        code, said = failure(["explain", *words, *results], capsys)
        assert code == 2
        assert line in said
