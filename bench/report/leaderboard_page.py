"""Leaderboards as one static page that needs nothing else: tables to sort, and the published numbers drawn."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bench.analysis.explain_render import base_css
from bench.compare.leaderboard_render import Board
from bench.compare.literature import MARK, systems
from bench.metrics.ranking import DIRECTIONS
from bench.records.audit_render import ASKED
from bench.report.figures import Figure, save
from bench.report.html_table import html
from bench.report.literature_figure import literature_figure
from bench.report.style import styled
from bench.utils.files import replacing
from bench.utils.images import data_address
from bench.utils.tables import Table
from bench.utils.templates import template

PAGE_MARK = b'<meta name="generator" content="bench leaderboard">'


def write(boards: Sequence[Board], path: Path, published: bool) -> None:
    """The page, whole or not at all. published: whether the boards are of the literature."""
    content = page(boards, published)
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def page(boards: Sequence[Board], published: bool) -> str:
    """The page, everything in it."""
    title = "Text-to-video retrieval: the published numbers" if published else "Text-to-video retrieval: our runs"
    return template("bench.report", "leaderboard_page.html").render(
        title=title,
        style=Markup(base_css()),
        published=published,
        asked=ASKED,
        mark=MARK,
        boards=[_board(board, f"board{place}") for place, board in enumerate(boards, start=1)],
    )


def _board(board: Board, key: str) -> dict[str, Any]:
    tables = by_heading(board.table)
    return {
        "key": key,
        "heading": board.heading,
        "protocol": board.protocol,
        "note": board.note,
        "tables": [
            Markup(html(part, heading, f"{key}-{place}")) for place, (heading, part) in enumerate(tables, start=1)
        ],
        "below": board.table.below,
        "figures": [{"source": _picture(one), "alt": one.alt, "caption": one.caption} for one in _figures(board, key)],
    }


def by_heading(table: Table) -> list[tuple[str, Table]]:
    """A table of its own for the rows below each heading, without the sentences below."""
    found: list[tuple[str, list[list[str] | str]]] = []
    for row in table.rows:
        if isinstance(row, str):
            found.append((row, []))
        else:
            found = found or [("", [])]
            found[-1][1].append(row)
    return [(heading, Table(table.header, rows)) for heading, rows in found]


@styled
def _figures(board: Board, key: str) -> list[Figure]:
    if board.test is None:
        return []
    drawn = (
        literature_figure(systems(board.test, "all", way, board.families), board.test, way, f"{key}-{way}")
        for way in DIRECTIONS
    )
    return [one for one in drawn if one]


def _picture(figure: Figure) -> str:
    with tempfile.TemporaryDirectory() as folder:
        svg, png = (path.read_bytes() for path in save(figure, Path(folder)))
    return data_address(svg, "image/svg+xml") if len(svg) <= len(png) else data_address(png, "image/png")
