"""What a record says of code, libraries and hardware."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bench import __version__
from bench.engine.environment import _commit, environment


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of its own with one committed source file."""
    folder = tmp_path / "checkout"
    (folder / "bench").mkdir(parents=True)
    (folder / "bench" / "code.py").write_text("1\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one")
    return folder


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout.strip()


def test_an_untouched_checkout_is_clean(checkout: Path):
    assert _commit(checkout) == {"commit": git(checkout, "rev-parse", "HEAD"), "dirty": False}


def test_a_new_source_file_makes_it_dirty(checkout: Path):
    (checkout / "bench" / "new.py").write_text("2\n", encoding="utf-8")
    assert _commit(checkout)["dirty"] is True


def test_a_new_result_does_not(checkout: Path):
    (checkout / "results").mkdir()
    (checkout / "results" / "run.json").write_text("{}", encoding="utf-8")
    assert _commit(checkout)["dirty"] is False


def test_a_package_installed_inside_someones_repository_has_no_commit(checkout: Path):
    (checkout / "site-packages").mkdir()
    assert _commit(checkout / "site-packages") == {"commit": None, "dirty": None}


def test_a_hooks_repository_is_not_taken_for_ours(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert _commit(checkout)["dirty"] is False


def test_a_repository_without_a_commit_has_none(tmp_path: Path):
    git(tmp_path, "init", "-q")
    assert _commit(tmp_path) == {"commit": None, "dirty": None}


def test_without_git_there_is_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    assert _commit(checkout) == {"commit": None, "dirty": None}


def test_versions_are_those_installed():
    found = environment()
    assert (found["code"]["version"], found["libraries"]["torch"]) == (__version__, version("torch"))


def test_accelerators_are_the_callers():
    assert environment(["some device"])["hardware"]["accelerators"] == ["some device"]


def test_nothing_heavy_is_imported_to_find_out_or_to_compare():
    code = "import sys, bench.compare; from bench.engine import environment as e; e.environment(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "pandas", "scipy", "rich"} & set(done.stdout.split())
