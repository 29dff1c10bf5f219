"""What one more costs: a variant, a dataset, a metric, an emotion source and a figure are one file each, and no more.

Once they come as plugin files, once from an installed package that names them as entry points.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.asking import Capture, output
from helpers.registries import forgotten

from bench.cli import main
from bench.data.annotation import load_annotation, save_annotation

VARIANT = '''
import torch

from bench import Variant, register


@register("toy_variant")
class ToyVariant(Variant):
    """Adds one learned vector to every token of a caption that names any emotion."""

    text_needs = ("emotions",)

    def __init__(self, backbone, *, init_std: float = 0.02):
        super().__init__(backbone)
        self.vector = torch.nn.Parameter(torch.randn(backbone.text_width) * init_std)

    def fuse_text(self, tokens, text):  # (B, L, D) -> (B, L, D)
        return tokens + text.present.any(dim=1)[:, None, None] * self.vector
'''
DATASET = '''
from bench.data.importers import Importer
from bench import register_dataset


@register_dataset("toy_dataset")
class ToyDataset(Importer):
    """A folder that lies ready."""
'''
CARD = """
name: toy_dataset
title: Toys
summary: moving squares
licence: anybody
source: a test
train: nine
test: one
splits:
  nine: {role: train, videos: 12, captions: 36, summary: squares}
  one: {role: test, videos: 6, captions: 6, summary: squares}
recipe:
  init: random
  model: {size: tiny, tokenizer: captions, tokens: 32}
  video: {frames: 4, size: 64, workers: 0}
  train: {batch: 4, accumulation: 1, epochs: 1, lr: 1.0e-3}
"""
METRIC = """
from bench import metric
from bench.metrics.ranking import ranks


@metric("MRR", "mean reciprocal rank of the true answer; 1 is best", better="high")
def mrr(greater, equal):
    return 1 / ranks(greater, equal)
"""
SOURCE = '''
from bench import emotion_source


@emotion_source("toy_source")
def toy_source(captions):
    """Joy for every word "green"."""
    return [[caption.count("green"), 0, 0, 0, 0, 0, 0, 0] for caption in captions]
'''
FIGURE = '''
from bench import figure
from bench.report.figures import Figure
from bench.report.style import sheet


@figure("toy_figure")
def toy_figure(context):
    """One bar a run."""
    drawing, axes = sheet(1.5)
    axes.flat[0].bar(range(len(context.group.records)), 1)
    return Figure("toy_figure", "Bars of toys", "One bar a run.", "bars", drawing)
'''
FILES = {"variant": VARIANT, "dataset": DATASET, "metric": METRIC, "source": SOURCE, "figure": FIGURE}
LISTS = {
    "variants": "toy_variant",
    "datasets": "toy_dataset",
    "metrics": "MRR",
    "emotion-sources": "toy_source",
    "figures": "toy_figure",
}
RUN = ["--variant", "toy_variant", "--dataset", "toy_dataset", "--emotion-source", "toy_source"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file for each, and the card of the dataset beside them."""
    folder = tmp_path_factory.mktemp("toys")
    for name, text in FILES.items():
        (folder / f"toy_{name}.py").write_text(text, encoding="utf-8")
    (folder / "card.yaml").write_text(CARD, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def root(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset's folder, as its card and docs/datasets.md say."""
    folder = tmp_path_factory.mktemp("root")
    shutil.copytree(small / "videos", folder / "videos")
    for old, new in (("9k", "nine"), ("1k-A", "one")):
        annotation = load_annotation(small, old, "msrvtt")
        save_annotation(replace(annotation, dataset="toy_dataset", split=new), folder)
    return folder


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    with forgotten():
        yield


def test_plugin_files_are_listed_run_compared_and_reported(
    files: Path, root: Path, tmp_path: Path, capsys: Capture
) -> None:
    plugins = [f"--plugin={path}" for path in sorted(files.glob("*.py"))]
    for kind, name in LISTS.items():
        assert name in output(["list", kind, *plugins], capsys)
    results = [f"--results={tmp_path / 'results'}"]
    shown = output(["run", *RUN, f"--root={root}", *results, *plugins], capsys)
    assert "toy_dataset-one|train:nine" in shown.replace("\n", "")
    assert "MRR" in output(["compare", "--full", *results, *plugins], capsys)
    main(["report", *results, f"--out={tmp_path / 'reports'}", "--baseline=toy_variant", *plugins])
    assert "Bars of toys" in (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "reports" / "figures" / "toy_figure.svg").is_file()


SCRIPT = """
import sys
from bench.cli import main
*lists, run, results, out = sys.argv[1:]
for kind in lists:
    main(["list", kind])
main(["run", *run.split("|"), results])
main(["compare", "--full", results])
main(["report", results, out, "--baseline=toy_variant"])
"""


@pytest.mark.slow
def test_an_installed_package_offers_the_same_by_entry_points(files: Path, root: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(files, site / "toys", ignore=shutil.ignore_patterns("__pycache__"))
    about = site / "toys-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n", encoding="utf-8")
    points = "".join(f"{name} = toys.toy_{name}\n" for name in FILES)
    (about / "entry_points.txt").write_text(f"[bench.plugins]\n{points}", encoding="utf-8")
    where = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    out = tmp_path / "reports"
    words = [*LISTS, "|".join([*RUN, f"--root={root}"]), f"--results={tmp_path / 'results'}", f"--out={out}"]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], env={**os.environ, "PYTHONPATH": where}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert all(done.stdout.count(name) for name in LISTS.values())
    assert done.stdout.count("MRR") > 1  # in the list, and in the comparison
    assert "Bars of toys" in (out / "index.html").read_text(encoding="utf-8")
