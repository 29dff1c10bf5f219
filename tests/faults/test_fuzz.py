"""Command lines and files drawn at random: no traceback, no endless wait, exit codes as documented.

Hundreds of each in every run of the tests, thousands in the slow ones. What is drawn depends on the number alone, so a
failure names what to try again.
"""

import contextlib
import io
import random
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.records import make_record
from safetensors.torch import save_file

from bench.cli import main
from bench.data.annotation import load_annotation
from bench.data.faces import read_table
from bench.data.scanning import scan
from bench.emotions.scores import read_captions
from bench.errors import BenchError
from bench.grid.plan import read_grid
from bench.model.checkpoints import read_tensors
from bench.model.clip_vip import clip_config
from bench.records import published
from bench.records.store import load, save

ROOT = Path(__file__).parents[2]
LONGEST = 20  # seconds
CODES = {0, 1, 2, 130}
WORDS = (
    *("run", "grid", "doctor", "compare", "audit", "probe", "explain", "report", "index", "search", "demo", "data"),
    *("prepare", "download", "compress", "emotions", "faces", "list", "variants", "datasets", "metrics", "figures"),
    *("--variant", "--dataset", "--split", "--test", "--root", "--init", "--config", "--results", "--plugin", "--json"),
    *(
        "--hp.init_std",
        "--train.lr",
        "--train",
        "--train.epochs",
        "--model.size",
        "--model.tokenizer",
        "--video.frames",
    ),
    *("--emotions", "--emotion-source", "--seed", "--file", "--format", "--subset", "--baseline", "--out", "--html"),
    *("--videos", "--backend", "--model", "--frames", "--workers", "-k", "--filter", "--port", "--host", "--compare"),
    *(
        "--dry-run",
        "--executor",
        "--run",
        "--window",
        "--faces",
        "--force",
        "--help",
        "--version",
        "--",
        "-",
        "--video",
    ),
)
VALUES = (
    *(
        "",
        " ",
        "0",
        "1",
        "-1",
        "1.5",
        "1e9",
        "nan",
        "inf",
        "-inf",
        "9" * 400,
        "٣",
        "true",
        "[]",
        "{}",
        "=",
        "--x",
        "\n",
    ),
    *("plain", "additive_text", "moodclips", "msrvtt", "9k", "1k-A", "tiny", "random", "run:x", "clip:.", "clip-vip:."),
    *(
        "cell:a",
        "../../../x",
        ".",
        "..",
        "none",
        "a\x1b[2J",
        "a\rb",
        "\udcff",
        "x" * 5000,
        "file.txt",
        "folder",
    ),
    *("grid.yaml", "table.json", "results", "clips", "happy people", "🎬", "127.0.0.1", "captions", "nrc", "vader"),
)


class _TooLongError(BaseException):
    """Nothing catches it."""


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    def too_long(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def place(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder in which some of the words that are drawn are files; nothing trains, serves or asks the net."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    tmp_path = tmp_path / "a" / "b" / "c" / "d"  # so that no .. leads out of it
    tmp_path.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("train_and_score", "score_again"):
        monkeypatch.setattr(f"bench.engine.run.{name}", refuse)
    monkeypatch.setattr("bench.data.importers.moodclips._fill", refuse)
    monkeypatch.setattr("bench.demo.server.opened", refuse)
    monkeypatch.setattr("bench.data.download._open", refuse)
    monkeypatch.setattr("bench.grid.executors._run", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse_address)
    (tmp_path / "clips").mkdir()
    shutil.copy(small / "videos" / "video1.mp4", tmp_path / "clips")
    shutil.copytree(small, tmp_path / "folder")
    (tmp_path / "file.txt").write_text("a happy man\n", encoding="utf-8")
    (tmp_path / "grid.yaml").write_text("cells: [{variant: plain, seed: [1, 2]}]\n", encoding="utf-8")
    save(make_record(), tmp_path / "results")
    return tmp_path


def refuse(*_: object, **__: object) -> Any:
    raise BenchError("not in a test")


def refuse_address(*_: object, **__: object) -> Any:
    raise OSError("not in a test")


def answer(words: list[str]) -> str:
    """What is wrong with how a command ends, or an empty text."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    try:
        with in_time(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(words)
    except SystemExit as end:
        code = 0 if end.code is None else end.code
    except _TooLongError:
        return "it took too long"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    if code not in CODES:
        return f"it ended with {code!r}"
    if "Traceback" in err.getvalue():
        return err.getvalue()
    return ""


def drawn(number: int) -> list[str]:
    draw = random.Random(number)
    words = [draw.choice(WORDS)] if draw.random() < 0.9 else []
    for _ in range(draw.randrange(7)):
        word = draw.choice(WORDS if draw.random() < 0.5 else VALUES)
        words.append(f"{word}={draw.choice(VALUES)}" if word.startswith("--") and draw.random() < 0.3 else word)
    return words


def ask_many(numbers: range) -> None:
    wrong = {}
    for number in numbers:
        words = drawn(number)
        if said := answer(words):
            wrong[number] = (words, said[:300])
    assert not wrong, "\n".join(f"{number}: {said}" for number, said in wrong.items())


def test_command_lines_end_as_documented(place: Path) -> None:
    ask_many(range(150))


@pytest.mark.slow
def test_thousands_of_command_lines_end_as_documented(place: Path) -> None:
    ask_many(range(5000))


# --- files ----------------------------------------------------------------------------------------------------------


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Some bytes of a file changed, cut, doubled, put in, or exchanged for ones that matter to parsers."""
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 5, 20))):
        at = draw.randrange(len(data) + 1)
        kind = draw.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del data[at : at + draw.randrange(1, 50)]
        elif kind == 2:
            data[at:at] = data[at : at + draw.randrange(1, 50)]
        elif kind == 3:
            data[at:at] = draw.randbytes(draw.randrange(1, 9))
        elif kind == 4:
            odd = (
                b"\0",
                b"-1",
                b"1e999",
                b"[",
                b"{",
                b'"',
                b"null",
                b"\xff\xff\xff\xff",
                b"9" * 30,
                b"../",
                b"\\ud800",
            )
            data[at : at + draw.randrange(4)] = draw.choice(odd)
        else:
            del data[at:]
    return bytes(data)


