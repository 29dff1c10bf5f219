"""The routes. Pages are made on the server; the script only adds comfort.

/             the page; ?q= asks, &compare=1 asks both models
/why          which words gave a moment its score
/api/search   the same as /?q= for programs
/style.css    the pages' style
/clips/ID     a clip, whole or by Range
/stills/ID.jpg?at=SECONDS
"""

import math
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from bench.analysis.explain_render import QuerySentences, base_css, explanation_css, words_html
from bench.demo.media import Media, OpenClip
from bench.demo.results import ModelResults, links, results_of
from bench.demo.security import SecurityMiddleware
from bench.demo.session import ModelThread, Session
from bench.errors import BenchError, UsageError
from bench.search.answer_render import clock
from bench.search.searcher import Answer, Moment
from bench.utils.templates import template
from bench.utils.terminal import printable

LONGEST = 300  # characters of a query
MOMENTS = 10  # on the page; JSON takes ?k= up to MOST
MOST = 100
EXAMPLES = (
    "happy smiling people",
    "an angry man shouts",
    "someone is sad and alone",
    "a surprised face",
    "two people talk",
)
READ = ["GET", "HEAD"]
STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Demo:
    """What is asked: one model's session over a folder or two, and the clips that a browser may fetch."""

    sessions: list[Session]
    media: Media
    models: ModelThread = field(default_factory=ModelThread)

    def ask(self, query: str, k: int, both: bool) -> list[Answer]:
        """The answers of the first model, or of both."""
        return [session.ask(query, k) for session in (self.sessions if both else self.sessions[:1])]

    def results(self, query: str, both: bool) -> tuple[list[Answer], list[ModelResults]]:
        """The answers, and what a page shows of them."""
        found = self.ask(query, MOMENTS, both)
        others = [found[1], found[0]] if both else [None]
        return found, [
            results_of(answer, self.sessions[place], self.media, place, others[place])
            for place, answer in enumerate(found)
        ]

    def page(self, name: str, **shown: Any) -> str:
        """A page with what every page says."""
        first = self.sessions[0]
        standing = {
            "folder": printable(first.folder.resolve().name),
            "clips": sum(not entry.error for entry in first.searcher.store.entries.values()),
            "windows": len(first.searcher.store),
            "models": [session.about for session in self.sessions],
            "troubles": first.troubles,
            "examples": EXAMPLES,
            "longest": LONGEST,
        }
        nothing: dict[str, Any] = {"query": None, "problem": "", "compare": False, "columns": [], "chips": []}
        return template("bench.demo", name).render({**standing, **nothing, **shown})


routes = APIRouter()


