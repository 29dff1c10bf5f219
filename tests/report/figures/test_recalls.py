"""Recalls drawn: points and intervals are those of the records."""

import numpy as np
import pytest
from helpers.figures import of, only, points, run

from bench.compare.groups import mixed
from bench.report.figures.forest import forest
from bench.report.figures.recall_by_emotion import recall_by_emotion
from bench.report.figures.recalls import recalls
from bench.report.style import TEXT_WIDTH

PLAIN, STRONG, WEAK = run(), run("strong", 6.0), run("weak", 0.0)
ALIKE = run("alike", 2.0)


def test_thirteen_long_names_fit_the_page():
    hyperparameters = {"where_the_emotion_is_added": "before_the_text_tower", "init_std": 0.02, "heads": 8}
    others = [run(f"variant_{number}", hyperparameters=hyperparameters) for number in range(12)]
    group = only(PLAIN, *others)
    for figure in (*forest(of(group)), recalls(of(group)), recall_by_emotion(of(group))):
        assert figure
        figure.drawing.draw_without_rendering()
        assert figure.drawing.get_tightbbox().width <= TEXT_WIDTH


def test_overview_of_one_seed_is_the_record_s_metrics():
    figure = recalls(of(only(STRONG)))
    assert figure
    for panel, k in enumerate((1, 5, 10)):
        entries = [STRONG.metrics["all"][way][f"R@{k}"] for way in ("t2v", "v2t")]
        expected = [[entry[part] for part in ("value", "low", "high")] for entry in entries]
        assert np.array(points(figure, panel)) == pytest.approx(np.array(expected))


def test_overview_of_several_seeds_is_their_mean_with_each_seed_as_a_dot():
    seeds = [run(seed=seed) for seed in (1, 2, 3)]
    figure = recalls(of(only(*seeds)))
    assert figure
    values = [record.metrics["all"]["t2v"]["R@1"]["value"] for record in seeds]
    value, low, high = points(figure)[0]
    assert value == pytest.approx(np.mean(values), abs=1e-3) and low < value < high
    dots = [line for line in figure.drawing.axes[0].lines if line.get_marker() == "."]
    assert list(dots[0].get_xdata()) == pytest.approx(values, abs=1e-3)
    assert "seeds 1, 2, 3" in figure.caption


def test_all_recalls_have_one_axis():
    figure = recalls(of(only(PLAIN, WEAK)))
    assert figure and len({axis.get_xlim() for axis in figure.drawing.axes}) == 1


def test_nothing_is_drawn_across_protocols():
    group = mixed([PLAIN, run("strong", 6.0, frames=12)])
    assert recalls(of(group)) is None and recall_by_emotion(of(group)) is None
