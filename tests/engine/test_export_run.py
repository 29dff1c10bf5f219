"""What a run exports, scored again, gives the run's numbers to the bit; other programs read it as they are used to."""

import csv
import json
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from helpers.asking import Capture, failure, output

import bench
from bench.cli import main
from bench.data import importers
from bench.data.annotation import Annotation, Clip, load_annotation, save_annotation
from bench.engine.run import Run
from bench.records.store import load_records

SMALL: dict[str, Any] = {
    "dataset": "msrvtt",
    "init": "random",
    "model": {"size": "tiny", "tokenizer": "captions", "tokens": 32},
    "video": {"size": 64, "frames": 4, "workers": 0},
    "train": {"batch": 4, "accumulation": 1, "steps": 1, "lr": 1e-3},
}


@pytest.fixture(scope="module")
def made(small: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Runs of seconds: one; one whose score is no dot product; two on several captions a clip, one of two clips."""
    home = tmp_path_factory.mktemp("exported")
    root = shutil.copytree(small, home / "data")
    single = load_annotation(root, "1k-A", "msrvtt").clips
    clips = [Clip(clip.video, tuple(f"{clip.captions[0]} {word}" for word in ("walks", "sings"))) for clip in single]
    clips[1] = replace(clips[1], captions=(clips[1].captions[0], clips[0].captions[0]))
    save_annotation(Annotation("msrvtt", "1k-A-20", tuple(clips), {"emotion": (0, 1, 7)}), root)
    settings = {**SMALL, "root": root, "results": home / "results"}
    return {
        "one": bench.run("plain", **settings),
        "fused": bench.run("late_fusion", **settings),
        "several": bench.run("plain", test="1k-A-20", **settings),
        "equal": bench.run("plain", test="1k-A-20", positives="equal", **settings),
    }


def exported(run: Run, out: Path, capsys: Capture, *words: str) -> dict[str, Path]:
    asked = ["export", run.record.run, "--results", str(run.path.parents[3]), "--out", str(out), "--json", *words]
    return {name: Path(path) for name, path in json.loads(output(asked, capsys)).items()}


def again(run: Run, out: Path, **given: Any) -> Run:
    """The run's scores under its own name, as if another program had made them."""
    record = run.record
    asked = {"dataset": "msrvtt", "test": record.test, "positives": record.config["positives"]}
    return bench.score(name=record.variant, root=record.config["root"], results=out / "results", **asked, **given)


def same(one: Run, other: Run) -> None:
    for part in ("ranks", "metrics", "top", "twin_wins", "queries", "subsets", "question"):
        assert getattr(one.record, part) == getattr(other.record, part), part
    assert one.record.post["dsl"] == other.record.post["dsl"]


@pytest.mark.parametrize("name", ["one", "fused", "several", "equal"])
def test_scores_give_the_runs_numbers_to_the_bit(
    name: str, made: dict[str, Run], tmp_path: Path, capsys: Capture
) -> None:
    files = exported(made[name], tmp_path / "out", capsys)
    scored = again(
        made[name], tmp_path, similarity=files["similarity"], query_ids=files["query_ids"], video_ids=files["video_ids"]
    )
    for part in ("ranks", "metrics", "top", "twin_wins", "queries", "subsets", "question"):
        assert getattr(scored.record, part) == getattr(made[name].record, part), part
    if name != "fused":  # its scores are no cosines, of which alone DSL is known
        assert scored.record.post["dsl"] == made[name].record.post["dsl"]


@pytest.mark.parametrize("format", ["npz", "safetensors", "pt"])
def test_every_format_holds_the_same(format: str, made: dict[str, Run], tmp_path: Path, capsys: Capture) -> None:
    files = exported(made["several"], tmp_path / "out", capsys, "--format", format)
    assert files["text"] == tmp_path / "out" / f"text.{format}"
    same(again(made["several"], tmp_path, similarity=files["similarity"]), made["several"])
    same(again(made["several"], tmp_path, text=files["text"], video=files["video"]), made["several"])


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("name", ["one", "equal"])
def test_features_give_the_runs_numbers_to_the_bit(
    name: str, normalize: bool, made: dict[str, Run], tmp_path: Path, capsys: Capture
) -> None:
    files = exported(made[name], tmp_path / "out", capsys)
    same(again(made[name], tmp_path, text=files["text"], video=files["video"], normalize=normalize), made[name])


def test_a_score_that_is_no_dot_product_is_said(made: dict[str, Run], tmp_path: Path, capsys: Capture) -> None:
    run = made["fused"]
    main(["export", run.record.run, "--results", str(run.path.parents[3]), "--out", str(tmp_path / "out")])
    shown = capsys.readouterr()
    assert "late_fusion has a similarity of its own" in shown.err
    assert "next: bench score --dataset msrvtt --test 1k-A --root" in shown.out
    assert "--name late_fusion --train 9k --seed 42" in shown.out


def test_an_external_model_is_exported_as_it_was_given(made: dict[str, Run], tmp_path: Path, capsys: Capture) -> None:
    drawn = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)
    given = again(made["equal"], tmp_path, similarity=drawn)
    files = exported(given, tmp_path / "out", capsys)
    assert "text" not in files
    back = again(made["equal"], tmp_path, similarity=files["similarity"], seed=1)
    assert back.record.ranks == given.record.ranks and back.record.metrics == given.record.metrics


