"""docs/models.md, walked from an empty folder: its script makes the model, its commands answer as it shows."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from bench.cli import main

TEXT = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
MODEL_PART = r"\|model:.*?\|init:.*?\|"  # of a signature


def asked() -> list[tuple[str, list[str]]]:
    """Each command with what it answers, in pieces where lines are left out."""
    [block] = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    found = [part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, re.split(r"^…\n", answer, flags=re.MULTILINE)) for command, _, answer in found]


def plain(text: str) -> str:
    """Without layout, and with one word for any number, digest and clip."""
    text = re.sub(r"\bhf:[0-9a-f]{8}\b", "hf:DIGEST", re.sub(r"\w+\.mp4", "CLIP", text))
    return re.sub(r"-?\d+(\.\d+)?", "N", " ".join(text.replace("│", " ").split()))


@pytest.mark.slow
def test_the_transcript_is_what_a_stranger_sees(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On small data in place of moodclips; of a run's answer the part on the model is compared."""
    monkeypatch.chdir(tmp_path)
    [script] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    (tmp_path / "clips").mkdir()
    for name, number in (("arm_wrestling", 1), ("face_talking", 2)):
        shutil.copy(small / "videos" / f"video{number}.mp4", tmp_path / "clips" / f"{name}.mp4")
    on_small = ["--dataset", "msrvtt", "--root", str(small), "--video.workers", "0", "--train.batch", "4"]
    answered = asked()
    assert len(answered) == 7
    for command, pieces in answered:
        words = shlex.split(command)[1:]
        runs = words[0] in ("run", "doctor") and "--help" not in words
        try:
            main(words + on_small * runs)
        except SystemExit as stop:
            assert stop.code == 2 and "film_text" in words
        captured = capsys.readouterr()
        said = plain((captured.err if "film_text" in words else captured.out).replace(f"{tmp_path}/", ""))
        if "--train.epochs" in words:  # of another dataset, so the rest differs
            pieces, said = (re.findall(MODEL_PART, text.replace(" ", "")) for text in (plain("".join(pieces)), said))
            assert len(pieces) == 1
        for piece in pieces:
            assert plain(piece) in said, command


def test_every_model_that_is_listed_is_in_the_help_of_a_run() -> None:
    from bench.config import ModelConfig
    from bench.model.model_names import MODELS

    source = Path(sys.modules[ModelConfig.__module__].__file__ or "").read_text(encoding="utf-8")
    [said] = re.findall(r'"--model"\)\] = "b32"\n    """(.*?)"""', source)
    for name in re.split(r", |\n", ", ".join(MODELS)):
        assert name.replace("FILE.json", ".json file") in said
