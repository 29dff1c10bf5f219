"""`--help`: every command has examples that are right, and the defaults are those that hold."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.asking import Capture, output

from bench import cli
from bench.commands import app
from bench.data.cards import load_card
from bench.engine.settings import parse


def commands(prefix: str = "") -> Iterator[str]:
    """Every command, groups with their parts."""
    within = app[prefix] if prefix else app
    for name in within:
        if not name.startswith("-"):
            words = f"{prefix} {name}".strip()
            yield words
            if name in ("list", "data"):
                yield from commands(words)


def page(command: str, capsys: Capture) -> str:
    return output([*command.split(), "--help"], capsys)


@pytest.mark.parametrize("command", [*commands()])
def test_every_command_has_examples_that_parse(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("variant: film_text", encoding="utf-8")
    _, found, lines = page(command, capsys).partition("Examples:\n")
    assert found
    for line in lines.replace("|", ";").splitlines():
        words = shlex.split(line.strip().removeprefix('eval "$(').removesuffix(')"').split(" > ")[0].split(" ;")[0])
        if words and words != ["bench", "COMMAND", "--help"]:
            assert words[0] == "bench"
            app.parse_args(words[1:], exit_on_error=False, print_error=False)


def test_the_defaults_of_a_run_are_those_of_the_default_dataset(capsys: Capture) -> None:
    card = load_card("moodclips")
    text = re.sub(r"[│\s]+", " ", page("run", capsys))
    shown = {
        name: re.search(rf"--{name} [A-Z]+ .*?\[default: (.*?)\]", text)
        for name in ("train.lr", "train.epochs", "init")
    }
    values = {name: match[1] for name, match in shown.items() if match}
    config = parse([])
    assert values == {"train.lr": str(config.train.lr), "train.epochs": str(config.train.epochs), "init": config.init}
    assert card.recipe["init"] == config.init  # what a card says, not RunConfig


@pytest.mark.parametrize("command", [*commands()])
def test_no_default_says_nothing(command: str, capsys: Capture) -> None:
    assert not re.search(r'default: (""|\[\]|\{\}|False)', page(command, capsys))


def test_completion_is_a_script_of_the_shell(capsys: Capture) -> None:
    assert "complete -F _bench bench" in output(["completion", "bash"], capsys)
    assert cli.app is app
