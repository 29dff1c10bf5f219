"""The forest of differences: points are the comparisons', verdicts show without colour."""

from dataclasses import astuple, replace
from itertools import pairwise

import numpy as np
import pytest
from helpers.figures import margin, of, only, points, run
from helpers.records import make_record
from matplotlib.colors import to_hex
from scipy.stats import gmean

from bench.compare.groups import Group
from bench.metrics.ranking import ranks
from bench.report.figures import Figure
from bench.report.figures.forest import forest

PLAIN, STRONG, WEAK = run(), run("strong", 6.0), run("weak", 0.0)
ALIKE = run("alike", 2.0)


def draw_forest(group: Group) -> Figure:
    (figure,) = forest(of(group))
    return figure


def test_forest_points_are_the_comparisons():
    group = only(PLAIN, STRONG, WEAK, ALIKE)
    expected = [list(astuple(one.effect)) for one in of(group).comparisons]
    assert np.array(points(draw_forest(group))) == pytest.approx(np.array(expected))


def test_verdicts_differ_in_marks_and_are_written_out():
    figure = draw_forest(only(PLAIN, STRONG, WEAK, ALIKE))
    marks = [container.lines[0] for container in figure.drawing.axes[0].containers]
    looks = [(mark.get_marker(), to_hex(mark.get_markerfacecolor()) != "#ffffff") for mark in marks]
    assert looks == [("o", True), ("o", False), ("s", True)]
    assert margin(figure)[:6] == ["<0.001", "better", *margin(figure)[2:3], "not distinguishable", "<0.001", "worse"]


def test_the_margin_has_holm_s_p():
    group = only(PLAIN, ALIKE)
    (one,) = of(group).comparisons
    assert margin(draw_forest(group))[0] == f"{one.holm:.3f}" and "Holm p" in margin(draw_forest(group))


def test_few_queries_make_no_claim():
    figure = draw_forest(only(make_record(12), make_record(12, variant="strong", strength=6.0)))
    assert "no claim" in margin(figure)


def test_seeds_are_dots_measured_from_the_baseline_s_mean():
    plain = [run(seed=seed) for seed in (1, 2)]
    strong = [run("strong", 3.0, seed=seed) for seed in (1, 2, 3)]
    figure = draw_forest(only(*plain, *strong))
    (dots,) = [line for line in figure.drawing.axes[0].lines if line.get_marker() == "."]
    own, reference = ([gmean(ranks(**record.ranks["t2v"])) for record in side] for side in (strong, plain))
    assert list(dots.get_xdata()) == pytest.approx([value / gmean(reference) for value in own])
    assert "baseline's mean (seeds 1, 2)" in figure.caption and "(not all of them for every variant)" in figure.caption


def test_one_seed_each_has_no_dots():
    figure = draw_forest(only(PLAIN, STRONG))
    assert not [line for line in figure.drawing.axes[0].lines if line.get_marker() == "."]


def test_one_run_has_no_forest():
    group = only(PLAIN)
    assert forest(of(group)) == []


def test_an_effect_without_an_interval_is_a_mark_alone():
    records = [
        make_record(60, variant=variant, strength=strength) for variant, strength in (("plain", 2.0), ("b", 6.0))
    ]
    same = [replace(one, queries={**one.queries, "captions": ["the same"] * 60}) for one in records]
    ((value, low, high),) = points(draw_forest(only(*same)))
    assert low == value == high


def test_every_question_has_its_forest_in_its_own_quantity():
    question = ("ranks:all", "twins")
    both = forest(of(only(*(make_record(60, variant=variant, question=question) for variant in ("plain", "other")))))
    assert [figure.name for figure in both] == ["forest", "forest-2"]
    assert "own clip above its twin over 30 queries that have a twin" in both[1].title
    assert both[1].drawing.axes[0].get_xlabel() == "TwinAcc, in points above that of plain"
    assert both[1].drawing.axes[0].get_xscale() == "linear"


def test_names_do_not_overlap():
    hyperparameters = {"where_the_emotion_is_added": "before_the_text_tower", "init_std": 0.02, "heads": 8}
    figure = draw_forest(only(PLAIN, STRONG, *(run(f"v{i}", hyperparameters=hyperparameters) for i in range(3))))
    figure.drawing.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.drawing.axes[0].get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(boxes))


def test_the_forest_s_alternative_text_has_the_numbers():
    figure = draw_forest(only(PLAIN, STRONG))
    (one,) = of(only(PLAIN, STRONG)).comparisons
    assert f"strong {one.effect.value:.2f}" in figure.alt and "better" in figure.alt
