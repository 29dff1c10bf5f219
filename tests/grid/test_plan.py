"""Grids as files: which cells they list, in which order they run, and one line for everything that is wrong."""

import re
from pathlib import Path

import pytest
from helpers.asking import Capture, failure, output
from helpers.registries import loaded

from bench.errors import UsageError
from bench.grid.grid_render import listing
from bench.grid.plan import GRIDS, Cell, differences, find_grid, plan, read_grid, state
from bench.model import variant_registry

RESULTS = Path("results")


def cells_of(tmp_path: Path, text: str) -> list[Cell]:
    path = tmp_path / "grid.yaml"
    path.write_text(text, encoding="utf-8")
    return plan(read_grid(path), tmp_path / "results")


def kinds(cells: list[Cell]) -> list[str]:
    """Variant and seed of every run, without the digest."""
    return [cell.run.rpartition("-")[0] for cell in cells]


# --- which cells ----------------------------------------------------------------------------------------------------


def test_lists_give_every_combination(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, "cells: [{variant: [plain, additive_text], seed: [1, 2]}]")
    assert kinds(cells) == ["plain-s1", "plain-s2", "additive_text-s1", "additive_text-s2"]


def test_nested_settings_may_be_lists(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, "cells: [{variant: additive_text, hp: {init_std: [1.0, 0]}, train: {lr: 1e-5}}]")
    assert [cell.settings["hp.init_std"] for cell in cells] == ["1.0", "0"]
    assert all("--train.lr=1e-5" in cell.command for cell in cells)


def test_a_cell_s_own_settings_win_over_those_for_all(tmp_path: Path) -> None:
    text = "settings: {seed: 1, train: {lr: 1, epochs: 2}}\ncells: [{train: {lr: 3}}]"
    [cell] = cells_of(tmp_path, text)
    assert cell.settings == {"seed": "1", "train.lr": "3", "train.epochs": "2"}


def test_one_setting_that_matters_makes_another_run(tmp_path: Path) -> None:
    one, other = cells_of(tmp_path, "cells: [{train: {warmup: [0.1, 0.2]}}]")
    assert one.run != other.run


def test_batches_and_negatives_are_axes(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, "cells: [{train: {batches: [random, twins, similar], negatives: [none, swapped]}}]")
    assert len({cell.run for cell in cells}) == 6
    assert cells[0].run == cells_of(tmp_path, "cells: [{}]")[0].run


def test_cells_of_other_splits_have_their_records_in_other_folders(tmp_path: Path) -> None:
    text = "settings: {dataset: msrvtt, init: random}\ncells: [{split: [7k, 9k]}]"
    folders = [cell.record.relative_to(tmp_path / "results").parts[:2] for cell in cells_of(tmp_path, text)]
    assert folders == [("msrvtt", "7k"), ("msrvtt", "9k")]


# --- their order ----------------------------------------------------------------------------------------------------


def test_a_cell_starts_from_the_run_of_the_cell_it_names(tmp_path: Path) -> None:
    text = 'cells: [{variant: additive_text, init: "cell:start"}, {name: start, variant: plain, train: {lr: 1e-2}}]'
    start, tuned = cells_of(tmp_path, text)
    assert start.name == "start"
    assert tuned.needs == (start.run,)
    assert f"--init=run:{start.run}" in tuned.command


def test_a_start_with_other_settings_makes_other_runs_of_those_that_start_from_it(tmp_path: Path) -> None:
    text = "cells: [{name: start, train: {lr: LR}}, {seed: 7, init: 'cell:start'}]"
    one, other = (cells_of(tmp_path, text.replace("LR", rate))[1] for rate in ("1e-2", "1e-3"))
    assert one.run != other.run


def test_a_control_comes_after_its_true_run(tmp_path: Path) -> None:
    true, control = cells_of(tmp_path, "cells: [{variant: additive_text, emotions: [shuffled, true]}]")
    assert [cell.settings["emotions"] for cell in (true, control)] == ["true", "shuffled"]
    assert control.needs == (true.run,)


def test_a_cell_may_start_from_a_cell_s_run_by_its_id(tmp_path: Path) -> None:
    [start] = cells_of(tmp_path, "cells: [{seed: 7}]")
    first, second = cells_of(tmp_path, f"cells: [{{init: 'run:{start.run}'}}, {{seed: 7}}]")
    assert first.run == start.run
    assert second.needs == (start.run,)


