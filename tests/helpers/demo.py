"""What the tests of the demo share: a folder of coloured clips, models that see colours, a server of their own."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from helpers.search import COLOURS, SeesColours, clip

from bench.demo.media import Media
from bench.demo.session import Session
from bench.search.searcher import Choice, open_folder

ORIGIN = "http://127.0.0.1"


class SeesNegatives(SeesColours):
    """Likes best what the query does not name."""

    def text(self, query: str) -> np.ndarray:
        return 1 - super().text(query)


def fill(folder: Path) -> Path:
    """Red, green and blue clips of 2 s, one as AVI, a long one, 20 s red and 20 s blue, and one that is broken."""
    for colour in COLOURS:
        clip(folder / f"{colour}.mp4", colour)
    clip(folder / "sub" / "long.mp4", "red", "blue", seconds=20)
    (folder / "broken.mp4").write_bytes(b"no video")
    with av.open(str(folder / "old.avi"), "w") as file:
        stream = file.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        for _ in range(10):
            picture = np.full((32, 32, 3), COLOURS["blue"], np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
    return folder


def session(folder: Path) -> Session:
    """A folder under the model `clip:a`; what that is, says the test."""
    return Session(open_folder(folder, folder.parent / "results", Choice("clip:a")), folder)


def client_of(sessions: list[Session]) -> Any:
    """Asks as a browser on this machine does."""
    from starlette.testclient import TestClient

    from bench.demo.app import make_app

    app = make_app(sessions, Media(sessions[0].folder, sessions[0].searcher.store), {"127.0.0.1"})
    return TestClient(app, base_url=ORIGIN)


@contextmanager
def serving(sessions: list[Session]) -> Iterator[str]:
    """A server on 127.0.0.1 for as long as the block lasts; its address."""
    import uvicorn

    from bench.demo.app import make_app

    app = make_app(sessions, Media(sessions[0].folder, sessions[0].searcher.store), {"127.0.0.1"})
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield f"{ORIGIN}:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
