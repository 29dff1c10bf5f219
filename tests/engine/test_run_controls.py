"""Runs that are told something else of emotion than the truth, and runs that see faces."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.runs import train_once

from bench.cli import main
from bench.data.faces import FACE_COLUMNS, read_table, write_faces
from bench.model import variant_registry
from bench.records.record import Record
from bench.records.store import load

Command = Callable[..., list[str]]
Capture = pytest.CaptureFixture[str]

TEXT = {"variant": "film_text", "train__lr": 1e-2}


def records(tmp_path: Path) -> dict[str, Record]:
    """Every record of a test's results, by what its run was told of emotion."""
    found = [load(path) for path in (tmp_path / "results").glob("*/*/*/*.json")]
    return {"/".join(str(record.controls[key]) for key in ("train_emotions", "emotions")): record for record in found}


def weights(tmp_path: Path) -> Path:
    [path] = (tmp_path / "results").glob("*/*/*/*/model.safetensors")
    return path


def failure(words: list[str], capsys: Capture) -> tuple[int, str]:
    with pytest.raises(SystemExit) as error:
        main(words)
    return int(error.value.code or 0), capsys.readouterr().err


def test_a_control_scores_the_weights_of_the_true_run(command: Command, tmp_path: Path) -> None:
    main(command(**TEXT, emotions="zeroed"))
    found = records(tmp_path)
    true, zeroed = found["true/true"], found["true/zeroed"]
    assert (zeroed.curve, zeroed.protocol, zeroed.selection) == (true.curve, true.protocol, true.selection)
    assert zeroed.controls["true_run"] == true.run == true.controls["true_run"]
    assert zeroed.run != true.run


def test_a_control_changes_the_scores_of_a_variant_that_hears_emotions(command: Command, tmp_path: Path) -> None:
    main(command(variant="additive_text", hp__init_std=1.0, emotions="zeroed"))
    found = records(tmp_path)
    assert found["true/zeroed"].ranks != found["true/true"].ranks


def test_a_control_of_a_run_that_is_there_trains_nothing(command: Command, tmp_path: Path) -> None:
    train_once(command(**TEXT))
    before = weights(tmp_path).stat().st_mtime_ns
    main(command(**TEXT, emotions="shuffled"))
    assert weights(tmp_path).stat().st_mtime_ns == before
    assert "train" not in records(tmp_path)["true/shuffled"].timings


def test_a_control_whose_weights_are_gone_says_so(command: Command, tmp_path: Path, capsys: Capture) -> None:
    train_once(command(**TEXT))
    weights(tmp_path).unlink()
    code, said = failure(command(**TEXT, emotions="shuffled"), capsys)
    assert code == 1
    assert "model.safetensors). Remove" in said and "are gone" in said


def test_another_run_s_weights_do_not_pass_for_a_run_s_own(command: Command, tmp_path: Path, capsys: Capture) -> None:
    train_once(command(**TEXT))
    main(command("other", **TEXT, seed=7))
    [other] = (tmp_path / "other").glob("*/*/*/*/model.safetensors")
    shutil.copy(other, weights(tmp_path))
    code, said = failure(command(**TEXT, emotions="shuffled"), capsys)
    assert code == 1
    assert "model.safetensors is not the file that" in said


def test_a_control_names_the_weights_that_it_scored(command: Command, tmp_path: Path) -> None:
    main(command(**TEXT, emotions="shuffled"))
    found = records(tmp_path)
    digest = hashlib.sha256(weights(tmp_path).read_bytes()).hexdigest()
    assert found["true/true"].artifacts.keys() == {"weights", "features"}
    assert found["true/shuffled"].artifacts == {"weights": digest}


def copied(faces: Path, to: Path, source: str) -> None:
    """The same faces under another source: another file for whoever looks at its content."""
    table, _, _ = read_table(faces, "")
    columns = {name: table[name].to_pylist() for name in FACE_COLUMNS}
    write_faces(columns, to, source, {})


@pytest.mark.parametrize("control", ["true", "shuffled"])
def test_a_run_whose_faces_were_exchanged_says_so(
    command: Command, folder: Path, capsys: Capture, control: str
) -> None:
    main(command(variant="face_tokens", root=folder))
    copied(folder / "faces.parquet", folder / "faces.parquet", "another source")
    code, said = failure(command(variant="face_tokens", root=folder, emotions=control), capsys)
    assert code == 1
    assert "was made with other faces (drawn at random for a test) than" in said


