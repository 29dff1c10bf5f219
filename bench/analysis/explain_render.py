"""An explanation for people: on a terminal of 80 columns, as a piece of a page, as a page of its own.

Sign and size are shown by side, length and number; colour only repeats it.
"""

import math
import string
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.explain import QueryExplanation, ScoreExplanation, Word
from bench.utils.templates import template
from bench.utils.terminal import printable
from bench.utils.text import WIDTH, wrapped

HALF = 22  # columns of a bar to one side of zero
MORE, LESS, PLAIN = "\033[34m", "\033[33m", "\033[0m"  # all eyes distinguish blue from yellow


def terminal(explanation: ScoreExplanation, colour: bool = False) -> str:
    """The explanation in lines of at most 80 columns. colour: with ANSI colours, for a terminal."""
    said = ScoreSentences(explanation)
    lines = [*_wrapped(f"{explanation.run}: {explanation.variant} on {explanation.dataset}")]
    lines += _entry("query", explanation.query)
    lines += _entry("clip", f"{said.clip} Its caption: {explanation.caption}")
    lines += _entry("score", said.score)
    lines += ["", "Words, by integrated gradients", *_bars(said.words, colour)]
    lines += [*_wrapped(said.marks), *_wrapped(said.sum)]
    lines += [""] + [line for note in said.emotion for line in _wrapped(note)]
    lines += ["", "Frames, by what the score loses without them", *_bars(said.frames, colour), *_wrapped(said.taken)]
    return "\n".join(lines)


@dataclass(frozen=True)
class BarScale:
    """Attributions whose bars are whole: of a word, and of a frame."""

    word: float
    frame: float


def common_scale(explanations: Sequence[ScoreExplanation]) -> BarScale:
    """One scale for several explanations, so that equal bars are equal attributions."""
    return BarScale(
        max((abs(word.attribution) for one in explanations for word in one.words), default=0.0),
        max((abs(frame.attribution) for one in explanations for frame in one.frames), default=0.0),
    )


def explanation_html(explanation: ScoreExplanation, scale: BarScale | None = None) -> str:
    """A piece of a page: one <article>. The page needs `base_css` and `explanation_css` once; nothing is fetched.

    scale: of its bars, where several stand together; its own if not given.
    """
    said = ScoreSentences(explanation, scale)
    return template("bench.analysis", "explanation.html").render(e=explanation, said=said)


def words_html(spoken: QueryExplanation) -> str:
    """The piece of it that the words give, for pages whose style is a file. The page puts it into a .explanation."""
    return template("bench.analysis", "words.html").render(said=QuerySentences(spoken))


def base_css() -> str:
    """What all pages share: colours, light and dark, and what those need who use the keyboard or hear the page."""
    return template("bench.analysis", "base.css").render()


def explanation_css() -> str:
    """The style of `explanation_html` and `words_html`; its colours are those of `base_css`."""
    return template("bench.analysis", "explanation.css").render()


PAGE_MARK = b'<meta name="generator" content="bench explain">'


def page(explanation: ScoreExplanation) -> str:
    """A page of its own, whole in one file."""
    piece, style = explanation_html(explanation), base_css() + explanation_css()
    return template("bench.analysis", "explanation_page.html").render(e=explanation, piece=piece, style=style)


