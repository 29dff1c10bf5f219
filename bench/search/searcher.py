"""Find the clip: a folder of videos, a sentence, and the moments that it describes, best first.

    bench index DIR --model clip:FOLDER
    bench search "happy smiling people" --videos DIR -k 5

`open_folder` brings the index up to date and loads model and features once; then `Searcher.ask` answers any number of
queries. What an index is made of is in the files beside this one.
"""

import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.faces import EXPRESSED
from bench.emotions import EMOTIONS
from bench.emotions.quotes import plain_quotes
from bench.emotions.scores import score_captions
from bench.errors import BenchError, UsageError
from bench.face_detection import check_settings
from bench.records.store import find
from bench.search import building, index_store, models, reading
from bench.search.backends import SEARCH_BACKENDS, SearchBackend
from bench.search.building import UpdateSummary
from bench.search.face_tracks import FaceDetector
from bench.search.index_store import IndexSettings, Store
from bench.search.models import TOKENIZER, Encoder
from bench.search.windows import WINDOW
from bench.utils.device import AUTO, choose_device
from bench.utils.machine import usable_cores
from bench.utils.names import did_you_mean
from bench.utils.processes import OrderedProcesses
from bench.utils.shards import Shard, code_of

SHORTEST = 0.5  # seconds of a window
NEIGHBOURS = 2  # windows that a window overlaps, at most: of 3 k windows k share no second
CALM = "calm"


@dataclass(frozen=True)
class Choice:
    """What the words of a command say of an index; what they leave open the index says, if there is one."""

    model: str = ""  # run:ID, clip-vip:FILE, clip:DIR_OR_NAME
    tokenizer: str = ""  # CLIP's, for clip-vip
    window: float | None = None  # seconds
    faces: str = ""  # a backend of `bench faces`
    settings: dict[str, str] = field(default_factory=dict)  # of that backend
    replace: bool = False  # put the index in place of one that was made otherwise
    device: str = AUTO  # where the model computes; no index remembers it


@dataclass(frozen=True)
class Moment:
    """A window of a video that was found."""

    file: str  # below the folder
    start: float  # seconds
    end: float
    score: float
    faces: dict[str, float] | None  # mean facial expression: EMOTIONS and "calm"; None: no face, or not indexed


@dataclass(frozen=True)
class Answer:
    """What was found, and how the query was understood."""

    query: str
    emotions: dict[str, int]  # how many words name each of EMOTIONS
    model: str
    about: str
    folder: str
    windows: int  # searched
    moments: tuple[Moment, ...]  # best first; no two of one file overlap

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON types."""
        return json.loads(json.dumps(asdict(self)))


class Searcher:
    """A folder's index with its model, loaded to be asked. summary: what bringing it up to date did."""

    def __init__(
        self, folder: Path, opened: Store, encoder: Encoder, summary: UpdateSummary, backend: SearchBackend
    ) -> None:
        self.folder, self.store, self.encoder, self.summary = folder, opened, encoder, summary
        self._backend = backend
        backend.load(opened, None if encoder.dot else encoder.score)

    def ask(self, query: str, k: int = 5, emotion: str = "") -> Answer:
        """The k best moments for a query; its words count in lower case, so "Happy" names joy too.

        emotion: only moments whose strongest facial expression is this one. UsageError: an empty query, k below 1, an
        emotion that no face shows, or an index without faces.
        """
        words = check_query(query, k)
        among = self._showing(emotion) if emotion else None
        moments: list[Moment] = []
        if among is None or len(among):
            ids, scores = self._backend.query(self.encoder.text(words), k * (1 + NEIGHBOURS), among)
            moments = self._apart(ids, scores)[:k]
        return Answer(
            query=query,
            emotions=dict(zip(EMOTIONS, score_captions([words])[0].tolist(), strict=True)),
            model=self.encoder.described.name,
            about=self.encoder.described.about,
            folder=str(self.folder),
            windows=len(self.store) if among is None else len(among),
            moments=tuple(moments),
        )

    def _apart(self, ids: NDArray[np.int64], scores: NDArray[np.float32]) -> list[Moment]:
        """Moments, best first, without those that overlap a better one of the same file."""
        taken: dict[str, list[tuple[float, float]]] = {}
        moments = []
        for id, score in zip(ids.tolist(), scores.tolist(), strict=True):
            file, start, end = self.store.window(id)
            if all(end <= other or start >= until for other, until in taken.setdefault(file, [])):
                taken[file].append((start, end))
                moments.append(Moment(file, start, end, score, self._expression(id)))
        return moments

    @cached_property
    def _faces(self) -> NDArray[np.float32]:  # (windows, 9): EMOTIONS, calm
        faces = self.store.faces()
        calm = (1 - faces[:, :-1].sum(axis=1)).clip(min=0)
        return np.where(faces[:, -1:] > 0, np.column_stack([faces[:, :-1], calm]), 0).astype(np.float32)

    def _expression(self, id: int) -> dict[str, float] | None:
        if not self.store.about.faces:
            return None
        row = self._faces[self.store.row(id)]
        return dict(zip((*EMOTIONS, CALM), row.round(3).tolist(), strict=True)) if row.any() else None

    def _showing(self, emotion: str) -> NDArray[np.int64]:
        """The windows whose faces show this emotion more than any other, or than none."""
        _check_filter(emotion, self.folder, self.store.about)
        faces = self._faces
        return self.store.ids[faces.any(axis=1) & (faces.argmax(axis=1) == EMOTIONS.index(emotion))]


