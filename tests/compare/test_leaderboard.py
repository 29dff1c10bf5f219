"""Ranks with intervals against other software, and who is never in a leaderboard."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.asking import Capture
from helpers.records import make_control, make_record
from scipy.stats import gmean, ttest_rel
from statsmodels.stats.multitest import multipletests

from bench.cli import main
from bench.compare.groups import Group, group_records, mixed
from bench.compare.leaderboard import leaderboard, note, standings
from bench.compare.leaderboard_render import boards, plain, terminal
from bench.errors import UsageError
from bench.records.record import Record
from bench.records.store import save

STRENGTHS = {"strong": 4.0, "good": 2.6, "plain": 2.6, "weak": 0.0}


def only(*records: Record) -> Group:
    (group,) = group_records(records)
    return group


@pytest.fixture(scope="module")
def four() -> Group:
    return only(*(make_record(60, variant=name, strength=strength) for name, strength in STRENGTHS.items()))


def places(group: Group) -> dict[str, tuple[int, int]]:
    return {one.family.records[0].variant: (one.best, one.worst) for one in standings(group)}


def test_a_rank_reaches_from_those_shown_better_to_those_not_shown_worse(four: Group) -> None:
    """Paired t tests by SciPy, Holm over the three others by statsmodels."""
    asked = {record.variant: record.answers("t2v") for record in four.records}
    logs = {name: np.log(one.greater + 1 + one.equal / 2) for name, one in asked.items()}
    expected = {}
    for name, own in logs.items():
        others = [logs[other] for other in logs if other != name]
        shown = multipletests([ttest_rel(own, other).pvalue for other in others], method="holm")[0]
        better = sum(told and other.mean() < own.mean() for told, other in zip(shown, others, strict=True))
        worse = sum(told and other.mean() > own.mean() for told, other in zip(shown, others, strict=True))
        expected[name] = (1 + better, 4 - worse)
    assert places(four) == expected
    assert expected["strong"] == (1, 1) and expected["weak"] == (4, 4) and expected["good"] == (2, 3)


def test_the_geometric_rank_is_that_of_all_queries(four: Group) -> None:
    second = standings(four)[1]
    answers = second.family.records[0].answers("t2v")
    assert second.rank.value == pytest.approx(gmean(answers.greater + 1 + answers.equal / 2))
    assert second.rank.low < second.rank.value < second.rank.high  # type: ignore[operator]
    assert [one.family.name for one in standings(four)] == ["strong", "good", "plain", "weak"]


def test_what_cannot_be_told_apart_shares_its_places() -> None:
    assert places(only(make_record(60), make_record(60, variant="alike"))) == {"plain": (1, 2), "alike": (1, 2)}
    assert places(only(make_record(60))) == {"plain": (1, 1)}


def test_seeds_of_a_variant_are_one_line_and_one_seed_is_said_to_be_a_run() -> None:
    seeds = [make_record(60, variant="strong", strength=5.0, seed=seed) for seed in (1, 2, 3)]
    group = only(*seeds, make_record(60, seed=1))
    rows = leaderboard(group).rows
    assert [row[:3] for row in rows] == [["strong", "1", "3"], ["plain", "2", "1"]]
    assert "4 runs of 2 variants, 60 queries; no controls, no oracles." in note(group)
    assert "1 line of one seed" in note(group) and "one seed" not in note(only(*seeds))


@pytest.mark.parametrize("emotions", ["oracle", "shuffled"])
def test_controls_and_oracles_are_never_in_a_leaderboard(emotions: str) -> None:
    true = make_record(60, variant="film_text")
    told = make_control(60, variant="film_text", emotions=emotions, change=0.0)
    assert told.run != true.run
    group = only(true, told, make_record(60))
    assert len(leaderboard(group).rows) == 2
    shown = json.dumps(plain(boards([true, told, make_record(60)])))
    assert true.run in shown and told.run not in shown and "oracle" not in shown
    assert boards([told]) == []


def test_every_protocol_has_a_board_of_its_own_and_a_heading() -> None:
    found = boards([make_record(60), make_record(60, frames=4), make_record(60, variant="other", frames=4)])
    assert [board.heading for board in found] == [
        "moodclips test, trained on train (frames:4)",
        "moodclips test, trained on train (frames:8)",
    ]
    assert [len(board.table.rows) for board in found] == [2, 1]


def test_a_mixed_group_has_no_ranks() -> None:
    with pytest.raises(ValueError, match="one protocol"):
        standings(mixed([make_record(60), make_record(60, frames=4)]))


def test_only_one_dataset_is_listed_and_an_unknown_one_is_a_line() -> None:
    records = [make_record(60), make_record(60, dataset="elsewhere")]
    assert [board.heading for board in boards(records, "elsewhere")] == ["elsewhere test, trained on train"]
    with pytest.raises(UsageError, match=r"no records of 'moodclip'\. Did you mean moodclips"):
        boards(records, "moodclip")
    with pytest.raises(UsageError, match="no published numbers of 'moodclips'"):
        boards(records, "moodclips", published=True)


def test_it_fits_80_columns_and_ends_with_the_next_step(four: Group) -> None:
    text = terminal(boards(list(four.records)))
    assert max(map(len, text.splitlines())) <= 80
    assert "Next: bench compare" in text.splitlines()[-2]


def test_the_command_prints_ours_and_the_literature(tmp_path: Path, capsys: Capture) -> None:
    ours = make_record(60, dataset="msrvtt", test="1k-A", split="9k", strength=3.0)
    save(ours, tmp_path)
    main(["leaderboard", "--results", str(tmp_path), "--json"])
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    assert board["standings"][0]["runs"] == [ours.run] and board["standings"][0]["rank"] == [1, 1]
    main(["leaderboard", "--published", "--dataset", "msrvtt", "--results", str(tmp_path)])
    out = capsys.readouterr().out
    assert "ours: plain" in out and "CLIP-ViP B/32 [" in out and max(map(len, out.splitlines())) <= 80
    main(["leaderboard", "--published", "--dataset", "vatex", "--results", str(tmp_path / "none")])
    assert "TT-CE+, QB-Norm, mean of 3 runs" in " ".join(capsys.readouterr().out.split())


def test_without_records_it_says_how_to_make_one(tmp_path: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["leaderboard", "--results", str(tmp_path)])
    assert stopped.value.code == 1 and "Make one: bench run" in capsys.readouterr().err
