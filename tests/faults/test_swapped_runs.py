"""What belongs to one run, put in the place of another's: every command that reads it says so in one line."""

import shutil
from pathlib import Path

import pytest
from helpers.asking import Capture, failure
from helpers.search import clip, trained

WEIGHTS, FEATURES = "model.safetensors", "features.safetensors"
VARIANT = "additive_text"  # its emotions can be shuffled
SEED = {"train.epochs": 0, "train.steps": 0}


@pytest.fixture(scope="module")
def two_runs(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A folder of results with two runs that differ in their seed, and their ids."""
    results = tmp_path_factory.mktemp("results")
    one, other = (trained(small, results, VARIANT, seed=seed, **SEED) for seed in (1, 2))
    return results, one, other


def reading(name: str, run: str, results: Path, small: Path, folder: Path) -> list[str]:
    """A command that reads what is there of a run."""
    where = ["--results", str(results)]
    if name == "explain":
        return ["explain", run, "a happy man", *where]
    if name == "probe":
        return ["probe", run, *where]
    if name == "report":
        return ["report", "--baseline", run, "--out", str(folder / "report"), *where]
    if name == "compare":
        return ["compare", *where]
    if name == "search":
        clip(folder / "clips" / "red.mp4", "red")
        return ["search", "happy", "--videos", str(folder / "clips"), "--run", run, *where]
    words: dict[str, object] = {"variant": VARIANT, "dataset": "msrvtt", "root": small, "init": "random", "seed": 1}
    words |= {"model.size": "tiny", "model.tokenizer": "captions", "model.tokens": 32, "video.size": 64}
    words |= {"video.frames": 4, "video.workers": 0, "train.batch": 4, "train.accumulation": 1, "train.lr": 1e-3}
    words |= {**SEED, "emotions": "shuffled"}
    return ["run", *(word for flag, value in words.items() for word in (f"--{flag}", str(value))), *where]


COMMANDS = ["explain", "probe", "report", "compare", "search", "shuffled"]


@pytest.mark.parametrize(
    ("swapped", "name"),
    [
        *(("record", name) for name in COMMANDS),
        *((WEIGHTS, name) for name in ("explain", "probe", "search", "shuffled")),
        *((FEATURES, name) for name in ("explain", "probe", "report")),
    ],
)
def test_what_is_another_run_s_is_said(
    two_runs: tuple[Path, str, str], swapped: str, name: str, small: Path, tmp_path: Path, capsys: Capture
) -> None:
    made, one, other = two_runs
    results = shutil.copytree(made, tmp_path / "results")
    [record] = results.glob(f"*/*/*/{one}.json")
    theirs = record.with_name(f"{other}.json")
    if swapped == "record":
        shutil.copy(theirs, record)
    else:
        shutil.copy(theirs.with_suffix("") / swapped, record.with_suffix("") / swapped)
    code, line = failure(reading(name, one, results, small, tmp_path), capsys)
    assert code == 1
    assert one in line
