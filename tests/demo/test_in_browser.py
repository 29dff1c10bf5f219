"""The page as people use it, in a browser: type, submit, play, seek, compare, ask why, on a phone, without a script."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from demo.test_why import LOAD
from helpers.demo import serving, session
from helpers.search import clip, trained

from bench.demo.session import Session, open_second
from bench.search import models
from bench.search.searcher import Choice, open_folder

pytest.importorskip("fastapi", reason="the extra demo is not installed")
pytestmark = pytest.mark.slow  # a browser

At = Callable[[str], str]


@pytest.fixture
def at(first: Session, tmp_path: Path, chromium: Any) -> Iterator[At]:
    """Addresses on a server over the coloured clips and two models."""
    with serving([first, open_second(first, "clip:b", tmp_path / "results")]) as address:
        yield lambda path: address + path


def ask(page: Any, query: str) -> None:
    page.get_by_label("What do you look for?").fill(query)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=*")


def test_a_query_is_typed_submitted_and_answered(page: Any, at: At) -> None:
    page.goto(at("/"))
    ask(page, "happy green")
    assert page.locator(".card .file").first.inner_text() == "green.mp4"
    assert page.locator(".chip").first.inner_text() == "joy"
    assert page.get_by_label("What do you look for?").input_value() == "happy green"


def test_a_clip_plays(page: Any, at: At) -> None:
    page.goto(at("/?q=green"))
    video = page.locator("video").first
    video.evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    assert video.evaluate("video => [video.error, video.videoWidth]") == [None, 32]


def test_a_long_clip_starts_at_its_moment(page: Any, at: At) -> None:
    """20 s red, then 20 s blue: the moment is in the blue part, and what is drawn there is blue."""
    page.goto(at("/?q=blue"))
    card = page.locator(".card", has_text="sub/long.mp4").first
    start = float(card.get_attribute("data-start"))
    assert start >= 20
    card.locator("video").scroll_into_view_if_needed()
    page.wait_for_function(
        "start => [...document.querySelectorAll('video')].some("
        "video => Math.abs(video.currentTime - start) < 0.3 && video.readyState >= 2)",
        arg=start,
    )
    colour = card.locator("video").evaluate(
        "video => { const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;"
        "const paper = canvas.getContext('2d'); paper.drawImage(video, 0, 0, 1, 1);"
        "return [...paper.getImageData(0, 0, 1, 1).data]; }"
    )
    assert colour[2] > 200 > 60 > colour[0]


def test_the_switch_asks_both_models(page: Any, at: At) -> None:
    page.goto(at("/?q=green"))
    assert page.locator("h2").count() == 1
    page.get_by_label("Compare two models side by side").check()
    page.wait_for_url("**compare=1*")
    left, right = (page.locator(f"section[aria-labelledby=model-{number}]") for number in (1, 2))
    assert left.locator(".file").first.inner_text() == "green.mp4"
    assert right.locator(".file").first.inner_text() != "green.mp4"
    assert left.bounding_box()["x"] < right.bounding_box()["x"]
    assert abs(left.bounding_box()["y"] - right.bounding_box()["y"]) < 1


def test_a_clip_that_the_browser_cannot_play_becomes_a_picture(page: Any, first: Session, at: At) -> None:
    """Its name says mp4, but it holds MPEG-4 part 2, which browsers lack."""
    (first.folder / "old.avi").rename(first.folder / "old.mp4")
    with serving([session(first.folder)]) as address:
        page.goto(f"{address}/?q=blue")
        card = page.locator(".card", has_text="old.mp4")
        card.get_by_text("This browser cannot play this clip").wait_for()
        assert card.locator("video").count() == 0
        picture = card.locator("img")
        picture.scroll_into_view_if_needed()
        page.wait_for_function("() => [...document.querySelectorAll('img')].every(image => image.naturalWidth > 0)")


def test_error_states_are_said(page: Any, first: Session, at: At) -> None:
    page.goto(at("/?q="))
    assert page.get_by_role("alert").inner_text() == "Type what you look for."
    (first.folder / "green.mp4").unlink()
    ask(page, "green")
    card = page.locator(".card", has_text="green.mp4").first
    assert "green.mp4 is not there any more" in card.inner_text()
    assert card.locator("video").count() == 0
    page.get_by_text("Left out of the search (1)").click()
    assert page.get_by_text("broken.mp4:").is_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Any, at: At) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/", "/?q=blue", "/?q=blue&compare=1", "/?q=" + "r" * 300):
        page.goto(at(path))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(at("/?q=blue&compare=1"))
    page.get_by_text("To B's answers").click()
    assert page.url.endswith("#model-2")


def test_without_a_script_the_search_and_the_player_work(chromium: Any, at: At) -> None:
    context = chromium.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(at("/"))
    opened.get_by_label("What do you look for?").fill("green")
    opened.get_by_role("button", name="Search").click()
    opened.wait_for_url("**/?q=green")
    assert opened.locator(".card .file").first.inner_text() == "green.mp4"
    assert opened.locator("video[controls]").count() > 0
    context.close()


def test_the_keyboard_reaches_everything_in_order(page: Any, at: At) -> None:
    page.goto(at("/?q=green&compare=1"))
    seen = []
    for _ in range(5):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert seen == ["To the results", "Find the clip", "q", "Search", "compare"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: Any, at: At, scheme: str) -> None:
    """WCAG 2.1's contrast of at least 4.5, by its own formula, for every element that has text."""
    page.emulate_media(color_scheme=scheme)
    page.goto(at("/?q=happy+blue&compare=1"))
    pairs = page.evaluate(
        "() => [...document.querySelectorAll('body *')].filter(node => [...node.childNodes].some("
        "child => child.nodeType === 3 && child.textContent.trim())).map(node => { let ground = node;"
        "const back = node => getComputedStyle(node).backgroundColor;"
        "while (back(ground) === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;"
        "return [node.tagName, getComputedStyle(node).color, back(ground)]})"
    )
    assert len(pairs) > 30
    for tag, text, ground in {tuple(pair) for pair in pairs}:
        light, dark = sorted((_luminance(text), _luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (tag, text, ground)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_why_opens_in_its_card_and_closes(
    page: Any,
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "load", LOAD)
    run = trained(small, tmp_path / "results", "plain")
    for colour in ("red", "blue"):
        clip(tmp_path / "clip" / f"{colour}.mp4", colour)
    searcher = open_folder(tmp_path / "clip", tmp_path / "results", Choice(f"run:{run}"))
    with serving([Session(searcher, searcher.folder)]) as address:
        page.goto(f"{address}/?q=a+happy+man")
        link = page.get_by_text("Why?", exact=True).first
        link.focus()
        page.keyboard.press("Enter")
        page.locator(".card .spoken").wait_for()
        assert "Words, by integrated gradients" in page.locator(".card .spoken").inner_text()
        assert link.get_attribute("aria-expanded") == "true"
        card, row = (page.locator(name).first.bounding_box() for name in (".card", ".cards"))
        assert card["width"] == row["width"]  # no empty place beside it
        shown, video = (page.locator(f".card {name}").first.bounding_box() for name in (".spoken", "video"))
        assert shown["x"] > video["x"] + video["width"] and abs(shown["y"] - card["y"]) < 40
        link.click()
        assert page.locator(".card .spoken").is_hidden()
        assert page.locator(".card").first.bounding_box()["width"] < row["width"]
        page.goto(page.url.split("?")[0] + link.get_attribute("href").lstrip("/"))  # a page of its own too
        page.get_by_text("Back to the results").click()
        assert page.locator(".card").count() == 2
