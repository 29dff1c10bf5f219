"""The wheel, installed in a clean environment and used from another folder: code, cards and console script."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow  # an environment is made, and the wheel installed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def bench(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console script of an environment with the wheel; it has this one's dependencies but not the checkout."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # its own .pth files are not followed
    return folder / "bin" / "bench"


def clean() -> dict[str, str]:
    """This environment without the folders of its own that Python may be told to look in."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def ask(bench: Path, folder: Path, *words: str) -> str:
    done = subprocess.run([bench, *words], cwd=folder, env=clean(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_both_packages_and_no_more_of_datasets_than_cards(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"bench", "variants"}
    assert "bench/model/tiny.safetensors" in names
    cards = {path.parent.name for path in (ROOT / "datasets").glob("*/card.yaml")}
    assert {name for name in names if "_datasets" in name} == {f"bench/_datasets/{card}/card.yaml" for card in cards}


def test_the_cards_are_found_from_another_folder(bench: Path, tmp_path: Path) -> None:
    listed = ask(bench, tmp_path, "list", "datasets")
    assert "moodclips" in listed and "msrvtt" in listed
    where = [bench.with_name("python"), "-c", "import bench.utils.paths; print(bench.utils.paths.cards())"]
    found = subprocess.run(where, cwd=tmp_path, env=clean(), capture_output=True, text=True, check=True).stdout
    assert str(ROOT) not in found


def test_the_published_numbers_are_found_from_another_folder(bench: Path, wheel: Path, tmp_path: Path) -> None:
    works = sorted(path.name for path in (ROOT / "results" / "published").iterdir())
    held = sorted(name for name in zipfile.ZipFile(wheel).namelist() if "_published" in name)
    assert held == [f"bench/_published/{name}" for name in works]
    assert f"of {len(works)} works" in ask(bench, tmp_path, "audit")


def test_a_run_works_from_another_folder(bench: Path, tmp_path: Path, command: Callable[..., list[str]]) -> None:
    ask(bench, tmp_path, *command(variant="additive_text", train__steps=1))
    assert list((tmp_path / "results").glob("msrvtt/9k/additive_text/*.json"))
