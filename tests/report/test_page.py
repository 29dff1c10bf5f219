"""The page in a browser: its first screen answers, it sorts, filters and prints, and asks nothing of the outside."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.browser import opened
from helpers.records import make_control, make_record

from bench.report.build import build

pytestmark = pytest.mark.slow  # a browser

RECORDS = [make_record(60, dataset="elsewhere", strength=2.0)]
RECORDS += [
    make_record(60, dataset="elsewhere", variant=name, strength=s) for name, s in (("strong", 6.0), ("weak", 0.0))
]
RECORDS.append(make_control(60, dataset="elsewhere", variant="strong", strength=6.0, emotions="shuffled", change=2.0))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    build(RECORDS, folder / "results", folder, "emotion", "plain", "html")
    return (folder / "index.html").as_uri()


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    with opened(chromium, address) as found:
        yield found


def unfold(page: Any, section: str) -> None:
    page.locator(f"#group1-{section}").evaluate("(fold) => { fold.open = true; }")


def column(page: Any, table: str, place: int) -> list[str]:
    return page.locator(f"#{table} tbody tr > :nth-child({place})").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_has_question_answer_figure_and_n(chromium: Any, address: str, scheme: str) -> None:
    with opened(chromium, address, viewport={"width": 1280, "height": 800}, color_scheme=scheme) as page:
        for selector in ("h1", ".answer", "figure.forest", ".facts"):
            box = page.locator(selector).first.bounding_box()
            assert box and box["y"] >= 0 and box["y"] + box["height"] <= 800, selector
        assert page.locator("figure.forest tbody tr").count() == 2


def test_on_a_phone_the_answer_and_the_figure_are_on_the_first_screen(chromium: Any, address: str) -> None:
    with opened(chromium, address, viewport={"width": 390, "height": 844}) as page:
        box = page.locator("figure.forest table").bounding_box()
        assert box and box["y"] + box["height"] <= 844 and box["x"] + box["width"] <= 390


def test_marks_lie_where_their_numbers_say(page: Any) -> None:
    """The better variant's mark is right of the line of no effect, in the middle of its interval's line."""
    row = page.locator("figure.forest tbody tr").first
    middle = {
        name: (box := row.locator(f".bar {selector}").bounding_box())["x"] + box["width"] / 2
        for name, selector in (("zero", ".zero"), ("mark", "b"), ("line", ".line"), ("wide", ".wide"))
    }
    assert middle["mark"] > middle["zero"] + 20
    assert abs(middle["mark"] - middle["line"]) < 3  # symmetric on the axis of logarithms
    assert abs(middle["mark"] - middle["wide"]) < 3


def test_the_contents_stay_in_view(page: Any) -> None:
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert page.locator(".contents a").first.bounding_box()["y"] >= 0


def test_a_link_to_something_folded_opens_it(page: Any) -> None:
    assert not page.locator("#group1-board-table").is_visible()
    page.locator('.contents a[href="#group1-board"]').click()
    page.locator("#group1-board-table").wait_for()


def test_no_sentence_is_said_twice(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details:not(.flip)').forEach((one) => { one.open = true; })")
    texts = page.locator("main p, main caption, main figcaption").all_inner_texts()
    sentences = [one.strip() for text in texts for one in re.split(r"(?<=[.]) (?=[A-Z])", text) if len(one) > 40]
    assert len(sentences) > 20
    assert {one for one in sentences if sentences.count(one) > 1} == set()


def test_figures_are_dark_in_the_dark(chromium: Any, address: str) -> None:
    with opened(chromium, address, color_scheme="dark") as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        for image in page.locator("main figure > .scroll > img").all():
            image.scroll_into_view_if_needed()
            page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=image.element_handle())
            corner = page.evaluate(
                "(image) => { const canvas = document.createElement('canvas'); canvas.width = canvas.height = 20;"
                "const paper = canvas.getContext('2d'); paper.drawImage(image, 0, 0);"
                "return [...paper.getImageData(1, 1, 1, 1).data]; }",
                image.element_handle(),
            )
            assert max(corner[:3]) < 60 and corner[3] == 255


def test_a_column_is_sorted_up_and_down(page: Any) -> None:
    unfold(page, "board")
    head = page.locator("#group1-board-table thead th", has_text="R@1").first
    head.locator("button").click()
    up = [float(cell.split()[0]) for cell in column(page, "group1-board-table", 3)]
    assert up == sorted(up) and head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert [float(cell.split()[0]) for cell in column(page, "group1-board-table", 3)] == up[::-1]
    assert head.get_attribute("aria-sort") == "descending"


def test_words_are_sorted_too(page: Any) -> None:
    unfold(page, "board")
    page.locator("#group1-board-table thead th button").first.click()
    assert column(page, "group1-board-table", 1) == ["plain", "strong", "weak"]


def test_no_table_is_wider_than_a_screen_of_1280(page: Any) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for name in ("group1-controls-table", "study1-table", "study1-trust", "group1-verdicts-table"):
        box = page.locator(f"#{name}").bounding_box()
        assert box and box["x"] + box["width"] <= 1280, name


def test_flips_are_filtered_by_pair_emotion_and_outcome(page: Any) -> None:
    pairs = page.locator("#pair option").all_inner_texts()
    assert pairs == ["strong s42 against plain s42", "weak s42 against plain s42"]
    page.select_option("#outcome", "lost")
    shown = page.locator("#count").inner_text()
    assert shown.startswith("0 won, ") and page.locator(".flip .lost").count() == page.locator(".flip").count()
    page.select_option("#pair", label=pairs[1])
    page.select_option("#outcome", "won")
    assert page.locator(".flip .lost").count() == 0
    page.select_option("#outcome", "")
    page.select_option("#emotion", "joy")
    assert page.locator(".flip").count() == 0  # no caption of these records names one
    page.select_option("#emotion", "neutral")
    assert page.locator(".flip").count() > 0
    page.fill("#words", "[ 7")
    assert all("[ 7" in text for text in page.locator(".flip .caption").all_inner_texts())
    assert page.locator(".flip").count() > 0


def test_the_list_has_pages_and_opens_what_both_runs_show(page: Any) -> None:
    assert page.locator(".flip").count() == 15 and page.locator("#page").inner_text() == "page 1 of 3"
    assert page.locator("#before").is_disabled()
    first = page.locator(".flip .caption").first.inner_text()
    page.click("#after")
    assert page.locator("#page").inner_text() == "page 2 of 3"
    assert page.locator(".flip .caption").first.inner_text() != first
    page.locator(".flip summary").first.click()
    page.locator(".flip[open] .top figure").nth(9).wait_for()  # they are made when the browser says that it opened
    assert page.locator(".flip[open] .top figure").count() == 10


def test_controls_have_labels_and_can_be_reached_by_keyboard(page: Any) -> None:
    for name in ("Runs", "Emotion of the query", "Won or lost", "Words of the query"):
        assert page.get_by_label(name, exact=True).count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(chromium: Any, address: str, scheme: str) -> None:
    """WCAG 2, AA: a contrast of at least 4.5."""
    with opened(chromium, address, color_scheme=scheme) as page:
        for selector in ("body", ".note", ".won", ".lost", "nav a", "caption", ".facts", ".answer"):
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


def test_a_phone_scrolls_tables_and_not_the_page(chromium: Any, address: str) -> None:
    with opened(chromium, address, viewport={"width": 390, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_javascript_the_tables_are_there(chromium: Any, address: str) -> None:
    with opened(chromium, address, java_script_enabled=False) as page:
        assert page.locator("#study1-table tbody tr").count() == 3
        assert "The list needs JavaScript" in page.locator("noscript").inner_text()
