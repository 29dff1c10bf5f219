"""`bench show RUN`, `bench list runs`, and what is said of a run at chance level."""

import re
from dataclasses import replace
from pathlib import Path

from helpers.asking import Capture, output
from helpers.records import make_control, make_record

from bench.compare.chance import at_chance
from bench.compare.one_run import listed, sheet
from bench.engine.settings import parse
from bench.records.store import save

RUN = make_record(60, variant="additive_text", hyperparameters={"init_std": 1.0}, strength=4.0)
CONTROL = make_control(
    60, variant="additive_text", hyperparameters={"init_std": 1.0}, strength=4.0, emotions="shuffled"
)


def test_a_sheet_names_the_controls_the_loss_and_the_record() -> None:
    text = sheet(RUN, Path("results/x.json"), [RUN, CONTROL])
    assert f"{CONTROL.run} (emotions shuffled)" in text
    assert "step 1: 8.300" in text and text.endswith("record      results/x.json")


def test_a_sheet_says_how_much_of_the_training_was_compiled_if_some_was() -> None:
    assert "compiled" not in sheet(RUN, Path("x.json"), [])
    compiled = replace(RUN, hardware=RUN.hardware | {"compiled": "6 of 6 steps"})
    assert "compiled 6 of 6 steps" in re.sub(r"\s+", " ", sheet(compiled, Path("x.json"), []))


def test_a_sheet_says_how_to_make_the_run_again() -> None:
    text = re.sub(r"\n {12}", " ", sheet(RUN, Path("x.json"), []))
    [words] = re.findall(r"again +bench run (.*)", text)
    config = parse(words.split())
    assert (config.variant, config.hp, config.seed, config.train.lr) == ("additive_text", {"init_std": "1.0"}, 42, 1e-4)
    assert (config.init, config.video.frames) == ("random", 8)


def test_the_command_shows_a_run_by_its_id_and_the_record_as_json(tmp_path: Path, capsys: Capture) -> None:
    path = save(RUN, tmp_path)
    assert RUN.run in output(["show", RUN.run, "--results", str(tmp_path)], capsys)
    assert output(["show", RUN.run, "--results", str(tmp_path), "--json"], capsys) == path.read_text(encoding="utf-8")


def test_a_list_has_the_newest_run_first_and_counts_those_left_out() -> None:
    days = [replace(make_record(seed=day), created=f"2026-01-{day:02}T00:00:00+00:00") for day in range(1, 26)]
    lines = listed(days).splitlines()
    assert "25 runs of moodclips/train" in lines[0]
    assert [line.split()[1] for line in lines if line.startswith("plain-")][:2] == ["01-25", "01-24"]
    assert lines[-1].startswith("5 older")
    assert listed(days, full=True).count("plain-") == 25


def test_a_list_marks_controls() -> None:
    text = listed([RUN, CONTROL])
    assert re.search(rf"{CONTROL.run} +shuffled", text) and not re.search(rf"{RUN.run} +shuffled", text)


def test_a_run_that_guesses_is_said_to_with_what_is_known_of_its_variant() -> None:
    """60 clips: guessing gives 1.67 %."""
    said = at_chance(replace(make_record(60, variant="additive_text", strength=-2.0)), "emotion")
    assert re.match(r"At chance level: T2V R@1 of 60 queries is .* %, guessing gives 1.7 %\.", said[0])
    assert "--hp.init_std 0" in said[1]
    assert "--variant plain" in said[-1]


def test_a_subset_at_chance_is_said_where_the_whole_is_not() -> None:
    """Queries 0 to 29 are last, the others first."""
    record = make_record(60, strength=50.0, subsets={"emotion": list(range(30))})
    metrics = {**record.metrics["emotion"]["t2v"], "R@1": {"value": 0.0, "low": 0.0, "high": 11.4}}
    changed = {**record.metrics["emotion"], "t2v": metrics}
    said = at_chance(replace(record, metrics={**record.metrics, "emotion": changed}), "emotion")
    assert said[0].startswith("At chance level: T2V R@1 of the 30 queries of emotion is 0.0 [0.0–11.4] %")


def test_nothing_is_said_of_a_good_run_a_control_or_the_start() -> None:
    guessing = make_record(60, strength=-2.0)
    control = make_control(60, strength=-2.0, emotions="shuffled")
    assert not at_chance(RUN, "emotion")
    assert not at_chance(control, "emotion")
    assert not at_chance(replace(guessing, curve=[]), "emotion")
    assert at_chance(guessing, "emotion")
