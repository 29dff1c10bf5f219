"""Runs for tests: in this process, in one of their own, and interrupted at a step."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.cli import main
from bench.records.record import Record
from bench.records.store import load


def bench(words: list[str]) -> Record:
    """Runs the command in this process and reads the one record that it left."""
    main(words)
    folder = Path(words[words.index("--results") + 1])
    [path] = folder.glob("*/*/*/*.json")
    return load(path)


_trained: dict[tuple[str, ...], str] = {}  # words without the results folder -> where what they left is kept


def train_once(words: list[str]) -> None:
    """Leaves what the command leaves; equal words train once a session, and what they left is copied.

    For tests of what comes after a training, over data that no test changes.
    """
    place = words.index("--results") + 1
    settings = (*words[:place], *words[place + 1 :])
    if settings not in _trained:
        _trained[settings] = tempfile.mkdtemp(dir=os.environ["BENCH_HOME"])
        main([*words[:place], _trained[settings], *words[place + 1 :]])
    shutil.copytree(_trained[settings], words[place], dirs_exist_ok=True)


def same(one: Record, other: Record) -> bool:
    """Equal in everything that the config decides: not in dates and seconds."""
    parts = ("run", "protocol", "curve", "selection", "queries", "ranks", "metrics", "hyperparameters", "checksums")
    return all(getattr(one, part) == getattr(other, part) for part in parts)


def ask(words: list[str]) -> str:
    """Runs the command in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "bench", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def interrupt_at(step: int, words: list[str], folder: Path, by: signal.Signals = signal.SIGINT) -> None:
    """Starts a run whose process group is interrupted right after the checkpoint of a step: no race with its end."""
    code = f"""
import json, os, signal
from bench.engine import train
keep = train.save_checkpoint
def keep_and_interrupt(training, now, folder, accelerator):
    keep(training, now, folder, accelerator)
    if now.step == {step - 1}:
        os.killpg(os.getpgid(0), signal.{by.name})
train.save_checkpoint = keep_and_interrupt
from bench.cli import main
main({words!r})
"""
    start = {"capture_output": True, "text": True, "start_new_session": True}  # a group, as a terminal makes one
    done = subprocess.run([sys.executable, "-c", code], **start)
    assert done.returncode == 130, done.stderr
    assert f"stopped after step {step} of" in done.stderr
    [progress] = folder.glob("*/*/*/*/checkpoint/progress.json")
    assert json.loads(progress.read_text())["step"] == step