class QuerySentences:
    """The sentences and numbers of what the words give, the same on every screen."""

    def __init__(self, spoken: QueryExplanation, largest: float | None = None):
        self.e = e = spoken
        self.largest = max(abs(word.attribution) for word in e.words) if largest is None else largest
        self.word_digits = places = _digits([abs(word.attribution) for word in e.words] + [abs(e.difference)])
        reference = f"{e.reference_score:.{places}f}"
        self.score = f"{e.score:.{places}f}; with every word replaced by {e.reference} it is {reference}."

    @property
    def words(self) -> list[tuple[str, float, str]]:
        """Each word, its attribution, and that as text."""
        return [(_noted(word), word.attribution, f"{word.attribution:+.{self.word_digits}f}") for word in self.e.words]

    @property
    def sum(self) -> str:
        """Whether the words' attributions add up."""
        e, places = self.e, self.word_digits
        if e.adds_up:
            off = f"off by {abs(e.delta):.0e}" if abs(e.delta) > 0 else "exactly"
            return (
                f"They add up to the difference of the two scores, {e.difference:+.{places}f}, {off} ({e.steps} steps)."
            )
        return (
            f"THEY DO NOT ADD UP: they miss the difference of the two scores, {e.difference:+.{places}f}, by "
            f"{e.delta:+.{places}f} even with {e.steps} steps. Do not read them as parts of the score."
        )

    @property
    def emotion(self) -> list[str]:
        """The query's emotion words, and the emotion input."""
        e, places = self.e, self.word_digits
        notes = []
        if e.emotional:
            named = ", ".join(f"{_bare(word)} ({', '.join(word.emotions)})" for word in e.emotional)
            total = sum(word.attribution for word in e.emotional)
            notes.append(
                f"Emotion words: {named}. They have {e.emotional_share:.0%} of the words' attribution by size and "
                f"{total:+.{places}f} together."
            )
        else:
            notes.append("Emotion words: none that the NRC lexicon knows (capitals count).")
        if e.emotion is None:
            notes.append(f"Emotion input: {e.variant} takes none.")
        elif not e.emotion.emotions:
            notes.append("Emotion input: none, for the query names no emotion.")
        else:
            places = _digits([abs(e.effect), abs(e.emotion.score_without)])
            notes.append(
                f"Emotion input: {', '.join(e.emotion.emotions)}. That adds {e.effect:+.{places}f}: "
                f"without emotion input, {e.variant} scores {e.emotion.score_without:.{places}f} with this clip."
            )
        return notes

    @property
    def marks(self) -> str:
        """What the marks behind the words mean, of those that occur; empty where none does."""
        e = self.e
        meant = ["* names an emotion"] if any(word.emotions for word in e.words) else []
        meant += [f"+ {e.variant} added it"] if any(word.added for word in e.words) else []
        meant += ["? not in the model's vocabulary"] if any(not word.known for word in e.words) else []
        return "; ".join(meant)

    @property
    def whole(self) -> str:
        """The attribution of a word whose bar is whole."""
        return f"±{self.largest:.{self.word_digits}f}"

    def shade(self, word: Word) -> int:
        """The size of a word's attribution in percent of a whole bar."""
        return round(100 * abs(word.attribution) / self.largest) if self.largest else 0


class ScoreSentences(QuerySentences):
    """The same of a whole explanation."""

    e: ScoreExplanation

    def __init__(self, explanation: ScoreExplanation, scale: BarScale | None = None):
        scale = scale or common_scale([explanation])
        super().__init__(explanation, scale.word)
        self.largest_frame = scale.frame
        self.frame_digits = _digits([abs(frame.attribution) for frame in explanation.frames])
        which = "asked for" if explanation.named else "the top one"
        self.clip = f"{explanation.video}, {which}: rank {explanation.rank:g} of {explanation.gallery}."

    @property
    def frames(self) -> list[tuple[str, float, str]]:
        """Each frame's second, its attribution, and that as text."""
        return [
            (f"{frame.second:.2f} s", frame.attribution, f"{frame.attribution:+.{self.frame_digits}f}")
            for frame in self.e.frames
        ]

    @property
    def taken(self) -> str:
        """What was done to the frames."""
        return (
            "Each frame was painted grey, one at a time, and the clip scored again; with all of them "
            f"painted it scores {self.e.blank_score:.{self.word_digits}f}. What several frames show remains if one of "
            "them is painted, so these numbers need not add up."
        )

    @property
    def whole_frame(self) -> str:
        """The attribution of a frame whose bar is whole."""
        return f"±{self.largest_frame:.{self.frame_digits}f}"

    def length(self, attribution: float) -> int:
        """The size of a frame's attribution in percent of a whole bar."""
        return round(100 * abs(attribution) / self.largest_frame) if self.largest_frame else 0


def _noted(word: Word) -> str:
    return word.text + ("*" if word.emotions else "") + ("+" if word.added else "") + ("" if word.known else "?")


def _bare(word: Word) -> str:
    return word.text.strip(string.punctuation)


def _digits(sizes: list[float]) -> int:
    """Decimals that show three figures of the largest of these numbers; at least 3, at most 8."""
    largest = max(sizes, default=0.0)
    return min(8, max(3, 2 - math.floor(math.log10(largest)))) if largest > 0 else 3


def _bars(rows: list[tuple[str, float, str]], colour: bool) -> list[str]:
    rows = [(printable(name), value, number) for name, value, number in rows]
    largest = max(abs(value) for _, value, _ in rows) or 1.0
    name_width = min(max(len(name) for name, _, _ in rows), 20)
    lines = []
    for name, value, number in rows:
        name = name if len(name) <= name_width else name[: name_width - 1] + "…"
        size = round(HALF * abs(value) / largest)
        left, right = ("▒" * size, "") if value < 0 else ("", "█" * size)
        if colour and size:
            left, right = (
                (f"{LESS}{left:>{HALF}}{PLAIN}", "") if value < 0 else (f"{'':>{HALF}}", f"{MORE}{right}{PLAIN}")
            )
        lines.append(f"  {name:<{name_width}} {number:>11} {left:>{HALF}}│{right}")
    return lines


def _entry(name: str, text: str) -> list[str]:
    return textwrap.wrap(printable(text), WIDTH, initial_indent=f"{name:<7}", subsequent_indent=" " * 7)


def _wrapped(text: str) -> list[str]:
    return wrapped(printable(text))
