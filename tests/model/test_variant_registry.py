"""Names: registering, finding, and saying what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.model import variant_registry
from bench.model.variant import Variant
from bench.utils import plugins

PLUGIN = '''
from bench import Variant, register


@register("{name}")
class Mine(Variant):
    """A variant of my own."""

    def __init__(self, backbone, *, depth: int = 2, gate: bool = False, mode: str = "a"):
        super().__init__(backbone)
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in variant_registry.entries():
        variant_registry.get(name)  # or what a plugin imports would be registered for this test alone
    monkeypatch.setattr(plugins, "_files", dict(plugins._files))
    monkeypatch.setattr(variant_registry, "_registered", dict(variant_registry._registered))
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.format(name="mine"))
    return path


def test_a_plugin_file_adds_its_variant(plugin: Path) -> None:
    variant_registry.load_plugin(plugin)
    assert variant_registry.get("mine").__name__ == "Mine"
    assert variant_registry.entries()["mine"].hyperparameters == {"depth": "2", "gate": "False", "mode": "'a'"}


def test_hyperparameters_come_as_their_annotated_type(plugin: Path) -> None:
    variant_registry.load_plugin(plugin)
    assert variant_registry.parse_hyperparameters("mine", {"depth": "3", "gate": "true"}) == {
        "depth": 3,
        "gate": True,
        "mode": "a",
    }


@pytest.mark.parametrize(("key", "value"), [("depth", "much"), ("gate", "perhaps")])
def test_a_hyperparameter_of_the_wrong_type_is_named(plugin: Path, key: str, value: str) -> None:
    variant_registry.load_plugin(plugin)
    with pytest.raises(UsageError, match=f"mine's {key} takes (int|bool), not '{value}'"):
        variant_registry.parse_hyperparameters("mine", {key: value})


def test_an_unknown_hyperparameter_suggests_the_near_one(plugin: Path) -> None:
    variant_registry.load_plugin(plugin)
    with pytest.raises(UsageError, match="Did you mean depth"):
        variant_registry.parse_hyperparameters("mine", {"dept": 1})


def test_a_taken_name_is_an_error(plugin: Path) -> None:
    plugin.write_text(PLUGIN.format(name="plain"))
    with pytest.raises(UsageError, match="'plain' is registered twice"):
        variant_registry.load_plugin(plugin)


def test_an_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(UsageError, match=r"'additve_text' is no variant\. Did you mean additive_text"):
        variant_registry.get("additve_text")


def test_a_missing_plugin_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no plugin file at .*none\.py"):
        variant_registry.load_plugin(tmp_path / "none.py")


def test_a_plugin_that_fails_says_how(plugin: Path) -> None:
    plugin.write_text("import no_such_module\n")
    with pytest.raises(UsageError, match="fails when it is imported: ModuleNotFoundError"):
        variant_registry.load_plugin(plugin)


@pytest.mark.parametrize("field", ["text_needs", "video_needs"])
def test_a_variant_that_needs_what_there_is_not_is_told(plugin: Path, field: str) -> None:
    plugin.write_text(
        PLUGIN.format(name="mine").replace("    def __init__", f'    {field} = ("smells",)\n\n    def __init__')
    )
    with pytest.raises(UsageError, match=f"{field} of 'mine' has 'smells'; what there is: "):
        variant_registry.load_plugin(plugin)


def test_needs_that_are_no_tuple_are_told(plugin: Path) -> None:
    source = PLUGIN.format(name="mine")
    plugin.write_text(source.replace("    def __init__", '    text_needs = "emotions"\n\n    def __init__'))
    with pytest.raises(UsageError, match="text_needs of 'mine' must be a tuple, not 'emotions'"):
        variant_registry.load_plugin(plugin)


def test_needs_that_are_written_as_a_name_are_told(plugin: Path) -> None:
    source = PLUGIN.format(name="mine").replace("    def __init__", "    text_needs = NEEDS\n\n    def __init__")
    plugin.write_text('NEEDS = ("emotions",)\n' + source)
    with pytest.raises(UsageError, match="'text_needs = NEEDS' must be plain: a tuple"):
        variant_registry.load_plugin(plugin)


def test_a_plugin_is_listed_with_what_it_inherits(plugin: Path) -> None:
    plugin.write_text(
        "from bench.model.variant_registry import register\n"
        "from variants.additive_text import AdditiveText\n\n\n"
        '@register("mine")\nclass Mine(AdditiveText):\n    """As it is."""\n'
    )
    variant_registry.load_plugin(plugin)
    entry = variant_registry.entries()["mine"]
    assert (entry.text_needs, entry.hyperparameters) == (("emotions",), {"init_std": "1.0"})
    assert variant_registry.added_at_b32()["mine"] == 8 * 512


def test_a_plugin_that_fails_when_it_is_built_is_one_line(plugin: Path) -> None:
    plugin.write_text(PLUGIN.format(name="mine") + "        self.layer = no_such_layer\n")
    variant_registry.load_plugin(plugin)
    with pytest.raises(UsageError, match=r"'mine' cannot be built with .*: NameError: name 'no_such_layer'"):
        variant_registry.added_at_b32()


def test_a_variant_s_digest_does_not_depend_on_where_its_files_lie(plugin: Path, tmp_path: Path) -> None:
    digests = []
    for folder in ("a", "zz"):
        path = tmp_path / folder / f"{folder}_mine.py"
        path.parent.mkdir()
        path.write_text(
            "from bench.model.variant_registry import register\nfrom variants.film_text import FilmText\n\n\n"
            '@register("mine")\nclass Mine(FilmText):\n    """As it is."""\n'
        )
        variant_registry._registered.pop("mine", None)
        plugins._files.clear()
        variant_registry.load_plugin(path)
        digests.append(variant_registry.source_digest("mine"))
    assert digests[0] == digests[1]


def reloaded(path: Path, source: str) -> str:
    path.write_text(source)
    variant_registry.load_plugin(path)
    return variant_registry.source_digest("mine")


def test_what_a_variant_executes_makes_its_digest_and_no_comment(plugin: Path) -> None:
    source = "STRENGTH = 0.5\n" + PLUGIN.format(name="mine")
    digest = reloaded(plugin, source)
    commented = (
        source.replace("STRENGTH", "import os\n\n\nSTRENGTH").replace("A variant of my own.", "Mine.") + "# end\n"
    )
    assert reloaded(plugin, commented) == digest
    assert reloaded(plugin, source.replace("0.5", "0.6")) != digest


def test_of_two_variants_in_a_file_each_has_a_digest_of_what_it_uses(plugin: Path) -> None:
    second = "\n\nDEPTH = 2\n\n\n" + PLUGIN.format(name="other").partition("\n\n\n")[2].replace("Mine", "Other")
    second += "\n    depth_of_other = DEPTH\n"
    alone = reloaded(plugin, PLUGIN.format(name="mine"))
    both = PLUGIN.format(name="mine") + second
    assert reloaded(plugin, both) == alone
    other = variant_registry.source_digest("other")
    assert other != alone
    assert reloaded(plugin, both.replace("DEPTH = 2", "DEPTH = 3")) == alone
    assert variant_registry.source_digest("other") != other
    unused = PLUGIN.format(name="mine") + "\n\nUNUSED = 1\n"
    assert reloaded(plugin, unused) != alone  # a file of one variant counts whole, also when it had two before


def test_a_plugin_that_is_loaded_again_is_listed_as_it_is_now(plugin: Path) -> None:
    variant_registry.load_plugin(plugin)
    reloaded(plugin, PLUGIN.format(name="mine").replace("depth: int = 2", "depth: int = 30"))
    assert variant_registry.entries()["mine"].hyperparameters["depth"] == "30"


@pytest.mark.parametrize("written", ['@register(name="mine")', "@register(NAME)"])
def test_a_plugin_may_write_its_name_in_any_way(plugin: Path, written: str) -> None:
    plugin.write_text('NAME = "mine"\n' + PLUGIN.replace('@register("{name}")', written))
    variant_registry.load_plugin(plugin)
    entry = variant_registry.entries()["mine"]
    assert variant_registry.get("mine").__name__ == "Mine"
    assert (entry.summary, entry.hyperparameters["depth"]) == ("A variant of my own.", "2")


def test_a_file_that_is_not_imported_must_write_its_name_as_text(plugin: Path) -> None:
    plugin.write_text('NAME = "mine"\n' + PLUGIN.replace('"{name}"', "NAME"))
    with pytest.raises(UsageError, match=r"mine\.py: '@register\(NAME\)' must have its name as a plain string"):
        variant_registry._read(plugin, "mine")


def test_an_installed_package_adds_its_variant_through_entry_points_of_either_group(tmp_path: Path) -> None:
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    groups = {"bench.variants": "theirs", "bench.plugins": "theirs_too"}
    points = [f"[{group}]\n{name} = {name}_package:Mine\n" for group, name in groups.items()]
    (info / "entry_points.txt").write_text("".join(points))
    for name in groups.values():
        (tmp_path / f"{name}_package.py").write_text(PLUGIN.format(name=name))
    code = "from bench.model.variant_registry import get; "
    code += f"print(*(get(name).__module__ for name in {[*groups.values()]}))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["theirs_package", "theirs_too_package"]


def test_a_claim_of_a_variant_is_none_of_what_makes_its_runs(plugin: Path) -> None:
    source = plugin.read_text(encoding="utf-8")
    digest = reloaded(plugin, source)
    first = source.index('    """')
    assert (
        reloaded(plugin, f"{source[:first]}    starts_as_plain = True\n    adds_at_b32 = 7\n{source[first:]}") == digest
    )
    assert all(name in vars(Variant) for name in variant_registry.CLAIMS)
