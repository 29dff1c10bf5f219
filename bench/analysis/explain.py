"""Why a query scores as it does with a clip: which words, which frames, and what the emotion input does to it.

    bench explain RUN "a cook walks along, looking gloomy" [--video ID]

Three questions, three answers, never mixed:

    words      integrated gradients from the same query with every word replaced by a reference token. They add up to
               the score minus the reference's score; that is checked. The emotion input stays the query's own all along
               the way, so none of it is in the words' shares.
    emotion    how much of the words' shares lies on words that the NRC lexicon ties to an emotion; and, of a variant
               that takes emotions, the score as it is minus the score without emotion input.
    frames     occlusion: the score minus the score with the frame painted grey (and no face seen in it). It claims no
               more than what it measures, at one forward a frame; gradients along a path of half-grey clips would add
               up, but through clips that no model has seen. Occlusions need not add up.

Source: Sundararajan et al., Axiomatic Attribution for Deep Networks, arXiv 1703.01365, by captum's layer integrated
gradients as transformers-interpret wraps them; occlusion as in Zeiler and Fergus, arXiv 1311.2901.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from bench.analysis.attribution import QueryScorer, adds_up, attribute, reference_token
from bench.analysis.occlusion import occlude
from bench.data.batch import TextBatch
from bench.data.loading import Collator
from bench.data.tokenizer import UNKNOWN
from bench.data.video import sample_indices
from bench.emotions import EMOTIONS
from bench.emotions.lexicons import nrc
from bench.emotions.tokenize import words as words_of
from bench.engine.reopen import Reopened
from bench.errors import BenchError, UsageError
from bench.model.variant import Variant
from bench.utils.images import jpeg
from bench.utils.names import did_you_mean
from bench.utils.terminal import SOME


@dataclass(frozen=True)
class Word:
    """A word as it stands between blanks, and what it gives to the score."""

    text: str
    attribution: float
    tokens: tuple[str, ...]
    emotions: tuple[str, ...]  # that the NRC lexicon ties to it
    added: bool  # by the variant's phrase: it is not in the query
    known: bool  # False if the tokenizer has no token for it, or for a part of it


@dataclass(frozen=True)
class Frame:
    """A frame that the model saw, and what the score loses without it."""

    second: float
    attribution: float
    picture: bytes  # JPEG


@dataclass(frozen=True)
class EmotionInput:
    """The emotions of the query that the variant is given, and the score without emotion input."""

    emotions: tuple[str, ...]
    score_without: float


@dataclass(frozen=True)
class QueryExplanation:
    """What the words of `query` and its emotions give to `score`, in units of the score, before the temperature."""

    variant: str
    query: str
    score: float
    reference: str  # the token in place of every word
    reference_score: float
    words: tuple[Word, ...]
    delta: float  # what the words add up to, minus the difference of the scores
    steps: int
    emotion: EmotionInput | None  # None: the variant takes no emotions

    @property
    def difference(self) -> float:
        """What the words add up to if the integral is right."""
        return self.score - self.reference_score

    @property
    def adds_up(self) -> bool:
        """Whether the words' attributions may be read as parts of the score."""
        return adds_up(self.delta, self.difference)

    @property
    def emotional(self) -> tuple[Word, ...]:
        """The query's own words that carry emotions."""
        return tuple(word for word in self.words if word.emotions and not word.added)

    @property
    def emotional_share(self) -> float:
        """Of the sizes of all attributions, that of the query's emotional words; 0 where all are 0."""
        total = sum(abs(word.attribution) for word in self.words)
        return sum(abs(word.attribution) for word in self.emotional) / total if total else 0.0

    @property
    def effect(self) -> float:
        """The score as it is minus the score without emotion input; 0 for a variant that takes none."""
        return self.score - self.emotion.score_without if self.emotion else 0.0


