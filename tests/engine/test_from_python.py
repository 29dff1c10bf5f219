"""`bench.run`: the same run as on the command line, its numbers at hand, and one line for what is off."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.asking import Command

import bench
from bench.cli import main
from bench.engine.from_python import flat_settings
from bench.engine.run import Run
from bench.errors import BenchError, UsageError

SMALL = {
    "dataset": "msrvtt",
    "init": "random",
    "model": {"size": "tiny", "tokenizer": "captions", "tokens": 32},
    "video": {"size": 64, "frames": 4, "workers": 0},
    "train": {"batch": 4, "accumulation": 1, "epochs": 2, "lr": 1e-3},
}


PLUGIN = '''
from bench import Variant, register


@register("of_a_script")
class OfAScript(Variant):
    """Plain CLIP-ViP under another name."""
'''


@pytest.fixture(scope="module")
def done(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of seconds."""
    results = tmp_path_factory.mktemp("results")
    return bench.run("additive_text", root=small, results=results, hp={"init_std": 0.5}, **SMALL)


def test_a_run_is_that_of_the_command_line(done: Run, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    main(command(done.path.parents[3], variant="additive_text", hp__init_std=0.5))
    assert "done before" in capsys.readouterr().err


def test_ranks_are_those_of_the_features(done: Run) -> None:
    text, video = done.features()
    scores = text @ video.T
    for direction, matrix in (("t2v", scores), ("v2t", scores.T)):
        expected = 1 + (matrix > matrix.diagonal()[:, None]).sum(axis=1)
        np.testing.assert_array_equal(done.ranks(direction), expected)
    assert done.metrics["all"]["t2v"]["MnR"]["value"] == pytest.approx(done.ranks("t2v").mean())


def test_a_run_that_is_there_is_not_made_again(done: Run, small: Path) -> None:
    again = bench.run("additive_text", root=small, results=str(done.path.parents[3]), **{"hp.init_std": 0.5}, **SMALL)
    assert (again.was_done, again.record) == (True, done.record)


def test_a_direction_that_is_none_is_one_line(done: Run) -> None:
    with pytest.raises(UsageError, match=r"'v2v' is no direction\. There are t2v, v2t"):
        done.ranks("v2v")


def test_features_that_are_gone_are_one_line(done: Run, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="has no features"):
        Run(done.record, tmp_path / "moved.json", True).features()


def test_a_plugin_file_brings_its_variant(small: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    settings: dict[str, Any] = {**SMALL, "train": {**SMALL["train"], "steps": 1}}  # type: ignore[dict-item]
    made = bench.run("of_a_script", plugins=[plugin], root=small, results=tmp_path / "results", **settings)
    assert made.record.variant == "of_a_script"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"trian": {"lr": 1}}, "a run has no setting 'trian.lr'. Did you mean train.lr"),
        ({"train": 3}, "a run has no setting 'train'."),
        ({"train.epohcs": 1}, "no setting 'train.epohcs'. Did you mean train.epochs"),
        ({"train": {"lr": 1}, "train.lr": 2}, "the setting 'train.lr' is given twice"),
        ({"seed": 1.5}, '"1.5" is no whole number'),
        ({"seed": {"a": 1}}, "no setting 'seed.a'"),
        ({"train": {"lr": -1.0}}, "--train.lr takes a number above 0"),
        ({"variant": "palin"}, "'palin' is no variant. Did you mean plain"),
        ({"hp": {"init_std": 1}}, "the variant 'plain' has no hyperparameter 'init_std'"),
    ],
)
def test_settings_that_are_off_are_one_line(settings: dict[str, Any], line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        bench.run(**settings, results=tmp_path)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("several", [False, True])
def test_one_plugin_file_needs_no_list(several: bool, tmp_path: Path) -> None:
    path = str(tmp_path / "none.py")
    with pytest.raises(UsageError, match=r"no plugin file at .*none\.py"):
        bench.run(plugins=[path] if several else path, results=tmp_path)


def test_a_whole_number_may_be_a_float_as_numpy_and_json_have_it() -> None:
    given = flat_settings({"seed": 1.0, "train": {"steps": 3.0, "lr": 1.0, "epochs": 1.5}, "hp.init_std": 2.0})
    assert list(map(repr, given.values())) == ["1", "3", "1.0", "1.5", "2.0"]


def test_settings_may_be_nested_dotted_or_left_open() -> None:
    given = flat_settings({"train": {"epochs": 1}, "video.size": 32, "root": None, "matched_parameters": True})
    assert given == {"train.epochs": 1, "video.size": 32, "matched_parameters": True}
