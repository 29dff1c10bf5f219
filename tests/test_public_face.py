"""`from bench import …`: what is there, that it is light, and that nothing can hide it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bench

TOP = Path(bench.__file__).parent
HEAVY = ("torch", "numpy", "transformers", "pandas", "matplotlib")


def test_every_public_name_is_imported_from_its_home() -> None:
    for name in bench.__all__:
        assert getattr(bench, name) is not None, name
    assert set(bench.__all__) == set(bench._HOMES)
    assert set(bench.__all__) <= set(dir(bench))


def test_type_checkers_see_each_name_where_it_is() -> None:
    body = ast.parse((TOP / "__init__.py").read_text()).body
    [guarded] = [node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in guarded.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name: node.module for node in imports for alias in node.names} == bench._HOMES


def test_no_public_name_is_that_of_a_room_or_a_module() -> None:
    rooms = {path.stem for path in TOP.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert not rooms & set(bench.__all__)


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'bench' has no attribute 'nonesuch'"):
        _ = bench.nonesuch


@pytest.mark.parametrize("statement", ["import bench", "from bench import EMOTIONS", "import bench.cli"])
def test_what_is_light_imports_nothing_heavy(statement: str) -> None:
    code = f"{statement}; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
