"""Why a moment scores as it does: shown for runs; for other models one line says that it is not."""

import html
import re
from pathlib import Path

import pytest
from helpers.demo import client_of
from helpers.search import clip, trained

from bench.demo import why
from bench.demo.session import Session
from bench.search import models
from bench.search.searcher import Choice, Searcher, open_folder

TestClient = pytest.importorskip("starlette.testclient", reason="the extra demo is not installed").TestClient

LOAD = models.load  # before the fixtures put another in its place


@pytest.fixture(scope="module")
def run(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A run that is told of emotion: its id and the folder of records."""
    results = tmp_path_factory.mktemp("results")
    return trained(small, results, "additive_text"), results


@pytest.fixture
def searcher(run: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Searcher:
    monkeypatch.setattr(models, "load", LOAD)
    for colour in ("red", "blue"):
        clip(tmp_path / "clips" / f"{colour}.mp4", colour)
    return open_folder(tmp_path / "clips", run[1], Choice(f"run:{run[0]}"))


def shown(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_words_of_a_found_moment_add_up_to_its_score(searcher: Searcher) -> None:
    """The score is the search's own; that the parts add up to the difference is integrated gradients' theorem."""
    asked = Session(searcher, searcher.folder)
    for moment in asked.ask("A Happy tall man", 2).moments:
        spoken = why.explained(searcher, "A Happy tall man", asked.window(moment))
        assert spoken.score == pytest.approx(moment.score, abs=1e-5)
        assert [word.text for word in spoken.words] == ["a", "happy", "tall", "man"]
        assert sum(word.attribution for word in spoken.words) == pytest.approx(spoken.difference, abs=1e-4)
        assert spoken.emotion is not None and "joy" in spoken.emotion.emotions


def test_a_page_of_its_own_shows_words_and_emotion(searcher: Searcher) -> None:
    client = client_of([Session(searcher, searcher.folder)])
    results = client.get("/?q=a+happy+tall+man").text
    link = html.unescape(re.findall(r'href="(/why\?[^"]+)"', results)[0])
    page = client.get(link)
    assert page.status_code == 200
    text = shown(page.text)
    assert "Words, by integrated gradients" in text and "happy* " in text
    assert "Emotion input: joy" in text and "They add up" in text
    assert " style=" not in page.text and "data:" not in page.text


def test_other_models_say_that_they_are_not_explained(client: TestClient) -> None:
    said = "Only the scores of runs of this suite are explained, and this model is not one of them."
    page = client.get("/?q=red").text
    assert said in page and "/why" not in page
    answer = client.get("/why?q=red&window=0&model=0")
    assert answer.status_code == 404 and said in answer.text


@pytest.mark.parametrize(
    "asked", ["window=99", "window=-1", "window=x", "window=", "window=0&model=1", f"window={'9' * 40}"]
)
def test_a_moment_that_there_is_not_is_no_such_moment(searcher: Searcher, asked: str) -> None:
    answer = client_of([Session(searcher, searcher.folder)]).get(f"/why?q=man&{asked}")
    assert answer.status_code == 404 and "there is no such moment." in answer.text


def test_words_that_are_too_many_or_none_are_said_to_be_so(searcher: Searcher) -> None:
    client = client_of([Session(searcher, searcher.folder)])
    many = client.get("/why", params={"q": "a man " * 40, "window": 0})
    assert many.status_code == 400 and "tokens and the model reads 32" in many.text
    assert client.get("/why", params={"q": " ", "window": 0}).status_code == 400


def test_a_run_that_is_gone_since_is_said_to_be_so(
    searcher: Searcher, run: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of([Session(searcher, searcher.folder)])
    [record] = run[1].glob("*/*/*/*.json")
    away = record.rename(record.with_suffix(".away"))
    try:
        answer = client.get("/why?q=a+man&window=0")
    finally:
        away.rename(record)
    assert answer.status_code == 404 and f"the record of {run[0]} cannot be read any more" in answer.text
    assert str(run[1]) not in answer.text
    assert client.get("/?q=a+man").status_code == 200
