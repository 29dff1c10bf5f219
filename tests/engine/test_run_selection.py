"""Which weights a run scores; above all the report's way, choosing on the test videos, beside what is honest."""

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.runs import ask, bench, interrupt_at, same

from bench.cli import main
from bench.engine.scoring import BY_DSL
from bench.engine.settings import parse
from bench.records.record import Record
from bench.records.store import load

Command = Callable[..., list[str]]

LONG = {"train__epochs": 4, "train__select": "test"}


def the_record(tmp_path: Path, results: str) -> Record:
    [path] = (tmp_path / results).glob("*/*/*/*.json")
    return load(path)


def test_weights_chosen_on_the_test_videos_are_the_best_after_dsl_and_say_so(command: Command) -> None:
    record = bench(command(**LONG))
    scored = {point["step"]: point["test"][BY_DSL] for point in record.curve if "test" in point}
    assert list(scored) == [3, 6, 9, 12]
    assert record.selection["rule"] == "test"
    assert scored[record.selection["step"]] == max(scored.values())
    assert "|ckpt:test-dsl|" in record.protocol
    assert not any("val" in point for point in record.curve)


def test_the_scores_are_those_of_the_chosen_step(command: Command) -> None:
    record = bench(command(**LONG))
    [chosen] = [point["test"] for point in record.curve if point["step"] == record.selection["step"]]
    assert chosen["T2V R@1"] == record.metrics["all"]["t2v"]["R@1"]["value"]
    top = [greater == 0 for greater in record.post["dsl"]["t2v"]["greater"]]
    assert not any(record.post["dsl"]["t2v"]["equal"])
    assert chosen[BY_DSL] == round(100 * sum(top) / len(top), 4)


def test_the_honest_ranks_are_those_of_the_same_run_chosen_by_its_last_step(command: Command) -> None:
    chosen, last = bench(command("chosen", **LONG)), bench(command("last", train__epochs=4))
    assert chosen.last_step == {"rule": "last", "step": 12, "ranks": last.ranks}
    assert last.last_step == {}
    without = [{key: value for key, value in point.items() if key != "test"} for point in chosen.curve]
    assert without == last.curve


@pytest.mark.slow
def test_an_interrupted_and_resumed_run_keeps_its_best(command: Command, tmp_path: Path) -> None:
    words = command("other", train__checkpoint_every=1, **LONG)
    interrupt_at(11, words, tmp_path / "other")
    ask(words)
    resumed, whole = the_record(tmp_path, "other"), bench(command("whole", **LONG))
    assert same(whole, resumed)
    assert (resumed.last_step, resumed.post) == (whole.last_step, whole.post)


def test_select_is_short_for_train_select(command: Command) -> None:
    words = ["--dataset", "msrvtt", "--init", "random"]
    assert parse([*words, "--select", "test"]) == parse([*words, "--train.select", "test"])
    assert parse([*words, "--select", "test"]).train.select == "test"


@pytest.mark.parametrize("rule", ["val", "test"])
def test_without_a_training_there_is_nothing_to_choose(
    command: Command, capsys: pytest.CaptureFixture[str], rule: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(command(train__epochs=0, train__select=rule))
    assert stopped.value.code == 2
    assert f"--train.select {rule} chooses among the steps of a training" in capsys.readouterr().err


def test_a_control_of_such_a_run_scores_the_chosen_weights(command: Command, tmp_path: Path) -> None:
    main(command(variant="plain", emotions="zeroed", **LONG))
    found = [load(path) for path in (tmp_path / "results").glob("*/*/*/*.json")]
    true, control = sorted(found, key=lambda record: record.run != record.controls["true_run"])
    assert (control.ranks, control.post, control.protocol) == (true.ranks, true.post, true.protocol)
    assert control.selection == true.selection
    assert control.last_step == {}


def test_every_run_is_rescored_whatever_chose_its_weights(command: Command) -> None:
    record = bench(command(train__steps=1))
    assert {name: list(ways) for name, ways in record.post.items()} == {"dsl": ["t2v", "v2t"], "qbnorm": ["t2v"]}
