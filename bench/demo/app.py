"""The routes. Pages are made on the server; the script only adds comfort.

/             the page; ?q= asks, &compare=1 asks both models
/why          which words gave a moment its score
/api/search   the same as /?q= for programs
/clips/ID     a clip, whole or by Range
/stills/ID.jpg?at=SECONDS
"""

import math
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from bench.analysis.explain_render import QuerySentences
from bench.demo.cards import Column, column, links
from bench.demo.media import Shelf
from bench.demo.security import Guard
from bench.demo.session import Queue, Side
from bench.errors import BenchError, UsageError
from bench.search.render import clock
from bench.search.searcher import Answer, Moment

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
HERE = Path(__file__).parent


def make_app(sides: list[Side], shelf: Shelf, hosts: set[str] | None) -> FastAPI:
    """The application over one model or two. hosts: the names it answers to, None for any."""
    app = FastAPI(
        title="bench demo", docs_url=None, redoc_url=None, openapi_url=None
    )  # their pages load from elsewhere
    app.add_middleware(Guard, hosts=hosts)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    queue = Queue()

    def page(status: int = 200, **shown: Any) -> HTMLResponse:
        return HTMLResponse(_template("page.html").render(**_standing(sides), **shown), status)

    def ask(query: str, k: int, both: bool) -> list[Answer]:
        return [side.ask(query, k) for side in (sides if both else sides[:1])]

    def columns(query: str, both: bool) -> tuple[list[Answer], list[Column]]:
        found = ask(query, MOMENTS, both)
        others = [found[1], found[0]] if both else [None]
        return found, [column(answer, sides[place], shelf, place, others[place]) for place, answer in enumerate(found)]

    @app.get("/")
    async def index(request: Request) -> Response:
        query, both = request.query_params.get("q"), "compare" in request.query_params and len(sides) > 1
        if query is None:
            return page(compare=both)
        shown: dict[str, Any] = {"query": query[:LONGEST], "compare": both}
        try:
            asked = checked(query)
        except UsageError as error:
            return page(400 if query.strip() else 200, problem=str(error), **shown)
        found, shown["columns"] = await queue.do(partial(columns, asked, both))
        return page(chips=[name for name, count in found[0].emotions.items() if count], **shown)

    @app.get("/api/search")
    async def search(request: Request) -> Response:
        words = request.query_params
        try:
            query, k = checked(words.get("q", "")), _number(words.get("k", str(MOMENTS)))
        except UsageError as error:
            return JSONResponse({"error": str(error)}, 400)
        both = "compare" in words and len(sides) > 1
        found = [answer.as_json() for answer in await queue.do(partial(ask, query, k, both))]
        for answer in found:
            del answer["folder"]  # where it lies is nobody's business
            for moment in answer["moments"]:
                moment["clip"], moment["still"], moment["note"] = links(Moment(**moment), shelf)
        return JSONResponse({**found[0], **({"compared": found[1]} if both else {})})

    @app.get("/why")
    async def why(request: Request) -> Response:
        words = request.query_params
        place, window = words.get("side", "0"), words.get("window", "")
        if place not in [str(number) for number in range(len(sides))] or not _plain_number(window):
            raise HTTPException(404, "there is no such moment.")
        side = sides[int(place)]
        moment = side.moment(int(window))
        if moment is None:
            raise HTTPException(404, "there is no such moment.")
        if side.silent:
            raise HTTPException(404, side.silent)
        query = checked(words.get("q", ""))
        spoken = await queue.do(partial(side.why, query, int(window)))
        file, start, end = moment
        html = _template("why.html").render(
            **_standing(sides),
            query=query,
            file=file,
            span=f"{clock(start)}–{clock(end)}",
            model=side.about,
            said=QuerySentences(spoken),
            compare="compare" in words,
        )
        return HTMLResponse(html)

    @app.api_route("/clips/{id}", methods=["GET", "HEAD"])
    def clip(id: str) -> Response:
        path, kind = shelf.file(id)
        return FileResponse(path, media_type=kind, headers={"cache-control": "private, no-cache"})

    @app.get("/stills/{name}")
    def still(name: str, request: Request) -> Response:
        id, _, ending = name.partition(".")
        if ending != "jpg":
            raise HTTPException(404, "there is no such picture.")
        shelf.file(id)  # a still in memory of a clip that is gone is not shown
        return Response(shelf.still(id, _second(request.query_params.get("at", "0"))), media_type="image/jpeg")

    @app.exception_handler(UsageError)
    async def off(request: Request, error: UsageError) -> Response:
        return _failed(sides, request, 400, str(error))

    @app.exception_handler(BenchError)
    async def failed(request: Request, error: BenchError) -> Response:
        return _failed(sides, request, 404, str(error))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return _failed(sides, request, error.status_code, error.detail)

    return app


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


def _failed(sides: list[Side], request: Request, status: int, message: str) -> Response:
    """What went wrong, in the form that the asker reads."""
    path = request.url.path
    if path.startswith("/api/"):
        return JSONResponse({"error": message}, status)
    if path.startswith(("/clips/", "/stills/", "/static/")):
        return PlainTextResponse(message + "\n", status)
    return HTMLResponse(_template("page.html").render(**_standing(sides), query=None, problem=message), status)


def _standing(sides: list[Side]) -> dict[str, Any]:
    """What every page says."""
    first = sides[0]
    return {
        "folder": first.folder.resolve().name,
        "clips": sum(not entry.error for entry in first.searcher.store.entries.values()),
        "windows": len(first.searcher.store),
        "models": [side.about for side in sides],
        "troubles": first.troubles,
        "examples": EXAMPLES,
        "longest": LONGEST,
    }


@cache
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)