def test_a_cell_may_start_from_a_run_under_results(tmp_path: Path) -> None:
    weights = tmp_path / "results" / "moodclips" / "train" / "plain" / "plain-s1-00000000" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.touch()
    [cell] = cells_of(tmp_path, "cells: [{init: 'run:plain-s1-00000000'}]")
    assert cell.needs == ()


def test_the_start_of_a_cell_that_is_done_may_be_gone(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "moodclips" / "train" / "plain"
    (folder / "plain-s1-00000000").mkdir(parents=True)
    (folder / "plain-s1-00000000" / "model.safetensors").touch()
    [cell] = cells_of(tmp_path, "cells: [{init: 'run:plain-s1-00000000'}]")
    (folder / "plain-s1-00000000" / "model.safetensors").unlink()
    cell.record.touch()
    assert cells_of(tmp_path, "cells: [{init: 'run:plain-s1-00000000'}]") == [cell]


def test_the_true_run_of_controls_is_added_once(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, "cells: [{variant: additive_text, emotions: [shuffled, zeroed]}]")
    assert [cell.settings["emotions"] for cell in cells] == ["true", "shuffled", "zeroed"]


def test_a_control_in_training_needs_no_other_run(tmp_path: Path) -> None:
    [cell] = cells_of(tmp_path, "cells: [{variant: additive_text, train: {emotions: shuffled}}]")
    assert cell.needs == ()


# --- what is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("cells: []", "lists no cells"),
        ("summary: nothing", "lists no cells"),
        ("cells: [plain]", "cell 1 takes settings such as"),
        ("cell: [{seed: 1}]", "a grid has no 'cell'. Did you mean cells?"),
        ("settings: [1]\ncells: [{seed: 1}]", "settings takes lines such as"),
        ("cells: [{seed: []}]", "cell 1: seed takes a value or a list of values, not []"),
        ("cells: [{seed: [[1]]}]", "cell 1: seed takes a value or a list of values"),
        ("cells: [{train: 3}]", "cell 1: train is a group of settings"),
        ("cells: [{train: [{lr: 3}]}]", "cell 1: train is a group of settings"),
        ("cells: [{name: [a, b]}]", "cell 1: name takes one name"),
        ("cells: [{seed: 1}, {trian: {lr: 3}}]", "cell 2: Unknown option: --trian.lr. Did you mean --train.lr?"),
        ("cells: [{seed: 1}, {seed: one}]", 'cell 2: Invalid value for --seed: "one" is no whole number.'),
        ("cells: [{variant: additve_text}]", "'additve_text' is no variant. Did you mean additive_text?"),
        ("cells: [{emotions: shufled}]", 'Invalid value "shufled" for --emotions.'),
        ("cells: [{hp: {init_std: 1}}]", "cell 1: the variant 'plain' has no hyperparameter 'init_std'."),
        ("cells: [{init: 'cell:strat'}, {name: start}]", "no cell is named 'strat'. Did you mean start?"),
        ("cells: [{init: 'cell:a'}, {name: a, seed: [1, 2]}]", "cell 1: cell:a means 2 cells."),
        ("cells: [{seed: [1, 2, 1]}]", "cell 1 is the run plain-s1-"),
        ("cells: [{variant: plain}, {seed: 42}]", "cell 2 is the run plain-s42-"),
        (
            "cells: [{name: a, init: 'cell:b'}, {name: b, init: 'cell:a'}]",
            "cell 1 starts from itself, by way of a and b",
        ),
        ("cells: [{name: a, init: 'cell:a'}]", "cell 1 starts from itself, by way of a."),
        (
            "cells: [{init: 'cell:a'}, {name: a, init: 'cell:b'}, {name: b, init: 'cell:a'}]",
            "cell 2 starts from itself, by way of a and b.",
        ),
        ("cells: [{init: 'cell:'}, {seed: 1}]", "cell 1: `init: cell:` names no cell. Write cell:NAME"),
        ("cells: [{seed: 1}, {seed: 2, init: 'run:plain-s1-00000000'}]", "cell 2: no weights of a run 'plain-s1-0000"),
        ("cells: [", "is no YAML"),
        ("[{seed: 1}]", "holds no grid. It takes lines such as `cells: [{variant: plain"),
        ("", "holds no grid"),
        ("cells: [{seed: 1}]\nsummary: two\ncells: [{seed: 2}]", "'cells' stands there twice, on lines 1 and 3."),
        ("cells: [{seed: 1}, {seed: 2, seed: 3}]", "'seed' stands there twice, on line 1."),
        ("cells: [{train.lr: 1, train: {lr: 2}}]", "cell 1: train.lr is given twice, nested and with dots."),
        ("settings: {hp: {alpha: 1}, hp.alpha: 1}\ncells: [{seed: 1}]", "settings: hp.alpha is given twice"),
        (
            "settings: {model: {size: tiny}}\ncells: [{variant: late_fusion, hp: {alpha: [1, 2]}}]",
            "cell 1: the variant 'late_fusion' cannot be built with {'alpha': 2.0}: alpha must lie between 0 and 1",
        ),
        ("cells: [{model: {size: b31}}]", "cell 1: 'b31' is no model."),
    ],
)
def test_a_grid_that_is_off_is_one_line(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        cells_of(tmp_path, text)
    assert line in str(error.value)
    assert "grid.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_name_that_is_no_grid_says_what_is_near() -> None:
    with pytest.raises(UsageError, match=r"'colapse' is no grid file.*Did you mean collapse\?"):
        find_grid("colapse")


# --- how far they are -----------------------------------------------------------------------------------------------


def test_a_cell_is_done_when_its_record_is_there(tmp_path: Path) -> None:
    text = "cells: [{name: start}, {seed: 7, init: 'cell:start'}]"
    cells = cells_of(tmp_path, text)
    start = cells[0]
    assert [state(cell, cells) for cell in cells] == [("to do", ()), ("waiting", ("start",))]
    start.folder.joinpath("checkpoint").mkdir(parents=True)
    start.folder.joinpath("checkpoint", "progress.json").touch()
    assert state(start, cells)[0] == "started"
    start.record.touch()
    assert [state(cell, cells) for cell in cells] == [("done", ()), ("to do", ())]


def test_cells_are_told_apart_by_the_settings_that_differ(tmp_path: Path) -> None:
    text = "settings: {captions: joined}\ncells: [{name: start}, {seed: [1, 2], train: {lr: [1e-3, 1e-4]}}]"
    cells = cells_of(tmp_path, text)
    assert differences(cells[0], cells) == ["start"]
    assert differences(cells[1], cells) == ["train.lr=1e-3"]


# --- the shipped ones -----------------------------------------------------------------------------------------------


SHIPPED = sorted(path.stem for path in GRIDS.glob("*.yaml"))
LARGE = "variants"  # 246 cells


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == LARGE else name for name in SHIPPED]
)
def test_shipped_grids_can_be_planned_and_listed(name: str) -> None:
    grid = read_grid(find_grid(name))
    text = listing(grid, plan(grid, RESULTS))
    assert grid.summary
    assert max(map(len, text.splitlines())) <= 80


