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


def test_forest_points_are_the_comparisons_with_the_corrected_interval_below_each():
    group = only(PLAIN, STRONG, WEAK, ALIKE)
    comparisons = sorted(of(group).comparisons, key=lambda one: one.effect.value)
    expected = [list(astuple(found)) for one in comparisons for found in (one.corrected, one.effect)]
    assert np.array(points(draw_forest(group))) == pytest.approx(np.array(expected))


def test_the_corrected_interval_is_the_verdict_s():
    """Where it holds the effect of equal families there is no verdict, and where it does not there is one."""
    comparisons = of(only(PLAIN, STRONG, WEAK, ALIKE, *(run(f"v{i}", 2.5) for i in range(4)))).comparisons
    assert {one.verdict for one in comparisons} == {"better", "worse", "not distinguishable"}
    for one in comparisons:
        assert (one.corrected.low <= 1 <= one.corrected.high) == (one.verdict == "not distinguishable"), one.name


def test_better_is_to_the_right():
    axis = draw_forest(only(PLAIN, STRONG, WEAK)).drawing.axes[0]
    assert axis.xaxis_inverted()  # of a ratio of ranks, where less is better


def test_an_effect_far_out_is_an_arrow_with_its_number():
    others = [run(f"v{i}", 2.0) for i in range(4)]
    figure = draw_forest(only(PLAIN, run("weak", -3.0), *others))
    axis = figure.drawing.axes[0]
    (arrow,) = [line for line in axis.lines if line.get_marker() == "<"]
    (weak,) = [one for one in of(only(PLAIN, run("weak", -3.0), *others)).comparisons if one.name == "weak"]
    assert not any(x == pytest.approx(weak.effect.value) for x, _, _ in points(figure))
    assert any(text.startswith(f"{weak.effect.value:.2f}") for text in margin(figure))
    assert arrow.get_xdata()[0] < 0.1


def test_verdicts_differ_in_marks_and_are_written_out():
    figure = draw_forest(only(PLAIN, STRONG, WEAK, ALIKE))
    marks = [container.lines[0] for container in figure.drawing.axes[0].containers[1::2]]
    looks = [(mark.get_marker(), to_hex(mark.get_markerfacecolor()) != "#ffffff") for mark in marks]
    assert looks == [("o", True), ("o", False), ("s", True)]
    ends = [text.split()[-1] for text in margin(figure)]
    assert [ends[0], ends[1], ends[3], ends[4], ends[5]] == ["<0.001", "better", "distinguishable", "<0.001", "worse"]


def test_the_margin_has_holm_s_p():
    group = only(PLAIN, ALIKE)
    (one,) = of(group).comparisons
    said = margin(draw_forest(group))
    assert said[0].split() == [f"{one.effect.value:.2f}", f"{one.holm:.3f}"] and "effect   Holm p" in said


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
    assert "seeds 1, 2, 3 (not all of them for every variant)" in figure.caption


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
    _, (value, low, high) = points(draw_forest(only(*same)))
    assert low == value == high


def test_every_question_has_its_forest_in_its_own_quantity():
    question = ("ranks:all", "twins")
    both = forest(of(only(*(make_record(60, variant=variant, question=question) for variant in ("plain", "other")))))
    assert [figure.name for figure in both] == ["forest", "forest-2"]
    assert "own clip above its twin over 30 queries that have a twin" in both[1].title
    assert both[1].drawing.axes[0].get_xlabel() == "TwinAcc, in points above that of plain (right: better)"
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
