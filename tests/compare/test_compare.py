"""Tables from records: what stands together, what stands apart, and how it looks in each format."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.records import make_record
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.compare import FORMATS, group_records, render, render_record
from bench.errors import BenchError, UsageError
from bench.records.record import Record
from bench.utils.tables import Table, escape, latex, markdown, terminal

PLAIN = make_record(strength=2.5)
EMOTIONAL = make_record(variant="additive_text", strength=2.0, hyperparameters={"init_std": 0.02})
OTHER = make_record(frames=12)


def block(text: str, run: str) -> list[str]:
    """The five lines of a run in the report's table."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(run))
    return lines[start + 1 : start + 6]


def board(text: str, variant: str) -> str:
    return next(line for line in text.splitlines() if re.match(rf"{variant} +\d", line))


def test_seeds_of_one_protocol_stand_together():
    assert [len(group.records) for group in group_records([PLAIN, make_record(seed=43), EMOTIONAL])] == [3]


def test_another_protocol_stands_apart():
    assert [[record.run for record in group.records] for group in group_records([PLAIN, OTHER])] == [
        [OTHER.run],
        [PLAIN.run],
    ]


def test_other_queries_stand_apart_under_the_same_protocol():
    renamed = replace(PLAIN, queries={**PLAIN.queries, "videos": [f"x{i}" for i in range(24)]})
    assert len({group.data for group in group_records([PLAIN, renamed])}) == 2


def test_other_training_data_stand_apart_under_the_same_protocol():
    assert len(group_records([PLAIN, replace(PLAIN, checksums={"train": "2" * 64})])) == 2


@settings(max_examples=20, deadline=None)
@given(
    st.permutations([make_record(seed=seed, variant=name) for name in ("plain", "additive_text") for seed in (1, 2)])
)
def test_the_order_of_records_does_not_matter(records: list[Record]):
    assert render(records) == render(sorted(records, key=lambda record: record.run))


def test_the_better_variant_comes_first_and_its_seeds_together():
    weak = [make_record(variant="plain", seed=seed, strength=0.0) for seed in (1, 2)]
    strong = [make_record(variant="additive_text", seed=seed, strength=9.0) for seed in (1, 2)]
    (group,) = group_records([weak[0], strong[1], weak[1], strong[0]])
    assert group.records == (*strong, *weak)


def test_queries_with_and_without_twins_stand_apart():
    assert len(group_records([PLAIN, make_record(strength=2.5, seed=43, twins=False)])) == 2


def test_what_sets_the_second_protocol_apart_is_said():
    text = render([PLAIN, OTHER])
    assert "Not comparable with the first table: frames:8 (there 12)." in text


def test_another_dataset_is_said_to_be_another_test_set():
    assert "first table: another test set." in render([PLAIN, make_record(dataset="msrvtt")]).replace("\n", " ")


def test_other_data_under_the_same_names_are_said():
    text = render([PLAIN, replace(PLAIN, checksums={"train": "2" * 64})]).replace("\n", " ")
    assert "other queries or training data under the same names" in text


def test_the_first_table_is_compared_with_none():
    assert "Not comparable" not in render([PLAIN])


def test_the_reports_table_has_its_rows_and_columns():
    text = render([PLAIN])
    assert re.search("All T2V +All V2T +Emotion T2V +Emotion V2T\n", text)
    assert [line.split()[0] for line in block(text, PLAIN.run)] == ["R@1", "R@5", "R@10", "MdR", "MnR"]


def test_a_cell_is_value_and_interval_of_its_column():
    cells = re.findall(r"(\S+) \[(\S+?)–(\S+?)\]", block(render([PLAIN]), PLAIN.run)[1])  # R@5
    columns = [PLAIN.metrics[name][way]["R@5"] for name in ("all", "emotion") for way in ("t2v", "v2t")]
    for cell, entry in zip(cells, columns, strict=True):
        assert [float(part) for part in cell] == pytest.approx(list(entry.values()), abs=0.5)


def test_the_number_of_queries_is_said():
    assert "1 run, 24 queries, 8 in emotion, gallery of 24." in render([PLAIN])


def test_another_subset_takes_the_place_of_emotion():
    text = render([make_record(subsets={"emotion": [1], "seen_words": [2, 3]})], subset="seen_words")
    assert "Seen_words T2V" in text and "2 in seen_words" in text and "Emotion" not in text


def test_an_empty_subset_shows_dashes():
    assert block(render([PLAIN], subset="disgust"), PLAIN.run)[0].split()[-2:] == ["–", "–"]


def test_a_dataset_without_the_emotion_subset_still_has_its_table():
    text = render([make_record(subsets={})])
    assert "All T2V" in text and "no subset emotion" in text


def test_an_unknown_subset_names_those_there_are():
    with pytest.raises(
        UsageError, match=r"no record has a subset 'emotoin'\. Did you mean emotion\?.*disgust, emotion"
    ):
        render([PLAIN], subset="emotoin")


