"""YAML as text: values stay as they are written, and what stands twice is refused with its lines."""

from pathlib import Path

import pytest
import yaml

from bench.engine.settings import read_yaml
from bench.errors import UsageError
from bench.utils.text_yaml import TextLoader


def read(text: str) -> object:
    return yaml.load(text, Loader=TextLoader)


def test_values_are_text_as_they_are_written() -> None:
    assert read("a: 1e-3\nb: [yes, 010]\nc: {d: null}") == {"a": "1e-3", "b": ["yes", "010"], "c": {"d": "null"}}


def test_a_key_may_stand_in_two_mappings() -> None:
    assert read("[{a: 1}, {a: 2}]") == [{"a": "1"}, {"a": "2"}]


def test_a_key_that_stands_twice_names_both_lines() -> None:
    with pytest.raises(yaml.YAMLError, match=r"^'lr' stands there twice, on lines 3 and 5$"):
        read("seed: 1\ntrain:\n  lr: 1\n  epochs: 2\n  lr: 3")


def test_a_key_that_stands_twice_in_one_line_names_it_once() -> None:
    with pytest.raises(yaml.YAMLError, match=r"^'lr' stands there twice, on line 1$"):
        read("{lr: 1, lr: 1}")


def test_settings_files_are_read_so_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("seed: 1\nseed: 2\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.yaml is no YAML: 'seed' stands there twice, on lines 1 and 2\.$"):
        read_yaml(path)
