"""`bench index` and `bench search` with a CLIP that was not trained here: what they print and what they refuse."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.asking import Capture, failure, output
from helpers.search import tiny_clip

from bench.search.answer_render import clock


@pytest.fixture(scope="module")
def plain_clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"clip:{tiny_clip(tmp_path_factory.mktemp('clip'))}"


def test_index_and_search_with_a_plain_clip(clips: Path, plain_clip: str, capsys: Capture) -> None:
    (clips / "broken.mp4").write_bytes(b"")
    text = output(["index", str(clips), "--model", plain_clip], capsys)
    assert "broken.mp4: the file is empty" in text
    assert "clips: 5 new, 0 changed, 0 gone, 0 unchanged, 1 broken; 10 windows" in text
    assert "10 windows in " in text and "waiting for frames" in text
    text = output(["search", "Happy smiling people", "--videos", str(clips), "-k", "2"], capsys)
    lines = text.splitlines()
    assert lines[0] == "emotions of the query: joy 2, trust 1, anticipation 1"
    assert "not trained here" in " ".join(lines[1:-2])
    assert [line.split()[0] for line in lines[-2:]] == ["1", "2"]


def test_json_holds_what_the_table_shows(clips: Path, plain_clip: str, capsys: Capture) -> None:
    words = ["search", "happy", "--videos", str(clips), "--model", plain_clip, "-k", "3", "--json"]
    answer = json.loads(output(words, capsys))
    assert answer["emotions"]["joy"] == 1 and answer["model"] == plain_clip
    assert len(answer["moments"]) == 3
    assert answer["moments"][0].keys() == {"file", "start", "end", "score", "faces"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--run", "a", "--model", "clip:b"], 2, "name one model"),
        (["--model", "clip-vit:x"], 2, "none of clip-vip:FILE"),
        (["--run", "nobody"], 2, "no record of a run 'nobody'"),
        ([], 2, "no run with weights under"),
        (["--backend", "redis"], 2, "redis"),
        (["-k", "0"], 2, "-k takes a number of at least 1"),
        (["--filter", "joy", "--model", "CLIP"], 2, "would have no faces"),
    ],
)
def test_words_that_do_not_fit_are_one_line(
    words: list[str], code: int, said: str, clips: Path, plain_clip: str, capsys: Capture, tmp_path: Path
) -> None:
    words = [plain_clip if word == "CLIP" else word for word in words]
    results = ["--results", str(tmp_path / "none")]
    got, line = failure(["search", "happy", "--videos", str(clips), *results, *words], capsys)
    assert (got, said in line) == (code, True), line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--window", "0"], "--window takes seconds, at least 0.5, not 0."),
        (["--faces", "onx"], "'onx' is no face backend. Did you mean onnx?"),
        (["--faces", "onnx"], "the backend 'onnx' needs --model FILE"),
        (["--model", "cilp:foo"], "a run is named by --run ID. Did you mean clip?"),
        (["--model", "foo"], "--model 'foo' is none of clip-vip:FILE, clip:DIR_OR_NAME"),
    ],
)
def test_words_that_cannot_be_are_said_before_what_an_index_there_was_made_with(
    words: list[str], said: str, clips: Path, plain_clip: str, capsys: Capture
) -> None:
    """Otherwise the line would end with a command that fails."""
    output(["index", str(clips), "--model", plain_clip], capsys)
    code, line = failure(["index", str(clips), *words], capsys)
    assert (code, said in line) == (2, True), line


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
from bench.cli import main
main(["index", "--help"]); main(["search", "--help"])
sys.exit(bool({"torch", "transformers", "av", "numpy"} & sys.modules.keys()))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.0"), (59.96, "1:00.0"), (75.25, "1:15.2"), (3723.4, "1:02:03.4")]
)
def test_places_are_shown_as_players_show_them(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
