"""A WordNet of a few words, in the format of the real one, where NLTK looks."""

from collections.abc import Iterator
from pathlib import Path

import nltk.data
import pytest

from bench.emotions.lemmas import read_wordnet
from bench.emotions.sources.nrc import _known_lemma

KNOWN = {
    "noun": ["man", "smile", "wolf", "bus", "church", "joy"],
    "verb": ["smile", "walk", "cry", "be", "love", "laugh"],
    "adj": ["happy", "sad", "large"],
    "adv": ["sadly"],
}
EXCEPTIONS = {"noun": ["wolves wolf"], "verb": ["was be", "cried cry"], "adj": ["happier happy"], "adv": []}


def write_wordnet(folder: Path) -> Path:
    """The files that NLTK's own reader of WordNet opens; data.* hold no more than their first line."""
    folder.mkdir(parents=True)
    for part, words in KNOWN.items():
        letter = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}[part]
        lines = [f"{word} {letter} 1 0 1 0 00001740" for word in sorted(words)]
        (folder / f"index.{part}").write_text("  1 licence\n" + "".join(f"{line}\n" for line in lines))
        (folder / f"data.{part}").write_text("  1 WordNet 3.0 Copyright\n")
        (folder / f"{part}.exc").write_text("".join(f"{line}\n" for line in EXCEPTIONS[part]))
    for name in ("cntlist.rev", "index.sense"):
        (folder / name).write_text("")
    (folder / "lexnames").write_text("00\tadj.all\t3\n")
    return folder


@pytest.fixture
def tiny_wordnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where it lies."""
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "nltk_data")])
    read_wordnet.cache_clear()
    _known_lemma.cache_clear()
    yield write_wordnet(tmp_path / "nltk_data" / "corpora" / "wordnet")
    read_wordnet.cache_clear()
    _known_lemma.cache_clear()
