"""A table as text: for a terminal, for markdown, for LaTeX; and rows as CSV."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.utils.terminal import printable
from bench.utils.text import columns, wrapped

_LABEL = 12  # columns that the first column keeps, however wide the numbers are
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "Δ": r"$\Delta$",
    "†": r"\dag{}",
}
_BREAK = r"\allowbreak "
_PAGE = 45  # lines of a table that fit a page, with the sentences below it
_LINE = 90  # letters of such a sentence that fit a line


@dataclass(frozen=True)
class Table:
    """header: a name per column. rows: a cell per column, or one string that heads the rows below it.

    below: sentences that stand under the table. bold: (row, column) of cells to stress where the layout can.
    Names in it may be anybody's: control characters become escapes.
    """

    header: list[str]
    rows: list[list[str] | str]
    below: list[str] = field(default_factory=list)
    bold: frozenset[tuple[int, int]] = frozenset()

    def stressed(self, begin: str, end: str, shown: Callable[[str], str] = str) -> list[list[str] | str]:
        """The rows, every cell `shown`, bold ones between two marks; lines that head others stay as they are."""
        return [
            row
            if isinstance(row, str)
            else [
                f"{begin}{shown(cell)}{end}" if (number, column) in self.bold else shown(cell)
                for column, cell in enumerate(row)
            ]
            for number, row in enumerate(self.rows)
        ]

    def __post_init__(self) -> None:
        rows = [printable(row) if isinstance(row, str) else [printable(cell) for cell in row] for row in self.rows]
        parts = {"header": [*map(printable, self.header)], "rows": rows, "below": [*map(printable, self.below)]}
        for name, value in parts.items():
            object.__setattr__(self, name, value)


def terminal(table: Table, title: str, note: str) -> str:
    """As wide as the terminal where the numbers allow: labels left, numbers right, brackets below brackets.

    Labels are wrapped between words; one with a word too long for its column has lines of its own.
    """
    room = columns()
    title, note = printable(title), printable(note)
    cells = [row for row in table.rows if isinstance(row, list)]
    if len(cells) < len(table.rows):  # below their heads, rows are indented
        cells = [[f"  {row[0]}", *row[1:]] for row in cells]
    numbers = [_aligned([row[i] for row in cells]) for i in range(len(table.header))]
    # a header of two words takes two lines where its numbers are narrow
    named = zip(table.header, numbers, strict=True)
    headers = [[name] if len(name) <= max(map(len, column)) else name.split(" ") for name, column in named]
    widths = [max(map(len, [*header, *column])) for header, column in zip(headers, numbers, strict=True)]
    gap = 2 if sum(widths[1:]) + 2 * len(widths[1:]) + min(widths[0], _LABEL) <= room else 1
    widths[0] = min(widths[0], max(_LABEL, room - sum(widths[1:]) - gap * len(widths[1:])))

    def line(cells: Sequence[str]) -> str:
        right = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
        return (" " * gap).join([cells[0].ljust(widths[0]), *right]).rstrip()

    depth = max(map(len, headers))
    lines = _broken(title, room) + _broken(note, room)
    for i in range(depth):
        lines.append(line([header[i - depth] if i >= depth - len(header) else "" for header in headers]))
    lines.append("─" * (sum(widths) + gap * len(widths[1:])))
    below = iter(zip(*numbers, strict=True))
    for row in table.rows:
        if isinstance(row, str):
            lines += _broken(row, room)
            continue
        label, *values = next(below)
        first, *rest = _folded(label, widths[0])
        if max(map(len, [first, *rest])) > widths[0]:
            lines += [*_folded(label, room), line(["", *values])]
        else:
            lines += [line([first, *values]), *rest]
    for sentence in table.below:
        lines += wrapped(sentence, 2, "", room)
    return "\n".join(lines) + "\n"


def markdown(table: Table, title: str, note: str) -> str:
    """A pipe table; the title stands above it as code, the note as a paragraph."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

    title, note = printable(title), printable(note)
    blank = [""] * (len(table.header) - 1)
    lines = [f"`{title}`", ""] if title else []
    lines += [note, "", line(table.header), line([":--", *("--:" for _ in blank)])]
    rows = table.stressed("**", "**")
    lines += [line([f"**{row}**", *blank] if isinstance(row, str) else row) for row in rows]
    lines += [line for sentence in table.below for line in ("", sentence)]
    return "\n".join(lines) + "\n"


