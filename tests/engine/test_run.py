"""A whole run over a small folder of real files: trained, scored, recorded, resumed, repeated."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.records import counts_by_sorting
from helpers.runs import ask, bench, interrupt_at, same
from safetensors.torch import load_file

from bench.cli import main
from bench.data import loading
from bench.data.annotation import load_annotation, save_annotation
from bench.data.compress import compress
from bench.data.video import OLD_COPIES
from bench.data.workers import decode_all
from bench.data.workers import load as load_batches
from bench.engine.checkpoint import Progress
from bench.engine.run import say_if_starved
from bench.records.protocol import parse_signature
from bench.records.store import load

Command = Callable[..., list[str]]


def test_a_run_leaves_a_record_with_features_and_weights(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = bench(command(variant="additive_text", hp__init_std=0.5))
    [path] = (tmp_path / "results").glob("msrvtt/9k/additive_text/*.json")
    assert str(path) in capsys.readouterr().out
    assert record.hyperparameters == {"init_std": 0.5}
    assert record.parameters["added"] == 8 * 128
    assert record.lexicons
    assert len(record.curve) == 6
    assert record.metrics["all"]["n"] == 6
    assert record.metrics["emotion"]["n"] == 3
    assert (path.with_suffix("") / "model.safetensors").is_file()
    features = load_file(path.with_suffix("") / "features.safetensors")
    scores = (features["text"] @ features["video"].T).numpy()
    assert record.ranks == {"t2v": counts_by_sorting(scores), "v2t": counts_by_sorting(scores.T)}


def test_the_record_says_how_long_training_waited_for_clips(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*arguments: Any) -> Iterator[Any]:
        for batch in load_batches(*arguments):
            time.sleep(0.1)
            yield batch

    monkeypatch.setattr("bench.engine.train.load", slowly)
    record = bench(command(video__workers=0))
    batches = len(record.curve) * record.config["train"]["accumulation"]
    assert record.timings["waiting"] >= 0.1 * batches
    assert record.timings["train"] > 0


@pytest.mark.parametrize(
    ("seconds", "waited", "said"),
    [(100.0, 30.0, "waited 30 of 100 s"), (1000.0, 30.0, ""), (10.0, 9.0, "")],
)
def test_a_training_that_waits_for_clips_says_so(
    seconds: float, waited: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say_if_starved(Progress(seconds=seconds, waited=waited))
    printed = capsys.readouterr().err
    assert said in printed if said else not printed


@pytest.mark.parametrize(
    ("settings", "decoded"),
    [
        ({"train__epochs": 0}, ["msrvtt/1k-A"]),
        ({"train__epochs": 0, "train__holdout": 2}, ["msrvtt/1k-A"]),
        ({"train__steps": 1}, ["msrvtt/9k", "msrvtt/1k-A"]),
    ],
)
def test_without_a_training_the_test_clips_alone_are_kept_in_memory(
    command: Command, settings: dict, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def decode(read: Callable, sizes: dict[str, int], what: str) -> dict[str, np.ndarray]:
        asked.append(what)
        return decode_all(read, sizes, what)

    monkeypatch.setattr(loading, "decode_all", decode)
    kept = bench([*command(**settings), "--video.cache"])
    assert asked == decoded
    assert kept.ranks == bench(command("others", **settings)).ranks


def test_the_same_words_again_say_that_it_is_done(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def written() -> dict[Path, int]:
        files = (path for path in (tmp_path / "results").rglob("*") if path.is_file())
        return {path: path.stat().st_mtime_ns for path in files}

    bench(command())
    first, before = capsys.readouterr().out, written()
    bench(command())
    again = capsys.readouterr()
    assert again.out == first
    assert "done before" in again.err
    assert written() == before


def test_the_same_seed_gives_the_same_record(command: Command, tmp_path: Path) -> None:
    one = bench(command())
    other = bench(command("other"))
    assert same(one, other)


def test_another_seed_gives_another_curve(command: Command, tmp_path: Path) -> None:
    one = bench(command())
    other = bench(command("other", seed=7))
    assert [point["loss"] for point in one.curve] != [point["loss"] for point in other.curve]


def test_training_learns_its_own_clips(command: Command) -> None:
    curve = bench(command(train__epochs=30)).curve
    guessing = 2 * np.log(4)  # a batch of four, both directions
    assert np.mean([point["loss"] for point in curve[-6:]]) < guessing / 2


DROPOUT = '''
from torch.nn.functional import dropout
from bench import Variant, register


@register("forgetful")
class Forgetful(Variant):
    """Forgets some of every token in training: a variant that draws random numbers."""

    def fuse_text(self, tokens, text):
        return dropout(tokens, 0.3, self.training)
'''


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop_at", "workers", "by"),
    [
        pytest.param(2, 2, signal.SIGTERM, id="by a scheduler"),
        pytest.param(2, 2, signal.SIGINT, id="mid-epoch"),
        pytest.param(4, 0, signal.SIGINT, id="in the second epoch"),
    ],
)
def test_an_interrupted_and_resumed_run_gives_the_same_record(
    command: Command, tmp_path: Path, stop_at: int, workers: int, by: signal.Signals
) -> None:
    """Ctrl-C for real, or Slurm's signal to the whole group, with a variant that draws random numbers in training."""
    (tmp_path / "forgetful.py").write_text(DROPOUT)
    settings = {"variant": "forgetful", "plugin": tmp_path / "forgetful.py", "train__checkpoint_every": 1}
    settings |= {"train__batches": "similar", "train__negatives": "swapped"}
    other = command("other", video__workers=workers, **settings)
    interrupt_at(stop_at, other, tmp_path / "other", by)
    ask(other)
    ask(command("whole", **settings))
    [resumed] = (tmp_path / "other").glob("*/*/*/*.json")
    [whole] = (tmp_path / "whole").glob("*/*/*/*.json")
    assert same(load(whole), load(resumed))


