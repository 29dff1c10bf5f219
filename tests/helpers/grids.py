"""What the tests of grids share: the type of the fixture that writes a grid file, and the cells of such a file."""

from collections.abc import Callable
from pathlib import Path

from bench.grid.plan import Cell, plan, read_grid

Write = Callable[..., Path]


def read(path: Path) -> list[Cell]:
    return plan(read_grid(path), path.parent / "results")