@pytest.mark.parametrize("name", ["one", "several", "equal"])
def test_trecs_files_say_what_the_record_says(name: str, made: dict[str, Run], tmp_path: Path, capsys: Capture) -> None:
    """Recall from the files alone, as TREC's tools find it: is a relevant video among the first k?"""
    run = made[name]
    files = exported(run, tmp_path / "out", capsys, "--format", "trec")
    ranked, relevant = defaultdict(list), defaultdict(set)
    for line in files["run"].read_text().splitlines():
        query, q0, video, place, score, tag = line.split()
        ranked[query].append((int(place), float(score), video))
        assert (q0, tag) == ("Q0", run.record.run)
    for line in files["qrels"].read_text().splitlines():
        query, _, video, grade = line.split()
        relevant[query].add(video)
        assert grade == "1"
    queries = files["query_ids"].read_text().split()
    assert list(ranked) == queries and all(len(videos) == 6 for videos in ranked.values())
    for rows in ranked.values():
        assert [place for place, *_ in rows] == list(range(1, 7))
        assert [score for _, score, _ in rows] == sorted((score for _, score, _ in rows), reverse=True)
    for k in (1, 5):
        found = [any(video in relevant[query] for _, _, video in ranked[query][:k]) for query in queries]
        assert run.metrics["all"]["t2v"][f"R@{k}"]["value"] == pytest.approx(100 * np.mean(found), abs=1e-3)


def test_a_test_split_is_written_for_those_who_score_it(small: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ["export", "--dataset", "msrvtt", "--root", str(small), "--out", str(tmp_path / "out")]
    shown = output(words, capsys)
    assert f"next: bench score --dataset msrvtt --test 1k-A --root {small} --similarity FILE --name NAME" in shown
    clips = load_annotation(small, "1k-A", "msrvtt").clips
    with (tmp_path / "out" / "queries.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["query"], row["video"], row["caption"]) for row in rows] == [
        (clip.video, clip.video, clip.captions[0]) for clip in clips
    ]
    assert (tmp_path / "out" / "video_ids.txt").read_text().split() == [clip.video for clip in clips]


@pytest.mark.parametrize(("dataset", "kept"), [("moodclips", "moodclips.tar.xz"), ("moodclips-content", "pretraining")])
def test_a_split_that_is_not_rendered_is_that_of_the_runs(dataset: str, kept: str) -> None:
    """Its digest stands in the records of runs on the rendered clips."""
    digests = {record.checksums["test"] for record in load_records(ROOT / "results" / kept)}
    assert digests == {importers.read_test_split(dataset, "", None).digest}


def test_moodclips_is_written_without_rendering_a_clip(home: Path, tmp_path: Path, capsys: Capture) -> None:
    before = sorted(home.rglob("*"))
    output(["export", "--dataset", "moodclips", "--out", str(tmp_path / "out")], capsys)
    assert len((tmp_path / "out" / "video_ids.txt").read_text().split()) == 800
    assert sorted(home.rglob("*")) == before


def test_what_cannot_be_exported_is_one_line(made: dict[str, Run], tmp_path: Path, capsys: Capture) -> None:
    run, results = made["one"], ["--results", str(made["one"].path.parents[3])]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "text.npy").write_text("my notes")
    words = [run.record.run, *results, "--out", str(tmp_path / "out")]
    cases = [
        (["export"], "export takes one of two"),
        (["export", "plain-s42-00000000", *results], "no record of a run 'plain-s42-00000000'"),
        (["export", *words], "text.npy is there already and holds no export of bench"),
    ]
    for asked, line in cases:
        code, said = failure(asked, capsys)
        assert code == 2 and line in said
    assert (tmp_path / "out" / "text.npy").read_text() == "my notes"


def test_a_run_without_features_is_one_line(made: dict[str, Run], tmp_path: Path, capsys: Capture) -> None:
    results = shutil.copytree(made["one"].path.parents[3], tmp_path / "results")
    run = made["one"].record.run
    shutil.rmtree(next(results.glob(f"*/*/*/{run}")))
    assert "has no features beside its record" in failure(["export", run, "--results", str(results)], capsys)[1]
