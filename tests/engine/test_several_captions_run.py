"""A run on a test split whose clips have several captions: from the annotation to record, table and report."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.runs import bench as run_bench

from bench.cli import main
from bench.data.annotation import Annotation, Clip, load_annotation, save_annotation
from bench.records.feature_files import read_features
from bench.records.record import Record
from bench.records.store import load_records

Command = Callable[..., list[str]]


@pytest.fixture
def several(folder: Path) -> Path:
    """The dataset's folder with a split of its test clips, 3 captions each; one caption stands at two clips."""
    single = load_annotation(folder, "1k-A", "msrvtt").clips
    words = ["walks", "waits", "sings"]
    clips = [Clip(clip.video, tuple(f"{clip.captions[0]} {word}" for word in words)) for clip in single]
    clips[1] = replace(clips[1], captions=(*clips[1].captions[:2], clips[0].captions[0]))
    save_annotation(Annotation("msrvtt", "1k-A-20", tuple(clips), {"emotion": (0, 1, 7)}), folder)
    return folder


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        main(words)
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench: ")]
    return line


def scores(record: Record, path: Path) -> np.ndarray:
    found = read_features(path, record)
    assert found is not None
    return found.text @ found.video.T


@pytest.mark.parametrize("positives", ["own", "equal"])
def test_every_caption_is_a_query(
    several: Path, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], positives: str
) -> None:
    record = run_bench(command(root=several, test="1k-A-20", positives=positives))
    assert record.protocol.startswith(f"msrvtt-1k-A-20|train:9k|18x6|positives:{positives}|")
    assert record.video_of == [video for video in range(6) for _ in range(3)]
    assert [len(record.answers(way)) for way in record.directions] == [18, 6, 18]
    assert record.metrics["emotion"]["n"] == 3 and record.metrics["emotion"]["v2t"]["R@1"]["n"] == 2
    assert set(record.post) == {"dsl", "qbnorm"} and all(len(clips) == 6 for clips in record.top)

    [path] = (tmp_path / "results").glob("*/*/*/*.json")
    true = scores(record, path)
    above = (true > true[np.arange(18), record.video_of][:, None]).sum(axis=1)
    plain = [query for query in range(18) if query not in (0, 5)]  # these two have one caption and two clips
    assert [record.ranks["t2v"]["greater"][query] for query in plain] == [int(above[query]) for query in plain]
    best = true[0, :2].max()
    expected = (true[0] > (best if positives == "equal" else true[0, 0])).sum()
    assert record.ranks["t2v"]["greater"][0] == expected
    assert "All V2T best" in capsys.readouterr().out

    main(["report", "--results", str(tmp_path / "results"), "--out", str(tmp_path / "report")])
    assert "V2T all" in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "several" in refused(["probe", record.run, "--results", str(tmp_path / "results")], capsys)


def test_controls_and_weights_chosen_on_the_test_set_work_as_with_one_caption(
    several: Path, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"root": several, "test": "1k-A-20", "variant": "additive_text", "train__select": "test"}
    main(command(**settings))
    main(command(**settings, emotions="shuffled"))
    records = load_records(tmp_path / "results")
    assert [record.controls["emotions"] for record in records].count("shuffled") == 1
    [true] = [record for record in records if record.last_step]
    assert len(true.last_step["ranks"]["t2v"]["greater"]) == 18
    assert "T2V R@1 after DSL" in true.curve[-1]["test"]
    capsys.readouterr()
    main(["compare", "--full", "--results", str(tmp_path / "results")])
    shown = capsys.readouterr().out
    assert "points of optimism" in " ".join(shown.split()) and "true − control" in shown


def test_one_caption_a_clip_may_have_equal_ones_that_are_true(folder: Path, command: Command) -> None:
    clips = load_annotation(folder, "1k-A", "msrvtt").clips
    twice = (clips[0], replace(clips[1], captions=clips[0].captions), *clips[2:])
    save_annotation(Annotation("msrvtt", "1k-A", twice), folder)
    own = run_bench(command(root=folder, test="1k-A"))
    equal = run_bench(command("equal", root=folder, test="1k-A", positives="equal"))
    assert "positives" not in own.protocol and "|6x6|positives:equal|" in equal.protocol
    assert own.run != equal.run and own.artifacts == equal.artifacts
    first = min(own.ranks["t2v"]["greater"][query] for query in (0, 1))
    assert equal.ranks["t2v"]["greater"][:2] == [first, first]
    assert own.ranks["v2t"]["equal"][0] == equal.ranks["v2t"]["equal"][0] + 1


def test_a_test_video_that_was_trained_on_stops_the_run(
    folder: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    test, train = (load_annotation(folder, split, "msrvtt").clips for split in ("1k-A", "9k"))
    save_annotation(Annotation("msrvtt", "full", (*test, *train[:2])), folder)
    line = refused(command(root=folder, test="full"), capsys)
    assert "2 of 8 test videos of msrvtt/full are in the training split 9k" in line


def test_twins_ask_for_one_caption_a_clip(several: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    split = load_annotation(several, "1k-A-20", "msrvtt")
    save_annotation(replace(split, twins={0: 1, 1: 0}), several)
    assert "twins and several captions" in refused(command(root=several, test="1k-A-20"), capsys)


def test_official_validation_videos_are_watched(folder: Path, command: Command) -> None:
    train = load_annotation(folder, "9k", "msrvtt").clips
    save_annotation(Annotation("msrvtt", "full-train", train[:8]), folder)
    save_annotation(Annotation("msrvtt", "full-val", train[8:]), folder)
    record = run_bench(command(root=folder, split="full-train", test="1k-A"))
    assert "T2V R@1" in record.curve[-1]["val"]
    assert "full-val" in record.checksums
