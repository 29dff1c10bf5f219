"""A caption with its emotion word exchanged, and three edits that should matter less: the controls.

    swap        "a happy man"  ->  "an angry man"     another emotion
    synonym     "a happy man"  ->  "a joyful man"     the same emotion in another word
    deletion    "a happy man"  ->  "a man"            no emotion
    adjective   "a happy old man"  ->  "a happy little man"    another look, the same emotion

The words are in swaps.yaml beside this file; its head says by which rule they were chosen. Only whole words are
exchanged, all of a caption's that are listed, but for the adjective, of which one is enough. Capitals stay and "a" or
"an" is mended. The same caption always gives the same edits. There is no parser here: where the form of the word and
its neighbours do not say that a deletion leaves a sentence, there is none, and so for the other edits where no listed
word stands.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.emotions import BOTH_WAYS
from bench.utils.files import load_yaml
from bench.utils.text_yaml import TextLoader

EDITS = ("swap", "synonym", "deletion", "adjective")
LIST = Path(__file__).with_name("swaps.yaml")

# What an emotion turns to: Plutchik's opposite, but "happy" becomes "angry". "Smiling" has its opposite in "crying".
TARGETS = {**BOTH_WAYS, "joy": "anger", "anger": "joy"}
_DONE = {"participle", "verb", "verb-s"}  # what one does, not what one is or has


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DEGREE = r"(?:(?:very|so|really|too|extremely|quite) )?"
_COPULA = _set("is are was were be been am looks look feels feel seems seem gets get becomes become")
_LINK = ("looking", "feeling", "seeming", "acting", "being", "getting")
_PLACE = _set(
    "in on at by near beside next with while as from under over behind between among outside inside against around "
    "along into onto through across after before during up down out when who that which but"
)
_WHERE = _set("downtown together outside inside outdoors indoors alone there here home")
_JOINED = _set("and or &")
_LITTLE = (
    _COPULA
    | _PLACE
    | _JOINED
    | _set(
        "to of for about a an the this these those his her their its he she it they him them you i we has have had "
        "does do did can could will would may should not if because then than so too very"
    )
)
_DETERMINER = _set(
    "a an the this that these those his her their its my our your some many several two three four five six few "
    "other another one of with"
)


@dataclass(frozen=True)
class ListedWord:
    """A word of the list. target: the emotion that `swap` names."""

    form: str
    emotion: str
    target: str
    swap: str
    synonym: str


@dataclass(frozen=True)
class Counterfactual:
    """A caption's edits. words: those that were exchanged; source, target: the emotions of the first and of its swap.

    edited: a caption for each of EDITS, None where there is none.
    """

    words: tuple[str, ...]
    source: str
    target: str
    edited: dict[str, str | None]


def counterfactual(caption: str) -> Counterfactual | None:
    """The edits of a caption; None where no listed emotion word stands."""
    entries = emotional_words()
    found = list(_whole(tuple(entries)).finditer(caption))
    if not found:
        return None
    words = tuple(match[0].lower() for match in found)
    first = entries[words[0]]
    edited = {
        "swap": _replaced(caption, found, lambda word: entries[word].swap),
        "synonym": _replaced(caption, found, lambda word: entries[word].synonym),
        "deletion": _without(caption, found),
        "adjective": None,
    }
    adjectives = plain_adjectives()
    if look := _whole(tuple(adjectives)).search(caption):
        edited["adjective"] = _replaced(caption, [look], lambda word: adjectives[word])
    return Counterfactual(words, first.emotion, first.target, edited)


def swapped_captions(captions: Iterable[str]) -> dict[str, str]:
    """Each caption in which a listed emotion word stands -> its `swap`."""
    found = ((caption, counterfactual(caption)) for caption in dict.fromkeys(captions))
    return {caption: swap for caption, edits in found if edits and (swap := edits.edited["swap"])}


@cache
def emotional_words() -> dict[str, ListedWord]:
    """The listed emotion words, lower case."""
    return {
        word: ListedWord(form, emotion, target(emotion, form), entry["swap"], entry["synonym"])
        for emotion, forms in _list()["emotional"].items()
        for form, words in forms.items()
        for word, entry in words.items()
    }


@cache
def plain_adjectives() -> dict[str, str]:
    """The adjectives without emotion, each with the one that takes its place."""
    adjectives: dict[str, str] = _list()["adjectives"]
    return adjectives


def target(emotion: str, form: str) -> str:
    """The emotion to which a word of this emotion and form turns."""
    return "sadness" if emotion == "joy" and form in _DONE else TARGETS[emotion]


def _list() -> dict:
    content: dict = load_yaml(LIST, TextLoader)
    return content


@cache
def _whole(words: tuple[str, ...]) -> re.Pattern[str]:
    """Finds any of these words, whole: neither part of another nor of a hyphened one, in any case."""
    return re.compile(
        rf"(?<![\w'-])(?:{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})(?![\w'-])", re.I
    )


def _replaced(caption: str, found: list[re.Match[str]], by: Callable[[str], str]) -> str:
    for match in reversed(found):
        new = _cased(by(match[0].lower()), like=match[0])
        caption = _article(caption[: match.start()], new) + new + caption[match.end() :]
    return caption


def _cased(word: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word[0].upper() + word[1:] if like[0].isupper() else word


def _article(before: str, after: str) -> str:
    """`before` with the article at its end, if there is one, as what comes after wants it."""
    match = re.search(r"(?<![\w'-])(an?)( +)$", before, re.I)
    if not match:
        return before
    vowel = re.match(r"[aeiou]|hour|honest|heir", after, re.I) and not re.match(r"uni|use|usu|eu|one\b", after, re.I)
    an = _cased("an" if vowel else "a", like=match[1][0])
    return before[: match.start()] + (an.upper() if match[1].isupper() and len(match[1]) > 1 else an) + match[2]


def _without(caption: str, found: list[re.Match[str]]) -> str | None:
    """The caption without these words and what hangs on them; None where that leaves no sentence."""
    left = caption
    for match in reversed(found):
        cut = _span(left, match, emotional_words()[match[0].lower()].form)
        if cut is None:
            return None
        before, after = left[: cut[0]], left[cut[1] :]
        left = _article(before, after.lstrip()) + after
    left = re.sub(r"\s+([,.;:!?])", r"\1", re.sub(r"\s+", " ", left)).strip(" ,")
    if not re.search(r"\w", left):
        return None
    return left[0].upper() + left[1:] if caption.lstrip()[:1].isupper() else left


def _span(text: str, match: re.Match[str], form: str) -> tuple[int, int] | None:
    """Where to cut: the word, with what it takes along."""
    return _CUTS[form](text, match.start(), match.end()) if form in _CUTS else None


def _cut_adjective(text: str, start: int, end: int) -> tuple[int, int] | None:
    start = _from(rf"{_DEGREE}$", text, start)
    before, after = _neighbours(text, start, end)
    if before in _LINK:
        link = _from(rf"\b{before} +$", text, start)
        return _aside(text, link, end)
    alone = before in _JOINED or before == "," or after in _LITTLE or not re.match(r"\w", after)
    return None if alone else (start, end)


def _cut_participle(text: str, start: int, end: int) -> tuple[int, int] | None:
    before, after = _neighbours(text, start, end)
    attributive = (before in _DETERMINER or not before) and after not in _LITTLE and re.match(r"\w", after)
    return (start, end) if attributive else _aside(text, start, end)


def _cut_noun(text: str, start: int, end: int) -> tuple[int, int] | None:
    taken = _from(r"\b(?:filled with|full of|out of|with|in) +(?:(?:an?|great|much|pure|sheer|utter) +)*$", text, start)
    before, after = _neighbours(text, taken, end)
    ends = not re.match(r"\w", after) or after in _PLACE | _WHERE
    return (taken, end) if taken < start and ends and before and before not in _COPULA | _JOINED else None


def _cut_adverb(text: str, start: int, end: int) -> tuple[int, int] | None:
    start = _from(rf"{_DEGREE}$", text, start)
    return None if _JOINED & set(_neighbours(text, start, end)) else (start, end)


_CUTS = {"adjective": _cut_adjective, "participle": _cut_participle, "noun": _cut_noun, "adverb": _cut_adverb}


def _aside(text: str, start: int, end: int) -> tuple[int, int] | None:
    """What is said aside of someone: between commas, which go too, or behind a noun and before a place or the end."""
    before, after = _neighbours(text, start, end)
    if before == "," and after in (",", ".", ""):
        return text.rindex(",", 0, start), end + len(re.match(r"\s*,?", text[end:])[0])  # type: ignore[index]
    behind = re.match(r"\w", before) and before not in _LITTLE
    ends = after in (_PLACE | _WHERE) - {"at", "with", "as"} or after in (".", "")  # one laughs at or with someone
    return (start, end) if behind and ends else None


def _neighbours(text: str, start: int, end: int) -> tuple[str, str]:
    """The word or mark before and after, lower case, "" at an end of the text."""
    before = re.search(r"([\w'-]+|[^\w\s])\s*$", text[:start])
    after = re.match(r"\s*([\w'-]+|[^\w\s])", text[end:])
    return before[1].lower() if before else "", after[1].lower() if after else ""


def _from(pattern: str, text: str, start: int) -> int:
    """Where `pattern` begins that ends at `start`; `start` itself where it does not match."""
    match = re.search(pattern, text[:start], re.I)
    return match.start() if match else start
