"""Which figures a group of records gets, and of which of its runs."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bench.compare.groups import Family, Group
from bench.compare.paired import compare_all
from bench.records.record import Record
from bench.report.curves import training_curves
from bench.report.expressions import expressions
from bench.report.figure import Figure
from bench.report.pictures import dataset_folder
from bench.report.ranks import rank_changes, similarity
from bench.report.recalls import forest, per_emotion, recall_overview
from bench.report.tsne import tsne_figures


def draw(group: Group, results: Path, subset: str, baseline: str, prefix: str) -> list[Figure]:
    """The group's figures in the order of the page; those that have nothing to show are left out.

    prefix: of the files' names, so that the groups of one report do not share them. Maps and matrices are of the
    baseline and of the best other variant that has them; expressions are of the first run that sees faces.
    """
    comparisons, _ = compare_all(group, subset, baseline)
    found: list[Figure | None] = [
        forest(group, comparisons, baseline),
        recall_overview(group),
        per_emotion(group, comparisons, baseline),
        training_curves(group, baseline),
    ]
    base = group.baseline(baseline)
    if base:
        found += pictures_of(base, [family.records[0] for family in group.others(base)], results)
    found.append(next(filter(None, map(seen, group.trues)), None))
    return [replace(figure, name=f"{prefix}{figure.name}") for figure in found if figure]


def pictures_of(base: Family, others: Iterable[Record], results: Path) -> list[Figure | None]:
    """What is shown of single runs: rank changes of the best, similarity and maps of the best that has features."""
    record = base.records[0]
    others = list(others)
    found: list[Figure | None] = [rank_changes(others[0], record)] if others else []
    found.append(similarity(record, results))
    for other in others:
        if maps := tsne_figures(record, other, results):
            return [*found, similarity(other, results), *maps]
    return found


def seen(record: Record) -> Figure | None:
    """The expressions that a run saw, where its clips are at hand."""
    folder = dataset_folder(record) if record.faces else None
    return expressions(record, folder) if folder else None
