"""Escape sequences and line breaks in what others wrote: none reaches the terminal or report.md."""

import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.asking import Capture, output
from helpers.records import make_record

from bench.errors import BenchError
from bench.records.check import check
from bench.records.record import Record
from bench.records.store import load_records, save
from bench.report.build import build
from bench.utils.tables import Table, csv_text, latex, markdown, terminal

EVIL = "x$\\frac$ \x1b[2J\r\ny\x9b31m\u202e"


def harmless(text: str) -> bool:
    return not [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]


def test_tables_show_names_on_one_line() -> None:
    evil = Table([EVIL, EVIL], [[EVIL, EVIL], EVIL], [EVIL])
    plain = Table(["x", "x"], [["x", "x"], "x"], ["x"])
    for layout in (terminal, markdown, latex):
        shown = layout(evil, EVIL, EVIL)
        assert harmless(shown)
        if layout is markdown:
            assert shown.count("\n") == layout(plain, "x", "x").count("\n")
    assert harmless(csv_text([EVIL], [[EVIL, 1]]))


def evil_records() -> list[Record]:
    """Sound records whose every text, where a record may hold any, is EVIL."""
    record, found = make_record(), []
    odd: list[dict[str, Any]] = [
        {"hyperparameters": {EVIL: EVIL}, "config": {**record.config, "hp": {EVIL: EVIL}}},
        {"config": {**record.config, "root": EVIL}},
        {"hardware": {EVIL: EVIL, "cpu": EVIL}},
        {"libraries": {EVIL: EVIL, "torch": EVIL}, "lexicons": {EVIL: EVIL}},
        {"code": {**record.code, "version": EVIL, "commit": EVIL}},
        {"queries": {"videos": [f"{EVIL}{i}" for i in range(24)], "captions": [f"{EVIL}{i}" for i in range(24)]}},
        {"subsets": {**record.subsets, EVIL: [0]}, "metrics": {**record.metrics, EVIL: record.metrics["emotion"]}},
        {"checksums": {EVIL: EVIL}},
        {"timings": {EVIL: 1.0}},
    ]
    for number, changes in enumerate(odd):
        changed = replace(record, run=f"plain-s42-{number:08}", **changes)
        changed = replace(changed, controls={**record.controls, "true_run": changed.run})
        try:
            check(changed)
        except BenchError as error:
            assert harmless(str(error)) and "\n" not in str(error)
        else:
            found.append(changed)
    assert len(found) > 4
    return found


@pytest.mark.filterwarnings("ignore:Glyph")  # the figures show no control characters
def test_nothing_of_a_record_reaches_the_terminal_or_the_report_raw(tmp_path: Path, capsys: Capture) -> None:
    for record in [*evil_records(), make_record(variant="additive_text", hyperparameters={"init_std": 1.0})]:
        save(record, tmp_path / "results")
    for format in ("terminal", "markdown", "latex", "csv"):
        assert harmless(output(["compare", "--format", format, "--results", str(tmp_path / "results")], capsys))
    records = load_records(tmp_path / "results")
    build(records, tmp_path / "results", tmp_path / "out", "emotion", "plain", "html")
    assert harmless((tmp_path / "out" / "report.md").read_text(encoding="utf-8"))


def test_captions_of_a_file_are_shown_without_escapes(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "captions.txt").write_text("a happy \x1b[2J man\n", encoding="utf-8")
    assert harmless(output(["emotions", "--file", str(tmp_path / "captions.txt")], capsys))
