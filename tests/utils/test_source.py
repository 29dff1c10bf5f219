"""What a file executes: which changes make it another, and which do not."""

import sys
from pathlib import Path

import pytest

from bench.utils.source import code_digest, executed, with_helpers

SOURCE = '''
"""A module."""

import math

STRENGTH = 0.5


class Thing:
    """What it is."""

    scale: float = 2.0

    def grow(self, by: float = 1.0) -> float:
        """Grows it."""
        return self.scale * by + STRENGTH * math.pi
'''

SAME = {
    "a comment": ("STRENGTH = 0.5", "STRENGTH = 0.5  # by trial"),
    "a docstring of the module": ('"""A module."""', '"""Another."""'),
    "no docstring of a method": ('        """Grows it."""\n', ""),
    "a docstring of a constant": ("STRENGTH = 0.5", 'STRENGTH = 0.5\n"""By trial."""'),
    "a docstring of an attribute": ("    scale: float = 2.0\n", '    scale: float = 2.0\n    """How large."""\n'),
    "an import": ("import math\n", "import math\nimport os\nfrom typing import Any\n"),
    "an import for types": (
        "import math\n",
        "import math\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import os\n",
    ),
    "an import in a method": ("        return", "        import os\n\n        return"),
    "blank lines": ("\n\n\nclass", "\n\n\n\n\n\nclass"),
    "layout": (
        "self.scale * by + STRENGTH * math.pi",
        "(\n            (self.scale * by) + STRENGTH * math.pi\n        )",
    ),
}
OTHER = {
    "a constant": ("STRENGTH = 0.5", "STRENGTH = 0.6"),
    "a default": ("by: float = 1.0", "by: float = 1.5"),
    "a statement": ("self.scale * by +", "self.scale * by -"),
    "a base": ("class Thing:", "class Thing(dict):"),
    "a string with a use": ("STRENGTH = 0.5", 'STRENGTH = 0.5\nORIGIN = "by trial"'),
    "a string that is computed": ("STRENGTH = 0.5", 'STRENGTH = 0.5\nf"{math.pi}"'),
    "a decorator": ("    def grow", "    @property\n    def grow"),
    "a condition with a statement": ("STRENGTH = 0.5", "STRENGTH = 0.5\nif STRENGTH:\n    STRENGTH = 1"),
}


IMPORTED = """
import math
import numpy.linalg as la
from math import sqrt as f

from variants.film_text import FilmText


def grow(x):
    from math import exp as g

    return f(x) + g(x) + math.pi + la.norm(x)


class Mine(FilmText):
    root = f
"""
SAME_IMPORTS = {
    "their order": (
        "import math\nimport numpy.linalg as la\nfrom math import sqrt as f",
        "from math import sqrt as f\nimport numpy.linalg as la\nimport math",
    ),
    "one that is not used": ("import math\n", "import math\nimport os as g\nfrom sys import argv as x\n"),
    "two in one line": ("import math\n", "import math, os\n"),
}
OTHER_IMPORTS = {
    "another function": ("from math import sqrt as f", "from math import log as f"),
    "another package": ("from math import sqrt as f", "from numpy import sqrt as f"),
    "another module under a name": ("numpy.linalg as la", "scipy.linalg as la"),
    "another one in a function": ("exp as g", "expm1 as g"),
    "another base": ("variants.film_text", "variants.other"),
    "everything of a module": ("import math\n", "import math\nfrom os import *\n"),
}


@pytest.mark.parametrize("change", SAME_IMPORTS)
def test_how_imports_are_written_changes_nothing(change: str) -> None:
    assert SAME_IMPORTS[change][0] in IMPORTED
    assert executed(IMPORTED.replace(*SAME_IMPORTS[change])) == executed(IMPORTED)


@pytest.mark.parametrize("change", OTHER_IMPORTS)
def test_what_is_imported_does(change: str) -> None:
    assert OTHER_IMPORTS[change][0] in IMPORTED
    assert executed(IMPORTED.replace(*OTHER_IMPORTS[change])) != executed(IMPORTED)


def test_a_name_of_bench_is_one_wherever_it_lies() -> None:
    source = "from {} import Variant\n\n\nclass Mine(Variant): ...\n"
    assert executed(source.format("bench")) == executed(source.format("bench.model.variant"))


def test_an_import_of_one_function_is_none_of_another() -> None:
    source = "def a(x):\n    from math import {} as f\n    return f(x)\n\n\ndef b(f):\n    from math import {} as g\n"
    source += "    return f(g(2))\n"
    assert executed(source.format("sqrt", "log")) != executed(source.format("log", "sqrt"))


@pytest.mark.parametrize("change", SAME)
def test_what_is_not_executed_changes_nothing(change: str) -> None:
    assert SAME[change][0] in SOURCE
    assert executed(SOURCE.replace(*SAME[change])) == executed(SOURCE)


@pytest.mark.parametrize("change", OTHER)
def test_what_is_executed_does(change: str) -> None:
    assert OTHER[change][0] in SOURCE
    assert executed(SOURCE.replace(*OTHER[change])) != executed(SOURCE)


def test_names_and_order_of_files_do_not_matter(tmp_path: Path) -> None:
    for name, text in {"a": "x = 1", "b": "y = 2", "c": "x = 1 # one"}.items():
        (tmp_path / name).write_text(text)
    assert code_digest([tmp_path / "a", tmp_path / "b"]) == code_digest([tmp_path / "b", tmp_path / "c"])


def test_helpers_are_what_is_imported_from_the_same_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "family"
    package.mkdir()
    files = {
        "__init__": "",
        "child": "import json\nfrom family.parent import Parent\n\ndef later():\n    from family import late\n",
        "late": "z = 1\n",
        "parent": "from . import helper\nclass Parent: ...\n",
        "helper": "x = 1\n",
        "stranger": "y = 1\n",
    }
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("child", "stranger"):
        __import__(f"family.{name}")
    found = with_helpers(["family.child"])
    assert sorted(path.stem for path in found) == ["child", "helper", "late", "parent"]
    assert "family.late" not in sys.modules, "its code counts, and it does not run"
    for name in [name for name in sys.modules if name.partition(".")[0] == "family"]:
        monkeypatch.delitem(sys.modules, name)


TWO = """
from math import sqrt

RATE, SHIFT = 0.5, 1
SCALE = 2


def grow(x):
    return SHIFT + deeper(x)


def deeper(x):
    return sqrt(x)


def other(x):
    return x * SCALE


class One:
    def f(self, x):
        return grow(x)


class Two(One):
    def f(self, x):
        return other(x)


print(RATE)
"""


@pytest.mark.parametrize(
    ("change", "one", "two"),
    [
        (("sqrt(x)", "sqrt(x + 1)"), True, True),  # two is built on one
        (("RATE, SHIFT = 0.5", "RATE, SHIFT = 0.6"), True, True),
        (("print(RATE)", "print(RATE + 1)"), True, True),
        (("x * SCALE", "x / SCALE"), False, True),
        (("SCALE = 2", "SCALE = 3"), False, True),
        (("class Two(One):", "class Two(One):\n    a = 1"), False, True),
    ],
)
def test_of_two_classes_in_a_file_each_counts_what_it_uses(change: tuple[str, str], one: bool, two: bool) -> None:
    assert TWO.count(change[0]) == 1
    changed = TWO.replace(*change)
    assert (executed(changed, only=["One"]) != executed(TWO, only=["One"])) == one
    assert (executed(changed, only=["Two"]) != executed(TWO, only=["Two"])) == two
    assert executed(changed) != executed(TWO)
