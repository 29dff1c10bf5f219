"""Which device a name means, and that every command that runs a model takes one and uses it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.asking import Capture, Command, failure, output
from helpers.classifiers import write_classifier
from helpers.search import SeesColours, as_encoder, clip, tiny_clip

from bench.analysis.probe import probe
from bench.cli import main
from bench.demo.session import Session, open_second
from bench.engine.reopen import reopen
from bench.errors import UsageError
from bench.records.store import load, save
from bench.search import models
from bench.search.searcher import Choice, open_folder
from bench.utils.device import ABOUT, choose_device

NO_GPU = "--device cuda: PyTorch sees no CUDA GPU on this machine"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder with one short video."""
    return clip(tmp_path / "clips" / "red.mp4", "red").parent


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


@pytest.mark.parametrize(
    ("device", "gpus", "line"),
    [
        ("cuda", 0, "PyTorch sees no CUDA GPU on this machine"),
        ("cuda:2", 2, "the GPUs of this machine are cuda:0 to cuda:1"),
        ("cuda:200", 2, "the GPUs of this machine are cuda:0 to cuda:1"),
        ("cuda:99999999999999999999", 2, "the GPUs of this machine are cuda:0 to cuda:1"),
        ("mps", 0, "PyTorch sees no Apple GPU on this machine"),
    ],
)
def test_a_device_that_is_not_there_is_one_line(
    device: str, gpus: int, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(UsageError, match=line):
        choose_device(device)


@pytest.mark.parametrize(("device", "gpus", "found"), [("auto", 0, "cpu"), ("auto", 1, "cuda"), ("cpu", 1, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(
    device: str, gpus: int, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    assert choose_device(device) == torch.device(found)


@pytest.mark.parametrize("name", ["cuda:", "gpu", "cuda:one", "cuda:01", "cuda:\u0661", "CPU", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"--device takes auto, cpu, cuda, cuda:N or mps, not '{name}'"):
        choose_device(name)


@pytest.mark.parametrize("command", ["run", "doctor", "index", "search", "demo", "probe", "explain", "emotions"])
def test_every_command_that_runs_a_model_says_the_same_of_its_device(command: str, capsys: Capture) -> None:
    page = re.sub(r"[│\s]+", " ", output([command, "--help"], capsys))
    assert re.search(rf"--device [A-Z]* ?{re.escape(ABOUT)}", page)


def test_index_search_and_demo_take_the_device(clips: Path, no_gpu: None, tmp_path: Path, capsys: Capture) -> None:
    model = ["--model", f"clip:{tiny_clip(tmp_path)}"]
    capsys.readouterr()
    for words in (
        ["index", str(clips)],
        ["search", "happy", "--videos", str(clips)],
        ["demo", str(clips), "--port", "0"],
    ):
        code, said = failure([*words, *model, "--device", "cuda"], capsys)
        assert (code, NO_GPU in said) == (2, True), said


def test_the_model_of_an_index_is_loaded_on_that_device(
    clips: Path, no_gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=NO_GPU):
        models.load(f"clip:{tiny_clip(tmp_path)}", tmp_path, device="cuda")
    asked: list[str] = []

    def load(name: str, results: Path, tokenizer: str, device: str) -> object:
        asked.append(device)
        return as_encoder(SeesColours(name))

    monkeypatch.setattr(models, "load", load)
    first = Session(open_folder(clips, tmp_path, Choice("clip:a", device="cpu")), clips)
    open_second(first, "clip:b", tmp_path, device="cpu")
    assert asked == ["cpu", "cpu"]


def test_an_index_is_the_same_whatever_the_device_was_called(clips: Path, tmp_path: Path, capsys: Capture) -> None:
    model = f"clip:{tiny_clip(tmp_path)}"
    output(["index", str(clips), "--model", model, "--device", "cpu"], capsys)
    assert "0 new, 0 changed, 0 gone" in output(["index", str(clips), "--model", model], capsys)


def test_a_classifier_of_emotions_takes_the_device(no_gpu: None, tmp_path: Path, capsys: Capture) -> None:
    source = f"classifier:{write_classifier(tmp_path / 'model', ['joy', 'anger'], several=False)}"
    capsys.readouterr()
    code, said = failure(["emotions", "a happy man", "--source", source, "--device", "cuda"], capsys)
    assert (code, NO_GPU in said) == (2, True), said
    found = output(["emotions", "a happy man", "--source", source, "--json"], capsys)
    assert output(["emotions", "a happy man", "--source", source, "--json", "--device", "cpu"], capsys) == found
    code, said = failure(["emotions", "a happy man", "--device", "gpu"], capsys)
    assert (code, "--device takes auto, cpu, cuda" in said) == (2, True), said


def test_a_run_is_opened_where_it_is_asked_for_and_not_where_it_was_made(
    command: Command, no_gpu: None, tmp_path: Path, capsys: Capture
) -> None:
    main(command(variant="additive_text", train__epochs=0))
    [path] = (tmp_path / "results").glob("*/*/*/*.json")
    record = load(path)
    save(replace(record, config=record.config | {"device": "cuda:7"}), tmp_path / "results")
    assert reopen(str(path), Path()).config.device == "auto"
    capsys.readouterr()
    for words in (["explain", str(path), "a man"], ["probe", str(path)]):
        code, said = failure([*words, "--device", "cuda"], capsys)
        assert (code, NO_GPU in said) == (2, True), said
    probe(str(path), Path(), device="cpu")
