"""Runs over several processes, started by torchrun: on one machine, or on two that are this one, over loopback."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from conftest import ROOT

LIMIT = 800  # seconds that a run may take, beside much other work
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


@dataclass(frozen=True)
class Ended:
    """How a run ended, of all its machines."""

    codes: list[int]
    out: str
    err: str

    @property
    def said(self) -> list[str]:
        """The lines in which bench says why it stopped."""
        return [line.removeprefix("bench: ") for line in self.err.splitlines() if line.startswith("bench: ")]


def torchrun(
    words: Sequence[str],
    *,
    options: Sequence[str] = (),
    script: str | Path = "",
    env: Mapping[str, str] = MappingProxyType({}),
) -> Ended:
    """Two processes on one machine. script: what they run with `words`, `-m bench` if not given."""
    what = [str(script)] if script else ["-m", "bench"]
    return _ended([_start(["--standalone", "--nproc-per-node", "2", *options, *what, *words], env, ROOT)])


def two_machines(
    one: Sequence[str],
    other: Sequence[str],
    *,
    env: Sequence[Mapping[str, str]] = ({}, {}),
    code: Sequence[Path] = (ROOT, ROOT),
) -> Ended:
    """The command of each machine, a process on each; env: what is set on each; code: where it has bench."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    where = ["--nnodes", "2", "--nproc-per-node", "1", "--rdzv-endpoint", f"localhost:{port}", "-m", "bench"]
    words = (["--node-rank", "0", *where, *one], ["--node-rank", "1", *where, *other])
    return _ended([_start(words[n], env[n], code[n]) for n in (0, 1)])


def at_step(step: int, code: str, folder: Path) -> Path:
    """A script that is bench, but for what every process does right after the checkpoint of a step.

    code: Python; `rank` is the number of the process, and `os` and `signal` are there.
    """
    script = folder / "at_step.py"
    script.write_text(f"""
import os, signal, sys
from bench.engine import train
keep = train.save_checkpoint
def keep_and_more(training, now, folder, accelerator):
    keep(training, now, folder, accelerator)
    rank = accelerator.process_index
    if now.step == {step}:
        {code}
train.save_checkpoint = keep_and_more
from bench.cli import main
main()
""")
    return script


def _start(words: Sequence[str], env: Mapping[str, str], code: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(code), **env}
    return subprocess.Popen([*TORCHRUN, *words], stdout=pipe, stderr=pipe, text=True, env=environment, cwd=code)


def _ended(processes: Sequence[subprocess.Popen[str]]) -> Ended:
    try:
        said = [process.communicate(timeout=LIMIT) for process in processes]
    finally:
        for process in processes:
            process.terminate()
    out, err = ("".join(texts) for texts in zip(*said, strict=True))
    return Ended([process.returncode for process in processes], out, re.sub(r"^\[rank\d+\]:", "", err, flags=re.M))