@dataclass(frozen=True)
class ScoreExplanation(QueryExplanation):
    """Why `query` scores `score` with `video`; the frames' attributions are in units of the score too."""

    run: str
    dataset: str
    video: str
    caption: str  # the clip's own
    named: bool  # the clip was asked for; otherwise it is the top one
    rank: float  # of the clip for the query; halves where it ties
    gallery: int
    frames: tuple[Frame, ...]
    blank_score: float  # with all frames taken away

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON types, but for the pictures."""
        emotion = {**vars(self.emotion), "effect": self.effect} if self.emotion else None
        return {
            **vars(self),
            "difference": self.difference,
            "adds_up": self.adds_up,
            "emotional_share": self.emotional_share,
            "words": [vars(word) for word in self.words],
            "frames": [{"second": frame.second, "attribution": frame.attribution} for frame in self.frames],
            "emotion": emotion,
        }


class Reader(Protocol):
    """What turns a query into what a variant takes; a `Reopened` is one."""

    @property
    def name(self) -> str:
        """The variant's."""
        ...

    @property
    def variant(self) -> Variant: ...
    @property
    def tokenizer(self) -> Tokenizer: ...
    @property
    def tokens(self) -> int:
        """How many the text tower reads."""
        ...

    def collator(self, captions: Sequence[str], control: str = "") -> Collator:
        """Captions to batches."""
        ...


def explain(trained: Reopened, query: str, video: str | None = None) -> ScoreExplanation:
    """Explains a query's score with a test clip of a run: the one named, or the one that it ranks first.

    UsageError: no words, more words than the text tower reads, or no such clip. BenchError: scores that are no numbers.
    """
    if not query.strip():
        raise UsageError('the query is empty. Give it some words: bench explain RUN "happy smiling people"')
    place = None if video is None else _place(video, trained)
    variant, bank = trained.variant, trained.gallery
    text, _, _ = _read(trained, query)
    scorer = QueryScorer(variant, bank, text)
    with torch.no_grad():
        scores = scorer(text.input_ids)[0]  # (N,)
    if not scores.isfinite().all():
        raise BenchError(f"scores are NaN or infinite: the weights of {trained.record.run} are broken. Train it again.")
    if place is None:
        place = int(scores.argmax())
    spoken = explain_words(trained, query, bank, place)
    clip, shown = trained.data.test.clips[place], trained.clip(place)
    losses, blank = occlude(variant, text, shown.to(variant.device))
    return ScoreExplanation(
        **vars(spoken),
        run=trained.record.run,
        dataset=trained.record.dataset,
        video=clip.video,
        caption=clip.captions[0],
        named=video is not None,
        rank=1 + int((scores > scores[place]).sum()) + (int((scores == scores[place]).sum()) - 1) / 2,
        gallery=len(bank),
        frames=_frames(trained, place, losses, shown.pixels[0]),
        blank_score=blank,
    )


def explain_words(reader: Reader, query: str, bank: Tensor, place: int) -> QueryExplanation:
    """Explains a query's score with row `place` of a bank of video features, (M, …), by the query alone.

    UsageError: more words than the text tower reads.
    """
    text, encoding, phrase = _read(reader, query)
    reference = reference_token(reader.tokenizer)
    found = attribute(reader.variant, text, bank, place, reference)
    return QueryExplanation(
        variant=reader.name,
        query=query,
        score=found.score,
        reference=reader.tokenizer.id_to_token(reference) or "",
        reference_score=found.reference_score,
        words=_words(phrase, query, encoding, found.tokens, reader.tokenizer),
        delta=found.delta,
        steps=found.steps,
        emotion=_emotion_input(reader, query, bank, place, text),
    )


def _place(video: str, trained: Reopened) -> int:
    if video not in trained.videos:
        test = f"{trained.record.dataset}/{trained.data.test.split}"
        more = ", …" * (len(trained.videos) > SOME)
        near = did_you_mean(video, trained.videos) or f" It has: {', '.join(trained.videos[:SOME])}{more}."
        raise UsageError(f"{test} has no clip '{video}'.{near} Without --video it is the clip that ranks first.")
    return trained.videos.index(video)


