"""Tables of published numbers: what is shipped, what a hand may write, and one line for every fault."""

import copy
import json
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT

from bench.errors import UsageError
from bench.metrics.metric_registry import CORE
from bench.records.published import Printed, load_published, read, rows_for

GOOD: dict[str, Any] = {
    "source": {"title": "A paper"},
    "common": {"dataset": "msrvtt", "test": "1k-A", "n": 1000},
    "rows": [
        {"model": "theirs", "direction": "t2v", "R@1": 49.4, "MdR": 2},
        {"model": "theirs", "direction": "v2t", "R@1": 47.8, "R@5": 70.1},
    ],
}


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a text as table.json."""

    def write(text: str) -> Path:
        path = tmp_path / "table.json"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def fault(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- what is shipped ------------------------------------------------------------------------------------------------


def test_the_shipped_rows_of_the_report_are_sixteen_and_of_clip_vip_six() -> None:
    """FACTS.md, section 3."""
    rows = Counter(row.source.name for row in load_published())
    assert (rows["mie1517-2024"], rows["clip-vip-2022"]) == (16, 6)


def test_every_number_of_the_report_and_of_clip_vip_stands_in_the_facts(shared: Path) -> None:
    facts = (shared / "FACTS.md").read_text(encoding="utf-8")
    for row in load_published():
        if row.source.name in ("mie1517-2024", "clip-vip-2022"):
            for value in [*row.metrics.values(), *(entry.value for entry in row.elsewhere)]:
                assert value.text in facts, f"{row}: {value}"


def test_the_systems_of_the_facts_stand_with_their_numbers(shared: Path) -> None:
    """FACTS.md, section 6: "R@1/R@5/R@10/MdR/MnR" of each model and direction, or R@1 alone in the text below."""
    text = (shared / "FACTS.md").read_text(encoding="utf-8").partition("## 6.")[2].partition("What an audit")[0]
    text = text.partition("|---")[2]
    numbers = re.findall(r"\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)+", text)
    rows = [row for row in rows_for("msrvtt", "1k-A") if row.source.name not in ("mie1517-2024", "clip-vip-2022")]
    ours = {"/".join(row.metrics[name].text for name in CORE if name in row.metrics) for row in rows}
    assert set(numbers) == {one for one in ours if "/" in one}
    assert len(numbers) > 40 and all(one in text for one in ours)
    assert len({row.model for row in rows}) >= 30


def test_means_over_seeds_and_what_was_done_after_scoring_are_said() -> None:
    by_work = {row.source.name: row for row in load_published()}
    assert by_work["ce-2019"].runs == 3 and by_work["ce-2019"].std["R@1"].text == "0.6"
    assert by_work["umt-2023"].protocol["post"] == "rerank" and str(by_work["umt-2023"]).endswith("reranked")


def test_the_report_s_tables_stand_row_by_row_as_the_facts_have_them(shared: Path) -> None:
    """FACTS.md's table has a line for each metric and a column for each direction and subset."""
    ours = {(f"{row.model}, {row.train}", row.subset, row.direction): row for row in load_published()}
    columns = [("all", "t2v"), ("all", "v2t"), ("emotion", "t2v"), ("emotion", "v2t")]
    model, checked = "", 0
    for line in (shared / "FACTS.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6 or not (cells[1].startswith("R@") or cells[1].startswith("median")):
            continue
        model = cells[0] or model
        for column, cell in zip(columns, cells[2:], strict=True):
            metrics = ours[model, *column].metrics
            plain = " ".join(word for word in cell.replace("(", " (").split() if word.replace(".", "").isdigit())
            names = ["MdR", "MnR"] if cells[1].startswith("median") else [cells[1]]
            stated = [plain.split()[0], plain.split()[-1]] if len(names) == 2 else [plain.split()[0]]
            assert [metrics[name].text for name in names] == stated
            checked += len(names)
    assert checked == 16 * 5


def test_every_shipped_row_names_its_work_and_where_it_is() -> None:
    for row in load_published():
        source = row.source
        assert all([source.title, source.authors, source.year, source.where, row.gallery])


def test_dsl_numbers_are_rows_of_their_own() -> None:
    """FACTS.md: with DSL R@1 55.9 (B/32) and 57.7 (B/16)."""
    with_dsl = [row for row in load_published() if row.protocol.get("post") == "dsl"]
    assert [(row.model, row.metrics["R@1"].text) for row in with_dsl] == [
        ("CLIP-ViP B/32", "55.9"),
        ("CLIP-ViP B/16", "57.7"),
    ]


def test_rows_are_found_by_dataset_and_test() -> None:
    assert {row.model for row in rows_for("msrvtt", "full")} == {"CE+", "TT-CE+", "CLIP2Video", "MDMMT"}
    assert rows_for("msrvtt", "68") == rows_for("moodclips", "1k-A") == []


# --- what a hand may write ------------------------------------------------------------------------------------------


def test_a_printed_number_is_what_rounds_to_it() -> None:
    number = Printed("49.00")
    assert (number.low, number.high, number.decimals) == (Fraction("48.995"), Fraction("49.005"), 2)


def test_trailing_zeros_count_with_and_without_quotes(table: Callable[[str], Path]) -> None:
    text = json.dumps(GOOD).replace("49.4", "49.400").replace("70.1", '"70.10"')
    first, second = read(table(text))
    assert (first.metrics["R@1"].decimals, first.metrics["MdR"].decimals) == (3, 0)
    assert second.metrics["R@5"].decimals == 2


def test_what_stands_in_common_holds_for_every_row_that_does_not_say_otherwise(table: Callable[[str], Path]) -> None:
    content = copy.deepcopy(GOOD)
    content["common"]["train"] = "9k"
    content["rows"][1] |= {"train": "7k", "n": 34}
    assert [(row.train, row.n) for row in read(table(json.dumps(content)))] == [("9k", 1000), ("7k", 34)]


def test_what_is_left_out_is_unknown(table: Callable[[str], Path]) -> None:
    row = read(table(json.dumps(GOOD)))[0]
    assert (row.train, row.subset, row.gallery, row.protocol, row.runs) == ("unknown", "all", None, {}, 1)
    assert row.signature == "msrvtt-1k-A|train:unknown|1000x?"
    assert str(row) == "theirs, All T2V"


def test_a_row_s_protocol_is_named_as_a_run_s_signature_names_it(table: Callable[[str], Path]) -> None:
    content = copy.deepcopy(GOOD)
    content["common"] |= {"post": "dsl", "ties": "position", "gallery": 1000, "train": "9k", "runs": 3}
    row = read(table(json.dumps(content)))[0]
    assert row.signature == "msrvtt-1k-A|train:9k|1000x1000|ties:position|post:dsl"
    assert str(row) == "theirs, 9k, All T2V, DSL"


def test_yaml_and_json_say_the_same(table: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "table.yaml").write_text(yaml.safe_dump(GOOD))
    one, other = read(tmp_path / "table.yaml"), read(table(json.dumps(GOOD, indent="\t")))
    assert [(row.source, row.signature, row.metrics) for row in one] == [
        (row.source, row.signature, row.metrics) for row in other
    ]


def test_the_table_that_the_readme_shows_can_be_read(tmp_path: Path) -> None:
    text = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    (tmp_path / "table.yaml").write_text(text.partition("```yaml\n")[2].partition("```")[0])
    first, second = read(tmp_path / "table.yaml")
    assert (first.metrics["R@1"].text, second.elsewhere[0].value.text) == ("49.40", "48.7")


# --- faults ---------------------------------------------------------------------------------------------------------


def changed(path: str, value: Any = None) -> str:
    """GOOD as JSON with the value at a path such as "rows.0.n" set, or removed where none is given."""
    content = copy.deepcopy(GOOD)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    inner: Any = content
    for part in way:
        inner = inner[part]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (changed("source"), "the file has no source."),
        (changed("rows"), "the file has no rows."),
        (changed("source.title"), "source has no title."),
        (changed("rows.0.model"), "row 1 has no model; give it there or in common."),
        (changed("rows.1.direction"), "row 2 (theirs) has no direction; give it there or in common."),
        (changed("common.dataset"), "row 1 (theirs) has no dataset;"),
        (changed("common.test"), "row 1 (theirs) has no test;"),
        (changed("common.n"), "row 1 (theirs) has no n;"),
        (changed("rows.0", {"model": "m", "direction": "t2v"}), "row 1 (m) has no metric. Give R@1, R@5, R@10"),
        (changed("rows.0.elsewhere", [{"where": "prose", "metric": "R@1"}]), "elsewhere 1 has no value."),
        (changed("rows.0.elsewhere", [{"where": "prose", "value": 1}]), "elsewhere 1 has no metric."),
        (changed("rows.0.elsewhere", [{"metric": "R@1", "value": 1}]), "elsewhere 1 has no where."),
    ],
)
def test_a_missing_field_is_one_line_that_names_it(table: Callable[[str], Path], text: str, line: str) -> None:
    path = table(text)
    said = fault(path)
    assert said.startswith(f"{path}: ")
    assert line in said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[]", "the file must be an object with names and values."),
        (changed("source", "A paper"), "source must be an object"),
        (changed("source.year", [2024]), "source: year is [\"2024\"], not one line of text without '|'"),
        (changed("source.title", "two\nlines"), "source: title is "),
        (changed("common", []), "common must be an object"),
        (changed("common.R@1", 49.4), "common has an unknown name 'R@1'."),
        (changed("rows", {}), "rows must be a list of at least one row."),
        (changed("rows", []), "rows must be a list of at least one row."),
        (changed("rows.0", "theirs"), "row 1 must be an object"),
        (changed("rows.0.model", True), "row 1: model is true, not one line of text"),
        (changed("rows.0.model", " "), "row 1 ( ): model is ' ', not one line of text"),
        (changed("rows.0.model", "a|b"), "model is 'a|b', not one line of text without '|'"),
        (changed("rows.0.train", "\x1b[31m"), "row 1 (theirs): train is"),
        (changed("rows.0.direction", "t2t"), "direction is 't2t', not t2v or v2t."),
        (changed("rows.0.ties", "random"), "ties is 'random', none of expected, optimistic"),
        (changed("rows.0.n", 0), "n is '0', no whole number from 1."),
        (changed("rows.0.n", 34.5), "n is '34.5', no whole number from 1."),
        (changed("rows.0.n", "1 000"), "n is '1 000', no whole number from 1."),
        (changed("rows.0.runs", 0), "runs is '0', no whole number from 1."),
        (changed("rows.0.gallery", -5), "gallery is '-5', no whole number from 1."),
        (changed("rows.0.std", {"R@1": 0.3}), "row 1 (theirs): std is of several runs: say how many in `runs`."),
        (changed("rows.0.std", {"R@5": 0.3}), "row 1 (theirs): std has an unknown name 'R@5'. Did you mean"),
        (
            changed("common.runs", 3).replace('"MdR": 2', '"std": {"MdR": "±1"}, "MdR": 2'),
            "std: MdR is '±1', no number",
        ),
        (changed("rows.0.R@1", float("nan")), "row 1 (theirs): R@1 is 'NaN', no number as printed, such as 49.40"),
        (changed("rows.0.R@1", float("inf")), "R@1 is 'Infinity', no number"),
        (changed("rows.0.R@1", "49,4"), "R@1 is '49,4', no number"),
        (changed("rows.0.R@1", "49.4 %"), "R@1 is '49.4 %', no number"),
        (changed("rows.0.R@1", -1), "R@1 is '-1', no number"),
        (changed("rows.0.R@1", 1e-7), "R@1 is '1e-07', no number"),
        (changed("rows.0.R@1", "9" * 5000), "…, no number as printed"),
        (changed("rows.0.R@1", False), "R@1 is false, no number"),
        (changed("rows.0.R@1", [49.4]), 'R@1 is ["49.4"], no number'),
        (changed("rows.0.R@0", 49.4), "row 1 (theirs) has an unknown name 'R@0'. Did you mean"),
        (changed("rows.0.mdr", 2), "row 1 (theirs) has an unknown name 'mdr'."),
        (
            changed("common", {"galery": 2, "n": 3, "modle": "x"}),
            "common has 2 unknown names: 'galery', 'modle'. There",
        ),
        (changed("rows.0.galery", 2), "unknown name 'galery'. Did you mean gallery?"),
        (changed("rows.0.elsewhere", {}), "row 1 (theirs): elsewhere must be a list."),
        (changed("rows.0.elsewhere", ["x"]), "row 1 (theirs): elsewhere 1 must be an object"),
        (
            changed("rows.0.elsewhere", [{"where": "a", "metric": "R@5", "value": 1}]),
            "metric is 'R@5', none of the row's",
        ),
        (changed("rows.0.elsewhere", [{"where": "a", "metric": [], "value": 1}]), "metric is an empty list"),
        (changed("rows.0.elsewhere", [{"where": "a", "metric": "R@1", "value": "x"}]), "elsewhere 1: value is 'x', no"),
        (changed("rows.1", GOOD["rows"][0]), "row 2 (theirs, All T2V) is of the same quantity as row 1."),
        ('{"source": {}, "source": {}}', "'source' stands twice in one object."),
        ('{"source": ', "is no JSON: "),
        ("[" * 100_000, "is nested too deep to be a table."),
    ],
)
def test_what_cannot_be_read_is_one_line_that_names_it(table: Callable[[str], Path], text: str, line: str) -> None:
    path = table(text)
    said = fault(path)
    assert said.startswith(str(path))
    assert line in said


def test_a_null_is_no_number_and_the_line_says_to_leave_it_out(table: Callable[[str], Path]) -> None:
    said = fault(table(json.dumps(GOOD).replace("47.8", "null")))
    assert "row 2 (theirs): R@1 is null" in said
    assert "leave out what is unknown" in said


def test_a_file_that_is_not_there_or_no_text_is_one_line(tmp_path: Path) -> None:
    assert fault(tmp_path / "none.json").endswith("none.json cannot be read: No such file or directory.")
    assert "none.yaml cannot be read" in fault(tmp_path / "none.yaml")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{}")
    assert "is no text in UTF-8" in fault(tmp_path / "bytes.json")


def test_a_name_that_yaml_says_twice_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "table.yaml").write_text("rows: []\nrows: []\n")
    assert "'rows' stands there twice, on lines 1 and 2" in fault(tmp_path / "table.yaml")
