"""The same records give the same files, wherever they are drawn, and every figure says what it must."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.records import counts_by_sorting, make_record
from safetensors.numpy import save_file

from bench.compare import group_records
from bench.metrics.ranking import summarize
from bench.records.record import Record
from bench.records.store import record_path
from bench.report.figures import PAPER, SCREEN, Context, Figure, in_order, save
from bench.report.figures.expressions import strips
from bench.report.figures.forest import forest
from bench.report.figures.similarity import distributions
from bench.report.figures.training_curves import training_curves
from bench.utils.files import sha256


def faced(small: Path) -> Record:
    faces = {"source": "drawn", "sha256": sha256(small / "faces.parquet"), "pooling": "largest"}
    record = make_record(6, faces=faces)
    videos = [f"video{number}" for number in range(12, 18)]
    return replace(record, config={"video": {"frames": 4, "size": 32}}, queries={**record.queries, "videos": videos})


def featured(results: Path) -> Record:
    features = np.eye(8, dtype=np.float32)
    record = make_record(8, twins=False)
    ranks = {way: counts_by_sorting(features) for way in ("t2v", "v2t")}
    metrics = summarize(ranks, record.subsets, record.queries["captions"])
    place = record_path(results, record.dataset, record.split, record.variant, record.run).with_suffix("")
    place.mkdir(parents=True, exist_ok=True)
    save_file({"text": features, "video": features}, place / "features.safetensors")
    return replace(record, ranks=ranks, metrics=metrics)


def drawn(small: Path, folder: Path) -> Iterator[Figure]:
    """One figure of every kind."""
    subsets = {"joy": list(range(20)), "anger": list(range(15, 24))}
    curve = [
        {"step": step, "epoch": step / 2, "loss": 3 / step, "lr": 1e-3, "logit_scale": 2.6} for step in range(1, 5)
    ]
    records = [
        replace(make_record(variant=name, seed=seed, subsets=subsets), curve=curve)
        for name in ("plain", "b")
        for seed in (1, 2)
    ]
    (group,) = group_records(records)
    context = Context(group, folder)
    figures = [
        kind.draw(context)
        for kind in in_order()
        if kind.name not in ("forest", "curves", "similarity", "tsne", "expressions", "literature")
    ]
    own = distributions([featured(folder)], folder), strips(faced(small), small)
    for figure in [*forest(context), *training_curves(context), *figures, *own]:
        assert isinstance(figure, Figure)
        yield figure


def digests(small: Path, folder: Path, order: int) -> str:
    """The checksum of every file of every figure, with its words. order: 1 or -1, in which they are written."""
    found = {}
    for figure in [*drawn(small, folder)][::order]:
        words = "".join([figure.title, figure.caption, figure.alt])
        paths = save(figure, folder, kinds=(*SCREEN, *PAPER))
        files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
        found[figure.name] = [hashlib.sha256(words.encode()).hexdigest(), *files]
    return json.dumps(found, sort_keys=True)


@pytest.mark.slow
def test_another_process_hash_seed_order_and_matplotlibrc_change_no_byte(small: Path, tmp_path: Path):
    (tmp_path / "matplotlibrc").write_text(
        "font.size: 20\naxes.facecolor: black\nlines.linewidth: 5\nimage.cmap: gray\n"
    )
    words = "from pathlib import Path; from test_same_bytes import digests; import sys; "
    words += "print(digests(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))"
    here = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2]), *sys.path])
    cases = {"1": {}, "-1": {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", words, str(small), str(tmp_path / order), order],
            env={**os.environ, "PYTHONPATH": here, "PYTHONHASHSEED": str(len(order)), **more},
            stdout=subprocess.PIPE,
            text=True,
        )
        for order, more in cases.items()
    ]
    once, again = (json.loads(process.communicate()[0]) for process in running)
    assert len(once) == 8 and once == again


@pytest.fixture(scope="module")
def figures(small: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Figure]:
    return list(drawn(small, tmp_path_factory.mktemp("figures")))


def test_every_figure_says_n_and_seed(figures: list[Figure]):
    for figure in figures:
        assert "n = " in figure.caption or "n is" in figure.caption, figure.name
        assert "seed" in figure.caption and "moodclips-test|" not in figure.caption, figure.name
        assert any(character.isdigit() for character in figure.alt), figure.name


def test_every_axis_is_labelled(figures: list[Figure]):
    for figure in figures:
        across = [axes.get_xlabel() for axes in figure.drawing.axes]
        up = [axes.get_ylabel() for axes in figure.drawing.axes]
        assert any(across) or figure.name == "emotions", figure.name  # there the ticks are the emotions' names
        assert any(up) or figure.name in ("forest", "recalls"), figure.name  # and there the variants'
