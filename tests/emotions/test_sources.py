"""Emotion sources: by name, remembered by version, and refused where they give something else than scores."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.emotion_scores import score_by
from helpers.registries import forgotten

from bench.cli import main
from bench.emotions import EMOTIONS, sources
from bench.emotions.scores import CACHED_FROM, score_captions
from bench.emotions.sources import SOURCES, emotion_source, source_versions
from bench.errors import UsageError

PLUGIN = '''
from bench.emotions.sources import emotion_source

@emotion_source("toy")
def toy(captions):
    """Joy wherever a caption has an "a"."""
    {comment}
    return [[caption.count("a") * {factor}, 0, 0, 0, 0, 0, 0, 0] for caption in captions]
'''


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    with forgotten():
        yield


def plugin(path: Path, factor: int = 1, comment: str = "") -> Path:
    """A file with the source `toy`."""
    path.write_text(PLUGIN.format(factor=factor, comment=comment), encoding="utf-8")
    return path


def test_nrc_is_the_published_count() -> None:
    texts = ["a happy man", "a sad dog", ""]
    np.testing.assert_array_equal(score_by("nrc", texts), score_captions(texts))


def test_an_unknown_source_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'ncr' is no emotion source\. Did you mean nrc\?"):
        score_by("ncr", ["a"])


def test_a_name_that_is_taken_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"the emotion source 'nrc' is registered twice: in .*nrc\.py and in"):
        emotion_source("nrc")(lambda captions: np.zeros((len(captions), 8)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 7)), r"scores of shape \(2, 7\) for 2 captions, not \(2, 8\)"),
        (np.zeros((8, 2)), r"scores of shape \(8, 2\)"),
        (np.full((2, 8), np.nan), "not finite numbers of 0 or more"),
        (np.full((2, 8), -1), "not finite numbers of 0 or more"),
        (np.full((2, 8), "joy"), "not finite numbers of 0 or more"),
    ],
)
def test_what_is_no_score_is_refused(given: np.ndarray, message: str) -> None:
    emotion_source("odd")(lambda captions: given)
    with pytest.raises(UsageError, match=f"the emotion source 'odd' gave .*{message}"):
        score_by("odd", ["one", "two"])


def test_no_captions_have_no_rows_and_ask_nobody() -> None:
    emotion_source("never")(lambda captions: 1 / 0)
    assert score_by("never", []).shape == (0, 8)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """A source `counted` that notes how many captions it is asked for; the cache folder is empty."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    asked: list[int] = []

    @emotion_source("counted", version="1")
    def source(captions: list[str]) -> np.ndarray:
        asked.append(len(captions))
        return np.full((len(captions), 8), 0.5)

    return asked


MANY = [f"caption {number}" for number in range(CACHED_FROM)]


def test_many_captions_are_scored_once(counted: list[int]) -> None:
    first = score_by("counted", MANY)
    np.testing.assert_array_equal(score_by("counted", MANY), first)
    assert counted == [CACHED_FROM] and first.dtype == np.float64


def test_another_version_scores_anew(counted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    score_by("counted", MANY)
    again = sources.EmotionSource("counted", SOURCES.get("counted").function, "2", True)
    monkeypatch.setitem(SOURCES._things, "counted", again)
    score_by("counted", MANY)
    assert counted == [CACHED_FROM] * 2


def test_the_version_follows_from_what_the_code_executes(tmp_path: Path) -> None:
    from bench.utils.plugins import load_plugin

    versions = []
    for factor, comment in ((1, ""), (1, "# a comment"), (2, "")):
        load_plugin(plugin(tmp_path / "toy.py", factor, comment))
        versions.append(SOURCES.get("toy").version)
    assert versions[0] == versions[1] != versions[2]
    assert source_versions("toy").keys() == {"nrc", "vader", "toy"}
    assert source_versions("nrc").keys() == {"nrc", "vader"}


def test_a_plugin_s_source_is_listed_and_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = plugin(tmp_path / "toy.py")
    main(["list", "emotion-sources", "--plugin", str(path)])
    listed = capsys.readouterr().out
    assert "nrc" in listed and 'toy\n    Joy wherever a caption has an "a".\n' in listed
    main(["emotions", "a banana", "--source", "toy", "--plugin", str(path)])
    assert "joy 4" in capsys.readouterr().out


def test_scores_are_in_one_order() -> None:
    assert score_by("nrc", ["joy"])[0, EMOTIONS.index("joy")]
