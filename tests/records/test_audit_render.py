"""`bench audit`: what it prints, how it exits, and the report that is its output."""

import json
from pathlib import Path

import pytest
from conftest import ROOT

from bench.cli import main


def written(tmp_path: Path, recall: str) -> str:
    common = {"dataset": "own", "test": "test", "n": 10, "direction": "t2v", "model": "a_model_of_ours"}
    table = {"source": {"title": "Ours"}, "common": common, "rows": [{"R@1": recall}]}
    (tmp_path / "ours.json").write_text(json.dumps(table))
    return str(tmp_path / "ours.json")


def test_the_report_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", "--format", "markdown"])
    assert (ROOT / "reports" / "audit.md").read_text(encoding="utf-8") == capsys.readouterr().out, (
        "bench audit --format markdown > reports/audit.md"
    )


def test_a_terminal_of_80_columns_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "111 rows of 21 works, 16 findings"


def test_a_table_of_one_s_own_with_findings_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["audit", written(tmp_path, "45.45")])
    assert stopped.value.code == 1
    assert capsys.readouterr().out == (
        "ours: Ours\n  a_model_of_ours, All T2V\n"
        "    R@1 45.45: no share of 10 queries; 5 of 11 fits, 1 more than there are\n    queries\n\n"
        "1 row of 1 work, 1 finding\n"
    )


def test_a_sound_table_exits_with_0_and_says_what_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", written(tmp_path, "40")])
    assert capsys.readouterr().out == "1 row of 1 work, no findings\n"


def test_a_table_that_cannot_be_read_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["audit", written(tmp_path, "many")])
    assert stopped.value.code == 2
    assert "ours.json: row 1: R@1 is 'many', no number as printed" in capsys.readouterr().err


def test_json_holds_every_finding(capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", "--json"])
    content = json.loads(capsys.readouterr().out)
    assert (content["rows"], len(content["findings"])) == (111, 16)
    assert content["findings"][0]["source"] == "clip-vip-2022"
    assert content["findings"][0]["rule"] == "off_grid"
