"""Tables as HTML: escaped, sortable, with the rows under a head brought beside it."""

import re

from bench.report.html_table import html
from bench.utils.tables import Table


def test_cells_and_captions_are_escaped() -> None:
    text = html(Table(["<a>", "n"], [["<script>", "1"]], ["x & y"]), "a < b", "key")
    assert "<script>" not in text and "&lt;script&gt;" in text and "x &amp; y" in text and "a &lt; b" in text


def test_a_head_becomes_the_first_cell_of_the_rows_below_it() -> None:
    text = html(Table(["", "T2V"], ["one", ["R@1", "3.0"], "two", ["R@1", "4.0"]]), "", "key")
    rows = re.findall(r"<tr><th scope=\"row\">(\w+)</th><td>(\S+?)</td>", text)
    assert rows == [("one", "R@1"), ("two", "R@1")]
    assert text.count('<th scope="col">') == 3


def test_numbers_sort_by_what_is_before_their_interval() -> None:
    table = Table(["v"] * 6, [["x", "35.0 [29.2–41.2]", "−3.1 [−4, −2]", "<0.001", "±13", "–"]])
    assert re.findall(r'<td(?: data-sort="(.*?)")?>', html(table, "", "k")) == ["35.0", "-3.1", "0.001", "13", ""]


def test_bold_cells_are_bold_and_sort_by_their_numbers() -> None:
    text = html(Table(["a", "b"], [["x", "3.0"], ["y", "1.0"]], bold=frozenset({(0, 0), (0, 1)})), "", "k", label="All")
    assert '<th scope="row"><b>x</b></th><td data-sort="3.0"><b>3.0</b></td>' in text and text.count("<b>") == 2
    assert 'aria-label="All"' in text and "<caption" not in text


def test_every_column_can_be_sorted_from_the_keyboard() -> None:
    assert html(Table(["a", "b"], [["x", "1"]]), "", "k").count('<button type="button">') == 2
