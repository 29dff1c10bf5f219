"""The page in a browser: it opens, sorts, filters and prints, says nothing to the console and asks nothing outside."""

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.browser import opened
from helpers.records import make_record

from bench.report.build import build

RECORDS = [make_record(60, dataset="elsewhere", strength=2.0)]
RECORDS += [
    make_record(60, dataset="elsewhere", variant=name, strength=s) for name, s in (("strong", 6.0), ("weak", 0.0))
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    build(RECORDS, folder / "results", folder, "emotion", "plain", "html")
    return (folder / "index.html").as_uri()


@pytest.fixture
def page(address: str) -> Iterator[Any]:
    with opened(address) as found:
        yield found


def column(page: Any, table: str, place: int) -> list[str]:
    return page.locator(f"#{table} tbody tr > :nth-child({place})").all_inner_texts()


def test_a_column_is_sorted_up_and_down(page: Any) -> None:
    head = page.locator("#group1-board thead th", has_text="R@1").first
    head.locator("button").click()
    up = [float(cell.split()[0]) for cell in column(page, "group1-board", 3)]
    assert up == sorted(up) and head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert [float(cell.split()[0]) for cell in column(page, "group1-board", 3)] == up[::-1]
    assert head.get_attribute("aria-sort") == "descending"


def test_words_are_sorted_too(page: Any) -> None:
    page.locator("#group1-board thead th button").first.click()
    assert column(page, "group1-board", 1) == ["plain", "strong", "weak"]


def test_flips_are_filtered_by_pair_emotion_and_outcome(page: Any) -> None:
    pairs = page.locator("#pair option").all_inner_texts()
    assert pairs == ["strong s42 against plain s42", "weak s42 against plain s42"]
    page.select_option("#outcome", "lost")
    lost = page.locator(".flip").count()
    assert page.locator("#count").inner_text() == f"0 won, {lost} lost"
    page.select_option("#pair", label=pairs[1])
    page.select_option("#outcome", "won")
    assert page.locator(".flip .lost").count() == 0
    page.select_option("#outcome", "")
    page.select_option("#emotion", "joy")
    assert page.locator(".flip").count() == 0  # no caption of these records names one
    page.select_option("#emotion", "neutral")
    assert page.locator(".flip").count() > 0


def test_controls_have_labels_and_can_be_reached_by_keyboard(page: Any) -> None:
    for name in ("Runs", "Emotion of the query", "Won or lost"):
        assert page.get_by_label(name, exact=True).count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(address: str, scheme: str) -> None:
    """WCAG 2, AA: a contrast of at least 4.5."""
    with opened(address, color_scheme=scheme) as page:
        for selector in ("body", ".note", ".won", ".lost", "nav a", "caption"):
            place = page.locator(selector).first
            if place.count():
                text, ground = page.evaluate(
                    "(node) => [getComputedStyle(node).color, getComputedStyle(document.body).backgroundColor]",
                    place.element_handle(),
                )
                assert contrast(text, ground) >= 4.5, (selector, text, ground)


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_page_prints(page: Any) -> None:
    assert page.pdf()[:5] == b"%PDF-"


def test_a_phone_scrolls_tables_and_not_the_page(address: str) -> None:
    with opened(address, viewport={"width": 390, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_javascript_the_tables_are_there(address: str) -> None:
    with opened(address, java_script_enabled=False) as page:
        assert page.locator("#group1-verdicts tbody tr").count() == 2
        assert "The list needs JavaScript" in page.locator("noscript").inner_text()
