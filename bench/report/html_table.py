"""Tables as HTML, sortable by every column where no row heads others."""

import re
from html import escape

from bench.utils.tables import Table


def html(table: Table, caption: str, key: str) -> str:
    """A <table> with its caption; the rows that a line heads get that line as a first cell, so that all can be sorted.

    Cells are escaped. Numbers are sorted by what is before their interval; `data-sort` holds that where it is one.
    """
    headed = any(isinstance(row, str) for row in table.rows)
    header = (["run"] if headed else []) + [name or "metric" for name in table.header]
    rows: list[list[str]] = []
    head = ""
    for row in table.rows:
        if isinstance(row, str):
            head = row
        else:
            rows.append([head, *row] if headed else row)
    lines = [f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{key}-caption">', f'<table id="{key}">']
    lines.append(f'<caption id="{key}-caption">{escape(caption)}</caption>')
    heads = "".join(f'<th scope="col"><button type="button">{escape(name)}</button></th>' for name in header)
    lines.append(f"<thead><tr>{heads}</tr></thead><tbody>")
    for cells in rows:
        first = f'<th scope="row">{escape(cells[0])}</th>'
        lines.append(f"<tr>{first}{''.join(_cell(cell) for cell in cells[1:])}</tr>")
    lines.append("</tbody></table></div>")
    lines += [f'<p class="below">{escape(sentence)}</p>' for sentence in table.below]
    return "\n".join(lines)


def _cell(text: str) -> str:
    number = re.match(r"[<±]?([+−-]?\d+(?:\.\d+)?)", text)
    key = f' data-sort="{number[1].replace("−", "-")}"' if number else ""
    return f"<td{key}>{escape(text)}</td>"
