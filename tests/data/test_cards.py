"""The cards in datasets/: each loads, and says only what the rest of the program understands."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from bench.cli import main
from bench.config import RunConfig, as_json
from bench.data import cards
from bench.errors import BenchError, UsageError

CHECKOUT = Path(__file__).parents[2]
NAMES = sorted(path.parent.name for path in (CHECKOUT / "datasets").glob("*/card.yaml"))


def tree(recipe: dict) -> set[str]:
    """The dotted names in a nested mapping."""
    return {
        name
        for key, value in recipe.items()
        for name in ({f"{key}.{rest}" for rest in tree(value)} if isinstance(value, dict) and value else {key})
    }


def test_the_names_are_the_folders_with_a_card() -> None:
    assert cards.names() == NAMES
    assert {"moodclips", "msrvtt"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_card_loads_and_names_its_own_splits(name: str) -> None:
    card = cards.load_card(name)
    assert card.name == name
    assert card.splits[card.train]["role"] == "train"
    assert card.splits[card.test]["role"] == "test"
    assert not card.validation or card.splits[card.validation]["role"] == "validation"
    assert all({"role", "videos", "captions", "summary"} <= facts.keys() for facts in card.splits.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_holds_nothing_but_settings(name: str) -> None:
    assert tree(cards.load_card(name).recipe) <= tree(as_json(RunConfig()))


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_takes_every_recipe(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The parser reads the card before the variant's name is looked up, and that is where it stops here."""
    with pytest.raises(SystemExit) as stop:
        main(["run", "--dataset", name, "--variant", "nonesuch"])
    assert stop.value.code == 2
    assert "'nonesuch' is no variant" in capsys.readouterr().err


def test_the_shipped_cards_declare_their_questions() -> None:
    assert cards.load_card("msrvtt").question == ["ranks:all", "ranks:emotion"]
    assert {card.question[0] for card in map(cards.load_card, NAMES)} <= {"ranks:all", "twins"}


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("question: twins", "question takes a list of names, not 'twins'"),
        ("question: []", "it declares no question"),
        ("question: [recall]", "'recall' is no question. There are ranks:all, ranks:SUBSET and twins"),
        ("question: ['ranks:emotoin']", "it has no subset 'emotoin'"),
        ("moods: [joy]", "it has no subset 'joy'"),
    ],
)
def test_a_card_asks_about_subsets_that_it_lists(
    lines: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "_of_plugins", {})
    names = ("name", "title", "summary", "licence", "source", "train", "test")
    path = tmp_path / "card.yaml"
    path.write_text("".join(f"{name}: x\n" for name in names) + f"splits: {{}}\n{lines}\n")
    cards.add("x", path)
    with pytest.raises(BenchError, match=re.escape(fault)):
        cards.load_card("x")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(
        UsageError, match=r"'msrvt' is no dataset\. Did you mean msrvtt or msvd\? See `bench list datasets`"
    ):
        cards.load_card("msrvt")


@pytest.mark.parametrize("content", ["name: [", "name: broken\nunheard: of", "- a list", ""])
def test_a_broken_card_is_one_clear_line(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "card.yaml").write_text(content)
    monkeypatch.setattr("bench.utils.paths.cards", lambda: tmp_path)
    with pytest.raises(BenchError, match=r"card\.yaml cannot be read") as error:
        cards.load_card("broken")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "[1]", "{train: }", "{model: b32}"])
def test_a_recipe_that_is_no_group_of_settings_is_one_clear_line(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = yaml.safe_load((CHECKOUT / "datasets" / "msrvtt" / "card.yaml").read_text(encoding="utf-8"))
    (tmp_path / "msrvtt").mkdir()
    text = yaml.safe_dump({**card, "recipe": yaml.safe_load(content)})
    (tmp_path / "msrvtt" / "card.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("bench.utils.paths.cards", lambda: tmp_path)
    with pytest.raises(BenchError, match=r"card\.yaml: .*recipe is a group of settings, not"):
        cards.load_card("msrvtt")


def test_the_build_names_no_dataset() -> None:
    """A glob carries the cards into the wheel, which tests/test_wheel.py looks into."""
    build = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    assert not [name for name in NAMES if name in str(build)]


@pytest.mark.parametrize("name", NAMES)
def test_every_dataset_has_its_notes(name: str) -> None:
    assert (CHECKOUT / "datasets" / name / "README.md").is_file()


def test_msrvtt_s_recipe_is_the_published_one() -> None:
    """RunConfig's defaults are that recipe, so the card overrides none of it."""
    raw = yaml.safe_load((CHECKOUT / "datasets" / "msrvtt" / "card.yaml").read_text(encoding="utf-8"))
    assert "recipe" not in raw


def test_a_card_is_never_read_by_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cards").mkdir()
    (tmp_path / "evil").mkdir()
    monkeypatch.setattr("bench.utils.paths.cards", lambda: tmp_path / "cards")
    for name in ("../evil", str(tmp_path / "evil")):
        (tmp_path / "evil" / "card.yaml").write_text(f"name: {name}\n", encoding="utf-8")
        with pytest.raises(UsageError, match="is no dataset"):
            cards.load_card(name)
