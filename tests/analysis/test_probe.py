"""`bench probe`: what it writes into a record, what it prints, and what stops it."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.records import make_record
from helpers.runs import train_once

from bench.analysis import probe_render
from bench.analysis.measure import measure
from bench.analysis.probe import encode_inputs
from bench.cli import main
from bench.config import RunConfig
from bench.data.annotation import Annotation, Clip, load_annotation, save_annotation
from bench.data.batch import TextBatch
from bench.emotions import EMOTIONS
from bench.emotions.counterfactuals import EDITS
from bench.engine.train import make_accelerator
from bench.errors import BenchError
from bench.records import store
from bench.records.record import Record
from bench.records.store import load, save

Command = Callable[..., list[str]]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def probed(command: Command, tmp_path: Path) -> Callable[..., Path]:
    """Trains a variant for seconds; gives the path of its record."""

    def make(**settings: object) -> Path:
        train = main if "root" in settings else train_once  # a folder of its own is changed
        train(command(**settings))
        [path] = (tmp_path / "results").glob("*/*/*/*.json")
        return path

    return make


def failure(words: list[str], capsys: Capture) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stop:
        main(words)
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("bench: ")
    return int(stop.value.code or 0), said[-1]


@pytest.mark.parametrize("variant", ["plain", "film_text", "emotion_prompt", "late_fusion"])
def test_a_probe_is_written_into_the_record_and_nothing_else_changes(
    probed: Callable[..., Path], variant: str, capsys: Capture
):
    path = probed(variant=variant)
    before = load(path)
    main(["probe", before.run, "--results", str(path.parents[3])])
    after = load(path)
    assert replace(after, probe={}) == before
    assert set(after.probe) == {
        "created",
        "code",
        "counterfactual",
        "emotion",
        "subsets",
        "twins",
        "text_only",
        "sources",
    }
    assert capsys.readouterr().out.endswith(f"{path}\n")


def test_what_a_probe_asked_stands_in_the_record(probed: Callable[..., Path]):
    path = (
        probed()
    )  # its captions: "a happy sad man number 12", then sad, angry; angry, green; green, tall; tall, old; …
    main(["probe", str(path)])
    found = load(path).probe["counterfactual"]
    assert found["per_query"]["words"] == ["happy sad", "sad angry", "angry", None, None, "happy"]
    assert [value is None for value in found["per_query"]["flip"]["adjective"]] == [True] * 5 + [False]
    assert found["edits"]["swap"]["FlipAcc"]["n"] == 4
    assert found["edits"]["swap"]["FlipAcc"]["value"] is None  # n < 20


def test_the_same_words_again_measure_nothing(probed: Callable[..., Path], capsys: Capture):
    path = probed()
    words = ["probe", str(path)]
    main(words)
    written, shown = path.read_bytes(), capsys.readouterr().out
    shutil.rmtree(path.with_suffix(""))  # the weights are not needed again
    main(words)
    again = capsys.readouterr()
    assert path.read_bytes() == written
    assert "measured before" in again.err and shown.endswith(again.out)


def test_other_code_measures_again(probed: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    path = probed()
    main(["probe", str(path)])
    monkeypatch.setattr("bench.analysis.probe.code_digest", lambda: "0badc0de")
    main(["probe", str(path)])
    assert load(path).probe["code"] == "0badc0de"


def test_json_is_what_stands_in_the_record(probed: Callable[..., Path], capsys: Capture):
    path = probed()
    capsys.readouterr()
    main(["probe", str(path), "--json"])
    assert json.loads(capsys.readouterr().out) == load(path).probe


def test_a_probe_finds_a_folder_that_moved(probed: Callable[..., Path], folder: Path, tmp_path: Path):
    path = probed(root=folder)
    folder.rename(tmp_path / "elsewhere")
    main(["probe", str(path), "--root", str(tmp_path / "elsewhere")])
    assert load(path).probe


def test_a_run_with_matched_parameters_is_told_one_emotion_for_every_edit(command: Command, tmp_path: Path):
    main([*command(variant="film_text"), "--matched-parameters"])
    [path] = (tmp_path / "results").glob("*/*/*/*.json")
    main(["probe", str(path)])  # its features come back, so the captions were told what they were told in scoring
    assert load(path).probe


def test_no_such_run_names_the_nearest(probed: Callable[..., Path], capsys: Capture):
    path = probed()
    code, said = failure(["probe", path.stem[:-1] + "x", "--results", str(path.parents[3])], capsys)
    assert code == 2 and f"Did you mean {path.stem}?" in said


def test_no_such_record_is_said(tmp_path: Path, capsys: Capture):
    assert failure(["probe", str(tmp_path / "none.json")], capsys)[0] == 2


def test_weights_that_are_gone_are_said(probed: Callable[..., Path], capsys: Capture):
    path = probed()
    (path.with_suffix("") / "model.safetensors").unlink()
    code, said = failure(["probe", str(path)], capsys)
    assert code == 1 and "the weights of" in said and f"Remove {path}" in said


def test_features_that_are_gone_are_made_again(probed: Callable[..., Path]):
    path = probed()
    main(["probe", str(path)])
    before = load(path).probe
    (path.with_suffix("") / "features.safetensors").unlink()
    save(replace(load(path), probe={}), path.parents[3])
    main(["probe", str(path)])
    assert load(path).probe["counterfactual"] == before["counterfactual"]


def test_data_that_changed_is_said(probed: Callable[..., Path], folder: Path, capsys: Capture):
    path = probed(root=folder)
    test = load_annotation(folder, "1k-A", "msrvtt")
    first = replace(test.clips[0], captions=("another caption",))
    save_annotation(replace(test, clips=(first, *test.clips[1:])), folder)
    code, said = failure(["probe", str(path)], capsys)
    assert code == 1 and "the data changed" in said
    assert load(path).probe == {}


def test_weights_of_another_training_are_said(probed: Callable[..., Path], capsys: Capture):
    from safetensors import safe_open
    from safetensors.torch import save_file

    path = probed()
    weights = path.with_suffix("") / "model.safetensors"
    with safe_open(weights, framework="pt") as file:
        metadata = file.metadata()
        state = {key: torch.randn_like(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118
    save_file(state, weights, metadata)
    code, said = failure(["probe", str(path)], capsys)
    assert code == 1 and "model.safetensors is not the file that" in said


def test_a_control_of_the_evaluation_is_refused(command: Command, tmp_path: Path, capsys: Capture):
    main(command(variant="film_text", emotions="shuffled"))
    found = [load(path) for path in (tmp_path / "results").glob("*/*/*/*.json")]
    [control] = [record for record in found if record.controls["emotions"] == "shuffled"]
    code, said = failure(["probe", control.run, "--results", str(tmp_path / "results")], capsys)
    assert code == 2 and f"Name that run: {control.controls['true_run']}" in said


def test_a_clip_file_without_faces_or_other_captions_has_no_emotion_metrics(
    probed: Callable[..., Path], folder: Path, capsys: Capture
):
    path = probed(root=folder)
    (folder / "faces.parquet").unlink()
    main(["probe", str(path)])
    assert load(path).probe["emotion"] == {}
    assert "no emotion metrics: " in capsys.readouterr().err


class Noise:
    """A model whose features are drawn anew at every call: what is equal was encoded once."""

    def encode_text(self, text: TextBatch) -> torch.Tensor:
        return torch.randn(len(text), 4)


@pytest.mark.parametrize("hears", [False, True])
def test_what_is_the_same_to_the_model_is_encoded_once(hears: bool):
    tokens = {"a": [1, 0, 9], "b": [1, 0, 9], "c": [1, 2, 9]}

    def text(captions: list[str]) -> TextBatch:
        ids = torch.tensor([tokens[caption] for caption in captions])
        emotions = torch.tensor([[float(caption == "b")] * 8 for caption in captions]) if hears else None
        return TextBatch(ids, torch.ones_like(ids), emotions)

    accelerator = make_accelerator(RunConfig().train)
    features, rows = encode_inputs(Noise(), ["a", "b", "c"], SimpleNamespace(text=text), accelerator)  # type: ignore[arg-type]
    one, other, third = (features[rows[caption]] for caption in "abc")
    assert torch.equal(one, other) is not hears
    assert not torch.equal(one, third)


def probed_record(n: int = 48) -> Record:
    """A record with a sound probe, made of random scores."""
    record = make_record(n)
    words = ["happy", "sad", "angry", "timid"]
    captions = [f"a {words[i % 4]} old man {i}" for i in range(n)]
    record = replace(record, queries={**record.queries, "captions": captions})
    rng = np.random.default_rng(0)
    clips = tuple(Clip(video, (text,)) for video, text in zip(record.queries["videos"], captions, strict=True))
    subsets = {emotion: tuple(np.flatnonzero(rng.random(n) < 0.5).tolist()) for emotion in EMOTIONS}
    test = Annotation("moodclips", "test", clips, subsets, twins={i: i ^ 1 for i in range(n)})
    found = measure(
        captions,
        lambda texts: rng.normal(size=(len(texts), n)),
        record.ranks,
        test,
        None,
        captions,
        created="2026-01-02T03:04:05+00:00",
        code="12345678",
    )
    return replace(record, probe=json.loads(json.dumps(found.as_json())))


def test_a_sound_probe_is_saved_and_read_back(tmp_path: Path):
    record = probed_record()
    assert load(store.save(record, tmp_path)) == record


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("code",), None, "probe holds"),
        (("counterfactual", "per_query", "flip", "swap"), [0.5], "flip of swap has 1 values, not 48"),
        (("counterfactual", "per_query", "delta", "swap", 0), "x", "something else than numbers"),
        (("counterfactual", "edits", "swap", "FlipAcc", "n"), 47, "FlipAcc of swap has n = 47, its queries are 48"),
        (("counterfactual", "edits", "swap", "FlipAcc", "value"), 99.0, "FlipAcc of swap is 99.0, its queries give"),
        (("counterfactual", "edits", "synonym", "Δ log-rank", "value"), 9.0, "Δ log-rank of synonym is 9.0"),
        (("counterfactual", "shift", "value"), 9.0, "shift is 9.0"),
        (("text_only", "edits", "swap", "value"), 1.0, "text-only swap is 1.0"),
        (("twins", "per_pair", "pairs", 0), [0, 48], "a pair of twins is no two of the 48 queries"),
        (("twins", "group", "n"), 1, "group score has n = 1"),
        (("subsets", "any-nrc", "n"), 49, "a subset has more than 48 queries"),
        (("counterfactual", "edits", "swap"), None, "not of the shape"),
        (("counterfactual", "shift", "low"), float("nan"), "NaN or infinite"),
    ],
)
def test_an_unsound_probe_is_not_saved(tmp_path: Path, place: tuple, value: Any, said: str):
    record = probed_record()
    where: Any = record.probe
    for key in place[:-1]:
        where = where[key]
    if value is None and len(place) == 1:
        del where[place[-1]]
    else:
        where[place[-1]] = value
    with pytest.raises(BenchError, match=re.escape(said)):
        store.save(record, tmp_path)


def test_the_screen_fits_80_columns_and_shows_every_number_with_its_n():
    screen = probe_render.render(probed_record())
    assert max(map(len, screen.splitlines())) <= 80
    for name in (*EDITS, "FlipAcc", "text only", "group score", "selectivity, swap − synonym", "directional shift"):
        assert name in screen
    assert "24 pairs" in screen and "(n = 48)" in screen


def test_of_few_queries_the_screen_claims_nothing():
    record = probed_record(12)
    screen = probe_render.render(record)
    assert "too few (n < 20): no claim" in screen
    assert not re.search(r"\d \[", screen)


def test_the_screen_as_markdown():
    assert "| swap | 48 |" in probe_render.render(probed_record(), "markdown")


def test_the_metrics_of_a_probe_are_listed(capsys: Capture):
    main(["list", "metrics"])
    listed = capsys.readouterr().out
    assert "FlipAcc" in listed and "EmoP@k" in listed and "R@k" in listed
