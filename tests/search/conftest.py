"""A small folder to search in."""

from pathlib import Path

import pytest
from helpers.processes import OrderedThreads
from helpers.search import clip

from bench.search import searcher


@pytest.fixture(autouse=True)
def decoded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are opened without processes that decode, for these take a second to start."""
    monkeypatch.setattr(searcher, "OrderedProcesses", OrderedThreads)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Red, green and blue clips of 2 s, and a long one: 20 s red, 20 s blue."""
    folder = tmp_path / "clips"
    for colour in ("red", "green", "blue"):
        clip(folder / f"{colour}.mp4", colour)
    clip(folder / "long.mp4", "red", "blue", seconds=20)
    return folder
