"""Words -> WordNet's lemmas, by WordNet's own rule (morphy) on the data files that NLTK fetches.

A form that is in a part of speech's list of exceptions has the lemmas that stand there; of any other an ending is taken
off. Only lemmas that WordNet has of that part of speech count. The code is here so that a lemma follows from the data
alone, whichever version of NLTK is installed.
Source: Miller, WordNet: a lexical database for English, CACM 38(11), 1995; its manual page morphy(7WN).
"""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache

from bench.errors import BenchError

PLACE = "corpora/wordnet"  # where NLTK looks, and also in a zip file of that name
FETCH_WORDNET = "python -m nltk.downloader wordnet"
ENDINGS = {  # part of speech, in the order in which they are tried -> ending, and what takes its place
    "noun": "s: ses:s ves:f xes:x zes:z ches:ch shes:sh men:man ies:y",
    "verb": "s: ies:y es:e es: ed:e ed: ing:e ing:",
    "adj": "er: est: er:e est:e",
    "adv": "",
}


@dataclass(frozen=True)
class WordNet:
    """known: part of speech -> its lemmas. exceptions: part of speech -> irregular form -> lemmas. digest: of both."""

    known: dict[str, frozenset[str]]
    exceptions: dict[str, dict[str, list[str]]]
    digest: str

    def lemmas(self, word: str) -> list[str]:
        """The lemmas of a word in lower case, each once; nouns first, then verbs, adjectives, adverbs."""
        found: dict[str, None] = {}
        for part, endings in ENDINGS.items():
            forms = self.exceptions[part].get(word) or [
                word.removesuffix(ending) + instead
                for ending, _, instead in (rule.partition(":") for rule in endings.split())
                if word.endswith(ending)
            ]
            found |= {form: None for form in (word, *forms) if form in self.known[part]}
        return list(found)


@cache
def read_wordnet() -> WordNet:
    """WordNet from where NLTK looks. BenchError: it is not there, or broken."""
    known, exceptions, digest = {}, {}, hashlib.sha256()
    for part in ENDINGS:
        index, irregular = (_text(name) for name in (f"index.{part}", f"{part}.exc"))
        digest.update(f"{index}\0{irregular}\0".encode())
        lines = [line.split() for line in irregular.splitlines()]
        exceptions[part] = {words[0]: words[1:] for words in lines if len(words) > 1}
        rows = [line for line in index.splitlines() if line and not line.startswith(" ")]  # the licence is indented
        known[part] = frozenset(line.partition(" ")[0] for line in rows)
    return WordNet(known, exceptions, digest.hexdigest())


def _text(name: str) -> str:
    import nltk.data

    try:
        with nltk.data.find(f"{PLACE}/{name}").open() as file:
            return str(file.read().decode("utf-8"))
    except LookupError:
        raise BenchError(f"nrc-lemma needs NLTK's WordNet, whose {name} is not there: {FETCH_WORDNET}") from None
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise BenchError(f"NLTK's WordNet cannot be read ({error}). Fetch it again: {FETCH_WORDNET}") from None
