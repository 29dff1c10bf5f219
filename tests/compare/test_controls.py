"""Controls and faces in the tables: every control beside its true run, and the source of faces wherever they count."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.records import make_control, make_record
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.compare import group_records, render, render_record
from bench.metrics.statistics import sign_flip
from bench.records.record import Record
from bench.records.store import load_records

SETTINGS: dict[str, Any] = {"n": 60, "variant": "additive_text", "strength": 2.0}
TRUE = make_record(**SETTINGS)
SAME = make_control(**SETTINGS, emotions="shuffled", change=0.0)
ALIKE = make_control(**SETTINGS, emotions="shuffled", change=0.1)
WORSE = make_control(**{**SETTINGS, "strength": 0.5}, emotions="shuffled")
BETTER = make_control(**{**SETTINGS, "strength": 4.0}, emotions="shuffled")
FACES = {"source": "simulated: drawn faces", "sha256": "a" * 64, "pooling": "largest"}


def one_line(text: str) -> str:
    return " ".join(text.split())


def row(text: str, label: str) -> list[str]:
    """The cells of a row among the controls: recall of all, of the subset, difference, its interval in two, p, n."""
    return re.search(rf"^  {label} +(.*)$", text[text.index("Controls:") :], re.MULTILINE).group(1).split()


def recall_at_1(record: Record, members: Any) -> float:
    counts = record.ranks["t2v"]
    return sum(1 / (counts["equal"][i] + 1) for i in members if counts["greater"][i] == 0) / len(members)


def test_without_controls_there_is_no_table_of_controls():
    assert "ontrols" not in render([TRUE, make_record(60)])


def test_controls_are_neither_in_the_report_table_nor_in_the_leaderboard():
    text = render([TRUE, WORSE])
    assert WORSE.run not in text
    assert len(re.findall(r"^additive_text +42", text, re.MULTILINE)) == 1


def test_runs_and_controls_are_counted_apart():
    assert "1 run and 2 controls, 60 queries" in render([TRUE, WORSE, make_control(**SETTINGS, emotions="zeroed")])


@pytest.mark.parametrize(
    ("under", "label"),
    [
        ({"emotions": "shuffled"}, "emotions shuffled"),
        ({"emotions": "zeroed"}, "emotions zeroed"),
        ({"emotions": "random"}, "emotions random"),
        ({"emotions": "opposite"}, "emotions opposite"),
        ({"train_emotions": "shuffled"}, "trained on shuffled"),
        ({"train_emotions": "zeroed"}, "trained on zeroed"),
        ({"matched_parameters": True}, "matched parameters"),
        ({"emotions": "zeroed", "train_emotions": "shuffled"}, "emotions zeroed, trained on shuffled"),
    ],
)
def test_every_control_has_its_name(under: dict[str, Any], label: str):
    control = make_control(**SETTINGS, **under)
    assert f"| {label} |" in render([TRUE, control], "markdown")
    assert f"A control: {label}; its true run is {TRUE.run}." in one_line(render_record(control))


def test_a_true_run_stands_above_its_controls_in_a_fixed_order():
    unders: list[dict[str, Any]] = [
        {"emotions": "shuffled"},
        {"emotions": "zeroed"},
        {"emotions": "random"},
        {"emotions": "opposite"},
        {"train_emotions": "shuffled"},
        {"train_emotions": "zeroed"},
        {"matched_parameters": True},
    ]
    controls = [make_control(**SETTINGS, **under) for under in unders]
    (group,) = group_records([*controls[::-1], TRUE])
    assert group.records == (TRUE, *controls)


def test_controls_do_not_move_their_variant_up_or_down():
    plain = make_record(60, strength=2.5)
    (group,) = group_records([make_control(**{**SETTINGS, "strength": 90.0}, emotions="zeroed"), TRUE, plain])
    assert [record.variant for record in group.records] == ["plain", "additive_text", "additive_text"]


def test_a_control_shows_recall_difference_p_and_n():
    cells = row(render([TRUE, WORSE]), "emotions shuffled")
    recalls = [100 * recall_at_1(WORSE, members) for members in (range(60), WORSE.subsets["emotion"])]
    ranks = [[g + 1 + e / 2 for g, e in zip(*r.ranks["t2v"].values(), strict=True)] for r in (TRUE, WORSE)]
    assert [float(cell) for cell in cells[:2]] == pytest.approx(recalls, abs=0.051)
    difference = TRUE.metrics["all"]["t2v"]["R@1"]["value"] - WORSE.metrics["all"]["t2v"]["R@1"]["value"]
    assert float(cells[2]) == pytest.approx(difference, abs=0.051)
    assert sign_flip(*ranks) < 0.001 and cells[-2:] == ["<0.001", "60"]


def test_the_true_run_has_no_difference_to_itself():
    assert row(render([TRUE, WORSE]), "true")[2:] == ["–", "–", "60"]


def test_another_subset_takes_its_column_among_the_controls():
    subsets = {"emotion": [1], "seen_words": [2, 3]}
    text = render(
        [make_record(24, subsets=subsets), make_control(emotions="zeroed", subsets=subsets)], "markdown", "seen_words"
    )
    assert "|  | All T2V R@1 | Seen_words T2V R@1 | true − control | p | n |" in text


def test_where_true_and_shuffled_do_not_differ_no_effect_was_found():
    text = one_line(render([TRUE, ALIKE]))
    assert re.search(
        r"additive_text s42: no emotion effect was found \(true against shuffled: p = 0\.\d+, n = 60\)\.", text
    )


def test_a_run_that_hears_nothing_at_all_ranks_the_same_and_that_is_said():
    text = one_line(render([TRUE, SAME]))
    assert "s42: no emotion effect was found: true and shuffled rank all 60 queries the same." in text


def test_a_training_on_shuffled_emotions_has_its_own_sentence():
    text = one_line(render([TRUE, make_control(**{**SETTINGS, "strength": 0.5}, train_emotions="shuffled")]))
    assert "additive_text s42: true is better than trained on shuffled: geometric mean rank" in text


def test_few_queries_make_no_claim_of_an_effect():
    few: dict[str, Any] = {**SETTINGS, "n": 12}
    text = one_line(render([make_record(**few), make_control(**{**few, "strength": 0.0}, emotions="shuffled")]))
    assert "additive_text s42: 12 queries are too few for a claim." in text and "than shuffled" not in text


def test_a_worse_shuffled_run_is_an_effect():
    text = one_line(render([TRUE, WORSE]))
    assert re.search(
        r"additive_text s42: true is better than shuffled: geometric mean rank \S+ against \S+ \(p < 0", text
    )


def test_a_better_shuffled_run_is_said_to_be_better():
    text = one_line(render([TRUE, BETTER]))
    own, other = re.search(r"s42: true is worse than shuffled: geometric mean rank (\S+) against (\S+) ", text).groups()
    assert float(own) > float(other)


@pytest.mark.parametrize(
    "under",
    [{"emotions": "zeroed"}, {"train_emotions": "zeroed"}, {"emotions": "shuffled", "train_emotions": "shuffled"}],
)
def test_only_shuffled_emotions_on_one_side_speak_of_an_effect(under: dict[str, Any]):
    text = render([TRUE, make_control(**SETTINGS, **under, change=0.0)])
    assert "effect" not in text and "than shuffled" not in text


def test_every_seed_has_its_own_sentence():
    seeds = [{**SETTINGS, "seed": seed} for seed in (1, 2)]
    records = [
        make(**seed) for seed in seeds for make in (make_record, lambda **kw: make_control(**kw, emotions="shuffled"))
    ]
    text = one_line(render(records))
    assert "additive_text s1: " in text and "additive_text s2: " in text


def test_hyperparameters_tell_runs_of_one_variant_and_seed_apart():
    records = []
    for std in (0.0, 1.0):
        config = {"variant": "additive_text", "seed": 42, "hp": {"init_std": std}, "train": {}}
        given = {**SETTINGS, "config": config, "hyperparameters": {"init_std": std}}
        records += [make_record(**given), make_control(**given, emotions="shuffled", change=0.0)]
    text = one_line(render(records))
    assert "additive_text init_std=0.0 s42: no" in text and "additive_text init_std=1.0 s42: no" in text


def test_runs_that_nothing_else_tells_apart_go_by_their_whole_name():
    slower = {**SETTINGS, "config": {"variant": "additive_text", "seed": 42, "train": {"lr": 1e-5}}}
    records = [TRUE, ALIKE, make_record(**slower), make_control(**slower, emotions="shuffled", change=0.0)]
    assert f"{TRUE.run}: no emotion effect" in one_line(render(records))


@pytest.mark.parametrize("format", ["terminal", "markdown", "latex"])
def test_a_control_without_its_true_run_is_shown_as_such(format: str):
    text = render([make_record(60), WORSE], format).replace("\\", "")
    assert f"{TRUE.run} (true run) is not among these records" in text
    assert "effect" not in text


def test_controls_alone_make_a_table_under_their_protocol():
    text = render([WORSE])
    assert text.startswith("moodclips-test|") and "0 runs and 1 control, 60 queries" in text
    assert row(text, "emotions shuffled")[2:] == ["–", "–", "60"]


def test_a_true_run_of_another_protocol_is_not_compared():
    other = make_record(**SETTINGS, frames=12)
    other = replace(other, run=TRUE.run, controls=TRUE.controls)
    assert "is not among these records" in render([other, WORSE])


@pytest.mark.parametrize("format", ["terminal", "markdown", "latex"])
def test_every_table_with_a_run_on_faces_names_their_source(format: str):
    given = {**SETTINGS, "variant": "face_tokens", "faces": FACES}
    text = render([make_record(60), make_record(**given), make_control(**given, emotions="zeroed")], format)
    assert text.replace("\\", "").count("faces: simulated: drawn faces (face_tokens)") == 3


def test_without_faces_no_table_speaks_of_them():
    assert "faces" not in render([TRUE, WORSE])


def test_a_runs_own_table_names_the_source_of_its_faces():
    assert "faces: simulated: drawn faces (plain)" in render_record(make_record(faces=FACES))


def test_two_files_of_one_source_are_told_apart():
    records = [
        make_record(variant=name, faces={**FACES, "sha256": letter * 64}) for name, letter in (("a", "1"), ("b", "2"))
    ]
    text = render(records)
    assert "drawn faces, file 11111111 (a)" in text and "drawn faces, file 22222222 (b)" in text


def test_pooling_is_shown_where_it_differs():
    mean = {**FACES, "pooling": "mean"}
    text = render([make_record(faces=FACES), make_record(variant="face_additive", faces=mean)], "markdown")
    assert "| plain faces.pooling=largest |" in text and "| face_additive faces.pooling=mean |" in text


def test_pooling_is_not_shown_where_it_is_the_same():
    text = render([make_record(faces=FACES), make_record(variant="additive_text")], "markdown")
    assert "pooling" not in text


def test_settings_of_controls_are_not_listed_beside_a_variant():
    old = next(
        record for record in load_records(Path(__file__).parents[1] / "old_records") if record.variant == "plain"
    )
    now = {"emotions": "true", "matched_parameters": False, "faces": {"file": None, "pooling": "largest"}}
    config = {**old.config, **now, "train": {**old.config["train"], "emotions": "true"}}
    text = render([old, make_record(8, variant="additive_text", config=config)], "markdown")
    assert "| plain | 42 |" in text and "| additive_text | 42 |" in text


def test_csv_has_controls_and_faces():
    records = [make_record(60, faces=FACES), TRUE, make_control(**SETTINGS, train_emotions="zeroed")]
    rows = {row["run"]: row for row in csv.DictReader(io.StringIO(render(records, "csv")))}
    names = ("emotions", "train_emotions", "matched_parameters", "true_run")
    for record in records:
        assert [rows[record.run][name] for name in names] == [str(value) for value in record.controls.values()]
        found = [rows[record.run][name] for name in ("faces", "faces_sha256", "faces_pooling")]
        assert found == (list(FACES.values()) if record.faces else [""] * 3)


def test_json_has_controls_and_faces():
    (group,) = json.loads(render([TRUE, replace(WORSE, faces=FACES)], "json"))["groups"]
    assert [(run["controls"], run["faces"]) for run in group["runs"]] == [(TRUE.controls, {}), (WORSE.controls, FACES)]


@settings(max_examples=25, deadline=None)
@given(
    n=st.sampled_from([2, 40]),
    strength=st.floats(0, 4),
    variant=st.sampled_from(["plain", "attention_modulation", "a_variant_with_a_name_of_some_length"]),
    subset=st.sampled_from(["emotion", "unseen_words"]),
)
def test_tables_of_controls_and_faces_fit_80_columns(n: int, strength: float, variant: str, subset: str):
    given: dict[str, Any] = {"n": n, "strength": strength, "variant": variant, "subsets": {subset: [0]}}
    given["faces"] = {**FACES, "source": "simulated " * 12}
    given["hyperparameters"] = {"weight_of_it": "x" * 30}
    records = [make_record(**given)]
    records += [make_control(**given, emotions="shuffled", train_emotions=name) for name in ("true", "shuffled")]
    texts = [render(records, subset=subset), *(render_record(record) for record in records)]
    assert max(len(line) for text in texts for line in text.splitlines()) <= 80
