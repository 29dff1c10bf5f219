"""docs/emotion-sources.md, done as it says, in an empty folder: its transcript, its run and its grid."""

import json
import re
import shlex
from pathlib import Path

import pytest
from conftest import ROOT
from helpers.asking import Capture, without_next
from helpers.runs import bench
from helpers.transcripts import transcript, write_shown

from bench.cli import main
from bench.data.annotation import load_annotation
from bench.emotions.label_maps import read_label_map
from bench.emotions.sources import SOURCES, SourceKind
from bench.grid.plan import plan, read_grid

TEXT = (ROOT / "docs" / "emotion-sources.md").read_text(encoding="utf-8")


def block(language: str, holding: str) -> str:
    [found] = [code for code in re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL) if holding in code]
    return found


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files that the document shows."""
    monkeypatch.chdir(tmp_path)
    write_shown(transcript(TEXT), tmp_path)
    return tmp_path


def test_the_transcript_is_what_the_commands_print(empty: Path, capsys: Capture) -> None:
    commands = [(command, printed) for command, printed in transcript(TEXT) if command.startswith("bench ")]
    assert len(commands) >= 6
    for command, printed in commands:
        try:
            main(shlex.split(command)[1:])
        except SystemExit as stop:
            assert stop.code, command
        said = capsys.readouterr()
        assert (without_next(said.err) + said.out).strip() == printed.strip(), command


def test_every_source_is_in_the_table() -> None:
    rows = [line.split("|")[1].strip().strip("`") for line in TEXT.splitlines() if line.startswith("| `")]
    kinds = dict(SOURCES.items())
    names = {f"{name}:{kind.argument}" if isinstance(kind, SourceKind) else name for name, kind in kinds.items()}
    assert names <= set(rows)


def test_the_label_map_is_one(empty: Path) -> None:
    Path("map.yaml").write_text(block("yaml", "threshold"), encoding="utf-8")
    assert read_label_map(Path("map.yaml")).emotions["love"] == ("joy", "trust")


def test_the_grid_can_be_planned(empty: Path) -> None:
    grid = block("yaml", "emotion_source").replace("dataset: msrvtt, init: clip-vip:FILE", "init: random")
    Path("sources.yaml").write_text(grid.replace(", file:labels.jsonl", ""), encoding="utf-8")
    assert len(plan(read_grid(Path("sources.yaml")), Path("results"))) == 3 + 3 * 3


def test_the_captions_of_a_dataset_are_written_and_a_run_reads_their_labels(small: Path, empty: Path) -> None:
    """On small data: the dataset and its settings are others, the rest is the document's."""
    script = block("python", "load_annotation")
    names: dict = {}
    exec(script.replace('"DIR"', repr(str(small))), names)
    captions = Path("to-label.txt").read_text(encoding="utf-8").splitlines()
    test = load_annotation(small, "1k-A", "msrvtt")
    assert set(captions) > {clip.captions[0] for clip in test.clips}
    labels = [json.dumps({"text": caption, "scores": {"joy": 0.8 * ("happy" in caption)}}) for caption in captions]
    Path("labels.jsonl").write_text("\n".join(labels), encoding="utf-8")
    run = shlex.split(block("bash", "--emotion-source file:labels.jsonl"))[1:]
    words = [word if word != "DIR" else str(small) for word in run]
    words = [word if word != "clip-vip:FILE" else "random" for word in words]
    words += ["--model.size", "tiny", "--model.tokenizer", "captions", "--model.tokens", "32", "--video.size", "64"]
    words += ["--video.frames", "4", "--video.workers", "0", "--train.batch", "4", "--train.accumulation", "1"]
    record = bench([*words, "--split", "9k", "--train.steps", "1", "--results", "results"])
    assert "|emotions:file-" in record.protocol