def _read(reader: Reader, query: str) -> tuple[TextBatch, Encoding, str]:
    """The query as the variant reads it, its tokens with their places, and the words that were tokenized."""
    text = reader.collator([query]).text([query]).to(reader.variant.device)
    phrase = reader.variant.phrase(query, _named(text))
    reader.tokenizer.no_truncation()
    encoding = reader.tokenizer.encode(phrase)
    places = reader.tokens
    if len(encoding.ids) > places:
        rest = phrase[encoding.offsets[places - 1][0] :]
        raise UsageError(
            f"the query has {len(encoding.ids)} tokens and the model reads {places}: shorten it by what comes from "
            f"'{rest[:40]}' on."
        )
    return text, encoding, phrase


def _named(text: TextBatch) -> tuple[str, ...]:
    if text.emotions is None:
        return ()
    return tuple(name for name, present in zip(EMOTIONS, text.present[0].tolist(), strict=True) if present)


def _words(phrase: str, query: str, encoding: Encoding, attributions: Tensor, tokenizer: Tokenizer) -> tuple[Word, ...]:
    """Tokens put together to what stands between blanks."""
    at = phrase.find(query)
    begin, end = (at, at + len(query)) if at >= 0 else (0, len(phrase))
    emotional = _emotional_places(phrase)
    unknown = tokenizer.token_to_id(UNKNOWN)
    inner = range(1, len(encoding.ids) - 1)
    gaps = [right for left, right in pairwise(inner) if _blank(phrase, encoding.offsets[left], encoding.offsets[right])]
    found = []
    for first, last in pairwise([1, *gaps, len(encoding.ids) - 1]):
        left, right = encoding.offsets[first][0], encoding.offsets[last - 1][1]
        carried = {name for place, names in emotional.items() if left <= place < right for name in names}
        found.append(
            Word(
                text=phrase[left:right],
                attribution=float(attributions[first:last].double().sum()),
                tokens=tuple(encoding.tokens[first:last]),
                emotions=tuple(name for name in EMOTIONS if name in carried),
                added=not begin <= left < end,
                known=unknown not in encoding.ids[first:last],
            )
        )
    return tuple(found)


def _blank(phrase: str, left: tuple[int, int], right: tuple[int, int]) -> bool:
    return any(character.isspace() for character in phrase[left[1] : right[0]])


def _emotional_places(phrase: str) -> dict[int, list[str]]:
    """Where a word begins that the NRC lexicon ties to emotions -> those emotions."""
    lexicon, places, at = nrc().words, {}, 0
    for word in words_of(phrase):
        if (found := phrase.find(word, at)) >= 0:
            places[found] = [affect for affect in lexicon.get(word, ()) if affect in EMOTIONS]
            at = found + len(word)
    return places


def _frames(trained: Reopened, place: int, losses: list[float], pictures: Tensor) -> tuple[Frame, ...]:
    video = trained.videos[place]
    count, seconds = trained.data.videos.frames[video], trained.data.videos.seconds[video]
    times = [index / count * seconds for index in sample_indices(count, len(losses)).tolist()]
    return tuple(
        Frame(time, loss, jpeg(one.numpy(), 85, 160)) for time, loss, one in zip(times, losses, pictures, strict=True)
    )


@torch.no_grad()
def _emotion_input(reader: Reader, query: str, bank: Tensor, place: int, text: TextBatch) -> EmotionInput | None:
    if not reader.variant.text_needs:
        return None
    without = reader.collator([query], "zeroed").text([query]).to(reader.variant.device)
    score = QueryScorer(reader.variant, bank, without)(without.input_ids)[0, place]
    return EmotionInput(_named(text), float(score))