@pytest.fixture
def files(tmp_path: Path, small: Path) -> dict[str, tuple[Path, Callable[[Path], object]]]:
    """A sound file of each kind, and what reads one."""
    record = save(make_record(8), tmp_path / "results")
    torch.save({"a": torch.zeros(3), "b": torch.ones(2, 2)}, tmp_path / "weights.pt")
    save_file({"a": torch.zeros(3)}, tmp_path / "weights.safetensors")
    (tmp_path / "config.json").write_text(clip_config("tiny").to_json_string(), encoding="utf-8")
    text = "summary: s\nsettings: {dataset: msrvtt, train: {lr: [1, 2]}}\ncells:\n  - {variant: plain, seed: [1, 2]}\n"
    (tmp_path / "grid.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "captions.txt").write_text("a happy man\na sad dog\n", encoding="utf-8")
    published_table = min((ROOT / "results" / "published").glob("*.json"), key=lambda path: path.stat().st_size)
    copied = {"table.json": published_table, "faces.parquet": small / "faces.parquet"}
    copied |= {
        "clip.mp4": small / "videos" / "video2.mp4",
        "annotations/1k-A.json": small / "annotations" / "1k-A.json",
    }
    for name, path in copied.items():
        shutil.copy(path, tmp_path / name)
    return {
        "record": (record, load),
        "weights": (tmp_path / "weights.pt", read_tensors),
        "safetensors": (tmp_path / "weights.safetensors", read_tensors),
        "config": (tmp_path / "config.json", lambda path: clip_config(str(path))),
        "grid": (tmp_path / "grid.yaml", read_grid),
        "table": (tmp_path / "table.json", published.read),
        "annotation": (
            tmp_path / "annotations" / "1k-A.json",
            lambda path: load_annotation(tmp_path, "1k-A", "msrvtt"),
        ),
        "faces": (tmp_path / "faces.parquet", lambda path: read_table(path, "")),
        "captions": (tmp_path / "captions.txt", read_captions),
        "clip": (tmp_path / "clip.mp4", scan),
    }


def read_many(files: dict[str, tuple[Path, Callable[[Path], object]]], numbers: range) -> None:
    wrong = {}
    for name, (path, read) in files.items():
        content = path.read_bytes()
        for number in numbers:
            path.write_bytes(mutated(content, random.Random(f"{name} {number}")))
            try:
                with in_time():
                    read(path)
            except BenchError as error:
                if "\n" in str(error):
                    wrong[name, number] = str(error)
            except BaseException as error:
                wrong[name, number] = f"{type(error).__name__}: {error}"[:300]
    assert wrong == {}


def test_mutated_files_are_read_or_refused(files: dict[str, tuple[Path, Callable[[Path], object]]]) -> None:
    read_many(files, range(15))


@pytest.mark.slow
def test_thousands_of_mutated_files_are_read_or_refused(
    files: dict[str, tuple[Path, Callable[[Path], object]]],
) -> None:
    read_many(files, range(200))
