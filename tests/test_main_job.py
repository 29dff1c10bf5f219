"""What moodclips promises: the start knows content and no emotion, plain keeps that, a fresh cache changes nothing."""

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


@pytest.mark.parametrize("words", [("--train.epochs", "0"), ()], ids=["the start", "fine-tuned"])
def test_plain_knows_content_and_cannot_tell_twins(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Who knows content alone has half of the twins right: 50 % of R@1, and nearly every query among the first ten."""
    metrics = record(tmp_path, "plain", *words).metrics
    twins = metrics["twins"]["t2v"]
    assert metrics["all"]["n"] == 800 and metrics["twins"]["n"] == 720
    assert 45 <= twins["R@1"]["value"] <= 55
    assert metrics["all"]["t2v"]["R@10"]["value"] >= 98
    assert twins["TwinAcc"]["low"] < 50 < twins["TwinAcc"]["high"]


def test_an_untrained_model_guesses_and_a_fresh_cache_gives_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chance for R@1 is 1 in 800, 0.1 %; ten right of 800 would be far above it."""
    words = ("--init", "random", "--train.steps", "1", "--train.lr", "1e-12")
    one = record(tmp_path, "untrained", *words)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    other = record(tmp_path, "again", *words)
    assert one.metrics["all"]["t2v"]["R@1"]["value"] < 1.25
    assert one.ranks == other.ranks
    assert one.curve == other.curve
