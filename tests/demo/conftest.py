"""A folder of clips that is indexed once a test, under models that see colours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from helpers.demo import SeesNegatives, client_of, fill, session
from helpers.processes import OrderedThreads
from helpers.search import SeesColours, as_encoder

from bench.demo.session import Session
from bench.search import models, searcher


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """`clip:a` sees colours, `clip:b` likes others."""
    monkeypatch.setattr(searcher, "OrderedProcesses", OrderedThreads)  # decoding elsewhere is the search's to test
    made = {"clip:a": SeesColours("clip:a", "a"), "clip:b": SeesNegatives("clip:b", "b")}
    monkeypatch.setattr(models, "load", lambda name, *rest: as_encoder(made[name]))


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return fill(tmp_path / "clips")


@pytest.fixture
def first(clips: Path) -> Session:
    return session(clips)


@pytest.fixture
def client(first: Session) -> Any:
    return client_of([first])


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """An empty page. The test fails if a console gets an error, or if a request goes elsewhere than the first one."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    wrong: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    assert wrong == []
    assert len({urlsplit(url)[:2] for url in asked}) <= 1, asked