def test_the_grid_of_variants_has_every_built_in_one() -> None:
    assert {cell.settings["variant"] for cell in read_grid(find_grid("variants")).cells} == set(built_in())


def test_controls_are_of_every_variant_but_plain() -> None:
    cells = read_grid(find_grid("controls")).cells
    told = [cell.settings.get(name, "true") for cell in cells for name in ("emotions", "train.emotions")]
    assert set(told) == {"true", "shuffled", "zeroed"}
    controlled = {
        cell.settings["variant"]
        for cell in cells
        if "shuffled" in (cell.settings.get("emotions"), cell.settings.get("train.emotions"))
    }
    assert controlled == set(built_in()) - {"plain"}


def test_the_collapse_starts_every_fine_tuning_from_one_plain_run() -> None:
    start, *rest = plan(read_grid(find_grid("collapse")), RESULTS)
    assert {cell.needs for cell in rest} == {(start.run,)}
    assert len(rest) == 3 * (1 + 3 + 1)  # seeds × (plain, additive_text at three scales, gated_additive)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ("split: 8k", "cell 1: msrvtt has no train split '8k'. It has: 7k, 9k, 6k-emotion, full-train."),
        ("split: '../../../x'", "cell 1: msrvtt has no train split '../../../x'."),
        ("test: 1k-B", "cell 1: msrvtt has no test split '1k-B'. Did you mean 1k-A?"),
        ("dataset: '../x'", "'../x' is no dataset."),
    ],
)
def test_a_split_that_the_card_lacks_stops_before_the_first_run(
    settings: str, line: str, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(f"settings: {{dataset: msrvtt, init: random}}\ncells: [{{{settings}}}]", encoding="utf-8")
    for more in ([], ["--dry-run"]):
        code, said = failure(["grid", str(path), "--results", str(tmp_path / "a" / "results"), *more], capsys)
        assert code == 2
        assert line in said
    assert list(tmp_path.iterdir()) == [path]


# --- the command ----------------------------------------------------------------------------------------------------


def test_a_dry_run_lists_the_cells_and_leaves_nothing(tmp_path: Path, capsys: Capture) -> None:
    text = output(["grid", "collapse", "--dry-run", "--results", str(tmp_path / "none")], capsys)
    assert re.search(r"^to do    plain-s42-\w{8}  start$", text, re.M)
    assert re.search(r"^waiting  additive_text-s44-\w{8}\n .* hp.init_std=0.02\n +after start$", text, re.M)
    assert text.endswith("16 cells: 1 to do, 15 waiting\n")
    assert not (tmp_path / "none").exists()


def test_plugins_reach_every_cell(tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text("cells: [{seed: [1, 2]}]", encoding="utf-8")
    for cell in plan(read_grid(path), RESULTS, [Path("mine.py")]):
        assert cell.command[-1] == "--plugin=mine.py"


def built_in() -> list[str]:
    return [name for name, entry in variant_registry.entries().items() if entry.module.startswith("variants.")]


def test_all_is_every_registered_variant_also_of_plugins(tmp_path: Path) -> None:
    plugin = tmp_path / "looks.py"
    plugin.write_text(LOOKS, encoding="utf-8")
    with loaded(plugin):
        cells = cells_of(tmp_path, "settings: {model: {size: tiny}}\ncells: [{variant: all, seed: [1, 2]}]")
    assert kinds(cells) == [f"{name}-s{seed}" for name in [*built_in(), "looks"] for seed in (1, 2)]


def test_all_may_stand_among_names_which_then_come_once(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, "cells: [{variant: [plain, all]}]")
    assert kinds(cells) == [f"{name}-s42" for name in ["plain", *(one for one in built_in() if one != "plain")]]


def test_all_leaves_out_controls_that_change_nothing(tmp_path: Path) -> None:
    """plain is told nothing; emotion_alignment is told of emotion in training alone."""
    text = "cells: [{variant: all, emotions: [true, shuffled]}]"
    controlled = {cell.settings["variant"] for cell in cells_of(tmp_path, text) if "shuffled" in cell.settings.values()}
    assert controlled == set(built_in()) - {"plain", "emotion_alignment"}
    text = "cells: [{variant: all, train: {emotions: shuffled}}]"
    assert {cell.settings["variant"] for cell in cells_of(tmp_path, text)} == set(built_in()) - {"plain"}


def test_the_ceiling_is_a_cell_of_every_variant(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, "cells: [{variant: all, emotions: oracle}]")
    assert {cell.settings["variant"] for cell in cells if cell.settings["emotions"] == "oracle"} == set(built_in())


def test_a_control_that_is_asked_for_by_name_is_a_cell(tmp_path: Path) -> None:
    assert len(cells_of(tmp_path, "cells: [{variant: plain, emotions: shuffled}]")) == 2


LOOKS = """
from bench import Variant, register

@register("looks")
class Looks(Variant):
    \"\"\"Reads a weight while it is built, which cannot be done without storage.\"\"\"

    def __init__(self, backbone):
        super().__init__(backbone)
        self.before = backbone.logit_scale.item()
"""


def test_a_variant_that_looks_at_its_weights_can_be_planned(tmp_path: Path) -> None:
    plugin = tmp_path / "looks.py"
    plugin.write_text(LOOKS, encoding="utf-8")
    with loaded(plugin):
        text = "settings: {model: {size: tiny}}\ncells: [{variant: looks}]"
        assert kinds(cells_of(tmp_path, text)) == ["looks-s42"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("grid colapse", "'colapse' is no grid file, and no shipped grid. Did you mean collapse?"),
        ("grid collapse --executor slrum", 'Invalid value "slrum" for --executor.'),
        ("grid collapse --plugin none.py", "no plugin file at none.py."),
        ("grid", "requires an argument"),
    ],
)
def test_words_that_are_off_exit_with_2(words: str, line: str, capsys: Capture) -> None:
    code, said = failure(words.split(), capsys)
    assert code == 2
    assert line in said
