"""The command: what it serves at, what it warns of, and the one line for everything that is wrong."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from helpers.asking import Capture, failure
from helpers.demo import fill
from helpers.search import SeesColours, as_encoder, tiny_clip

from bench.demo import server
from bench.search import models
from bench.search.searcher import Choice, open_folder

TestClient = pytest.importorskip("starlette.testclient", reason="the extra demo is not installed").TestClient


@pytest.mark.slow
def test_a_server_answers_until_ctrl_c(tmp_path: Path) -> None:
    model = tiny_clip(tmp_path / "model")
    clips = fill(tmp_path / "clips")
    words = [sys.executable, "-m", "bench", "demo", str(clips), "--model", f"clip:{model}", "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        address = re.match(r"(http://127\.0\.0\.1:\d+)  \(Ctrl-C stops it\)\n", said)
        assert address is not None, process.communicate(timeout=20)
        with urllib.request.urlopen(f"{address[1]}/?q=happy+people", timeout=60) as answer:
            page = answer.read().decode()
        assert "CLIP at model" in page and str(tmp_path) not in page
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "broken.mp4" in errors and "Traceback" not in errors and "everybody" not in errors


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example.org", False),
    ],
)
def test_only_an_address_of_this_machine_is_called_one(host: str, alone: bool) -> None:
    assert server.loopback(host) is alone


def test_another_host_warns_and_is_answered_under_any_name(
    clips: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import uvicorn

    made = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: made.append(self.config.app))
    server.serve(clips, clips.parent, Choice("clip:a"), host="0.0.0.0", port=0)
    warned = capsys.readouterr().err
    assert "bench: with --host 0.0.0.0 everybody who reaches this machine can see the clips" in warned
    server.serve(clips, clips.parent, Choice("clip:a"), port=0)
    assert "everybody" not in capsys.readouterr().err

    answers = [TestClient(app, base_url="http://my.name").get("/").status_code for app in made]
    assert answers == [200, 400]


def test_a_port_that_is_taken_is_said_to_be_so_before_any_work(clips: Path, capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = failure(["demo", str(clips), "--model", "clip:a", "--port", str(port)], capsys)
    assert code == 2
    assert said.startswith(f"bench: port {port} of 127.0.0.1 cannot be used: Address already in use.")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["{clips}", "--host", "no such host"], "--host no such host --port 8000 is no address."),
        (["{clips}", "--port", "70000"], "--port takes a number from 0 to 65535, not 70000."),
        (["{clips}/nowhere", "--port", "0"], "there is no folder"),
        (["{clips}/empty", "--port", "0"], "there is no video below"),
        (["{clips}", "--port", "0", "--run", "a", "--model", "clip:a"], "name one model: --run ID, or --model."),
        (["{clips}", "--port", "0", "--model", "clip:a", "--compare", "clip:a"], "--compare clip:a is the model"),
    ],
)
def test_what_cannot_be_served_is_one_line(clips: Path, capsys: Capture, words: list[str], line: str) -> None:
    (clips / "empty").mkdir()
    (clips / "broken.mp4").unlink()
    open_folder(clips, clips.parent, Choice("clip:a"))
    _, said = failure(["demo", *(word.format(clips=clips) for word in words)], capsys)
    assert line in said


def test_a_folder_that_cannot_be_read_is_one_line(
    clips: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the system says it; the tests may run as a user who may read everything."""

    def refused(folder: Path, onerror: object, **_: object) -> list:
        error = PermissionError(13, "Permission denied")
        error.filename = str(folder)
        onerror(error)  # type: ignore[operator]
        return []

    monkeypatch.setattr("os.walk", refused)
    code, said = failure(["demo", str(clips), "--model", "clip:a", "--port", "0"], capsys)
    assert (code, said) == (1, f"bench: {clips} cannot be read: Permission denied. Change its permissions.\n")


def test_a_model_that_changed_is_one_line_with_the_mend(
    clips: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clips / "broken.mp4").unlink()
    open_folder(clips, clips.parent, Choice("clip:a"))
    monkeypatch.setattr(models, "load", lambda *_: as_encoder(SeesColours("clip:a", "another")))
    code, said = failure(["demo", str(clips), "--port", "0"], capsys)
    assert code == 1
    assert f"clip:a has changed since {clips} was indexed. Index again: bench index {clips}" in said


def test_without_the_extra_the_line_names_it(clips: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    code, said = failure(["demo", str(clips)], capsys)
    assert code == 1 and "pip install -c constraints.txt -e '.[demo]'" in said


def test_help_loads_no_server() -> None:
    words = "import sys; from bench.cli import main; main(['demo', '--help']); "
    words += "print({'fastapi', 'torch'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout
    assert said.strip().endswith("set()")
