"""What the README shows, done as it says."""

import re
from collections.abc import Callable
from pathlib import Path

from conftest import ROOT
from helpers.registries import forgotten
from helpers.runs import bench

from bench.engine.run_config import complete, run_name
from bench.engine.settings import parse

README = (ROOT / "README.md").read_text(encoding="utf-8")


def example() -> str:
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return code


def test_the_example_variant_is_a_complete_file_of_at_most_20_lines() -> None:
    assert len(example().splitlines()) <= 20


def test_the_example_variant_runs_as_a_plugin(command: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(example())
    words = command(variant="any_emotion", plugin=tmp_path / "mine.py", train__steps=1)
    with forgotten():
        assert bench(words).parameters["added"] == 128


def test_every_linked_file_is_there() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("[a-z]*/README.md"))]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)", page.read_text(encoding="utf-8"))]
    assert len(links) > 40
    assert not [f"{page}: {link}" for page, link in links if link != "https" and not (page.parent / link).exists()]


def test_the_record_that_the_readme_shows_is_the_one_that_its_command_leaves() -> None:
    config, _ = complete(parse(["--variant", "additive_text"]))
    assert README.count(run_name(config)) == 4
