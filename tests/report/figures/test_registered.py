"""Figures by name: what is registered is listed and drawn; one more is one file."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from helpers.asking import Capture, failure
from helpers.figures import of, only, run

from bench.cli import main
from bench.errors import BenchError
from bench.records.store import save
from bench.report.figures import FIGURES, Context, Figure, draw, figure, in_order

PLUGIN = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "report.md").read_text(encoding="utf-8"), re.DOTALL)[0]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test registers is gone after it."""
    FIGURES.names()
    things, modules = dict(FIGURES._things), dict(FIGURES._modules)
    yield
    FIGURES._things, FIGURES._modules = things, modules


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "seconds.py"
    path.write_text(PLUGIN)
    return path


def test_every_module_of_the_folder_registers_one() -> None:
    modules = {path.stem for path in Path(sys.modules["bench.report.figures"].__file__ or "").parent.glob("[a-z]*.py")}
    assert {kind.draw.__module__.rpartition(".")[2] for kind in in_order()} == modules


def test_each_says_in_one_sentence_what_it_is() -> None:
    assert all(kind.summary.endswith(".") and "\n" not in kind.summary for kind in in_order())


def test_the_page_begins_with_the_comparison_that_is_tested() -> None:
    assert [kind.name for kind in in_order()][:3] == ["forest", "recalls", "emotions"]


def test_a_plugin_adds_one_to_the_list(plugin: Path, capsys: Capture) -> None:
    main(["list", "figures", "--plugin", str(plugin)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split(maxsplit=1) == ["seconds", "How long each run took."]
    assert lines[0].startswith("forest ")


@pytest.mark.slow
def test_a_plugin_adds_one_to_the_report(plugin: Path, tmp_path: Path, capsys: Capture) -> None:
    for record in (run(), run("strong", 6.0)):
        save(record, tmp_path / "results")
    words = ["--results", str(tmp_path / "results"), "--out", str(tmp_path / "out"), "--plugin", str(plugin)]
    main(["report", *words])
    capsys.readouterr()
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'<figure id="group1-figure-([^"]+)"', page)[-1] == "seconds" and "n = 2 runs." in page
    assert (tmp_path / "out" / "figures" / "seconds.svg").is_file()


def test_listing_needs_neither_torch_nor_matplotlib() -> None:
    program = "import sys; from bench.report.figures import in_order; in_order(); "
    program += "print(*{'torch', 'matplotlib', 'sklearn', 'seaborn'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"


def drawn(context: Context) -> list[str]:
    return [one.name for one in draw(context)]


def test_one_that_has_nothing_to_show_is_left_out() -> None:
    figure("nothing")(lambda context: None)
    assert "nothing" not in drawn(of(only(run())))


def test_one_that_fails_is_named() -> None:
    @figure("mine")
    def mine(context: Context) -> None:
        raise KeyError("loss")

    with pytest.raises(BenchError, match="the figure 'mine' fails: KeyError: 'loss'"):
        draw(of(only(run())))


def test_one_that_gives_no_figure_is_named() -> None:
    figure("mine")(lambda context: "a drawing")  # type: ignore[arg-type, return-value]
    with pytest.raises(BenchError, match="the figure 'mine' gives str in place of a Figure"):
        draw(of(only(run())))


def test_two_that_would_write_one_file_are_an_error() -> None:
    figure("mine")(lambda context: Figure("recalls", "", "", "", None))  # type: ignore[arg-type]
    with pytest.raises(BenchError, match="'mine' would write the files of another one, recalls"):
        draw(of(only(run())))


def test_a_missing_plugin_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    code, said = failure(["report", "--plugin", str(tmp_path / "none.py")], capsys)
    assert code == 2 and "no plugin file" in said