def test_faces_that_are_named_make_a_run_of_their_own(command: Command, small: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        copied(small / "faces.parquet", tmp_path / f"{name}.parquet", name)
        main(command(variant="face_tokens", train__steps=1, faces__file=tmp_path / f"{name}.parquet"))
    paths = (tmp_path / "results").glob("*/*/*/*.json")
    assert sorted(load(path).faces["source"] for path in paths) == ["one", "other"]


def test_a_variant_that_sees_no_faces_is_the_same_run_whatever_their_pooling(command: Command, tmp_path: Path) -> None:
    for pooling in ("mean", "max"):
        main(command(variant="plain", train__steps=1, faces__pooling=pooling))
    assert len([*(tmp_path / "results").glob("*/*/*/*.json")]) == 1


def test_without_epochs_the_weights_of_a_run_are_scored_as_they_are(command: Command, tmp_path: Path) -> None:
    train_once(command(variant="plain"))
    [plain] = records(tmp_path).values()
    main(command(variant="film_text", init=f"run:{plain.run}", train__epochs=0))
    [path] = (tmp_path / "results").glob("*/*/film_text/*.json")
    assert load(path).ranks == plain.ranks
    assert load(path).curve == []


def test_late_fusion_with_alpha_1_on_a_trained_model_ranks_as_that_model(command: Command, tmp_path: Path) -> None:
    train_once(command(variant="plain"))
    [plain] = records(tmp_path).values()
    for alpha in (1, 0.5):
        main(command(variant="late_fusion", init=f"run:{plain.run}", train__epochs=0, hp__alpha=alpha))
    fused = [load(path) for path in (tmp_path / "results").glob("*/*/late_fusion/*.json")]
    ranks = {record.hyperparameters["alpha"]: record.ranks for record in fused}
    assert ranks[1] == plain.ranks
    assert ranks[0.5] != plain.ranks


def test_a_variant_without_parameters_has_none_to_match(command: Command, capsys: Capture) -> None:
    code, said = failure([*command(variant="emotion_prompt"), "--matched-parameters"], capsys)
    assert code == 2
    assert "emotion_prompt adds no parameters to match" in said


def test_a_variant_without_emotion_ranks_the_same_under_every_control(command: Command, tmp_path: Path) -> None:
    main(command(variant="plain", emotions="opposite"))
    found = records(tmp_path)
    assert found["true/opposite"].ranks == found["true/true"].ranks


def test_a_training_control_is_a_run_of_its_own(command: Command, tmp_path: Path) -> None:
    train_once(command(**TEXT))
    main(command(**TEXT, train__emotions="shuffled"))
    found = records(tmp_path)
    assert found["shuffled/true"].curve != found["true/true"].curve
    assert found["shuffled/true"].controls["true_run"] == found["true/true"].run


def test_matched_parameters_keep_the_size_and_are_recorded(command: Command, tmp_path: Path) -> None:
    main([*command(**TEXT), "--matched-parameters"])
    [record] = records(tmp_path).values()
    assert record.controls["matched_parameters"] is True
    assert record.parameters["added"] == 8 * 2 * 128


def test_matched_parameters_and_another_control_exclude_each_other(command: Command, capsys: Capture) -> None:
    code, said = failure([*command(), "--matched-parameters", "--emotions", "zeroed"], capsys)
    assert code == 2
    assert "--matched-parameters is a control of its own" in said


@pytest.mark.parametrize("pooling", ["largest", "mean"])
def test_a_face_variant_says_whose_faces_it_saw(command: Command, tmp_path: Path, pooling: str) -> None:
    main(command(variant="face_tokens", faces__pooling=pooling))
    [record] = records(tmp_path).values()
    assert record.faces["source"] == "drawn at random for a test"
    assert record.faces["pooling"] == pooling
    assert len(record.faces["sha256"]) == 64


def test_faces_that_are_missing_stop_the_run_at_once(command: Command, folder: Path, capsys: Capture) -> None:
    (folder / "faces.parquet").unlink()
    code, said = failure(command(variant="face_tokens", root=folder), capsys)
    assert code == 1
    assert f"face_tokens needs facial expressions and {folder / 'faces.parquet'} is missing" in said
    assert f"bench faces --dataset msrvtt --root {folder}" in said


@pytest.mark.parametrize("name", sorted(variant_registry.entries()))
def test_every_variant_runs_by_name(command: Command, tmp_path: Path, name: str) -> None:
    main(command(variant=name, train__steps=1))
    [record] = records(tmp_path).values()
    assert record.variant == name
    assert bool(record.faces) == bool(variant_registry.entries()[name].video_needs)


TOLD = sorted(name for name, entry in variant_registry.entries().items() if entry.text_needs or entry.video_needs)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("control", ["shuffled", "zeroed", "random", "opposite"])
def test_every_variant_that_is_told_of_emotion_takes_every_control(
    command: Command, tmp_path: Path, name: str, control: str
) -> None:
    main(command(variant=name, train__steps=1, emotions=control))
    found = records(tmp_path)
    assert found[f"true/{control}"].controls["true_run"] == found["true/true"].run


@pytest.mark.slow
@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("control", ["shuffled", "zeroed", "matched"])
def test_every_variant_that_is_told_of_emotion_trains_under_every_control(
    command: Command, tmp_path: Path, capsys: Capture, name: str, control: str
) -> None:
    words = command(variant=name, train__steps=1)
    if control != "matched":
        main([*words, "--train.emotions", control])
        assert [*records(tmp_path)] == [f"{control}/true"]
    elif variant_registry.added_at_b32()[name]:
        main([*words, "--matched-parameters"])
        [record] = records(tmp_path).values()
        assert record.controls["matched_parameters"] and record.parameters["added"]
    else:
        assert failure([*words, "--matched-parameters"], capsys)[0] == 2
