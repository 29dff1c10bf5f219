"""Tables as HTML, sortable by every column where no row heads others."""

import re
from html import escape

from bench.utils.tables import Table


def html(table: Table, caption: str, key: str, *, label: str = "", kind: str = "") -> str:
    """A <table> with its caption; the rows that a line heads get that line as a first cell, so that all can be sorted.

    Cells are escaped. Numbers are sorted by what is before their interval; `data-sort` holds that where it is one.
    label: names the table to those who hear the page, where it has no caption. kind: its class.
    """
    headed = any(isinstance(row, str) for row in table.rows)
    header = (["run"] if headed else []) + [name or ("metric" if headed else "") for name in table.header]
    rows: list[list[str]] = []
    head = ""
    for number, row in enumerate(table.rows):
        if isinstance(row, str):
            head = row
            continue
        cells = [(head, False)] * headed + [(cell, (number, column) in table.bold) for column, cell in enumerate(row)]
        rows.append([_cell(cell, bold, first=place == 0) for place, (cell, bold) in enumerate(cells)])
    name = f'aria-labelledby="{key}-caption"' if caption else f'aria-label="{escape(label or key)}"'
    lines = [f'<div class="scroll" tabindex="0" role="region" {name}>']
    lines.append(f'<table id="{key}" class="{kind}">' if kind else f'<table id="{key}">')
    lines += [f'<caption id="{key}-caption">{escape(caption)}</caption>'] if caption else []
    names = [escape(name) or '<span class="unseen">name</span>' for name in header]
    heads = "".join(f'<th scope="col"><button type="button">{name}</button></th>' for name in names)
    lines.append(f"<thead><tr>{heads}</tr></thead><tbody>")
    lines += [f"<tr>{''.join(cells)}</tr>" for cells in rows]
    lines.append("</tbody></table></div>")
    lines += [f'<p class="below">{escape(sentence)}</p>' for sentence in table.below]
    return "\n".join(lines)


def _cell(text: str, bold: bool, first: bool) -> str:
    shown = f"<b>{escape(text)}</b>" if bold else escape(text)
    if first:
        return f'<th scope="row">{shown}</th>'
    number = re.match(r"[<±]?([+−-]?\d+(?:\.\d+)?)", text)
    key = f' data-sort="{number[1].replace("−", "-")}"' if number else ""
    return f"<td{key}>{shown}</td>"
