"""What `bench grid` prints: the cells before, the outcomes after. All of it fits 80 columns."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.grid.executors import LOG, CellOutcome
from bench.grid.plan import Cell, Grid, differences, state
from bench.utils.text import WIDTH


def listing(grid: Grid, cells: Sequence[Cell]) -> str:
    """The cells in the order in which they run: how far each is, its run, and the settings in which they differ."""
    lines = textwrap.wrap(grid.summary, WIDTH)
    counts: Counter[str] = Counter()
    for cell in cells:
        far, missing = state(cell, cells)
        counts[far] += 1
        after = [f"after {', '.join(missing)}"] if missing else []
        lines += _row(f"{far:<7}  {cell.run}", differences(cell, cells) + after, 9)
    lines += ["", f"{_cells(len(cells))}: {', '.join(f'{count} {far}' for far, count in counts.items())}"]
    return "\n".join(lines)


def summary(outcomes: Sequence[CellOutcome], results: Path) -> str:
    """What became of every cell, with the reason where it is not done, and what to type next."""
    lines = [f"{'':<11}  {'T2V R@1':>7}  {'seconds':>7}  run"]
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        cell = outcome.cell
        counts[outcome.end] += 1
        value = "–" if outcome.recall is None else f"{outcome.recall:.1f}"
        seconds = f"{outcome.seconds:.0f}" if outcome.seconds else "–"
        alike = [other.cell for other in outcomes if _kind(other.cell) == _kind(cell)]
        lines += _row(f"{outcome.end:<11}  {value:>7}  {seconds:>7}  {cell.run}", differences(cell, alike), 31)
        lines += _below(outcome.why, 13)
        if outcome.end == "failed":
            lines.append(f"{'':13}{cell.folder / LOG}")
    lines += [
        "",
        f"{_cells(len(outcomes))}: {', '.join(f'{count} {_said(end, count)}' for end, count in counts.items())}",
    ]
    if counts["done"] + counts["was done"]:
        lines.append(_next(results))
    return "\n".join(lines)


def submitted(jobs: dict[str, str], cells: Sequence[Cell], results: Path) -> str:
    """The job of every cell, and what to type when they are done."""
    lines = []
    for cell in cells:
        job = f"job {jobs[cell.run]}" if cell.run in jobs else "was done"
        lines += _row(f"{job:<11}  {cell.run}", differences(cell, cells), 13)
    when = "" if not jobs else "when `squeue --me` shows them no more: "
    return "\n".join([*lines, "", f"{_cells(len(jobs))} submitted", when + _next(results)])


def _said(end: str, count: int) -> str:
    return "were done" if end == "was done" and count > 1 else end


def _row(head: str, details: Sequence[str], indent: int) -> list[str]:
    """One line if it fits, else the details below it, as many a line as fit."""
    whole = "  ".join([head, *details])
    if len(whole) <= WIDTH:
        return [whole]
    lines = [head]
    for detail in details:
        if len(lines) > 1 and len(lines[-1]) + 2 + len(detail) <= WIDTH:
            lines[-1] += f"  {detail}"
        else:
            lines.append(" " * indent + detail)
    return lines


def _below(text: str, indent: int) -> list[str]:
    """Wrapped; a path is never broken."""
    start = " " * indent
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=start, break_long_words=False, break_on_hyphens=False
    )


def _kind(cell: Cell) -> tuple[Path, str]:
    """What a run's id tells: variant and seed; runs of one folder are of one variant."""
    return cell.record.parent, cell.run.rpartition("-")[0]


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"


def _next(results: Path) -> str:
    return "bench compare" + ("" if results == Path("results") else f" --results {results}")
