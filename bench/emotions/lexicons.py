"""The two lexicons that decide what an emotional caption is: NRC (eight emotions, two polarities) and VADER.

Both come out of installed packages, so nothing is downloaded. `lexicon_versions` says which content is used, and
stands in every run's record. The NRC lexicon is free for research only and is never copied: it is read from the
NRCLex package. Its authors: Mohammad and Turney, Computational Intelligence 29(3), 2013; Hutto and Gilbert, ICWSM 2014.
"""

import hashlib
import importlib.util
import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from bench.errors import BenchError

VADER_RESOURCE = "sentiment/vader_lexicon.zip/vader_lexicon/vader_lexicon.txt"  # the name that NLTK's analyzer loads
OFFICIAL_VADER = "fd7004ec6bc01cd2c3aa90f9f169a87aaa1581e0ad705c2c9116fa1c568bda0c"

# Where vaderSentiment 3.3.2 departs from the official lexicon: the official valence, or None where it has no such word.
VADER_CORRECTIONS = {":P": None, ":p": 1.4, "badass": -0.6, "flawed": None, "heart": None, "hearts": None}

FETCH = "fetch it again: python -m nltk.downloader --force vader_lexicon"


@dataclass(frozen=True)
class Lexicon:
    """Words and what they carry, the digest of that content, and one line on where it came from."""

    words: dict
    digest: str
    source: str


def digest(words: dict) -> str:
    """The sha256 (hex) over parsed entries in sorted order, so that content and not the file's layout decides."""
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def parse_vader(text: str, where: object) -> dict[str, float]:
    """Reads VADER's lines (word, tab, mean valence in -4..4, …) as NLTK does; of a word that occurs twice, the last."""
    valences = {}
    for number, line in enumerate(text.split("\n"), 1):
        try:
            word, valence = line.strip().split("\t")[:2]
            valences[word] = float(valence)
        except ValueError:
            raise BenchError(f"{where} line {number} is no 'word, tab, valence'. Remove the file, or {FETCH}") from None
    return valences


def read_vader() -> Lexicon:
    """The official VADER lexicon: from where NLTK looks, else vaderSentiment's brought to the official content.

    A lexicon with other content in NLTK's place is an error and not a footnote: the filter chooses the training
    videos, so another lexicon would be another dataset under the same name.
    """
    import nltk.data

    try:
        place = nltk.data.find(VADER_RESOURCE)
        text = nltk.data.load(VADER_RESOURCE, format="text", cache=False)
    except LookupError:
        return _corrected_vader()
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise BenchError(f"NLTK's VADER lexicon cannot be read ({error}). Remove it, or {FETCH}") from None
    words = parse_vader(text, place)
    if digest(words) != OFFICIAL_VADER:
        raise BenchError(
            f"{place} is not the official VADER lexicon and would choose other videos "
            f"(sha256 {digest(words)[:12]}…, not {OFFICIAL_VADER[:12]}…). Remove it, or {FETCH}"
        )
    return Lexicon(words, OFFICIAL_VADER, "official, from nltk_data")


def _corrected_vader() -> Lexicon:
    spec = importlib.util.find_spec("vaderSentiment")  # only its folder is wanted: importing it pulls in requests
    if spec is None or spec.origin is None:
        raise BenchError("No VADER lexicon is installed. Install it: pip install vaderSentiment")
    path = Path(spec.origin).with_name("vader_lexicon.txt")
    installed = version("vaderSentiment")
    words = parse_vader(path.read_text(encoding="utf-8"), path)
    for word, valence in VADER_CORRECTIONS.items():
        if valence is None:
            words.pop(word, None)
        else:
            words[word] = valence
    if digest(words) != OFFICIAL_VADER:
        raise BenchError(
            f"vaderSentiment {installed} has an unknown lexicon. Install this one: pip install vaderSentiment==3.3.2"
        )
    return Lexicon(words, OFFICIAL_VADER, f"official, from vaderSentiment {installed} with six entries corrected")


@cache
def vader() -> Lexicon:
    """The VADER lexicon in use: word -> mean valence, -4 (most negative) to 4."""
    return read_vader()


@cache
def nrc() -> Lexicon:
    """The NRC lexicon in use: word -> the emotions and polarities it is associated with (6 468 words)."""
    from nrclex import NRCLex

    # None, because the default name would also take a file that happens to lie in the current folder.
    words = NRCLex(None).__lexicon__
    return Lexicon(words, digest(words), f"NRCLex {version('nrclex')}")


def lexicon_versions() -> dict[str, str]:
    """Which lexicons decide here, for the record: {"nrc": …, "vader": …}, each its source and its content's digest."""
    return {
        name: f"{lexicon.source}, sha256 {lexicon.digest}" for name, lexicon in (("nrc", nrc()), ("vader", vader()))
    }