def open_folder(
    folder: Path,
    results: Path,
    choice: Choice = Choice(),
    *,
    backend: str = "numpy",
    emotion: str = "",
    retry: bool = False,
    shard: Shard | None = None,
    workers: int | None = None,
) -> Searcher:
    """Loads the model, indexes what is new, changed or gone below `folder`, and loads the features: each once.

    results: the folder of records. Without a model in `choice` it is the index's own, or else the latest run. backend,
    emotion: what will be asked with, so that what cannot be is refused before the work. retry: read broken files again.
    shard: index its videos alone, of those that the folder's index lacks, as its part (see `bench.search.merging`).
    workers: processes that read, one a core if not given.
    UsageError: words that do not fit each other, or an index that was made otherwise. BenchError: the folder holds no
    video or cannot be read, or the index's model has changed.
    """
    searching = SEARCH_BACKENDS.get(backend)()  # what it lacks is said before any work
    choose_device(choice.device)  # likewise
    found = building.walk(folder)
    whole = index_store.read(folder)
    if not found.files and (whole is None or not found.unreadable):
        raise BenchError(f"there is no video below {folder} (mp4, mov, mkv, webm and the like).")
    if workers is not None and workers < 1:
        raise UsageError(f"--workers takes a number of at least 1, not {workers}.")
    opened = known = whole
    if shard:
        whole = None if choice.replace else whole
        found, opened = building.of_shard(shard, found, whole), index_store.read(folder, shard)
        known = opened if opened is not None else whole
    old = known.about if known is not None else None
    asked = _completed(folder, choice, old, results)
    keep = old is not None and not choice.replace
    if old and keep:
        _same_words(folder, old, asked)
    with OrderedProcesses(workers or usable_cores()) as pool:
        pool.start(reading.ready, building.to_read(opened if keep else None, found, retry))  # while the model loads
        encoder = models.load(asked.model, Path(asked.results), asked.tokenizer, choice.device)
        code = code_of("bench.search.building") if shard else ""
        about = replace(asked, digest=encoder.described.digest, width=encoder.described.width, code=code)
        if old and keep and old.digest != about.digest:
            raise BenchError(
                f"{about.model} has changed since {folder} was indexed. Index again: {_again(folder, about)}"
            )
        if pooling := encoder.described.faces:
            if not about.faces:
                raise UsageError(
                    f"{about.model} needs facial expressions. Index them: {_again(folder, about, keep)} --faces BACKEND"
                )
            about.faces["pooling"] = pooling
        if emotion:
            _check_filter(emotion, folder, about, keep)
        _check_score(encoder, backend, searching)
        detector = None
        if shard or opened is None or not keep or retry or building.pending(opened, found):
            detector = _looker(folder, about, old if keep else None)
        if shard and opened is not None and opened.about != about and (choice.replace or opened.about.code != code):
            shutil.rmtree(opened.path)  # by another model or other code: of no use for what the other shards make
            opened = None
        if opened is not None and choice.replace and not shard:
            opened, summary = building.rebuild(opened, about, encoder, folder, found, pool, detector)
        else:
            opened = Store(index_store.place(folder, shard), about) if opened is None else opened
            summary = building.update(opened, encoder, folder, found, pool, detector, retry)
        if shard and not opened.on_disk:  # a shard without a video has a part as well
            opened.save()
    return Searcher(folder, opened, encoder, summary, searching)


def check_query(query: str, k: int) -> str:
    """The words of a query, in lower case, with plain quotes. UsageError: there are none, or k is below 1."""
    words = " ".join(plain_quotes(query).lower().split())
    if not words:
        raise UsageError('an empty query finds nothing. Say what you look for: "happy smiling people"')
    if k < 1:
        raise UsageError(f"-k takes a number of at least 1, not {k}.")
    return words


