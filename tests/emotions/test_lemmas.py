"""Lemmas by WordNet's rule: NLTK's own reader of the same files is the reference."""

import shutil
from pathlib import Path

import pytest
from nltk.corpus.reader.wordnet import WordNetCorpusReader

from bench.emotions.lemmas import read_wordnet
from bench.errors import BenchError

WORDS_TEXT = """man men smile smiles smiled smiling wolves wolf buses bus churches cries cried crying cry was is walks
walked walking loves loved loving lovely happier happiest happy larger largest large sadly sad sadder
joys joyous x s es ing laughs laughed"""
WORDS = WORDS_TEXT.split()


@pytest.mark.filterwarnings("ignore:The multilingual functions")
@pytest.mark.parametrize("word", WORDS)
def test_lemmas_are_those_of_nltk_s_reader(word: str, tiny_wordnet: Path) -> None:
    reader = WordNetCorpusReader(str(tiny_wordnet), None)
    expected = [lemma for part in "nvar" for lemma in reader._morphy(word, part)]
    assert read_wordnet().lemmas(word) == list(dict.fromkeys(expected))


def test_a_zip_file_as_nltk_s_downloader_leaves_it_is_read(tiny_wordnet: Path) -> None:
    digest = read_wordnet().digest
    shutil.make_archive(str(tiny_wordnet), "zip", tiny_wordnet.parent, "wordnet")
    shutil.rmtree(tiny_wordnet)
    read_wordnet.cache_clear()
    assert read_wordnet().digest == digest


def test_other_data_have_another_digest(tiny_wordnet: Path) -> None:
    before = read_wordnet().digest
    (tiny_wordnet / "verb.exc").write_text("was be\n")
    read_wordnet.cache_clear()
    assert read_wordnet().digest != before


def test_a_broken_file_is_one_line(tiny_wordnet: Path) -> None:
    (tiny_wordnet / "noun.exc").write_bytes(b"\xff")
    with pytest.raises(BenchError, match=r"cannot be read .*Fetch it again"):
        read_wordnet()
