"""Files of labels from a source: what runs read back, whole or in shards, and what is said of parts that do not fit."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.classifiers import write_classifier
from helpers.emotion_scores import score_by
from helpers.registries import forgotten
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.cli import main
from bench.emotions import EMOTIONS
from bench.emotions.labelling import label, merge
from bench.emotions.sources import EmotionSource, emotion_source, find_source
from bench.errors import BenchError, UsageError
from bench.utils.shards import Shard

CAPTIONS = ["a man", "two bananas", "", "a man", 'Zoë "quotes"', "nobody"]


@pytest.fixture(autouse=True)
def shares() -> Iterator[EmotionSource]:
    """A source: the share of letters that are a names joy, that of letters that are o trust."""
    with forgotten():

        @emotion_source("shares", version="1", threshold=0.1)
        def shares(captions: Sequence[str]) -> list[list[float]]:
            """Of joy and trust."""
            return [[text.count(letter) / max(len(text), 1) for letter in "ao"] + [0.0] * 6 for text in captions]

        yield find_source("shares")


def test_a_line_is_a_caption_with_the_emotions_that_are_not_0(tmp_path: Path, shares: EmotionSource) -> None:
    done = label(["nobody", "a man", "nobody", "xyz"], shares, tmp_path / "labels.jsonl")
    lines = [json.loads(line) for line in done.out.read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {"threshold": 0.1},
        {"text": "nobody", "scores": {"trust": 2 / 6}},
        {"text": "a man", "scores": {"joy": 2 / 5}},
        {"text": "xyz", "scores": {}},
    ]
    assert (done.captions, done.named) == (3, 2)


def test_a_run_that_reads_the_file_sees_what_the_source_says(tmp_path: Path, shares: EmotionSource) -> None:
    file = find_source(f"file:{label(CAPTIONS, shares, tmp_path / 'labels.jsonl').out}")
    np.testing.assert_array_equal(file.scores(CAPTIONS), score_by("shares", CAPTIONS))
    np.testing.assert_array_equal(file.named(CAPTIONS), shares.named(CAPTIONS))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    captions=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\0"))),
    count=st.integers(1, 6),
)
def test_shards_in_any_order_and_again_make_the_file_of_one_run(
    data: st.DataObject,
    captions: list[str],
    count: int,
    shares: EmotionSource,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("labels")
    numbers = list(range(1, count + 1))
    again = data.draw(st.lists(st.sampled_from(numbers), max_size=2))
    for number in data.draw(st.permutations([*numbers, *again])):
        label(captions, shares, folder / "merged.jsonl", Shard(number, count))
    merged = merge(captions, shares, folder / "merged.jsonl")
    whole = label(captions, shares, folder / "whole.jsonl")
    assert merged.out.read_bytes() == whole.out.read_bytes()
    assert (merged.captions, merged.named) == (whole.captions, whole.named)
    assert sorted(path.name for path in folder.iterdir()) == ["merged.jsonl", "whole.jsonl"]


def test_a_classifier_s_shards_make_the_file_of_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its captions come in other batches then, which the digits that are kept do not show."""
    write_classifier(tmp_path / "model", ["joy", "sadness", "neutral"], several=True)
    words = ["a happy man", "two sad people", "the angry cook walks", "a dog and a man", "people with a dog"]
    (tmp_path / "captions.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for home, outs in (("one", [[]]), ("two", [["--shard", "2/2"], ["--shard", "1/2"], ["--merge"]])):
        monkeypatch.setenv("BENCH_HOME", str(tmp_path / home))  # nothing that the other one asked is known
        for last in outs:
            main(
                ["emotions", "--file", "captions.txt", "--source", "classifier:model", "--out", f"{home}.jsonl", *last]
            )
    assert Path("one.jsonl").read_bytes() == Path("two.jsonl").read_bytes()
    assert capsys.readouterr().out.startswith("5 different captions, ")


@pytest.fixture
def done(tmp_path: Path, shares: EmotionSource) -> Path:
    """The output of which three shards are there."""
    for number in (1, 2, 3):
        label(CAPTIONS, shares, tmp_path / "labels.jsonl", Shard(number, 3))
    return tmp_path / "labels.jsonl"


def test_a_missing_shard_is_named(done: Path, shares: EmotionSource) -> None:
    Shard(3, 3).part(done).unlink()
    with pytest.raises(BenchError, match=r"of 3 shards 1 are missing\. Run --shard 3/3"):
        merge(CAPTIONS, shares, done)


def test_a_part_of_another_version_is_named(done: Path, shares: EmotionSource) -> None:
    part = Shard(2, 3).part(done)
    part.write_text(part.read_text(encoding="utf-8").replace("shares (1)", "shares (0)"), encoding="utf-8")
    with pytest.raises(
        BenchError, match=r"labels.2-of-3.jsonl was made by shares \(0\), not by shares \(1\)\. Repeat it: --shard 2/3"
    ):
        merge(CAPTIONS, shares, done)


def test_a_caption_that_is_new_is_named_with_its_shard(done: Path, shares: EmotionSource) -> None:
    [shard] = [Shard(number, 3) for number in (1, 2, 3) if Shard(number, 3).owns("new")]
    with pytest.raises(
        BenchError, match=rf"{shard.part(done).name} lacks captions of its shard, or has others \('new'\)"
    ):
        merge([*CAPTIONS, "new"], shares, done)


def test_a_part_of_another_shard_is_named(done: Path, shares: EmotionSource) -> None:
    Shard(2, 3).part(done).write_bytes(Shard(1, 3).part(done).read_bytes())
    with pytest.raises(BenchError, match=r"labels.2-of-3.jsonl lacks captions of its shard, or has others"):
        merge(CAPTIONS, shares, done)


@pytest.mark.parametrize("content", ["", "no JSON", "[1]\n", '{"threshold": 0.1}\n{"text": "a man"}\n'])
def test_a_part_that_is_something_else_is_named(done: Path, shares: EmotionSource, content: str) -> None:
    Shard(2, 3).part(done).write_text(content, encoding="utf-8")
    with pytest.raises(BenchError, match=r"labels.2-of-3.jsonl .* Repeat it: --shard 2/3"):
        merge(CAPTIONS, shares, done)


def test_words_that_are_counted_are_no_labels(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nrc counts words, but a file of labels holds scores from 0 to 1"):
        label(["a happy smile at a happy party"], find_source("nrc"), tmp_path / "labels.jsonl")


def test_another_file_is_not_overwritten(tmp_path: Path, shares: EmotionSource) -> None:
    (tmp_path / "labels.jsonl").write_text("dear diary", encoding="utf-8")
    with pytest.raises(UsageError, match="is there already and holds no labels of emotions"):
        label(CAPTIONS, shares, tmp_path / "labels.jsonl")
    label(CAPTIONS, shares, tmp_path / "labels.jsonl", force=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a man", "--out", "labels.jsonl"], "--out needs --file with captions"),
        (["--file", "a.txt", "--against", "nrc", "--out", "labels.jsonl"], "--out needs --file with captions"),
        (["--file", "a.txt", "--shard", "1/2"], "--shard and --merge need a file to write"),
        (["a man", "--merge"], "--shard and --merge need a file to write"),
    ],
)
def test_words_that_do_not_fit_are_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["emotions", *words])
    assert stop.value.code == 2 and said in capsys.readouterr().err


def test_every_emotion_has_its_name(tmp_path: Path) -> None:
    with forgotten():

        @emotion_source("all", version="1")
        def every(captions: Sequence[str]) -> np.ndarray:
            """Eight scores that differ."""
            return np.tile(np.arange(1, 9) / 10, (len(captions), 1))

        path = label(["a"], find_source("all"), tmp_path / "labels.jsonl").out
    expected = {name: (place + 1) / 10 for place, name in enumerate(EMOTIONS)}
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[1])["scores"] == expected
