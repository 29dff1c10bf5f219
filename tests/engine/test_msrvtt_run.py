"""MSR-VTT for real: its own captions, real clips under its names, most clips missing; prepared, trained, scored."""

import shutil
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.store import load

TRAINED = ("video0", "video1", "video2", "video3")
TESTED = ("video9770", "video7020")


@pytest.fixture(scope="module")
def root(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared annotations, prepared, and the six real clips under MSR-VTT's names."""
    folder = tmp_path_factory.mktemp("msrvtt")
    shutil.copytree(shared / "msrvtt", folder, dirs_exist_ok=True)
    (folder / "videos").mkdir()
    for name, clip in zip(TRAINED + TESTED, sorted((shared / "videos").iterdir()), strict=True):
        shutil.copy(clip, folder / "videos" / f"{name}{clip.suffix}")
    main(["data", "prepare", "msrvtt", "--root", str(folder)])
    return folder


def words(root: Path, results: Path, shared: Path, size: str) -> list[str]:
    settings = {
        "dataset": "msrvtt",
        "split": "9k",
        "root": root,
        "results": results,
        "missing": "skip",
        "init": "random",
        "variant": "additive_text",
        "model.size": size,
        "model.tokenizer": shared / "lexicons" / "bpe_simple_vocab_16e6.txt.gz" if size == "b32" else "captions",
        "model.tokens": 50 if size == "b32" else 32,
        "video.size": 224 if size == "b32" else 64,
        "train.batch": 2,
        "train.accumulation": 1,
        "train.steps": 1,
        "train.lr": 1e-6,
    }
    return ["run", *(word for name, value in settings.items() for word in (f"--{name}", str(value)))]


@pytest.mark.parametrize("size", ["tiny", pytest.param("b32", marks=pytest.mark.slow)])
def test_real_captions_and_clips_are_trained_on_scored_and_recorded(
    root: Path, shared: Path, tmp_path: Path, size: str
) -> None:
    main(words(root, tmp_path, shared, size))
    [path] = tmp_path.glob("msrvtt/9k/additive_text/*.json")
    record = load(path)
    assert sorted(record.queries["videos"]) == sorted(TESTED)
    assert "a person is connecting something to system" in record.queries["captions"]
    assert record.protocol.startswith("msrvtt-1k-A|train:9k|2x2|")
    assert "8996" in record.protocol and "998" in record.protocol  # left out, and said so
    assert len(record.curve) == 1
    assert record.metrics["all"]["t2v"]["R@5"]["value"] == 100


def test_without_skip_the_run_stops_and_says_how_many_are_missing(
    root: Path, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = words(root, tmp_path, shared, "tiny")
    command.remove("--missing")
    command.remove("skip")
    with pytest.raises(SystemExit) as stop:
        main(command)
    assert stop.value.code == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench: ")]
    assert "9994 of 10000 videos" in line
    assert "--missing skip" in line
    assert not list(tmp_path.rglob("*.json")) and not list(tmp_path.rglob("*.safetensors"))  # the lock of the run alone
