"""Recalls drawn: points and intervals are those of records and comparisons, verdicts show without colour."""

from dataclasses import astuple
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from helpers.records import make_record
from matplotlib.colors import to_hex
from statsmodels.stats.proportion import proportion_confint

from bench.compare import groups
from bench.compare.groups import Group, mixed
from bench.compare.paired import Comparison, compare_all
from bench.records.record import Record
from bench.report.figure import WIDTH, Figure
from bench.report.recalls import forest, per_emotion, recall_overview

SUBSETS = {"emotion": list(range(50)), "joy": list(range(30)), "anger": list(range(30, 50)), "fear": [50, 51, 52]}


def run(variant: str = "plain", strength: float = 2.0, **settings: Any) -> Record:
    return make_record(**{"n": 60, "variant": variant, "strength": strength, "subsets": SUBSETS, **settings})


def only(*records: Record) -> Group:
    (group,) = groups(records)
    return group


def declared(group: Group) -> list[Comparison]:
    return compare_all(group, "emotion", "plain")[0]


def draw_forest(group: Group) -> Figure:
    figure = forest(group, declared(group))
    assert figure
    return figure


def points(figure: Figure, panel: int = 0) -> list[tuple[float, float, float]]:
    """Value, low and high of everything with an interval, in the order of drawing."""
    found = []
    for container in figure.drawing.axes[panel].containers:
        line, _, (bars,) = container.lines
        spans = [segment[:, 0] for segment in bars.get_segments()]
        found += [(x, low, high) for x, (low, high) in zip(line.get_xdata(), spans, strict=True)]
    return found


def margin(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.drawing.axes[0].texts]


PLAIN, STRONG, WEAK = run(), run("strong", 6.0), run("weak", 0.0)
ALIKE = run("alike", 2.0)


def test_forest_points_are_the_comparisons():
    group = only(PLAIN, STRONG, WEAK, ALIKE)
    expected = [list(astuple(one.difference)) for one in declared(group)]
    assert np.array(points(draw_forest(group))) == pytest.approx(np.array(expected))


def test_verdicts_differ_in_marks_and_are_written_out():
    figure = draw_forest(only(PLAIN, STRONG, WEAK, ALIKE))
    marks = [container.lines[0] for container in figure.drawing.axes[0].containers]
    looks = [(mark.get_marker(), to_hex(mark.get_markerfacecolor()) != "#ffffff") for mark in marks]
    assert looks == [("o", True), ("o", False), ("s", True)]
    assert margin(figure)[:6] == ["<0.001", "better", *margin(figure)[2:3], "not distinguishable", "<0.001", "worse"]


def test_the_margin_has_holm_s_p():
    group = only(PLAIN, ALIKE)
    (one,) = declared(group)
    assert margin(draw_forest(group))[0] == f"{one.holm:.3f}" and "Holm p" in margin(draw_forest(group))


def test_few_queries_make_no_claim():
    figure = draw_forest(only(make_record(12), make_record(12, variant="strong", strength=6.0)))
    assert "no claim" in margin(figure)


def test_seeds_are_dots_measured_from_the_baseline_s_mean():
    plain = [run(seed=seed) for seed in (1, 2)]
    strong = [run("strong", 3.0, seed=seed) for seed in (1, 2, 3)]
    figure = draw_forest(only(*plain, *strong))
    (dots,) = [line for line in figure.drawing.axes[0].lines if line.get_marker() == "."]
    reference = np.mean([record.metrics["all"]["t2v"]["R@1"]["value"] for record in plain])
    own = [record.metrics["all"]["t2v"]["R@1"]["value"] for record in strong]
    assert list(dots.get_xdata()) == pytest.approx([value - reference for value in own], abs=1e-3)
    assert "baseline's mean (seeds 1, 2)" in figure.caption and "(not all of them for every variant)" in figure.caption


def test_one_seed_each_has_no_dots():
    figure = draw_forest(only(PLAIN, STRONG))
    assert not [line for line in figure.drawing.axes[0].lines if line.get_marker() == "."]


def test_one_run_has_no_forest():
    group = only(PLAIN)
    assert forest(group, declared(group)) is None


def test_thirteen_long_names_fit_the_page():
    hyperparameters = {"where_the_emotion_is_added": "before_the_text_tower", "init_std": 0.02, "heads": 8}
    others = [run(f"variant_{number}", hyperparameters=hyperparameters) for number in range(12)]
    group = only(PLAIN, *others)
    for figure in (draw_forest(group), recall_overview(group), per_emotion(group, declared(group))):
        assert figure
        figure.drawing.draw_without_rendering()
        assert figure.drawing.get_tightbbox().width <= WIDTH


def test_names_do_not_overlap():
    hyperparameters = {"where_the_emotion_is_added": "before_the_text_tower", "init_std": 0.02, "heads": 8}
    figure = draw_forest(only(PLAIN, STRONG, *(run(f"v{i}", hyperparameters=hyperparameters) for i in range(3))))
    figure.drawing.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.drawing.axes[0].get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(boxes))