def latex(table: Table, title: str, note: str, label: str = "") -> str:
    r"""A floating table for \usepackage{booktabs}; every name escaped, the title breakable in typewriter letters.

    One with more lines than a page holds becomes a longtable, which needs that package too. label: for \ref.
    """
    title, note = printable(title), printable(note)
    lines_below = sum(1 + len(sentence) // _LINE for sentence in table.below)
    width, long = len(table.header), len(table.rows) + lines_below > _PAGE
    bar = _LATEX["|"]
    caption = f"{{\\ttfamily {escape(title).replace(bar, bar + _BREAK)}}}. " if title else ""
    caption = f"\\caption{{{caption}{escape(note)}}}" + (f"\\label{{{label}}}" if label else "")
    columns = f"{{l{'r' * (width - 1)}}}"
    head = ["\\toprule", " & ".join(map(escape, table.header)) + r" \\"]
    head += ["\\midrule"] if not isinstance(table.rows[0], str) else []
    body = []
    for row in table.stressed(r"\textbf{", "}", escape):
        if isinstance(row, str):
            body += ["\\midrule", rf"\multicolumn{{{width}}}{{l}}{{{escape(row)}}} \\"]
        else:
            body.append(" & ".join(row) + r" \\")
    below = [rf"\par\smallskip\raggedright {escape(sentence)}" for sentence in table.below]
    small = ["\\footnotesize", "\\setlength{\\tabcolsep}{4pt}"]
    if long:
        lines = ["% needs \\usepackage{booktabs,longtable}", "\\begingroup", *small, f"\\begin{{longtable}}{columns}"]
        lines += [rf"{caption} \\", *head, "\\endhead", *body, "\\bottomrule", "\\end{longtable}", *below, "\\endgroup"]
    else:
        lines = ["% needs \\usepackage{booktabs}", "\\begin{table}", "\\centering", *small, caption, "\\smallskip"]
        lines += [
            f"\\begin{{tabular}}{columns}",
            *head,
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            *below,
            "\\end{table}",
        ]
    return "\n".join(lines) + "\n"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV with a header line; None becomes an empty cell."""
    out = io.StringIO()
    safe = ([printable(cell) if isinstance(cell, str) else cell for cell in row] for row in [header, *rows])
    csv.writer(out, lineterminator="\n").writerows(safe)
    return out.getvalue()


def escape(text: str) -> str:
    """Text as LaTeX prints it."""
    return re.sub("|".join(map(re.escape, _LATEX)), lambda match: _LATEX[match[0]], text)


def _aligned(cells: list[str]) -> list[str]:
    """Pads "35.0 [29.2–41.2]" behind its interval, so that values stand below values and brackets below brackets."""
    interval = max(len(cell.partition(" [")[2]) for cell in cells)
    if not interval:
        return cells
    return [value + (mark + rest).ljust(interval + 2) for value, mark, rest in (cell.partition(" [") for cell in cells)]


def _folded(label: str, width: int) -> list[str]:
    """Lines of at most `width`, broken between words; a longer word stays whole."""
    indent = label[: len(label) - len(label.lstrip())]
    return wrapped(label.strip(), len(indent) + 2, indent, width) or [""]


def _broken(text: str, width: int) -> list[str]:
    """Lines of at most `width`, a protocol signature broken after its bars."""
    if " " in text:
        return wrapped(text, width=width)
    lines = [""]
    for part in re.findall(r"[^|]+\|?", text):
        if len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return [line for line in lines if line]
