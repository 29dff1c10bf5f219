"""The official VADER lexicon is the one of the shared folder, as `nltk_data` has it."""

import zipfile
from pathlib import Path

import nltk.data
import pytest

from bench.emotions import lexicons
from bench.emotions.lexicons import lexicon_versions, nrc, read_vader
from bench.errors import BenchError


@pytest.fixture
def nltk_place(tmp_path, monkeypatch) -> Path:
    """Where NLTK looks for VADER's zip file: one empty folder and nowhere else."""
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    (tmp_path / "sentiment").mkdir()
    return tmp_path / "sentiment" / "vader_lexicon.zip"


def write(place: Path, content: str) -> None:
    with zipfile.ZipFile(place, "w") as file:
        file.writestr("vader_lexicon/vader_lexicon.txt", content)


def official_lines(shared: Path) -> str:
    with zipfile.ZipFile(shared / "lexicons" / "vader_lexicon.zip") as file:
        return file.read("vader_lexicon/vader_lexicon.txt").decode()


def test_corrected_lexicon_equals_the_official_one(shared, nltk_place):
    official = {}
    for line in official_lines(shared).splitlines():
        word, valence = line.strip().split("\t")[:2]
        official[word] = float(valence)
    assert read_vader().words == official


def test_without_nltk_data_the_corrected_lexicon_is_named(nltk_place):
    assert read_vader().source.startswith("official, from vaderSentiment")


def test_lexicon_where_nltk_looks_comes_first(shared, nltk_place):
    nltk_place.write_bytes((shared / "lexicons" / "vader_lexicon.zip").read_bytes())
    assert read_vader().source == "official, from nltk_data"


def test_both_origins_have_one_digest(shared, nltk_place):
    corrected = read_vader().digest
    nltk_place.write_bytes((shared / "lexicons" / "vader_lexicon.zip").read_bytes())
    assert read_vader().digest == corrected


def test_other_lexicon_where_nltk_looks_is_an_error(nltk_place):
    write(nltk_place, "happy\t2.0")
    with pytest.raises(BenchError, match="not the official VADER lexicon"):
        read_vader()


def test_malformed_lexicon_names_the_line(nltk_place):
    write(nltk_place, "happy\t2.0\nsad")
    with pytest.raises(BenchError, match="line 2 is no"):
        read_vader()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken"])
def test_broken_zip_where_nltk_looks_is_an_error(nltk_place, content):
    nltk_place.write_bytes(content)
    with pytest.raises(BenchError, match="cannot be read"):
        read_vader()


def test_truncated_zip_where_nltk_looks_is_an_error(shared, nltk_place):
    nltk_place.write_bytes((shared / "lexicons" / "vader_lexicon.zip").read_bytes()[:50_000])
    with pytest.raises(BenchError, match="cannot be read"):
        read_vader()


def test_unknown_vadersentiment_is_an_error(nltk_place, monkeypatch):
    monkeypatch.setattr(lexicons, "VADER_CORRECTIONS", {})
    with pytest.raises(BenchError, match=r"vaderSentiment==3\.3\.2"):
        read_vader()


def test_nrc_lexicon_has_its_published_size():
    assert len(nrc().words) == 6468


def test_file_in_the_current_folder_is_not_taken_for_the_nrc_lexicon(tmp_path, monkeypatch):
    (tmp_path / "nrc_en.json").write_text('{"table": ["joy"]}')
    monkeypatch.chdir(tmp_path)
    nrc.cache_clear()
    assert len(nrc().words) == 6468


def test_versions_name_both_lexicons_with_digest():
    assert all(nrc_or_vader.rpartition("sha256 ")[2].isalnum() for nrc_or_vader in lexicon_versions().values())
