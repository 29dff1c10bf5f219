"""What moodclips promises: content is learned in minutes, an untrained model guesses, a fresh cache changes nothing."""

from pathlib import Path

import pytest

from bench.cli import main
from bench.records.record import Record
from bench.records.store import load

pytestmark = pytest.mark.slow


def record(tmp_path: Path, name: str, *words: str) -> Record:
    main(["run", "--variant", "plain", "--results", str(tmp_path / name), *words])
    [path] = (tmp_path / name).glob("moodclips/train/plain/*.json")
    return load(path)


def test_plain_learns_the_content_of_moodclips(tmp_path: Path) -> None:
    scores = record(tmp_path, "trained").metrics["all"]
    assert scores["n"] == 240
    assert scores["t2v"]["R@1"]["value"] >= 25
    assert scores["t2v"]["R@10"]["value"] >= 85


def test_an_untrained_model_guesses_and_a_fresh_cache_gives_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chance for R@1 is 1 in 240, 0.4 %; six right of 240 would be far above it."""
    words = ("--train.steps", "1", "--train.lr", "1e-12")
    one = record(tmp_path, "untrained", *words)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    other = record(tmp_path, "again", *words)
    assert one.metrics["all"]["t2v"]["R@1"]["value"] < 2.5
    assert one.ranks == other.ranks
    assert one.curve == other.curve
