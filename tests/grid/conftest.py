"""A grid file over a small dataset."""

from pathlib import Path

import pytest
import yaml
from helpers.grids import Write


@pytest.fixture(scope="module")
def write(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Writes a grid over `small` in which a run takes seconds: write(cells, train={"epochs": 400}, slurm={})."""

    def make(cells: list[dict], train: dict | None = None, slurm: dict | None = None) -> Path:
        settings = {
            "dataset": "msrvtt",
            "root": str(small),
            "init": "random",
            "model": {"size": "tiny", "tokenizer": "captions", "tokens": 32},
            "video": {"size": 64, "frames": 4, "workers": 0},
            "train": {"batch": 4, "accumulation": 1, "epochs": 2, "lr": 1e-3, **(train or {})},
        }
        path = tmp_path_factory.mktemp("grid") / "grid.yaml"
        path.write_text(yaml.safe_dump({"settings": settings, "cells": cells, "slurm": slurm or {}}))
        return path

    return make
