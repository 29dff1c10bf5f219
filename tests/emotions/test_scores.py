"""Golden numbers come from the report (FACTS.md in the shared folder), from its label file, from NLTK and TextBlob."""

import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.sentiment.vader import SentimentIntensityAnalyzer, VaderConstants

from bench.emotions import EMOTIONS, FROM_REPORT, REPORT_ORDER, lexicons
from bench.emotions import scores as emotions
from bench.emotions.scores import (
    explain,
    is_emotional,
    matches_pattern,
    read_captions,
    score_captions,
    score_polarity,
    vader_compound,
)
from bench.emotions.vader import Vader
from bench.errors import BenchError, UsageError

PIECES_TEXT = (
    "happy Happy HATE hate sad not never so this least at very kind kind-of of sort but BUT isn't can't don't cannot "
    "the bomb bad ass yeah right joy. joy, joy! 'joy' \"joy\" (joy) :) :-( :P ?! !!! ??? dog's smiling/crying "
    "self_pity love-hate … — naïve é 5,000 3.5 wanna. a I x O.o"
)
PIECES = PIECES_TEXT.split()
texts_of_pieces = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from([" ", "", ". ", "\n"]))).map(
    lambda parts: "".join(piece + blank for piece, blank in parts)
)
any_text = st.one_of(texts_of_pieces, st.text(max_size=60))


class PlainVader(SentimentIntensityAnalyzer):
    """NLTK's analyzer, nothing changed but where its lexicon comes from."""

    def __init__(self) -> None:
        self.lexicon = lexicons.vader().words
        self.constants = VaderConstants()


PLAIN, OURS = PlainVader(), Vader(lexicons.vader().words)


@pytest.fixture(scope="module")
def captions(shared: Path) -> dict[str, list[str]]:
    """The 20 captions of each of MSR-VTT's 10 000 videos, in the order of `sen_id`."""
    found = defaultdict(list)
    for archive in ("train_val_annotation.zip", "test_videodatainfo.json.zip"):
        with zipfile.ZipFile(shared / "msrvtt" / archive) as file:
            [name] = [name for name in file.namelist() if name.endswith("videodatainfo.json")]
            for sentence in sorted(json.loads(file.read(name))["sentences"], key=lambda sentence: sentence["sen_id"]):
                found[sentence["video_id"]].append(sentence["caption"])
    return found