def _completed(folder: Path, choice: Choice, old: IndexSettings | None, results: Path) -> IndexSettings:
    """What an index is to be made with: the words, or else what the folder's index was made with, or the defaults."""
    if choice.window is not None and not SHORTEST <= choice.window < float("inf"):  # nan is neither
        raise UsageError(f"--window takes seconds, at least {SHORTEST:g}, not {choice.window:g}.")
    if choice.model.startswith("run:"):
        find(choice.model.removeprefix("run:"), results)  # before an index of another model is spoken of
    model = models.resolved(choice.model) or (old.model if old else "") or f"run:{models.latest_run(results)}"
    inherited = old is not None and not choice.model
    faces = dict(old.faces) if old else {}
    if choice.faces:
        check_settings(choice.faces, choice.settings)  # likewise
        faces = {"backend": choice.faces, "settings": choice.settings, "pooling": "largest"}
    elif choice.settings:
        setting = next(iter(choice.settings))
        raise UsageError(f"--faces-{setting} is a setting of a backend: name it with --faces BACKEND.")
    return IndexSettings(
        folder=str(folder.resolve()),
        model=model,
        digest="",
        tokenizer=choice.tokenizer or (old.tokenizer if old else "") or TOKENIZER,
        results=old.results if old and inherited else str(results.resolve()),
        window=choice.window or (old.window if old else WINDOW),
        width=0,
        faces=faces,
    )


def _same_words(folder: Path, old: IndexSettings, asked: IndexSettings) -> None:
    """UsageError, with what to run, where an index was made with something else than is asked for."""
    settings = [
        ("", old.model, asked.model),
        ("windows of ", f"{old.window:g} s", f"{asked.window:g} s"),
        ("faces by ", _faces(old), _faces(asked)),
    ]
    for what, before, now in settings:
        if before != now:
            raise UsageError(
                f"the index of {folder} was made with {what}{before}, not {now}. Leave that out to use it as it is, or "
                f"make it again: {_again(folder, asked)}"
            )


def _faces(about: IndexSettings) -> str:
    return " ".join([about.faces["backend"], *about.faces["settings"].values()]) if about.faces else "nobody"


def _again(folder: Path, about: IndexSettings, there: bool = True) -> str:
    """The command that makes an index with these settings."""
    words = [f"bench index {folder}", _flag(about.model)]
    if about.window != WINDOW:
        words.append(f"--window {about.window:g}")
    if about.faces:
        words.append(f"--faces {about.faces['backend']}")
        words += [f"--faces-{name} {value}" for name, value in about.faces["settings"].items()]
    return " ".join([*words, *["--replace"] * there])


def _flag(model: str) -> str:
    return f"--run {model.removeprefix('run:')}" if model.startswith("run:") else f"--model {model}"


def _looker(folder: Path, about: IndexSettings, old: IndexSettings | None) -> FaceDetector | None:
    """What looks for faces, if the index has them. BenchError: it is not what it was for this index."""
    if not about.faces:
        return None
    settings = {
        name: Path(value) if name in ("model", "weights") else value for name, value in about.faces["settings"].items()
    }
    detector = FaceDetector(about.faces["backend"], settings, about.faces["pooling"])
    if old and old.faces["how"] != detector.how:
        raise BenchError(
            f"{_faces(about)} has changed since the faces of {folder} were indexed. "
            f"Index again: {_again(folder, about)}"
        )
    about.faces["how"] = detector.how
    return detector


def _check_score(encoder: Encoder, name: str, backend: SearchBackend) -> None:
    if not encoder.dot and not backend.own_scores:
        able = [other for other, made in SEARCH_BACKENDS.items() if getattr(made, "own_scores", False)]
        raise UsageError(
            f"{encoder.described.name} has a score of its own, which is no dot product, and --backend {name} takes "
            f"only dot products. Use --backend {' or '.join(able)}."
        )


def _check_filter(emotion: str, folder: Path, about: IndexSettings, there: bool = True) -> None:
    if emotion not in EXPRESSED:
        hint = did_you_mean(emotion, EXPRESSED)
        raise UsageError(f"--filter '{emotion}' is not known.{hint} It takes: {', '.join(EXPRESSED)}.")
    if not about.faces:
        raise UsageError(
            f"the index of {folder} {'has' if there else 'would have'} no faces, which --filter needs. "
            f"Index them: {_again(folder, about, there)} --faces BACKEND"
        )