def test_the_forest_s_alternative_text_has_the_numbers():
    figure = draw_forest(only(PLAIN, STRONG))
    (one,) = declared(only(PLAIN, STRONG))
    assert f"strong {one.difference.value:+.1f}" in figure.alt and "better" in figure.alt


def test_overview_of_one_seed_is_the_record_s_metrics():
    figure = recall_overview(only(STRONG))
    assert figure
    for panel, k in enumerate((1, 5, 10)):
        entries = [STRONG.metrics["all"][way][f"R@{k}"] for way in ("t2v", "v2t")]
        expected = [[entry[part] for part in ("value", "low", "high")] for entry in entries]
        assert np.array(points(figure, panel)) == pytest.approx(np.array(expected))


def test_overview_of_several_seeds_is_their_mean_with_each_seed_as_a_dot():
    seeds = [run(seed=seed) for seed in (1, 2, 3)]
    figure = recall_overview(only(*seeds))
    assert figure
    values = [record.metrics["all"]["t2v"]["R@1"]["value"] for record in seeds]
    value, low, high = points(figure)[0]
    assert value == pytest.approx(np.mean(values), abs=1e-3) and low < value < high
    dots = [line for line in figure.drawing.axes[0].lines if line.get_marker() == "."]
    assert list(dots[0].get_xdata()) == pytest.approx(values, abs=1e-3)
    assert "seeds 1, 2, 3" in figure.caption


def test_nothing_is_drawn_across_protocols():
    group = mixed([PLAIN, run("strong", 6.0, frames=12)])
    assert recall_overview(group) is None and per_emotion(group, []) is None


def emotions(*records: Record) -> Figure:
    group = only(*records)
    figure = per_emotion(group, declared(group))
    assert figure
    return figure


def bars(figure: Figure) -> list[Any]:
    return list(figure.drawing.axes[0].patches)


def test_bars_are_the_subsets_recalls_with_wilson_s_interval():
    figure = emotions(PLAIN)
    shown = ("joy", "fear", "anger")  # in the order of EMOTIONS
    assert [tick.get_text() for tick in figure.drawing.axes[0].get_xticklabels()] == list(shown)
    assert [bar.get_height() for bar in bars(figure)] == pytest.approx(
        [PLAIN.metrics[name]["t2v"]["R@1"]["value"] for name in shown], abs=1e-3
    )
    for name, collection in zip(shown, figure.drawing.axes[0].collections, strict=True):
        n, share = len(SUBSETS[name]), PLAIN.metrics[name]["t2v"]["R@1"]["value"] / 100
        expected = [100 * bound for bound in proportion_confint(share * n, n, method="wilson")]
        assert list(collection.get_segments()[0][:, 1]) == pytest.approx(expected, abs=1e-3)


def test_of_several_seeds_the_mean_is_drawn():
    seeds = [run(seed=seed) for seed in (1, 2)]
    values = [record.metrics["joy"]["t2v"]["R@1"]["value"] for record in seeds]
    figure = emotions(*seeds)
    assert bars(figure)[0].get_height() == pytest.approx(np.mean(values), abs=1e-3)
    assert "does not hold their spread" in figure.caption


def test_every_subset_says_its_n_and_small_ones_are_grey():
    figure = emotions(PLAIN)
    assert margin(figure) == ["n = 30", "n = 3\nno claim", "n = 20"]
    assert [to_hex(bar.get_facecolor()) == "#eeeeee" for bar in bars(figure)] == [False, True, False]
    assert "fewer than 20 queries (fear)" in figure.caption


def test_baseline_best_and_those_with_a_verdict_are_shown():
    others = [run(f"alike{number}", 2.0) for number in range(5)]
    group = only(PLAIN, STRONG, WEAK, *others)
    figure = per_emotion(group, declared(group))
    assert figure
    assert {text.get_text() for text in figure.drawing.legends[0].get_texts()} == {"plain", "strong", "weak"}
    assert "5 variants not shown" in figure.caption


def test_a_baseline_named_by_its_run_is_not_also_one_of_the_others():
    named = run(seed=7)
    group = only(PLAIN, named, STRONG)
    figure = per_emotion(group, compare_all(group, "emotion", named.run)[0], named.run)
    assert figure and [text.get_text() for text in figure.drawing.legends[0].get_texts()] == [named.run, "strong"]


def test_no_more_than_five_are_shown():
    group = only(PLAIN, *(run(f"strong{number}", 6.0) for number in range(6)))
    figure = per_emotion(group, declared(group))
    assert figure and len(figure.drawing.legends[0].get_texts()) == 5


def test_without_emotion_subsets_there_is_no_such_figure():
    assert per_emotion(only(make_record()), []) is None


def test_without_the_baseline_the_best_is_shown():
    figure = emotions(STRONG, WEAK)
    assert [text.get_text() for text in figure.drawing.legends[0].get_texts()] == ["strong"]
    assert "the baseline is not here; 1 variant not shown" in figure.caption


def test_queries_of_two_emotions_are_said_to_count_twice():
    figure = emotions(run(subsets={"joy": [0, 1], "anger": [1, 2]}))
    assert "counts for each" in figure.caption
