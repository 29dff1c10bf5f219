"""Runs on a folder of one's own: by its path alone, without a training split, on parts of files."""

import shutil
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from helpers.asking import failure, output
from helpers.runs import bench

from bench import run, score
from bench.data.video import write_video
from bench.engine.reopen import reopen
from bench.engine.settings import parse

Capture = pytest.CaptureFixture[str]
ROWS = [f"film.mp4,a {word} man number {n},{mood},{n},{n + 1}" for n, (word, mood) in enumerate(
    [("happy", "joy"), ("sad", "sadness"), ("calm", "neutral"), ("glad", "joy")]
)]  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four parts of a film of 4 s, each of another colour, in a table."""
    folder = tmp_path_factory.mktemp("films")
    colours = np.random.default_rng(0).integers(256, size=(4, 1, 1, 1, 3), dtype=np.uint8)
    write_video(folder / "film.mp4", np.tile(colours, (1, 10, 64, 64, 1)).reshape(40, 64, 64, 3), 10)
    write_video(folder / "other.mp4", np.full((10, 64, 64, 3), 99, np.uint8), 10)
    (folder / "metadata.csv").write_text("\n".join(["file_name,text,mood,start,end", *ROWS]), encoding="utf-8")
    return folder


@pytest.fixture
def folder(film: Path, tmp_path: Path) -> Path:
    return shutil.copytree(film, tmp_path / "mine")


def words(folder: Path, *more: str) -> list[str]:
    return ["run", "--dataset", str(folder), "--init", "tiny", "--video.workers", "0", *more]


def test_evaluation_alone_is_a_run(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    output(["data", "prepare", str(folder), "--test-share", "1"], capsys)
    record = bench([*words(folder, "--train.epochs", "0"), "--results", str(tmp_path / "results")])
    assert (record.dataset, record.split, record.test) == ("mine", "none", "test")
    assert "|train:none|4x4|" in record.protocol
    assert record.queries["videos"] == ["film@0-1", "film@1-2", "film@2-3", "film@3-4"]
    assert record.checksums.keys() == {"test"}
    assert record.post.keys() == {"dsl"}  # a bank of training captions is asked for the other
    assert record.curve == []
    assert record.subsets["joy"] == [0, 3]
    opened = reopen(record.run, tmp_path / "results")
    clip = opened.clip(1).pixels[0]  # (T, S, S, 3)
    assert len(np.unique(clip.reshape(-1, 3).numpy(), axis=0)) < 10  # one colour, but for rounding
    capsys.readouterr()
    assert "4 can be read" in output(["doctor", *words(folder, "--train.epochs", "0")[1:]], capsys)


def test_scores_of_another_program_are_judged_on_it(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    output(["data", "prepare", str(folder), "--test-share", "1"], capsys)
    scores = np.eye(4, dtype=np.float32)
    scores[2, 0] = 2
    scored = score(scores, dataset=str(folder), name="theirs", results=tmp_path / "results").record
    assert scored.metrics["all"]["t2v"]["R@1"]["value"] == 75
    assert scored.question and scored.subsets["joy"] == [0, 3]
    exported = output(["export", "--dataset", str(folder), "--out", str(tmp_path / "ids")], capsys)
    assert (tmp_path / "ids" / "video_ids.txt").read_text().split() == scored.queries["videos"]
    assert f"--root {folder}" in exported


def test_without_a_training_split_nothing_is_trained(folder: Path, capsys: Capture) -> None:
    output(["data", "prepare", str(folder), "--test-share", "1"], capsys)
    code, said = failure(words(folder), capsys)
    assert (code, said) == (
        2,
        "bench: mine has nothing to train on here. Score weights as they are: --train.epochs 0\n",
    )
    code, said = failure(words(folder, "--train.epochs", "0", "--init", "random", "--model.size", "tiny"), capsys)
    assert code == 2


def test_a_folder_is_prepared_on_first_use_and_named_by_its_path_or_its_card(folder: Path, tmp_path: Path) -> None:
    rows = [*ROWS, "other.mp4,a grey wall,neutral,,"]
    (folder / "metadata.csv").write_text("\n".join(["file_name,text,mood,start,end", *rows]), encoding="utf-8")
    by_path = parse(words(folder)[1:])
    by_name = parse(["--dataset", "mine", "--root", str(folder), "--init", "tiny", "--video.workers", "0"])
    assert by_path == by_name
    assert (by_path.dataset, by_path.root, by_path.model.size) == ("mine", folder, "tiny")
    settings = {"init": "tiny", "train.epochs": 0, "video.workers": 0}
    assert run(dataset=str(folder), results=tmp_path / "r", **settings).record.dataset == "mine"


def test_another_table_is_another_run(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    output(["data", "prepare", str(folder), "--test-share", "1"], capsys)
    first = bench([*words(folder, "--train.epochs", "0"), "--results", str(tmp_path / "one")])
    capsys.readouterr()
    table = folder / "metadata.csv"
    table.write_text(table.read_text().replace("happy", "merry"), encoding="utf-8")
    code, said = failure([*words(folder, "--train.epochs", "0"), "--results", str(tmp_path / "one")], capsys)
    assert code == 1 and "changed since the splits were made from it" in said
    output(["data", "prepare", str(folder)], capsys)
    second = bench([*words(folder, "--train.epochs", "0"), "--results", str(tmp_path / "two")])
    assert first.run != second.run


def test_a_folder_and_a_root_are_one_too_many(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    code, said = failure(words(folder, "--root", str(tmp_path)), capsys)
    assert code == 2 and "is a folder, so it takes no --root" in said
    code, said = failure(["data", "prepare", "msrvtt", "--root", str(tmp_path), "--name", "x"], capsys)
    assert code == 2 and "are only for a folder of your own, and msrvtt is not one" in said


def test_faces_are_looked_for_in_the_parts(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from helpers.processes import in_this_process
    from helpers.registries import forgotten

    from bench.face_detection import ClipFrames, Face, face_backend

    table = folder / "metadata.csv"
    named = [f"{row},clip{n}" for n, row in enumerate(ROWS)]
    table.write_text("\n".join(["file_name,text,mood,start,end,video_id", *named]), encoding="utf-8")
    output(["data", "prepare", str(folder), "--test-share", "1"], capsys)

    monkeypatch.setattr("bench.face_detection.scan.in_processes", in_this_process)
    with forgotten():

        @face_backend("brightness")
        class Brightness:
            """A face in every frame, as wide as the red of the frame's middle."""

            source = "made for a test"
            settings: ClassVar[dict] = {}

            def faces(self, clip: ClipFrames) -> list[list[Face]]:
                reds = clip.images[:, 32, 32, 0].tolist()
                return [[Face((1.0, 0, 0, 0, 0, 0, 0), (0, 0, red + 1, 1), 1.0)] for red in reds]

        words = ["faces", "--backend", "brightness", "--dataset", str(folder), "--frames", "4", "--workers", "1"]
        output(words, capsys)
        faces = pd.read_parquet(folder / "faces.parquet")
        table.write_text(table.read_text().replace(",0,1,clip0", ",0,0.5,clip0"), encoding="utf-8")
        output(["data", "prepare", str(folder)], capsys)
        output(words, capsys)
        again = pd.read_parquet(folder / "faces.parquet")
    assert faces.groupby("video").frames.unique().map(list).to_dict() == {f"clip{n}": [10] for n in range(4)}
    widths = faces.groupby("video").w
    assert (widths.max() - widths.min() <= 4).all()  # one colour a part
    assert widths.max().nunique() == 4
    assert again.groupby("video").frames.first().to_dict() == {"clip0": 5, "clip1": 10, "clip2": 10, "clip3": 10}
