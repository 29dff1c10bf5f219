"""The page of leaderboards in a browser: sorted, linked, light, dark and on a phone; nothing asked of elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from helpers.asking import Capture
from helpers.browser import opened
from helpers.records import make_control, make_record

from bench.cli import main
from bench.compare.leaderboard_render import boards
from bench.records.store import save
from bench.report.html_table import html
from bench.report.leaderboard_page import by_heading


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def published(folder: Path) -> str:
    """The smallest board that has a figure."""
    path = folder / "published.html"
    main(["leaderboard", "--published", "--dataset", "lsmdc", "--results", str(folder / "none"), "--html", str(path)])
    return path.as_uri()


@pytest.fixture
def page(chromium: Any, published: str) -> Iterator[Any]:
    with opened(chromium, published) as found:
        yield found


def column(page: Any, place: int) -> list[str]:
    return page.locator("#board1-1 tbody tr").locator(f":scope > :nth-child({place})").all_inner_texts()


@pytest.mark.slow
def test_it_begins_with_the_best_recall_and_can_be_sorted(page: Any) -> None:
    recalls = [float(cell) for cell in column(page, 3)]
    assert recalls == sorted(recalls, reverse=True) and len(recalls) == 5
    head = page.locator("#board1-1 thead th", has_text="R@1").first
    head.locator("button").click()
    assert [float(cell) for cell in column(page, 3)] == recalls[::-1]
    assert head.get_attribute("aria-sort") == "ascending"
    page.locator("#board1-1 thead th button").first.click()
    assert column(page, 1) == sorted(column(page, 1), key=str.casefold)


@pytest.mark.slow
def test_each_system_has_its_source_as_a_link_and_marks_have_their_reason(page: Any) -> None:
    assert page.locator(".sources a[href='https://github.com/papermsucode/mdmmt']").count() == 1
    assert any(cell.startswith("MDMMT† [") for cell in column(page, 1))
    assert "173, 382, 474, 728 of 999 fit" in page.locator(".sources").inner_text()


@pytest.mark.slow
def test_the_figure_is_there_in_words_too(page: Any) -> None:
    image = page.locator("figure img")
    assert image.count() == 1 and "MDMMT 17.3" in image.get_attribute("alt")
    assert page.evaluate("document.querySelector('figure img').naturalWidth") > 100
    assert "n = 1000" in page.locator("figcaption").inner_text()


@pytest.mark.slow
def test_in_the_dark_the_figure_is_dark(chromium: Any, published: str) -> None:
    with opened(chromium, published, color_scheme="dark") as page:
        assert page.evaluate("getComputedStyle(document.querySelector('figure img')).filter").startswith("invert(1)")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 23, 23)"


@pytest.mark.slow
def test_a_phone_scrolls_tables_and_not_the_page(chromium: Any, published: str) -> None:
    with opened(chromium, published, viewport={"width": 390, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_our_runs_have_a_page_without_oracles(chromium: Any, folder: Path) -> None:
    results, path = folder / "results", folder / "ours.html"
    true = make_record(60, variant="film_text", strength=3.0)
    for record in (true, make_control(60, variant="film_text", strength=3.0, emotions="oracle"), make_record(60)):
        save(record, results)
    main(["leaderboard", "--results", str(results), "--html", str(path)])
    with opened(chromium, path.as_uri()) as page:
        assert sorted(column(page, 1)) == ["film_text", "plain"]
        assert "oracle, told" not in page.content() and page.locator("figure").count() == 0


def test_another_file_is_not_replaced(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "notes.html"
    path.write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        main(["leaderboard", "--published", "--dataset", "lsmdc", "--results", str(tmp_path), "--html", str(path)])
    assert stopped.value.code == 2 and path.read_text() == "mine"
    assert "holds no page of `bench leaderboard`" in capsys.readouterr().err


def test_the_committed_page_has_the_tables_that_the_rows_give() -> None:
    text = (ROOT / "reports" / "published.html").read_text(encoding="utf-8")
    assert text.count("<figure>") == 5
    for place, board in enumerate(boards([], published=True), start=1):
        for number, (heading, table) in enumerate(by_heading(board.table), start=1):
            said = "bench leaderboard --published --html reports/published.html"
            assert html(table, heading, f"board{place}-{number}") in text, said
