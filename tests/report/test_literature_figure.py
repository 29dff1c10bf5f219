"""The literature on one axis: what is drawn is what was printed, and the bands are those of the test set."""

from pathlib import Path

import pytest
from helpers.records import make_record
from matplotlib.patches import Rectangle

from bench.compare.groups import group_records
from bench.compare.literature import systems
from bench.metrics.power import least_told_apart
from bench.report.figures import Context, Figure
from bench.report.figures.published_systems import literature
from bench.report.literature_figure import literature_figure

ON_1K_A = ("msrvtt", "1k-A")


def drawn(direction: str = "t2v", test: tuple[str, str] = ON_1K_A) -> Figure:
    figure = literature_figure(systems(test, "all", direction), test, direction, "literature")
    assert figure
    return figure


def bands(figure: Figure) -> list[tuple[float, float]]:
    spans = [patch for patch in figure.drawing.axes[0].patches if isinstance(patch, Rectangle)]
    return [(span.get_x(), span.get_x() + span.get_width()) for span in spans]


@pytest.fixture(scope="module")
def figure() -> Figure:
    return drawn()


def test_every_system_stands_at_its_printed_recall_the_best_first(figure: Figure) -> None:
    left = figure.drawing.axes[0]
    values = [float(one.lines[0].get_xdata()[0]) for one in left.containers]
    names = [label.get_text().replace("\n", " ") for label in left.get_yticklabels()]
    assert values == sorted(values, reverse=True) and len(values) == len(names) > 40
    stands = dict(zip(names, values, strict=True))
    assert stands["CLIP-ViP B/16"] == pytest.approx(54.2) and stands["InternVideo, zero-shot"] == pytest.approx(40.0)


def test_mean_ranks_stand_beside_where_they_were_printed(figure: Figure) -> None:
    right = figure.drawing.axes[1]
    values = [float(line.get_xdata()[0]) for line in right.get_lines()]
    assert len(values) == 23 and min(values) == 10.7 and max(values) == 124.4
    assert right.get_xscale() == "log" and "mean rank" in right.get_xlabel()


def test_the_bands_lie_around_the_best_that_is_neither_zero_shot_nor_rescored(figure: Figure) -> None:
    told = least_told_apart(1000, 0.542)
    ends = [end for width in told for end in (54.2 - width, 54.2 + width)]
    assert [end for band in bands(figure) for end in band] == pytest.approx(ends)
    legend = [text.get_text().replace("\n", " ") for text in figure.drawing.legends[0].get_texts()]
    assert f"±{told[0]:.1f} points of CLIP-ViP B/16: no test can tell" in legend


def test_with_runs_of_ours_they_lie_around_the_best_of_these() -> None:
    settings = {"dataset": "msrvtt", "test": "1k-A", "split": "9k"}
    records = [make_record(60, strength=3.0, **settings), make_record(60, variant="weak", strength=0.0, **settings)]
    (group,) = group_records(records)
    t2v, v2t = literature(Context(group, Path("nowhere")))
    best = max(record.metrics["all"]["t2v"]["R@1"]["value"] for record in records)
    low, high = bands(t2v)[0]
    assert (low + high) / 2 == pytest.approx(best)
    assert (t2v.name, v2t.name) == ("literature-t2v", "literature-v2t")
    for one in (t2v, v2t):
        assert "n = " in one.caption and "seed 42" in one.caption


def test_caption_and_alt_say_what_is_there(figure: Figure) -> None:
    assert "n = 1000" in figure.caption and "47 systems on msrvtt 1k-A" in figure.caption
    assert "MdR is 2 for 16 of them" in figure.caption
    assert "CLIP-ViP B/32 50.1 [47.0–53.2]" in figure.alt


def test_of_few_systems_and_of_other_test_sets_nothing_is_drawn() -> None:
    assert literature_figure(systems(("vatex", "test"), "all", "t2v"), ("vatex", "test"), "t2v", "few") is None
    (group,) = group_records([make_record(60)])
    assert literature(Context(group, Path("nowhere"))) == []
