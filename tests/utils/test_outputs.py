"""Outputs: what may be replaced, and what no command touches."""

import os
from pathlib import Path

import pytest
from helpers.asking import Capture, failure
from helpers.records import make_record

from bench.data.annotation import Annotation, Clip, save_annotation
from bench.errors import UsageError
from bench.records.store import save
from bench.report.build import build
from bench.utils.outputs import check_output


def check(path: Path, force: bool = False) -> None:
    check_output(path, [b"<page>"], "page", force=force)


def test_what_is_not_there_is_empty_or_of_that_kind_may_be_written(tmp_path: Path) -> None:
    check(tmp_path / "none.html")
    check(tmp_path / "none" / "none.html")
    (tmp_path / "empty.html").touch()
    check(tmp_path / "empty.html")
    (tmp_path / "page.html").write_bytes(b"before <page> after")
    check(tmp_path / "page.html")


def test_another_kind_is_refused_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a film" + bytes(10_000) + b"<page>")
    with pytest.raises(
        UsageError, match=r"clip\.mp4 is there already and holds no page\. Name another file, or add --f"
    ):
        check(tmp_path / "clip.mp4")
    check(tmp_path / "clip.mp4", force=True)


@pytest.mark.parametrize("force", [False, True])
def test_folders_and_devices_are_never_replaced(tmp_path: Path, force: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(UsageError, match="is no file that could be replaced"):
            check(path, force=force)


# --- every option that names an output ------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip file", b"PAR1 of somebody elsePAR1"])
@pytest.mark.parametrize(
    "words", ["explain plain-s1-0 joy --html {}", "faces --backend sidecar --videos {folder} --out {}"]
)
def test_a_command_keeps_a_file_of_another_kind(
    words: str, content: bytes, folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    mine = tmp_path / "notes.zip"
    mine.write_bytes(content)
    sidecar = ["--model", str(folder / "faces.parquet")] if "faces" in words else []
    code, said = failure([*words.format(mine, folder=folder / "videos").split(), *sidecar], capsys)
    assert code == 2
    assert "--force" in said and str(mine) in said
    assert mine.read_bytes() == content


@pytest.mark.parametrize(("format", "name"), [("html", "index.html"), ("html", "report.md"), ("latex", "report.tex")])
def test_a_report_keeps_a_page_that_is_none_of_its_own(tmp_path: Path, capsys: Capture, format: str, name: str) -> None:
    save(make_record(), tmp_path / "results")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / name).write_text("<!doctype html><title>My page</title>", encoding="utf-8")
    words = ["report", "--results", str(tmp_path / "results"), "--out", str(tmp_path / "site"), "--format", format]
    code, said = failure(words, capsys)
    assert code == 2
    assert f"{name} is there already and holds no report." in said
    assert [path.name for path in (tmp_path / "site").iterdir()] == [name]


def test_a_report_replaces_a_report(tmp_path: Path) -> None:
    records = [make_record()]
    for format in ("html", "latex"):
        first = build(records, tmp_path / "results", tmp_path / "out", "emotion", "plain", format)
        assert build(records, tmp_path / "results", tmp_path / "out", "emotion", "plain", format) == first


def test_annotations_are_written_over_annotations_only(tmp_path: Path) -> None:
    annotation = Annotation("own", "train", (Clip("a", ("joy",)),))
    path = save_annotation(annotation, tmp_path)
    save_annotation(annotation, tmp_path)
    path.write_text('{"images": []}', encoding="utf-8")
    with pytest.raises(
        UsageError, match=r"train\.json is there already and holds no annotation that bench wrote\. Move"
    ):
        save_annotation(annotation, tmp_path)
