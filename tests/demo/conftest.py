"""A folder of clips that is indexed once a test, under models that see colours."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

pytest.importorskip("fastapi", reason="the extra demo is not installed")

from demo_things import SeesNegatives, client_of, fill, side
from search_things import SeesColours, as_encoder
from starlette.testclient import TestClient

from bench.demo.side import Side
from bench.search_index import models


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """`clip:a` sees colours, `clip:b` likes others."""
    made = {"clip:a": SeesColours("clip:a", "a"), "clip:b": SeesNegatives("clip:b", "b")}
    monkeypatch.setattr(models, "load", lambda name, results, tokenizer: as_encoder(made[name]))


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return fill(tmp_path / "clips")


@pytest.fixture
def first(clips: Path) -> Side:
    return side(clips)


@pytest.fixture
def client(first: Side) -> TestClient:
    return client_of([first])
