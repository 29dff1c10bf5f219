"""The examples, done as they say: the variant trains as a plugin, the dataset is scored, the notebook runs."""

import json
import runpy
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pytest
from conftest import ROOT
from helpers.asking import Capture, output
from helpers.notebooks import run_notebook
from helpers.records import make_control, make_record
from helpers.registries import forgotten

from bench.cli import main
from bench.records.store import load_records, save

EXAMPLES = ROOT / "examples"
NOTEBOOK = EXAMPLES / "compare.ipynb"
RECORDS = ROOT / "results" / "moodclips.tar.xz"


@pytest.fixture
def no_plugin() -> Iterator[None]:
    with forgotten():
        yield


@pytest.fixture
def no_window() -> Iterator[None]:
    """Figures are drawn in memory, and closed after the test."""
    before = matplotlib.get_backend()
    matplotlib.use("agg")
    yield
    plt.close("all")
    matplotlib.use(before)


def pack(folder: Path, archive: Path) -> None:
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:xz", preset=0) as file:
        for path in sorted(folder.rglob("*.json")):
            file.add(path, path.relative_to(folder).as_posix())


def test_the_variant_keeps_the_contract(no_plugin: None, capsys: Capture) -> None:
    said = output(["check-variant", "shifted_feature", f"--plugin={EXAMPLES / 'own_variant.py'}"], capsys)
    assert "FAIL" not in said and said.count("ok ") > 10


def test_the_variant_trains_as_a_plugin(no_plugin: None, command: Callable[..., list[str]], tmp_path: Path) -> None:
    main(command(variant="shifted_feature", plugin=EXAMPLES / "own_variant.py", train__steps=1))
    [record] = load_records(tmp_path / "results")
    assert record.parameters["added"] == 8 * 128


def test_the_dataset_is_drawn_scored_and_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("sys.argv", ["own_dataset.py", str(tmp_path)])
    runpy.run_path(str(EXAMPLES / "own_dataset.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert " 0 steps: T2V R@1 " in said and "20 steps: T2V R@1 " in said
    assert len(list((tmp_path / "clips").glob("*.mp4"))) == 32
    untrained, trained = sorted(load_records(tmp_path / "results"), key=lambda record: len(record.curve))
    assert len(untrained.queries["captions"]) == len(set(untrained.queries["captions"])) == 16
    assert sorted(set(untrained.subsets) & {"joy", "sadness"}) == ["joy", "sadness"]
    assert untrained.curve == [] and trained.curve


@pytest.mark.parametrize("question", ["ranks:all", "twins"])
def test_the_notebook_runs(question: str, no_window: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over made records, of which film_text's scores stand out and cross_attention's do not."""
    strengths = {"plain": 1.0, "film_text": 4.0, "cross_attention": 1.0}
    for seed in (1, 2):
        for variant, strength in strengths.items():
            made: dict[str, Any] = {"variant": variant, "seed": seed, "strength": strength, "question": (question,)}
            save(make_record(40, **made), tmp_path / "made")
            save(make_control(40, emotions="shuffled", **made), tmp_path / "made")
    pack(tmp_path / "made", tmp_path / "results" / RECORDS.name)
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path / "examples")
    count, _, verdicts, _, controls = run_notebook(NOTEBOOK)
    assert count == 12
    assert list(verdicts["variant"]) == ["film_text", "cross_attention"]
    assert list(controls.index) == ["cross_attention", "film_text", "plain"]
    assert ("true", "shuffled") in controls.columns
    [axes] = plt.gcf().axes
    assert axes.get_xscale() == ("log" if question.startswith("ranks") else "linear")


@pytest.mark.slow
@pytest.mark.skipif(not RECORDS.is_file(), reason=f"no {RECORDS.name} here, as in a source distribution")
def test_the_notebook_runs_over_the_committed_records(no_window: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    _, comparison, verdicts, _, _ = run_notebook(NOTEBOOK)
    assert "plain" in str(comparison) and len(verdicts) > 5


def test_the_notebook_is_committed_without_what_it_showed() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"]] == []


def test_the_page_names_every_example() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = [path.name for path in EXAMPLES.iterdir() if path.is_file() and path.name != "README.md"]
    assert [name for name in files if f"]({name})" not in page] == []
