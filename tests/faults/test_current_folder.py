"""The current folder is somebody's: no file in it is taken for a module, by no process that is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# as the script `bench` begins: the current folder is not on its path
BENCH = "import sys; sys.path[:] = [path for path in sys.path if path]; from bench.cli import main; main()"
NAMES = ("random", "yaml", "pickle", "socket", "numpy", "json", "runpy", "bench", "variants")
GRID = """
settings: {dataset: msrvtt, init: random, model: {size: tiny, tokenizer: captions, tokens: 32}, root: ROOT,
  video: {size: 64, frames: 4, workers: 1}, train: {batch: 4, accumulation: 1, steps: 1}}
cells: [{variant: plain}]
"""


@pytest.mark.parametrize(
    "words",
    [
        "data compress --root clips --workers 2",
        "faces --backend sidecar --model f.parquet --videos clips --out o.parquet",
    ],
)
def test_processes_import_nothing_from_the_current_folder(words: str, tmp_path: Path, small: Path) -> None:
    (tmp_path / "clips").symlink_to(small / "videos")
    (tmp_path / "f.parquet").symlink_to(small / "faces.parquet")
    assert run(tmp_path, words) == []


@pytest.mark.slow
def test_a_grid_s_runs_import_nothing_from_the_current_folder(tmp_path: Path, small: Path) -> None:
    (tmp_path / "grid.yaml").write_text(GRID.replace("ROOT", str(small)), encoding="utf-8")
    assert run(tmp_path, "grid grid.yaml") == []


def run(folder: Path, words: str) -> list[str]:
    """The modules of the folder that were imported."""
    for name in NAMES:
        code = f"import os; os.close(os.open({str(folder / name)!r} + '.ran', os.O_CREAT)); os._exit(9)"
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", BENCH, *words.split()]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=240, env={**environment, "PYTHONPATH": root}
    )
    ran = sorted(path.stem for path in folder.glob("*.ran"))
    assert ran or done.returncode == 0, done.stderr
    return ran
