"""Frozen towers: what is trained, what is kept of them and shared, and that nothing else changes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.runs import bench
from safetensors.torch import load_file

from bench.cli import main
from bench.engine import frozen
from bench.model import variant_registry
from bench.model.small_models import captions, clips, make, trained
from bench.records.record import Record

Command = Callable[..., list[str]]
TEXT_ALONE = {"plain", "emotion_alignment", "emotion_prompt", "late_fusion"}  # no token of either tower is changed
FACES = {"face_additive", "face_tokens", "face_text_fusion"}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", sorted(variant_registry.entries()))
def test_a_variant_takes_the_features_of_a_tower_whose_tokens_it_leaves_alone(name: str) -> None:
    variant, text, video = trained(name), captions([3, 7]), clips(2)
    assert frozen.takes_features(variant, "video", text, video) == (name not in FACES)
    changes_text = name not in TEXT_ALONE | {"face_additive", "face_tokens"}
    assert frozen.takes_features(variant, "text", text, video) != changes_text


def test_a_variant_that_reads_pixels_itself_is_found_out() -> None:
    variant = make("plain")
    own_way = type("OwnWay", (type(variant),), {"encode_video": lambda self, video: video.pixels.mean((1, 3, 4))})
    variant.__class__ = own_way
    assert not frozen.takes_features(variant, "video", captions([3, 7]), clips(2))


@pytest.mark.parametrize(("towers", "learned"), [("video", {"text"}), ("text", {"video"}), ("both", set())])
def test_a_frozen_tower_has_no_gradient_and_no_dropout(towers: str, learned: set[str]) -> None:
    variant = trained("face_text_fusion")
    backbone = variant.backbone
    backbone.freeze({"both": ("video", "text")}.get(towers, (towers,)))
    variant.train()
    text, video, scale, _ = variant(captions([3, 7]), clips(2))
    ((text * torch.rand(24)).sum() + (video * torch.rand(24)).sum() + scale).backward()
    moved = {name for name, value in variant.named_parameters() if value.grad is not None}
    of_towers = {"text": "backbone.clipmodel.text_", "video": "backbone.clipmodel.visi"}
    for tower, prefix in of_towers.items():
        assert any(name.startswith(prefix) for name in moved) == (tower in learned)
        assert all(module.training == (tower in learned) for module in backbone.tower(tower))
    assert {"gate", "face.weight", "backbone.clipmodel.logit_scale"} <= moved  # also through a frozen tower


def test_both_towers_and_the_temperature_are_the_whole_backbone() -> None:
    backbone = make("plain").backbone
    parts = [{id(p) for module in backbone.tower(name) for p in module.parameters()} for name in ("text", "video")]
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] | {id(backbone.logit_scale)} == {id(p) for p in backbone.parameters()}


def not_again(*_: object) -> None:
    pytest.fail("features that are kept were encoded again")


def curve(record: Record) -> list[float]:
    return [point["loss"] for point in record.curve]


def test_losses_are_the_same_to_the_bit_from_features_just_computed_from_their_file_and_in_every_step(
    command: Command, monkeypatch: pytest.MonkeyPatch, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"variant": "film_text", "freeze": "video"}
    first = bench(command(**settings))
    assert len(list((own_home / "frozen").iterdir())) == 2  # of the training clips and of the test clips
    with monkeypatch.context() as patch:
        patch.setattr(frozen, "encode_clips", not_again)
        again = bench(command("again", **settings))
    capsys.readouterr()
    monkeypatch.setattr(frozen, "takes_features", lambda *_: False)
    every_step = bench(command("every", **settings))
    assert "film_text changes the input of the frozen video tower" in capsys.readouterr().err
    assert curve(again) == curve(first)
    assert again.ranks == first.ranks
    assert every_step.curve[0]["loss"] == first.curve[0]["loss"]
    assert np.abs(np.subtract(curve(every_step), curve(first))).max() < 1e-5
    assert "|freeze:video|" in first.protocol


def test_other_variants_and_seeds_of_one_start_share_what_is_kept_and_the_tower_stays_as_it_was(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = {"init": "tiny", "video__frames": 8, "train__steps": 2, "freeze": "video"}
    bench(command(variant="plain", **settings))
    monkeypatch.setattr(frozen, "encode_clips", not_again)
    bench(command("other", variant="additive_text", seed=7, **settings))
    one, other = (load_file(next((tmp_path / name).rglob("model.safetensors"))) for name in ("results", "other"))
    for name, value in one.items():
        is_video = "vision_model" in name or "visual_projection" in name
        assert torch.equal(value, other[name]) == is_video, name


def test_a_variant_whose_tokens_go_through_a_frozen_tower_trains_and_says_so(
    command: Command, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"variant": "face_additive", "freeze": "both", "train__steps": 2}
    record = bench(command(**settings))
    said = capsys.readouterr().err
    assert "face_additive changes the input of the frozen video tower" in said
    assert "frozen text tower" not in said
    assert record.curve[1]["loss"] != record.curve[0]["loss"]
    assert len(list((own_home / "frozen").iterdir())) == 2  # texts of training and of the test
    again = bench(command("again", **settings))
    assert curve(again) == curve(record)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"freeze": "both"}, "plain adds no parameters: with --freeze both there is nothing to train."),
        ({"freeze": "text", "train__epochs": 0}, "--freeze text leaves towers out of a training"),
    ],
)
def test_a_training_that_trains_nothing_is_refused(
    settings: dict[str, object], line: str, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(command(**settings))
    assert stop.value.code == 2
    assert line in capsys.readouterr().err


@pytest.mark.slow
def test_the_benchmark_of_frozen_towers_measures_all_kinds(command: Command, tmp_path: Path) -> None:
    words = command()[1:]
    at = words.index("--results")
    script = Path(__file__).parents[1] / "benchmarks" / "frozen.py"
    call = [sys.executable, str(script), "--cells", "1", "--steps", "2", "--json", str(tmp_path / "found.json")]
    done = subprocess.run([*call, *words[:at], *words[at + 2 :]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert [cell["kind"] for cell in found["cells"]] == ["usual", "frozen", "kept"]
    assert found["equal"]


def test_a_damaged_file_is_computed_again_and_old_ones_make_room(
    own_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [own_home / "frozen" / f"{name}.safetensors" for name in "abc"]
    features = torch.rand(50, 8)
    for age, path in enumerate(paths[:2]):
        frozen._write(features, path)
        os.utime(path, (age, age))
    kept = frozen._read(paths[0])  # used just now
    assert kept is not None and torch.equal(kept, features)
    monkeypatch.setattr(frozen, "LIMIT", 2 * paths[0].stat().st_size)
    frozen._write(features, paths[2])
    assert sorted(own_home.rglob("*.safetensors")) == [paths[0], paths[2]]
    content = bytearray(paths[0].read_bytes())
    content[-40] ^= 1
    paths[0].write_bytes(content)
    assert frozen._read(paths[0]) is None
    assert f"{paths[0]} is damaged" in capsys.readouterr().err
    assert frozen._read(paths[1]) is None