def column(shared: Path, name: str, field: str) -> list[str]:
    with (shared / "msrvtt" / name).open(newline="") as file:
        return [row[field] for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def joined(shared: Path, captions: dict[str, list[str]]) -> list[str]:
    """The 9 000 training videos' captions as the report joined them."""
    return [". ".join(captions[video]) for video in column(shared, "MSRVTT_train.9k.csv", "video_id")]


@pytest.fixture(scope="module")
def report_labels(shared: Path) -> list[dict]:
    return json.loads((shared / "msrvtt" / "msrvtt_test1k.json").read_text())


def filter_counts(texts: list[str]) -> tuple[int, int, int, int]:
    """By VADER, by the pattern, by the pattern only, emotional."""
    by_vader, by_pattern = np.abs(vader_compound(texts)) > 0.6, matches_pattern(texts)
    return by_vader.sum(), by_pattern.sum(), (by_pattern & ~by_vader).sum(), is_emotional(texts).sum()


def test_filter_counts_of_train_9k(joined):
    assert filter_counts(joined) == (5984, 1019, 153, 6137)


def test_filter_counts_of_train_7k(shared, captions):
    texts = [". ".join(captions[video]) for video in column(shared, "MSRVTT_train.7k.csv", "video_id")]
    assert filter_counts(texts) == (4685, 783, 117, 4802)


def test_filter_counts_of_test_1k(shared):
    assert filter_counts(column(shared, "MSRVTT_JSFUSION_test.csv", "sentence")) == (29, 7, 5, 34)


def test_filter_counts_of_test_1k_with_all_captions_joined(shared, captions):
    texts = [". ".join(captions[video]) for video in column(shared, "MSRVTT_JSFUSION_test.csv", "video_id")]
    assert filter_counts(texts) == (663, 98, 18, 681)


def test_emotion_labels_equal_the_reports(report_labels):
    expected = [[row[emotion] for emotion in EMOTIONS] for row in report_labels]
    np.testing.assert_array_equal(score_captions([row["caption"] for row in report_labels]), expected)


def test_polarity_labels_equal_the_reports(report_labels):
    expected = [[row["positive"], row["negative"], row["neutral"]] for row in report_labels]
    np.testing.assert_array_equal(score_polarity([row["caption"] for row in report_labels]), expected)


def test_report_order_maps_to_emotions():
    assert tuple(np.array(REPORT_ORDER)[list(FROM_REPORT)]) == EMOTIONS


def test_scores_equal_nltks_on_joined_captions(joined):
    sample = joined[::9]
    assert [OURS.polarity_scores(text) for text in sample] == [PLAIN.polarity_scores(text) for text in sample]


def test_scores_equal_nltks_on_single_captions(captions):
    sample = [texts[0] for texts in captions.values()]
    assert [OURS.polarity_scores(text) for text in sample] == [PLAIN.polarity_scores(text) for text in sample]


@pytest.mark.slow
def test_scores_equal_nltks_on_all_joined_captions(joined):
    assert [OURS.polarity_scores(text) for text in joined] == [PLAIN.polarity_scores(text) for text in joined]


@settings(deadline=None, max_examples=300)
@given(any_text)
def test_property_scores_equal_nltks(text):
    assert OURS.polarity_scores(text) == PLAIN.polarity_scores(text)


@settings(deadline=None, max_examples=30)
@given(st.lists(any_text, max_size=8))
def test_property_batch_equals_one_by_one(texts):
    whole = np.column_stack([score_captions(texts), score_polarity(texts), vader_compound(texts)])
    single = [np.column_stack([score_captions([t]), score_polarity([t]), vader_compound([t])])[0] for t in texts]
    np.testing.assert_array_equal(whole, np.reshape(single, whole.shape))


@settings(deadline=None, max_examples=30)
@given(st.lists(any_text, max_size=8))
def test_property_order_of_texts_does_not_matter(texts):
    np.testing.assert_array_equal(score_captions(texts[::-1])[::-1], score_captions(texts))


def test_no_captions_give_empty_scores():
    assert (score_captions([]).shape, score_polarity([]).shape, is_emotional([]).shape) == ((0, 8), (0, 3), (0,))


def test_capitals_are_kept_by_default():
    assert score_captions(["Happy"]).sum() == 0


def test_lowercase_finds_words_in_capitals():
    np.testing.assert_array_equal(score_captions(["HAPPY"], lowercase=True), score_captions(["happy"]))


def test_caption_without_emotion_words_is_neutral():
    assert score_polarity(["a man and a table"]).tolist() == [[0, 0, 1]]


def test_pattern_keeps_its_leading_space():
    assert matches_pattern(["a stranger", "in anger"]).tolist() == [False, True]


def test_bound_is_exclusive():
    compound = abs(vader_compound(["a good day"])[0])
    assert not is_emotional(["a good day"], bound=compound)[0]


def test_bound_out_of_range_is_a_usage_error():
    with pytest.raises(UsageError, match="between 0 and 1"):
        is_emotional(["x"], bound=1.5)


def test_bound_that_is_no_number_is_a_usage_error():
    with pytest.raises(UsageError, match="nan"):
        is_emotional(["x"], bound=float("nan"))


def test_broken_pattern_is_a_usage_error():
    with pytest.raises(UsageError, match=re.escape("'(joy' is no regular expression")):
        is_emotional(["x"], pattern="(joy")


def test_hole_among_captions_is_named():
    with pytest.raises(BenchError, match="Caption 2 of 2 is nan, not text"):
        score_captions(["joy", float("nan")])


def test_one_string_in_place_of_a_list_is_refused():
    with pytest.raises(TypeError, match="a list of texts"):
        score_captions("happy")


def test_explanation_names_the_words():
    assert explain("a Happy man, smiling").words == {"smiling": ["joy", "positive"]}


def test_explanation_scores_as_the_batch_does():
    text = "an angry crowd is fighting"
    assert list(explain(text).scores.values()) == score_captions([text])[0].tolist()


def test_explanation_names_what_the_pattern_found():
    assert explain("so happy, so sad and happy").matches == ["happy", "sad"]


def test_explanation_gives_vaders_weights_in_context():
    valences = explain("not good").valences
    assert valences == {"good": pytest.approx(1.9 * -0.74)}  # the lexicon's 1.9, and NLTK's factor for a negation


def test_explanation_is_plain_json():
    explanation = explain("Happy smiling people")
    assert json.loads(json.dumps(explanation.as_json())) == explanation.as_json()


def test_captions_file_is_read_line_by_line(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_bytes("a happy man\r\n\r\nnaïve\u2028girl\n".encode())
    assert read_captions(path) == ["a happy man", "", "naïve\u2028girl"]


def test_missing_captions_file_is_named(tmp_path):
    with pytest.raises(BenchError, match=r"nowhere\.txt cannot be read: No such file"):
        read_captions(tmp_path / "nowhere.txt")


def test_captions_file_in_another_encoding_is_named(tmp_path):
    (tmp_path / "latin.txt").write_bytes("naïve".encode("latin-1"))
    with pytest.raises(BenchError, match="not UTF-8"):
        read_captions(tmp_path / "latin.txt")


# --- the cache ---

BATCH = [f"a happy man number {number}" for number in range(emotions.CACHED_FROM)]


@pytest.fixture
def empty_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    return tmp_path / "emotions"


def test_a_nul_in_a_file_of_captions_is_an_error_with_its_line(tmp_path):
    (tmp_path / "captions.txt").write_text("a happy man\na \0man\n", encoding="utf-8")
    with pytest.raises(BenchError, match=r"captions\.txt: line 2 has a NUL"):
        read_captions(tmp_path / "captions.txt")


def test_second_time_is_read_from_the_cache(empty_cache):
    score_captions(BATCH)
    [path] = empty_cache.iterdir()
    content = io.BytesIO()
    np.save(content, np.full((len(BATCH), 10), 7))
    path.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())
    assert (score_captions(BATCH) == 7).all()


def test_an_altered_cache_file_is_made_again_with_a_word(empty_cache, capsys):
    """Well-formed, of the right shape, and wrong: without its digest it would be believed."""
    fresh = score_captions(BATCH)
    [path] = empty_cache.iterdir()
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    np.testing.assert_array_equal(score_captions(BATCH), fresh)
    assert f"{path} is damaged" in capsys.readouterr().err
    assert path.read_bytes() != bytes(content)


def test_cached_scores_equal_fresh_ones(empty_cache):
    fresh = vader_compound(BATCH)
    np.testing.assert_array_equal(vader_compound(BATCH), fresh)


def test_small_batches_leave_no_file(empty_cache):
    score_captions(BATCH[:-1])
    assert not empty_cache.exists()


def test_other_texts_have_another_file(empty_cache):
    score_captions(BATCH)
    score_captions([*BATCH[:-1], BATCH[-1] + "!"])
    assert len(list(empty_cache.iterdir())) == 2


def test_other_lexicon_has_another_file(empty_cache, monkeypatch):
    score_captions(BATCH)
    other = lexicons.Lexicon({"man": ["fear"]}, "another digest", "a test")
    monkeypatch.setattr(emotions, "nrc", lambda: other)
    assert score_captions(BATCH)[:, EMOTIONS.index("fear")].all()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00v\x00{'descr'"])
def test_broken_cache_file_is_made_again(empty_cache, content):
    fresh = score_captions(BATCH)
    [path] = empty_cache.iterdir()
    path.write_bytes(content)
    np.testing.assert_array_equal(score_captions(BATCH), fresh)


def test_truncated_cache_file_is_made_again(empty_cache):
    fresh = score_captions(BATCH)
    [path] = empty_cache.iterdir()
    path.write_bytes(path.read_bytes()[:-8])
    np.testing.assert_array_equal(score_captions(BATCH), fresh)


def test_cache_that_cannot_be_written_does_not_stop_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "file"))
    assert score_captions(BATCH).shape == (len(BATCH), 8)


def test_import_loads_neither_torch_nor_nltk():
    code = "import sys, bench.emotions.scores; print(*{'torch', 'transformers', 'nltk', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
