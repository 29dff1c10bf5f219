"""docs/test-sets.md: its transcript is what commands answer, its table what cards say; MSVD runs to a record."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from helpers.asking import Capture, without_next
from helpers.layouts import link
from helpers.runs import bench

from bench.cli import main
from bench.data import cards, importers
from bench.data.annotation import load_annotation
from bench.data.video import write_video

PAGE = (ROOT / "docs" / "test-sets.md").read_text(encoding="utf-8")
SETS = ("msvd", "didemo", "activitynet", "vatex", "lsmdc")


def transcript() -> list[tuple[str, str]]:
    """The commands of the page's one transcript and what it shows after each."""
    [block] = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.slow
def test_the_transcript_is_what_the_commands_answer(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    for command, shown in transcript():
        program, *words = shlex.split(command)
        if program == "mkdir":
            Path(words[0]).mkdir()
        elif program == "cp":
            link(Path(words[1]), *(shared / "retrieval" / "msvd").iterdir())
        else:
            try:
                main(words)
            except SystemExit as stop:
                assert stop.code
            captured = capsys.readouterr()
            pattern = re.escape(shown).replace(re.escape("...\n"), r"(?:.*\n)*")
            said = captured.out + without_next(captured.err)
            assert re.fullmatch(pattern, said), said


@pytest.mark.parametrize("name", SETS)
def test_the_table_has_the_splits_and_sizes_of_the_card(name: str) -> None:
    [row] = re.findall(rf"^\| \[{name}\]\(.*$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`([\w-]+)`", row)) == set(cards.load_card(name).splits)
    for split, facts in cards.load_card(name).splits.items():
        size = f"{facts['videos']:,}".replace(",", " ")
        assert f"`{split}` {size}" in row or split.endswith(f"-{facts['videos']}")


@pytest.mark.slow
def test_msvd_trains_and_scores_every_caption_of_a_test_clip(shared: Path, tmp_path: Path) -> None:
    root = link(tmp_path / "msvd", *(shared / "retrieval" / "msvd").iterdir())
    importers.prepare("msvd", root)
    tests = load_annotation(root, "test", "msvd").clips[:3]
    rng = np.random.default_rng(0)
    for split, count in {"train": 4, "val": 1, "test": 3}.items():
        for clip in load_annotation(root, split, "msvd").clips[:count]:
            frames = np.full((6, 64, 64, 3), rng.integers(256, size=3), np.uint8)
            write_video(root / "videos" / f"{clip.video}.mp4", frames, 6)
    words = ["run", "--dataset", "msvd", "--root", str(root), "--missing", "skip", "--init", "random"]
    words += [
        "--model.size",
        "tiny",
        "--model.tokenizer",
        "captions",
        "--model.tokens",
        "32",
        "--video.size",
        "64",
        "--video.frames",
        "4",
    ]
    words += ["--video.workers", "0", "--train.batch", "4", "--train.accumulation", "1", "--train.steps", "1"]
    record = bench([*words, "--results", str(tmp_path / "results")])
    queries = sum(len(clip.captions) for clip in tests)
    assert record.protocol.startswith(f"msvd-test|train:train|{queries}x3|positives:own|")
    assert record.queries["video_of"] == [place for place, clip in enumerate(tests) for _ in clip.captions]