def test_an_unknown_format_names_those_there_are():
    with pytest.raises(UsageError, match=r"'latx' is no format\. Did you mean latex\?"):
        render([PLAIN], "latx")


def test_no_records_say_how_to_make_one():
    with pytest.raises(BenchError, match="bench run --variant plain"):
        render([])


def test_the_leaderboard_has_one_line_a_run():
    metrics = EMOTIONAL.metrics["all"]
    numbers = board(render([PLAIN, EMOTIONAL]), "additive_text").split()
    values = [metrics["t2v"][name]["value"] for name in ("R@5", "R@10", "MdR", "MnR")]
    values += [metrics["v2t"]["R@1"]["value"], metrics["t2v"]["TwinAcc"]["value"]]
    assert numbers[1] == "42"
    assert [float(number) for number in numbers[-6:]] == pytest.approx(values, abs=0.051)


def test_hyperparameters_stand_under_the_variant():
    lines = render([PLAIN, EMOTIONAL]).splitlines()
    assert lines[lines.index(board("\n".join(lines), "additive_text")) + 1] == "  init_std=0.02"


def test_runs_that_look_alike_show_where_their_configs_differ():
    slow = make_record(config={"variant": "plain", "seed": 42, "train": {"lr": 1e-5, "epochs": 3}})
    fast = make_record(config={"variant": "plain", "seed": 42, "train": {"lr": 1e-4, "epochs": 3}})
    text = render([slow, fast])
    assert "train.lr=1e-05" in text and "train.lr=0.0001" in text and "epochs" not in text


def test_without_twins_there_is_no_twin_accuracy():
    assert "TwinAcc" not in render([make_record(twins=False)])


def test_nothing_is_marked_as_best():
    strong, weak = make_record(strength=50.0), make_record(variant="additive_text", strength=0.0)
    assert not set("*†‡★") & set(render([strong, weak]))


@settings(max_examples=40, deadline=None)
@given(
    n=st.sampled_from([2, 40, 240]),
    strength=st.floats(0, 4),
    seed=st.integers(0, 2**31),
    variant=st.sampled_from(["plain", "additive_text", "a_variant_with_a_name_of_some_length"]),
)
def test_the_terminal_table_fits_80_columns(n: int, strength: float, seed: int, variant: str):
    record = make_record(n, strength=strength, seed=seed, variant=variant, hyperparameters={"weight_of_it": "x" * 30})
    assert max(map(len, [*render([record]).splitlines(), *render_record(record).splitlines()])) <= 80


def test_a_table_of_ranks_in_the_thousands_fits_80_columns():
    record = make_record(40, strength=0.0)
    for group in record.metrics.values():
        for way in ("t2v", "v2t"):
            group[way]["MnR"] = {"value": 1244.5, "low": 1102.1, "high": 1399.9}
    assert max(map(len, render([record]).splitlines())) <= 80


def test_numbers_stand_below_each_other():
    rows: list[list[str] | str] = [["R@1", "5.0 [1.0–9.0]"], ["MnR", "124.4 [98.1–150]"], ["none", "–"]]
    lines = terminal(Table(["", "T2V"], rows), "", "").splitlines()
    assert lines[2:] == [
        "R@1     5.0 [1.0–9.0]",
        "MnR   124.4 [98.1–150]",
        "none      –",
    ]


def test_a_name_too_long_for_its_column_has_a_line_of_its_own_and_is_not_broken():
    rows: list[list[str] | str] = [["attention_modulation faces.pooling=mean", "5" * 60], ["plain", "5" * 60]]
    lines = terminal(Table(["", ""], rows), "", "").splitlines()
    assert [line.replace("5", "").rstrip() for line in lines[2:]] == [
        "attention_modulation faces.pooling=mean",
        "",
        "plain",
    ]


def test_a_table_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch):
    rows: list[list[str] | str] = [["attention_modulation faces.pooling=mean", "5" * 60]]
    monkeypatch.setenv("COLUMNS", "120")
    assert terminal(Table(["", ""], rows), "", "").splitlines()[2].split() == [*rows[0][0].split(), "5" * 60]


def test_the_protocol_stands_once_above_the_tables_of_a_group():
    assert render([PLAIN, EMOTIONAL]).replace("\n", "").count("|train:") == 1


def test_sentences_stand_below_the_table_in_every_layout():
    table = Table(["", "n"], [["a", "1"]], ["One.", "Two_3."])
    assert terminal(table, "", "").endswith("a  1\nOne.\nTwo_3.\n")
    assert markdown(table, "", "").endswith("| a | 1 |\n\nOne.\n\nTwo_3.\n")
    assert re.search(r"end{tabular}\n.* One\.\n.* Two\\_3\.\n\\end{table}\n$", latex(table, "", ""))


def test_a_runs_own_table_ends_with_twin_accuracy():
    twins = PLAIN.metrics["all"]["t2v"]["TwinAcc"]
    assert render_record(PLAIN).splitlines()[-1].startswith(f"TwinAcc {twins['value']:.1f} [")


