"""Caption -> emotions: how often each of eight emotions is named, and whether a caption counts as emotional at all.

Two measures, as in the report that this suite starts from (MIE1517, 2024). The *labels* count words of the NRC lexicon
per emotion; a variant may use them. The *filter* chooses which videos are about emotion: VADER's compound score beyond
a bound, or a pattern of emotion words. `explain` shows for one text which words did it.

    bench emotions "Happy smiling people"
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS, POLARITIES
from bench.emotions.lexicons import nrc, vader
from bench.errors import BenchError, UsageError
from bench.utils.files import read_text, replacing
from bench.utils.messages import say_once
from bench.utils.paths import home

if TYPE_CHECKING:  # importing NLTK takes a second: it waits until there is a text to score
    from bench.emotions.vader import Vader

BOUND = 0.6  # the report's, on VADER's |compound|

# The report's, case-sensitive, parts of words too; the space keeps " anger" from matching "danger" and "stranger".
PATTERN = (
    "happy|sad|afraid|fear|surprise|joy|disgust|annoy| anger|angry|excite|excited|exciting|scare|scared|scary|"
    "fright|frighten|frightened|frightening|fearful|fearless|fearfully"
)

AFFECTS = (*EMOTIONS, "positive", "negative")  # the columns of the NRC lexicon
DIGEST_SIZE = 32  # bytes of a sha256, at the end of a cached file
CACHED_FROM = 1000  # texts; fewer are scored faster than a file is worth
CACHE_FORMAT = 3  # raise it when the same texts and lexicon would give other numbers


def score_captions(captions: Sequence[str], *, lowercase: bool = False) -> NDArray[np.int64]:
    """How many words of each caption the NRC lexicon ties to each emotion: (n, 8) counts in the order of EMOTIONS.

    A word is what `bench.emotions.tokenize` says: TextBlob's rule, as NRCLex 3 used it, without lemmas. Capitals count,
    as in the report: "Happy" is not in the lexicon. lowercase: look words up in lower case instead.
    Source: Mohammad and Turney, Computational Intelligence 29(3), 2013; the lexicon is NRCLex's.
    """
    return _count_affects(captions, lowercase)[:, : len(EMOTIONS)]


def score_polarity(captions: Sequence[str], *, lowercase: bool = False) -> NDArray[np.int64]:
    """(n, 3): counts of positive and of negative words, and neutral, 1 where a caption has neither and else 0."""
    polarity = _count_affects(captions, lowercase)[:, len(EMOTIONS) :]
    return np.column_stack([polarity, ~polarity.any(axis=1)])


def polarity(captions: Sequence[str]) -> NDArray[np.int64]:
    """(n,): 1 where a caption has more positive than negative words in the NRC lexicon, -1 where fewer, 0 otherwise."""
    counts = score_polarity(captions)
    return np.sign(counts[:, 0] - counts[:, 1])


def is_emotional(texts: Sequence[str], bound: float = BOUND, pattern: str = PATTERN) -> NDArray[np.bool_]:
    """(n,): whether VADER's |compound| of a text is above `bound`, or `pattern` is found in it.

    With the defaults, and the 20 captions of a video joined by ". ", this is the report's filter: 6 137 of the 9 000
    training videos of MSR-VTT. UsageError for a bound outside 0..1 or a pattern that is no regular expression.
    """
    if not 0 <= bound <= 1:
        raise UsageError(f"The bound on VADER's compound score is {bound}; it must lie between 0 and 1.")
    matched = matches_pattern(texts, pattern)
    return matched | (np.abs(vader_compound(texts)) > bound)


def vader_compound(texts: Sequence[str]) -> NDArray[np.float64]:
    """VADER's compound score of each text, by NLTK's code on the official lexicon: (n,), -1 to 1, four decimals."""
    texts = checked(texts)

    def compute() -> NDArray[np.float64]:
        analyzer = _analyzer()
        return np.array([analyzer.polarity_scores(text)["compound"] for text in texts], np.float64)

    return cached("vader", vader().digest, texts, compute)


def matches_pattern(texts: Sequence[str], pattern: str = PATTERN) -> NDArray[np.bool_]:
    """(n,): whether the regular expression is found in each text, capitals as they are."""
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UsageError(f"The pattern {pattern!r} is no regular expression: {error}.") from None
    return np.array([search(text) is not None for text in checked(texts)], np.bool_)


@dataclass(frozen=True)
class CaptionEmotions:
    """What a text scores, and which words did it.

    scores, polarity: counts by name, in the order of EMOTIONS and POLARITIES.
    words: each word that the NRC lexicon knows, in order -> its emotions and polarities. unknown: those that it lacks,
    without articles and the like.
    compound: VADER's score, -1 to 1. valences: the words that VADER weighed -> their weight in this context.
    matches: what the filter's pattern found. emotional: whether the text passes the filter.
    """

    text: str
    scores: dict[str, int]
    polarity: dict[str, int]
    emotional: bool
    words: dict[str, list[str]]
    compound: float
    valences: dict[str, float]
    matches: list[str]
    unknown: list[str]

    def as_json(self) -> dict:
        """The same as plain JSON types."""
        return asdict(self)


def explain(text: str, *, lowercase: bool = False) -> CaptionEmotions:
    """Everything that the labels and the filter see in one text. lowercase: as in `score_captions`; not the filter."""
    from bench.emotions.tokenize import words
    from bench.emotions.unknown_words import unknown_words

    [text] = checked([text])
    lexicon, asked = nrc().words, text.lower() if lowercase else text
    found = dict.fromkeys(word for word in words(asked) if word in lexicon)
    analyzer = _analyzer()
    return CaptionEmotions(
        text=text,
        scores=dict(zip(EMOTIONS, score_captions([text], lowercase=lowercase)[0].tolist(), strict=True)),
        polarity=dict(zip(POLARITIES, score_polarity([text], lowercase=lowercase)[0].tolist(), strict=True)),
        emotional=bool(is_emotional([text])[0]),
        words={word: list(lexicon[word]) for word in found},
        compound=float(vader_compound([text])[0]),
        valences=analyzer.valences(text),
        matches=list(dict.fromkeys(match.group() for match in re.finditer(PATTERN, text))),
        unknown=unknown_words(asked, lexicon.__contains__),
    )


def read_captions(path: Path) -> list[str]:
    """The captions of a text file (UTF-8), one a line; an empty line is an empty caption, so line numbers hold."""
    try:
        text = read_text(path).removeprefix("\ufeff")
    except OSError as error:
        raise BenchError(
            f"{path} cannot be read: {error.strerror}. Give a text file with one caption a line."
        ) from None
    except UnicodeDecodeError as error:
        raise BenchError(f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8 text.") from None
    lines = text.removesuffix("\n").split("\n") if text else []
    if (number := next((number for number, line in enumerate(lines, 1) if "\0" in line), 0)) > 0:
        raise BenchError(f"{path}: line {number} has a NUL. Give a text file with one caption a line.")
    return lines


def _count_affects(texts: Sequence[str], lowercase: bool) -> NDArray[np.int64]:
    """(n, 10): how many words of each text carry each of AFFECTS."""
    texts = checked(texts)
    if lowercase:
        texts = [text.lower() for text in texts]

    return cached("nrc", nrc().digest, texts, lambda: _count(texts, lambda words: words))


def count_emotions(captions: Sequence[str], counting: Callable[[list[str]], Iterable[str]]) -> NDArray[np.int64]:
    """(n, 8): as `score_captions`, of those words that `counting` makes of the words of each caption."""
    return _count(checked(captions), counting)[:, : len(EMOTIONS)]


def _count(texts: list[str], counting: Callable[[list[str]], Iterable[str]]) -> NDArray[np.int64]:  # (n, 10)
    from bench.emotions.tokenize import words

    lexicon, columns = nrc().words, {affect: column for column, affect in enumerate(AFFECTS)}
    counts = np.zeros((len(texts), len(AFFECTS)), np.int64)
    for row, text in zip(counts, texts, strict=True):
        if known := [columns[affect] for word in counting(words(text)) for affect in lexicon.get(word, ())]:
            row += np.bincount(known, minlength=len(AFFECTS))
    return counts


@cache
def _analyzer() -> "Vader":
    from bench.emotions.vader import Vader

    return Vader(vader().words)


def checked(texts: Sequence[str]) -> list[str]:
    """The texts as a list. One string, or a hole in a table read by pandas, would otherwise be scored as something."""
    if isinstance(texts, str):
        raise TypeError("one text was given where a list of texts is wanted")
    texts = list(texts)
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise BenchError(f"Caption {number} of {len(texts)} is {text!r}, not text. Fill it in, or leave it out.")
    return texts


def cached(measure: str, lexicon: str, texts: list[str], compute: Callable[[], NDArray]) -> NDArray:
    """Values for a batch of texts, from the cache folder if they were computed before for the same batch and lexicon.

    One file a batch: the array and its digest, written whole and renamed, so runs side by side at worst do the same
    work twice. A file that is damaged is made again, with a word; one that cannot be written costs time and no result.
    """
    if len(texts) < CACHED_FROM:
        return compute()
    key = hashlib.sha256(f"{CACHE_FORMAT} {version('nltk')} {lexicon}".encode())
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        key.update(b"%d:" % len(content) + content)
    path = home() / "emotions" / f"{measure}-{key.hexdigest()}.npy"
    with suppress(OSError):
        content = path.read_bytes()
        array, digest = content[:-DIGEST_SIZE], content[-DIGEST_SIZE:]
        if hashlib.sha256(array).digest() == digest:
            return np.lib.format.read_array(io.BytesIO(array), allow_pickle=False)
        say_once(f"{path} is damaged: it is made again.")
    values = compute()
    written = io.BytesIO()
    np.lib.format.write_array(written, values, allow_pickle=False)
    array = written.getvalue()
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(array + hashlib.sha256(array).digest())
    except OSError as error:
        say_once(f"{path.parent} cannot be written ({error.strerror}): captions will be scored again each time.")
    return values
