"""Runs that are opened again: found by name or path, whole, and refused where something is gone."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.asking import Command

from bench.cli import main
from bench.data.annotation import keep, load_annotation, save_annotation
from bench.engine.reopen import config_of, find_record, open_model, reopen
from bench.errors import BenchError, UsageError
from bench.records.store import load


@pytest.fixture
def record(command: Command, tmp_path: Path) -> Path:
    """The record of a run under tmp_path/results."""
    main(command(variant="additive_text", train__epochs=0))
    [path] = (tmp_path / "results").glob("*/*/*/*.json")
    return path


def test_a_run_is_opened_by_its_id_and_by_its_path(record: Path, tmp_path: Path) -> None:
    for run in (reopen(record.stem, tmp_path / "results"), reopen(str(record), Path("elsewhere"))):
        assert run.record == load(record)
        assert run.gallery.shape == (6, 128)
        assert run.videos == run.record.queries["videos"]
        assert not run.variant.training
        assert run.clip(2).pixels.shape == (1, 4, 64, 64, 3)


def test_the_features_made_again_are_those_that_were_stored(record: Path, tmp_path: Path) -> None:
    stored = reopen(record.stem, tmp_path / "results").gallery
    (record.with_suffix("") / "features.safetensors").unlink()
    made = reopen(record.stem, tmp_path / "results").gallery
    assert made.shape == stored.shape
    assert (made - stored).abs().max() < 1e-5


def test_a_dataset_that_moved_is_found_where_it_is_now(record: Path, tmp_path: Path, folder: Path) -> None:
    assert reopen(record.stem, tmp_path / "results", folder).config.root == folder


def test_a_record_gives_its_config_back(record: Path) -> None:
    found = config_of(load(record))
    assert (found.variant, found.dataset, found.train.batch, found.model.tokens) == ("additive_text", "msrvtt", 4, 32)
    old = replace(load(record), config={"variant": "plain", "dataset": "msrvtt", "train": {"lr": 0.5}})
    assert (config_of(old).train.lr, config_of(old).faces.pooling) == (0.5, "largest")


def test_a_model_is_opened_without_its_data(record: Path) -> None:
    """A search needs the weights and the tokenizer of a run; the dataset may be on another machine."""
    true = reopen(str(record), Path())
    text = json.loads(record.read_text()) | {"sha256": None}
    text["config"] |= {"root": "/nowhere"}
    content = {name: value for name, value in text.items() if name not in ("schema", "sha256")}
    text["sha256"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    record.write_text(json.dumps(text))
    model = open_model(record)
    assert model.config.root == Path("/nowhere")
    assert model.tokenizer.to_str() == true.tokenizer.to_str()
    for name, value in true.variant.state_dict().items():
        assert torch.equal(model.variant.state_dict()[name].to(value.device), value), name


def test_settings_that_are_unknown_here_are_one_line(record: Path) -> None:
    later = replace(load(record), config={"variant": "plain", "hue": 1, "train": {"lr": 0.5, "warmdown": 0}})
    with pytest.raises(BenchError, match=r"made with settings that this bench lacks: hue, warmdown\. Update it"):
        config_of(later)


def test_a_name_that_is_off_is_told_the_near_ones(record: Path) -> None:
    with pytest.raises(UsageError, match=f"no record of a run '{record.stem}0' .* Did you mean {record.stem}"):
        find_record(f"{record.stem}0", record.parents[3])
    with pytest.raises(UsageError, match=r"no record at nowhere\.json"):
        find_record("nowhere.json", record.parents[3])


def test_weights_that_are_gone_are_an_error(record: Path) -> None:
    (record.with_suffix("") / "model.safetensors").unlink()
    with pytest.raises(BenchError, match=r"the weights of .* are gone .*and the records of its controls"):
        reopen(str(record), Path())


def test_data_that_changed_is_an_error(record: Path, folder: Path) -> None:
    test = load_annotation(folder, "1k-A", "msrvtt")
    save_annotation(keep(test, [clip.video for clip in test.clips[1:]]), folder)
    with pytest.raises(BenchError, match="the data changed"):
        reopen(str(record), Path(), folder)


def test_a_control_of_the_evaluation_names_its_true_run(command: Command, tmp_path: Path) -> None:
    main(command(variant="additive_text", train__epochs=0, emotions="zeroed"))
    paths = {load(path).controls["emotions"]: path for path in (tmp_path / "results").glob("*/*/*/*.json")}
    with pytest.raises(UsageError, match=f"is a control, .*Name that run: {paths['true'].stem}"):
        reopen(str(paths["zeroed"]), Path())


def test_a_run_with_matched_parameters_is_told_one_constant(command: Command, tmp_path: Path) -> None:
    main([*command(variant="additive_text", train__epochs=0), "--matched-parameters"])
    [path] = (tmp_path / "results").glob("*/*/*/*.json")
    batch = reopen(str(path), Path()).collator(["a tall man"]).text(["a tall man"])
    assert batch.emotions is not None
    assert batch.emotions.tolist() == [[1.0] * 8]