def make_app(sessions: list[Session], media: Media, hosts: set[str] | None) -> FastAPI:
    """The application over one model or two. hosts: the names it answers to, None for any."""
    # without its own pages about the API: they load from elsewhere
    app = FastAPI(title="bench demo", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.demo = Demo(sessions, media)
    app.add_middleware(SecurityMiddleware, hosts=hosts)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.include_router(routes)
    for error in (UsageError, BenchError, HTTPException):
        app.add_exception_handler(error, failed)
    return app


# --- pages and JSON ---------------------------------------------------------------------------------------------------


@routes.api_route("/style.css", methods=READ)
def style() -> Response:
    """What the demo shares with the report and the pages of `bench explain`, and its own."""
    own = (STATIC / "demo.css").read_text(encoding="utf-8")
    return Response(base_css() + explanation_css() + own, media_type="text/css")


@routes.api_route("/", methods=READ)
async def index(request: Request) -> Response:
    """The page, with answers where there is a query."""
    demo = _demo(request)
    query, both = request.query_params.get("q"), _both(request)
    if query is None:
        return HTMLResponse(demo.page("demo_page.html", compare=both))
    shown: dict[str, Any] = {"query": query[:LONGEST], "compare": both}
    try:
        asked = checked(query)
    except UsageError as error:
        page = demo.page("demo_page.html", problem=str(error), **shown)
        return HTMLResponse(page, 400 if query.strip() else 200)
    found, columns = await demo.models.do(partial(demo.results, asked, both))
    chips = [name for name, count in found[0].emotions.items() if count]
    return HTMLResponse(demo.page("demo_page.html", columns=columns, chips=chips, **shown))


@routes.api_route("/api/search", methods=READ)
async def search(request: Request) -> Response:
    """The answers as JSON."""
    demo, words, both = _demo(request), request.query_params, _both(request)
    query, k = checked(words.get("q", "")), _number(words.get("k", str(MOMENTS)))
    found = [answer.as_json() for answer in await demo.models.do(partial(demo.ask, query, k, both))]
    for answer in found:
        del answer["folder"]  # where it lies is nobody's business
        for moment in answer["moments"]:
            moment["clip"], moment["still"], moment["note"] = links(Moment(**moment), demo.media)
            moment["file"] = printable(moment["file"])
    return JSONResponse({**found[0], **({"compared": found[1]} if both else {})})


@routes.api_route("/why", methods=READ)
async def why(request: Request) -> Response:
    """Which words gave a moment its score: a page of its own, which the script opens in place."""
    demo, words = _demo(request), request.query_params
    place, window = words.get("model", "0"), words.get("window", "")
    if place not in [str(number) for number in range(len(demo.sessions))] or not _plain_number(window):
        raise HTTPException(404, "there is no such moment.")
    session = demo.sessions[int(place)]
    moment = session.moment(int(window))
    if moment is None:
        raise HTTPException(404, "there is no such moment.")
    if session.unexplained:
        raise HTTPException(404, session.unexplained)
    query = checked(words.get("q", ""))
    spoken = await demo.models.do(partial(session.why, query, int(window)))
    file, start, end = moment
    shown = {"query": query, "file": printable(file), "span": f"{clock(start)}–{clock(end)}", "model": session.about}
    said, pieces = QuerySentences(spoken), Markup(words_html(spoken))
    return HTMLResponse(demo.page("why.html", said=said, words=pieces, compare="compare" in words, **shown))


# --- clips ------------------------------------------------------------------------------------------------------------


@routes.api_route("/clips/{id}", methods=READ)
def clip(id: str, request: Request) -> Response:
    """A clip, whole or by Range."""
    return ClipResponse(_demo(request).media.open(id))


class ClipResponse(FileResponse):
    """An open clip, whole or by Range; closed when it was sent, or the asker went away."""

    def __init__(self, clip: OpenClip) -> None:
        self.clip = clip
        headers = {"cache-control": "private, no-cache"}
        super().__init__(clip.path, media_type=clip.kind, headers=headers, stat_result=clip.facts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self.clip.descriptor)


@routes.api_route("/stills/{name}", methods=READ)
def still(name: str, request: Request) -> Response:
    """What a clip shows at a second."""
    media = _demo(request).media
    id, _, ending = name.partition(".")
    if ending != "jpg":
        raise HTTPException(404, "there is no such picture.")
    media.check(id)  # a still in memory of a clip that is gone is not shown
    return Response(media.still(id, _second(request.query_params.get("at", "0"))), media_type="image/jpeg")


# --- what was asked, and what is said where that cannot be ------------------------------------------------------------


async def failed(request: Request, error: Exception) -> Response:
    """What went wrong, in the form that the asker reads."""
    if isinstance(error, HTTPException):
        status, message = error.status_code, error.detail
    else:
        status, message = 400 if isinstance(error, UsageError) else 404, printable(str(error))
    path = request.url.path
    if path.startswith("/api/"):
        return JSONResponse({"error": message}, status)
    if path.startswith(("/clips/", "/stills/", "/static/")):
        return PlainTextResponse(message + "\n", status)
    return HTMLResponse(_demo(request).page("demo_page.html", problem=message), status)


def checked(query: str) -> str:
    """A query that may be asked. UsageError: it is empty or too long."""
    if not query.strip():
        raise UsageError("Type what you look for.")
    if len(query) > LONGEST:
        raise UsageError(f"The query has {len(query)} characters; {LONGEST} are the most. Shorten it.")
    return query


def _number(word: str) -> int:
    if not _plain_number(word) or not 1 <= int(word) <= MOST:
        raise UsageError(f"k takes a number from 1 to {MOST}.")
    return int(word)


def _plain_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 18


def _second(word: str) -> float:
    try:
        second = float(word)
    except ValueError:
        second = math.nan
    if not math.isfinite(second):
        raise UsageError("at takes seconds.")
    return second


def _demo(request: Request) -> Demo:
    demo: Demo = request.app.state.demo
    return demo


def _both(request: Request) -> bool:
    """Whether both models are asked, where there are two."""
    return "compare" in request.query_params and len(_demo(request).sessions) > 1
