"""`bench doctor`: healthy folders pass, and what a run would stop at is named with its mend."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel

from bench.cli import main
from bench.data.annotation import Annotation, Clip, load_annotation, save_annotation
from bench.data.video import write_video

Command = Callable[..., list[str]]


@pytest.fixture
def doctor(command: Command, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    """The exit code and the findings, with the settings of a small run: doctor(root=…, init=…)."""

    def examine(**settings: object) -> tuple[int, list[str]]:
        words = command(**settings)
        code = 0
        try:
            main(["doctor", *words[1:]])
        except SystemExit as stop:
            code = int(stop.code or 0)
        text = capsys.readouterr().out
        assert all(len(line) <= 80 or " " not in line.strip()[20:] for line in text.splitlines())
        return code, re.sub(r"\n {16}", " ", text).splitlines()  # each finding in one line

    return examine


Doctor = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def folder(small: Path, tmp_path: Path) -> Path:
    """A copy of `small` that a test may damage."""
    return shutil.copytree(small, tmp_path / "folder")


def finding(lines: list[str], what: str) -> str:
    """The one line about something."""
    [line] = [line for line in lines if line.split()[1] == what]
    return line


def test_a_healthy_folder_passes(doctor: Doctor) -> None:
    code, lines = doctor()
    assert code == 0
    assert not [line for line in lines if line.startswith("fail")]
    assert finding(lines, "clips").endswith("18 can be read")
    assert "1k-A, 9k" in finding(lines, "msrvtt")
    assert "Starting from random weights." in finding(lines, "weights")


@pytest.mark.parametrize("what", ["readers", "lexicons", "device", "cache"])
def test_what_is_installed_is_told(doctor: Doctor, what: str) -> None:
    assert finding(doctor()[1], what).startswith("ok")


def test_a_split_of_another_dataset_is_said_once(doctor: Doctor) -> None:
    code, lines = doctor(split="train")
    assert code == 1
    [line] = [line for line in lines if line.startswith("fail")]
    assert line.startswith(f"fail {'clips':<10} msrvtt has no train split 'train'. Did you mean full-train? It has: ")


def test_annotations_of_another_dataset_are_said_to_be(doctor: Doctor, folder: Path) -> None:
    for path in (folder / "annotations").iterdir():
        path.unlink()
    save_annotation(Annotation("moodclips", "val", (Clip("a", ("a man",)),)), folder)
    code, lines = doctor(root=folder)
    assert code == 1
    assert "has the annotations val, and msrvtt has 7k, 9k, " in finding(lines, "msrvtt")


def test_a_cache_that_cannot_be_written_is_no_failure(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "file" / "home"))
    code, lines = doctor()
    assert code == 0
    assert finding(lines, "cache").startswith("note")


def test_with_a_root_and_no_dataset_the_dataset_is_found(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):  # no --init, so a run would stop
        main(["doctor", "--root", str(small)])
    assert re.search(r"^ok +msrvtt ", capsys.readouterr().out, re.M)


def test_missing_and_broken_clips_are_named(doctor: Doctor, folder: Path) -> None:
    (folder / "videos" / "video3.mp4").unlink()
    path = folder / "videos" / "video8.mp4"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    code, lines = doctor(root=folder)
    assert code == 1
    line = finding(lines, "clips")
    assert line.startswith("fail")
    assert "2 of 18 videos" in line
    assert re.search(r"\(video3, video8 \(.+\)\)", line)
    assert "video8.mp4" in finding(lines, "broken")
    assert "--missing skip" in line


def test_clips_that_are_to_be_skipped_are_counted_and_no_failure(doctor: Doctor, folder: Path) -> None:
    (folder / "videos" / "video3.mp4").unlink()
    code, lines = doctor(root=folder, missing="skip")
    assert code == 0
    assert "17 can be read, left out: 1 of 9k" in finding(lines, "clips")


def test_duplicate_clips_are_named_both(doctor: Doctor, folder: Path) -> None:
    (folder / "more").mkdir()
    shutil.copy(folder / "videos" / "video5.mp4", folder / "more" / "video5.mp4")
    code, lines = doctor(root=folder)
    assert code == 1
    line = finding(lines, "duplicate")
    assert str(folder / "more" / "video5.mp4") in line
    assert str(folder / "videos" / "video5.mp4") in line


def test_an_oddly_long_clip_is_noted_and_no_failure(doctor: Doctor, folder: Path) -> None:
    write_video(folder / "videos" / "video6.mp4", np.zeros((60, 64, 64, 3), np.uint8), 6)
    code, lines = doctor(root=folder)
    assert code == 0
    line = finding(lines, "long")
    assert "video6.mp4: 10 s, the median is 2 s" in line


def test_a_folder_that_was_not_prepared_says_how(doctor: Doctor, tmp_path: Path) -> None:
    code, lines = doctor(root=tmp_path)
    assert code == 1
    assert f"Write them: bench data prepare msrvtt --root {tmp_path}" in finding(lines, "msrvtt")


def test_a_folder_that_is_not_given_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["doctor", "--dataset", "msrvtt", "--init", "random", "--model.size", "tiny"])
    assert stop.value.code == 1
    assert re.search(r"^fail +msrvtt +where is msrvtt\? --root DIR", capsys.readouterr().out, re.M)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"init": "clip-vip:none.pt"}, "no checkpoint at none.pt. Fetch pretrain_clipvip_base_32.pt"),
        ({"init": ""}, "msrvtt needs initial weights: --init random"),
        ({"variant": "plane"}, "'plane' is no variant. Did you mean plain?"),
        ({"hp__init_std": 1}, "'plain' has no hyperparameter 'init_std'"),
        ({"model__tokenizer": "/nowhere"}, "/nowhere"),
    ],
)
def test_weights_and_settings_that_do_not_fit_fail(doctor: Doctor, settings: dict, line: str) -> None:
    code, lines = doctor(**settings)
    assert code == 1
    assert finding(lines, "weights").startswith("fail")
    assert line in finding(lines, "weights")


def test_a_checkpoint_of_another_shape_fails_and_names_tensors(doctor: Doctor, shared: Path) -> None:
    code, lines = doctor(init=f"clip-vip:{shared / 'golden' / 'clipvip_tiny.pt'}")
    assert code == 1
    assert re.search(r"fail +weights .*tensors are .*: backbone\.clipmodel\.", finding(lines, "weights"))


def test_a_checkpoint_is_looked_at_although_the_folder_is_at_fault(
    doctor: Doctor, tmp_path: Path, shared: Path
) -> None:
    _, lines = doctor(root=tmp_path, init=f"clip-vip:{shared / 'golden' / 'clipvip_tiny.pt'}")
    assert "tensors are" in finding(lines, "weights")


# --- the zero-shot gate ---------------------------------------------------------------------------------------------


@pytest.fixture
def expecting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets msrvtt's card say what the tiny model reaches: the gate needs a published number for the size."""

    def expect(percent: float) -> None:
        card = yaml.safe_load((Path(__file__).parents[2] / "datasets" / "msrvtt" / "card.yaml").read_text("utf-8"))
        card["expected"] = {"zero_shot": {"tiny": percent}}
        (tmp_path / "cards" / "msrvtt").mkdir(parents=True)
        (tmp_path / "cards" / "msrvtt" / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
        monkeypatch.setattr("bench.utils.paths.cards", lambda: tmp_path / "cards")

    return expect


@pytest.fixture
def known(small: Path, tmp_path: Path) -> Path:
    """A folder, and beside it one whose training clips are its test clips and the other way round: what was trained
    there scores high here, as a good start would. All captions are those of the test clips.
    """
    test = load_annotation(small, "1k-A", "msrvtt").clips
    others = tuple(Clip(f"video{place}", clip.captions) for place, clip in enumerate(test))
    for root, trained, tested in ((tmp_path / "known", others, test), (tmp_path / "swapped", test, others)):
        root.mkdir()
        (root / "videos").symlink_to(small / "videos")
        save_annotation(Annotation("msrvtt", "9k", trained), root)
        save_annotation(Annotation("msrvtt", "1k-A", tested), root)
    return tmp_path / "known"


@pytest.fixture
def trained(command: Command, known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Trains on the test clips and keeps the weights in the published key format; returns the --init."""

    def train(**settings: object) -> str:
        main(command(root=known.with_name("swapped"), train__batch=6, **settings))
        capsys.readouterr()
        [weights] = (tmp_path / "results").glob("*/*/*/*/model.safetensors")
        state = {key.removeprefix("backbone."): value for key, value in load_file(weights).items()}
        torch.save(state, tmp_path / "a.pt")
        return f"clip-vip:{tmp_path / 'a.pt'}"

    return train


def test_the_gate_lets_weights_pass_that_score_as_published(
    trained: Callable[..., str], doctor: Doctor, expecting: Callable[[float], None], known: Path
) -> None:
    init = trained(train__steps=20)
    expecting(90)
    code, lines = doctor(root=known, init=init)
    assert code == 0
    line = finding(lines, "gate")
    assert re.search(r"^ok +gate +zero-shot T2V R@1 \d+\.\d % on 6 test pairs; published: 90 % on all of 1k-A$", line)


def test_the_gate_stops_weights_that_score_far_below(
    trained: Callable[..., str], doctor: Doctor, expecting: Callable[[float], None], known: Path
) -> None:
    """After one step at a learning rate of nearly nothing the weights are random: about one of six is right."""
    init = trained(train__steps=1, train__lr=1e-12)
    expecting(90)
    code, lines = doctor(root=known, init=init)
    assert code == 1
    line = finding(lines, "gate")
    assert line.startswith("fail")
    assert "Far too low: check the checkpoint, the tokenizer and the videos." in line


def test_there_is_no_gate_for_weights_that_nobody_scored(doctor: Doctor, expecting: Callable[[float], None]) -> None:
    expecting(90)
    _, lines = doctor(init="random")
    assert not [line for line in lines if line.split()[1] == "gate"]


def test_weights_with_a_folder_without_a_vocabulary_fail(doctor: Doctor, shared: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    CLIPModel(CLIPConfig.from_pretrained(shared / "failing" / "clip_no_tokenizer")).save_pretrained(clip)
    settings = {"init": f"clip:{clip}", "model__size": clip / "config.json", "video__size": 32}
    code, lines = doctor(**settings, model__tokenizer=clip)
    assert code == 1
    assert "there is no vocabulary" in finding(lines, "weights")
    code, lines = doctor(**settings)  # a vocabulary made from the captions
    assert code == 1
    assert re.search(r"^fail +weights .* has \d+ tokens, the text tower 49408\.", finding(lines, "weights"))


def test_weights_that_give_all_texts_the_same_features_fail(
    trained: Callable[..., str], doctor: Doctor, known: Path, tmp_path: Path
) -> None:
    init = trained(train__steps=1)
    state = torch.load(tmp_path / "a.pt", weights_only=True)
    for part, value in (("weight", 0.0), ("bias", 1.0)):
        state[f"clipmodel.text_model.final_layer_norm.{part}"].fill_(value)
    torch.save(state, tmp_path / "a.pt")
    code, lines = doctor(root=known, init=init)
    assert code == 1
    assert "gives different texts the same features" in finding(lines, "weights")
