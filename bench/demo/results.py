"""What the page shows: the moments that a model found, each with what a browser can do with its clip."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench.data.faces import EXPRESSED
from bench.demo.media import TYPES, Media, Unavailable
from bench.demo.session import Session
from bench.search.answer_render import clock
from bench.search.searcher import CALM, Answer, Moment
from bench.utils.terminal import printable

LETTERS = "AB"  # the models that are compared
SHOWN = [*EXPRESSED, CALM]  # by faces


@dataclass(frozen=True)
class Result:
    """A moment. clip, still: addresses, empty where there is nothing to show; player: whether browsers play it."""

    rank: int
    file: str
    span: str
    start: float
    score: str
    clip: str
    still: str
    player: bool
    note: str  # why there is no clip, or no player
    bars: list[tuple[str, float]]  # facial emotions, 0 to 1
    why: str  # address; empty where the model is not explained
    other: str  # where the other model ranks this moment


@dataclass(frozen=True)
class ModelResults:
    """One model's answer."""

    about: str
    unexplained: str  # why there is no "why"
    results: list[Result]


def results_of(answer: Answer, session: Session, media: Media, place: int, other: Answer | None = None) -> ModelResults:
    """An answer for the page. place: 0 for the first model, 1 for the second. other: the other model's answer."""
    results = [
        _result(rank, moment, session, media, answer.query, place, other)
        for rank, moment in enumerate(answer.moments, 1)
    ]
    return ModelResults(answer.about, session.unexplained if results else "", results)


def links(moment: Moment, media: Media) -> tuple[str, str, str]:
    """The addresses of a moment's clip and still, or empty ones and why there are none."""
    id = media.id(moment.file)
    if id is None:
        return "", "", f"{printable(moment.file)} is not in the folder's index."
    try:
        media.check(id)
    except Unavailable as error:
        return "", "", str(error)
    # with the moment as a media fragment, which browsers seek to without a script
    middle = (moment.start + moment.end) / 2
    return f"/clips/{id}#t={moment.start:.2f},{moment.end:.2f}", f"/stills/{id}.jpg?at={middle:.2f}", ""


def _result(
    rank: int, moment: Moment, session: Session, media: Media, query: str, place: int, other: Answer | None
) -> Result:
    clip, still, note = links(moment, media)
    ending = Path(moment.file).suffix.lower()
    if clip and ending not in TYPES:
        note = f"Browsers do not play {ending[1:]} files; this is the middle of the moment."
    asked = {"q": query, "window": session.window(moment), "model": place}
    if other:
        asked["compare"] = 1
    faces = moment.faces or {}
    return Result(
        rank=rank,
        file=printable(moment.file),
        span=f"{clock(moment.start)}–{clock(moment.end)}",
        start=moment.start,
        score=f"{moment.score:.3f}",
        clip=clip,
        still=still,
        player=bool(clip) and ending in TYPES,
        note=note,
        bars=[(name, faces[name]) for name in SHOWN if name in faces],
        why="" if session.unexplained else f"/why?{urlencode(asked)}",
        other=_ranked(moment, other, LETTERS[1 - place]) if other else "",
    )


def _ranked(moment: Moment, other: Answer, letter: str) -> str:
    spots = [(one.file, one.start) for one in other.moments]
    here = (moment.file, moment.start)
    return f"rank {spots.index(here) + 1} in {letter}" if here in spots else f"not among {letter}'s first {len(spots)}"
