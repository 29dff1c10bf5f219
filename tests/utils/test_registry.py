"""A registry: unique names, near names, built-in modules, plugin files, installed packages."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.utils.plugins import load_plugin
from bench.utils.registry import Registry

PLUGIN = """
from {home} import COLOURS

@COLOURS.register("{name}")
def {name}():
    return {value}
"""


@pytest.fixture
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[Callable[[], int]]:
    """A registry of functions in a package that has one module with one of them."""
    name = f"palette_{tmp_path.name}"
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").write_text(
        f"from bench.utils.registry import Registry\nCOLOURS = Registry('colour', '{name}')\n"
    )
    (package / "warm.py").write_text(PLUGIN.format(home=name, name="red", value=1))
    monkeypatch.syspath_prepend(str(tmp_path))
    return __import__(name).COLOURS


def write(colours: Registry[Callable[[], int]], path: Path, name: str, value: int) -> Path:
    path.write_text(PLUGIN.format(home=colours.builtin, name=name, value=value))
    return path


def test_the_modules_of_a_package_register_when_a_name_is_first_asked_for(colours: Registry) -> None:
    assert f"{colours.builtin}.warm" not in sys.modules
    assert list(colours) == ["red"]
    assert colours.get("red")() == 1


def test_a_plugin_file_adds_one(colours: Registry, tmp_path: Path) -> None:
    load_plugin(write(colours, tmp_path / "mine.py", "azure", 7))
    assert [(name, thing()) for name, thing in colours.items()] == [("azure", 7), ("red", 1)]


def test_a_plugin_file_that_is_loaded_again_replaces_what_it_registered(colours: Registry, tmp_path: Path) -> None:
    load_plugin(write(colours, tmp_path / "mine.py", "azure", 7))
    load_plugin(write(colours, tmp_path / "mine.py", "azure", 1000))
    assert colours.get("azure")() == 1000


def test_a_taken_name_is_an_error_that_names_both_places(colours: Registry, tmp_path: Path) -> None:
    colours.names()
    with pytest.raises(UsageError, match=r"colour 'red' is registered twice: in .*warm\.py and in .*mine\.py"):
        load_plugin(write(colours, tmp_path / "mine.py", "red", 7))


def test_a_name_twice_in_one_file_is_an_error(colours: Registry, tmp_path: Path) -> None:
    path = write(colours, tmp_path / "mine.py", "azure", 7)
    path.write_text(path.read_text() * 2)
    with pytest.raises(UsageError, match="'azure' is registered twice"):
        load_plugin(path)


def test_a_name_that_a_built_in_module_takes_later_is_an_error_too(colours: Registry, tmp_path: Path) -> None:
    load_plugin(write(colours, tmp_path / "mine.py", "red", 7))
    with pytest.raises(UsageError, match="'red' is registered twice"):
        colours.names()


def test_an_unknown_name_suggests_the_near_one(colours: Registry) -> None:
    with pytest.raises(UsageError, match=r"^'rde' is no colour\. Did you mean red\?$"):
        colours.get("rde")


def test_an_unknown_name_without_a_near_one_says_what_there_is(colours: Registry) -> None:
    with pytest.raises(UsageError, match=r"^'teal' is no colour\. There are: red\.$"):
        colours.get("teal")


def test_two_plugin_files_of_one_name_are_two_modules(colours: Registry, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    load_plugin(write(colours, tmp_path / "mine.py", "azure", 7))
    load_plugin(write(colours, tmp_path / "other" / "mine.py", "cyan", 8))
    assert colours.names() == ["azure", "cyan", "red"]


def test_a_missing_plugin_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no plugin file at .*none\.py"):
        load_plugin(tmp_path / "none.py")


def test_a_plugin_that_fails_says_how(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import no_such_module\n")
    with pytest.raises(UsageError, match="fails when it is imported: ModuleNotFoundError"):
        load_plugin(path)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("@COLOURS.register('azure')\ndef azure(): ...\n", "azure"),
        ("import no_such_module\n", "the plugin 'theirs' of the installed package theirs fails when it is imported: "),
    ],
)
def test_an_installed_package_adds_one_or_is_named(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "palette.py").write_text("from bench.utils.registry import Registry\nCOLOURS = Registry('colour')\n")
    (tmp_path / "their_package.py").write_text(f"from palette import COLOURS\n{body}")
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bench.plugins]\ntheirs = their_package\n")
    code = "import palette\ntry: print(*palette.COLOURS)\nexcept Exception as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(said)