def test_a_runs_own_table_shows_its_full_protocol():
    assert "seed:42|v:1" in render_record(PLAIN)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_leaves_the_last_line_break_to_print(format: str):
    assert not render([PLAIN, OTHER], format).endswith("\n")


def test_csv_has_one_row_a_number():
    rows = list(csv.DictReader(io.StringIO(render([PLAIN], "csv"))))
    (row,) = [
        row
        for row in rows
        if (row["subset"], row["direction"], row["metric"], row["run"]) == ("emotion", "v2t", "MnR", PLAIN.run)
    ]
    entry = PLAIN.metrics["emotion"]["v2t"]["MnR"]
    assert [float(row[name]) for name in ("value", "low", "high")] == list(entry.values())
    assert (row["n"], row["seed"]) == ("8", "42")


def test_csv_leaves_numbers_of_an_empty_subset_empty():
    rows = [row for row in csv.DictReader(io.StringIO(render([PLAIN], "csv"))) if row["subset"] == "disgust"]
    assert {(row["n"], row["value"], row["low"]) for row in rows} == {("0", "", "")}


def test_csv_gives_twin_accuracy_its_own_n():
    rows = [row for row in csv.DictReader(io.StringIO(render([PLAIN], "csv"))) if row["metric"] == "TwinAcc"]
    assert rows[0]["n"] == "12"


def test_json_holds_the_metrics_unrounded():
    found = json.loads(render([PLAIN, OTHER], "json"))
    assert [run["metrics"] for group in found["groups"] for run in group["runs"]] == [OTHER.metrics, PLAIN.metrics]


def test_markdown_tables_have_equal_numbers_of_cells():
    lines = [line for line in render([PLAIN, EMOTIONAL], "markdown").splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {
        4,
        6,
        8,
        10,
    }  # sensitivity, report and verdicts, exploratory, leaderboard


def test_markdown_escapes_bars_in_cells():
    record = make_record(hyperparameters={"pool": "a|b"})
    assert r"pool=a\|b" in render([record], "markdown")


def test_latex_escapes_every_special_letter():
    assert escape(r"a_b & 5% $#{}~^\|<>–−±×Δ†") == (
        r"a\_b \& 5\% \$\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}\textbar{}"
        r"\textless{}\textgreater{}--$-$$\pm$$\times$$\Delta$\dag{}"
    )


def test_latex_names_are_escaped():
    text = render([EMOTIONAL], "latex")
    assert r"additive\_text init\_std=0.02 & 42" in text
    assert not re.search(r"(?<!\\)_", text)


def test_latex_rows_have_as_many_cells_as_columns():
    tables = re.findall(r"\\begin\{tabular\}\{(lr*)\}(.*?)\\end\{tabular\}", render([PLAIN], "latex"), re.DOTALL)
    cells = [{len(re.findall(r"(?<!\\)&", row)) + 1 for row in body.splitlines() if "&" in row} for _, body in tables]
    assert cells == [{len(columns)} for columns, _ in tables] == [{5}, {9}]


def test_latex_has_two_booktabs_tables_a_group():
    text = render([PLAIN, OTHER], "latex")
    assert [text.count(rule) for rule in (r"\toprule", r"\bottomrule", r"\begin{table}", r"\end{table}")] == [4] * 4


def test_latex_braces_are_balanced():
    text = re.sub(r"\\[{}]", "", latex(Table(["{", "}"], [["a{b", "c}"], "x}"]), "t|{u", "n}"))
    assert text.count("{") == text.count("}")


def test_every_group_and_run_is_in_every_format():
    records: list[Any] = [PLAIN, EMOTIONAL, OTHER]
    for format in FORMATS:
        text = render(records, format).replace("\\", "")
        assert all(record.run in text for record in records)


def test_the_records_are_left_as_they_were(tmp_path: Path):
    before = json.dumps(PLAIN.metrics)
    render([PLAIN, EMOTIONAL], "json")
    assert json.dumps(PLAIN.metrics) == before


def with_metric(record: Record, name: str) -> Record:
    """The record with one more metric, as a plugin would add."""
    number = {"value": 0.4321, "low": 0.4, "high": 0.5}
    metrics = {
        part: {**found, **{way: {**found[way], name: number} for way in ("t2v", "v2t")}}
        for part, found in record.metrics.items()
    }
    return replace(record, metrics=metrics)


@pytest.mark.parametrize("format", FORMATS)
def test_a_further_metric_appears_in_every_format(format: str):
    text = render([with_metric(PLAIN, "MRR"), EMOTIONAL], format)
    assert "MRR" in text and ("0.43 [0.40–0.50]" in text or "0.43 [0.40--0.50]" in text or "0.4321" in text)


def test_a_further_metric_stands_below_those_that_all_have():
    lines = render([with_metric(PLAIN, "MRR")]).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(PLAIN.run))
    assert [line.split()[0] for line in lines[start + 1 : start + 7]] == ["R@1", "R@5", "R@10", "MdR", "MnR", "MRR"]
