"""Valence and arousal to emotions: a made lexicon with round numbers, so that scores can be worked out by head."""

from pathlib import Path

import pytest
from helpers.emotion_scores import score_by

from bench.emotions import EMOTIONS
from bench.emotions.sources import find_source
from bench.errors import UsageError

PLACES = {  # valence, arousal: each emotion alone on its ray, at distance 1 or 0.5
    "joy": (1.0, 0.0),
    "trust": (0.0, -1.0),
    "fear": (0.0, 1.0),
    "surprise": (0.6, 0.8),
    "sadness": (-1.0, 0.0),
    "disgust": (-0.6, -0.8),
    "anger": (-0.6, 0.8),
    "anticipation": (0.3, -0.4),
    "glad": (0.75, 0.0),  # a quarter of the way from joy to nothing
    "table": (0.0, 0.0),
    "grim": (-1.0, 0.0),
}


def write(path: Path, places: dict[str, tuple[float, float]], head: str = "term\tvalence\tarousal\tdominance") -> str:
    lines = [head, *(f"{word}\t{v:g}\t{a:g}\t0" for word, (v, a) in places.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"vad:{path}"


@pytest.fixture
def source(tmp_path: Path) -> str:
    return write(tmp_path / "NRC-VAD-Lexicon-v2.1.txt", PLACES)


def scores(source: str, caption: str) -> dict[str, float]:
    return dict(zip(EMOTIONS, score_by(source, [caption])[0].tolist(), strict=True))


def test_the_name_of_an_emotion_scores_1_and_no_emotion_0(source: str) -> None:
    for emotion in EMOTIONS:
        assert scores(source, f"a {emotion}")[emotion] == 1
    assert not any(scores(source, "a table").values())
    assert not any(scores(source, "words that it lacks").values())


def test_in_between_the_score_falls_with_the_distance(source: str) -> None:
    found = scores(source, "a Glad table")
    assert found["joy"] == 0.75
    assert found["sadness"] == 0


def test_a_caption_has_the_highest_score_of_its_words(source: str) -> None:
    assert (found := scores(source, "a glad man at a grim table"))["joy"] == 0.75
    assert found["sadness"] == 1


def test_an_emotion_is_named_from_half_way_on(tmp_path: Path) -> None:
    source = write(tmp_path / "vad.txt", {**PLACES, "half": (0.5, 0.0), "more": (0.51, 0.0)})
    named = find_source(source).named(["half", "more"])
    assert named[:, EMOTIONS.index("joy")].tolist() == [False, True]


def test_version_1_from_0_to_1_gives_the_same(tmp_path: Path, source: str) -> None:
    halves = {word: ((v + 1) / 2, (a + 1) / 2) for word, (v, a) in PLACES.items()}
    first = write(tmp_path / "NRC-VAD-Lexicon.txt", halves, "Word\tValence\tArousal\tDominance")
    assert scores(first, "a glad man") == pytest.approx(scores(source, "a glad man"))


def test_the_version_follows_from_the_words_and_not_from_the_file(tmp_path: Path, source: str) -> None:
    moved = write(tmp_path / "other.txt", dict(reversed(PLACES.items())), "Word\tValence\tArousal\tDominance")
    assert find_source(moved).version == find_source(source).version
    changed = write(tmp_path / "other.txt", {**PLACES, "glad": (0.7, 0.0)})
    assert find_source(changed).version != find_source(source).version
    assert find_source(source).signature.startswith("vad-1-")


def test_words_that_the_file_lacks_are_named(source: str) -> None:
    unknown = find_source(source).unknown
    assert unknown is not None and unknown("a Glad cook") == ["cook"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("joy\t0.5\n", r"vad\.txt line 1 lacks three numbers after the word"),
        ("term\tv\ta\td\njoy\t0.5\t0.5\tx\n", r"line 2 lacks three numbers"),
        ("joy\t2\t0\t0\n", r"line 1: 2 and 0 must be from 0 to 1"),
        ("joy\tnan\t0\t0\n", r"line 1: nan and 0 must be"),
        ("joy\t0.5\t0.6\t0\n", r"has no valence and arousal for 'trust'\. Is it the whole NRC-VAD lexicon"),
        ("", "has no valence and arousal for 'joy'"),
    ],
)
def test_a_file_of_another_form_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "vad.txt").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=line):
        find_source(f"vad:{tmp_path / 'vad.txt'}")


def test_a_byte_order_mark_and_crlf_do_not_matter(tmp_path: Path, source: str) -> None:
    path = tmp_path / "NRC-VAD-Lexicon-v2.1.txt"
    version = find_source(source).version
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert find_source(source).version == version


def test_no_file_and_no_text_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.txt cannot be read: No such file"):
        find_source(f"vad:{tmp_path / 'nothing.txt'}")
    with pytest.raises(UsageError, match="cannot be read"):
        find_source(f"vad:{tmp_path}")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(UsageError, match="is not UTF-8"):
        find_source(f"vad:{tmp_path / 'image.png'}")