def test_a_checkpoint_of_other_data_is_refused(
    command: Command, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder was mended between Ctrl-C and the second start: going on would mix two trainings."""
    root = tmp_path / "root"
    shutil.copytree(small, root)
    words = command("other", root=root, train__checkpoint_every=1)
    with monkeypatch.context() as patch:
        patch.setattr("bench.engine.run.remove_checkpoints", lambda folder: None)
        bench(words)
    [record] = (tmp_path / "other").glob("*/*/*/*.json")
    record.unlink()  # as if the run had been stopped after its last step
    split = load_annotation(root, "9k", "msrvtt")
    save_annotation(replace(split, clips=split.clips[::-1]), root)
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 1
    assert "was made from other data or weights (9k changed)" in capsys.readouterr().err


@pytest.mark.slow
def test_a_variant_whose_file_changed_is_another_run(command: Command, tmp_path: Path) -> None:
    plugin = tmp_path / "forgetful.py"
    for rate in ("0.3", "0.5"):
        plugin.write_text(DROPOUT.replace("0.3", rate))
        ask(command(variant="forgetful", plugin=plugin, train__steps=1))
    assert len(list((tmp_path / "results").glob("*/*/forgetful/*.json"))) == 2


def test_a_run_that_stops_before_it_leaves_anything_leaves_no_folders(command: Command, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(command(train__holdout=12))  # of 12 clips
    assert list((tmp_path / "results").iterdir()) == []


def test_a_killed_run_goes_on_from_its_last_checkpoint(command: Command, tmp_path: Path) -> None:
    whole = bench(command(train__checkpoint_every=2))
    other = command("other", train__checkpoint_every=2)
    process = subprocess.Popen([sys.executable, "-m", "bench", *other], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "other").glob("*/*/*/*/checkpoint")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert same(whole, bench(other))


def test_a_run_that_was_killed_while_it_tidied_is_tidied_and_can_be_made_again(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any point of the removal: with the record it goes on tidying, without it the run starts again or resumes."""
    with monkeypatch.context() as patch:
        patch.setattr("bench.engine.run.remove_checkpoints", lambda folder: None)
        first = bench(command(train__steps=2, train__checkpoint_every=1))
    [record] = (tmp_path / "results").glob("*/*/*/*.json")
    folder = record.with_suffix("")
    shutil.rmtree(folder / "checkpoint.old")
    (folder / "checkpoint" / "progress.json").unlink()
    half = shutil.copytree(folder / "checkpoint", tmp_path / "half")
    bench(command(train__steps=2, train__checkpoint_every=1))
    assert sorted(path.name for path in folder.iterdir()) == ["features.safetensors", "model.safetensors"]
    record.unlink()
    half.rename(folder / "checkpoint")
    assert same(first, bench(command(train__steps=2, train__checkpoint_every=1)))


def test_the_second_of_two_equal_runs_is_told_who_the_first_is(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = command(train__epochs=400)
    process = subprocess.Popen([sys.executable, "-m", "bench", *words], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "results").glob("*/*/*/*/lock")) and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(SystemExit) as stopped:
        main(words)
    process.kill()
    process.wait()
    assert stopped.value.code == 1
    [line] = capsys.readouterr().err.splitlines()
    assert f"is already running: process {process.pid} on " in line


def test_swapped_captions_are_rivals_in_training_and_stand_in_the_protocol(command: Command) -> None:
    plain, swapped = bench(command()), bench(command("swapped", train__negatives="swapped"))
    assert "|negatives:swapped|" in swapped.protocol
    assert swapped.run != plain.run
    first, with_rivals = plain.curve[0]["loss"], swapped.curve[0]["loss"]
    assert first < with_rivals < first + np.log(5 / 4) + 0.1  # at the start all scores are nearly equal


def test_the_kind_of_copies_stands_in_the_protocol(command: Command, folder: Path) -> None:
    """Their pictures differ, so numbers on one kind are not compared with those on the other or on originals."""
    words = {"root": folder, "train__epochs": 0}
    assert "clips" not in parse_signature(bench(command("originals", **words)).protocol)
    shutil.copytree(folder / "videos", folder / OLD_COPIES)
    assert parse_signature(bench(command("old", **words)).protocol)["clips"] == "6fps"
    compress(folder, workers=1)
    assert parse_signature(bench(command("new", **words)).protocol)["clips"] == "6fps-jpeg"


def test_captions_without_a_word_to_swap_have_no_swapped_rivals(
    command: Command, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = load_annotation(folder, "9k", "msrvtt")
    save_annotation(replace(split, clips=tuple(replace(clip, captions=("a man",)) for clip in split.clips)), folder)
    with pytest.raises(SystemExit) as stopped:
        main(command(root=folder, train__negatives="swapped"))
    assert stopped.value.code == 2
    assert "no caption of msrvtt/9k has a word of the swap list" in capsys.readouterr().err


def test_accumulated_batches_make_one_step(command: Command) -> None:
    assert len(bench(command(train__accumulation=3)).curve) == 2


def test_validation_videos_are_held_out_of_training(command: Command) -> None:
    record = bench(command(train__holdout=4, train__select="val"))
    scored = [point for point in record.curve if "val" in point]
    assert [point["step"] for point in scored] == [2, 4]
    best = max(scored, key=lambda point: (point["val"]["T2V R@1"], -point["step"]))
    assert record.selection == {"rule": "val", "step": best["step"]}
    assert "ckpt:val" in record.protocol


def test_a_run_starts_from_a_former_run(command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An additive variant that starts at zero, on a former plain run's weights, still scores as that run did."""
    first = bench(command())
    main(command(variant="additive_text", hp__init_std=0, init=f"run:{first.run}", train__lr=1e-12))
    [path] = (tmp_path / "results").glob("msrvtt/9k/additive_text/*.json")
    second = load(path)
    assert second.ranks == first.ranks
    assert f"init:run:{first.run}" in second.protocol
    assert "new 1 (emotion.weight)" in capsys.readouterr().err


def test_joined_captions_are_one_text(command: Command) -> None:
    assert "captions:joined" in bench(command(captions="joined")).protocol


def test_features_are_finite_float32(command: Command, tmp_path: Path) -> None:
    bench(command())
    [path] = (tmp_path / "results").glob("*/*/*/*/features.safetensors")
    for features in load_file(path).values():
        assert features.dtype == torch.float32
        assert features.isfinite().all()
