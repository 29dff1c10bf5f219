"""From a folder to a page that answers: index, bind, serve, until Ctrl-C."""

import ipaddress
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError, UsageError
from bench.search.answer_render import changes, work
from bench.search.searcher import Choice, open_folder

if TYPE_CHECKING:
    from fastapi import FastAPI

PORT = 8000
BACKLOG = 128


def serve(
    folder: Path, results: Path, choice: Choice, compare: str = "", host: str = "127.0.0.1", port: int = PORT
) -> None:
    """Opens the folder as `bench search` does, and serves the page until it is stopped.

    compare: a second model, a run's id or as `--model`. port: 0 takes a free one. UsageError, BenchError: as
    `open_folder`, or the extra is not installed, or the port is taken.
    """
    try:
        import fastapi  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise BenchError(
            f"bench demo cannot import {error.name}. It needs the extra demo: "
            "pip install -c constraints.txt -e '.[demo]'"
        ) from None
    with _bound(host, port) as bound:  # first, for indexing may take long
        if not loopback(host):
            print(
                f"bench: with --host {host} everybody who reaches this machine can see the clips of {folder}. "
                "Without --host only this machine can.",
                file=sys.stderr,
            )
        app = opened(folder, results, choice, compare, host)
        bound.listen(BACKLOG)  # so that whoever reads the address may ask at once
        name, port = bound.getsockname()[:2]
        print(f"http://{f'[{name}]' if ':' in name else name}:{port}  (Ctrl-C stops it)", flush=True)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
        )
        with suppress(KeyboardInterrupt):  # the way to end it
            server.run(sockets=[bound])


def opened(folder: Path, results: Path, choice: Choice, compare: str = "", host: str = "127.0.0.1") -> "FastAPI":
    """The application over a folder, brought up to date."""
    from bench.demo.app import make_app
    from bench.demo.media import Media
    from bench.demo.session import Session, open_second

    sessions = [Session(open_folder(folder, results, choice), folder)]
    if compare:
        sessions.append(open_second(sessions[0], compare, results, choice.tokenizer, choice.device))
    for line in changes(sessions[0].searcher.summary):
        print(line, file=sys.stderr)
    for session in sessions:
        if session.searcher.summary.windows:
            print(work(session.searcher.summary), file=sys.stderr)
    names = {"127.0.0.1", "localhost", "[::1]", host.lower(), f"[{host.lower()}]"} if loopback(host) else None
    return make_app(sessions, Media(folder, sessions[0].searcher.store), names)


def loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    if host.lower() == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _bound(host: str, port: int) -> socket.socket:
    """A socket at that address. UsageError: there is no such address, or the port is taken."""
    if not 0 <= port <= 65535:  # some systems would take the rest of a division
        raise UsageError(f"--port takes a number from 0 to 65535, not {port}.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise UsageError(
            f"--host {host} --port {port} is no address. Leave --host out to serve this machine."
        ) from None
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise UsageError(
            f"port {port} of {host} cannot be used: {error.strerror}. Name another one: --port {PORT + 1}"
        ) from None
    return bound
