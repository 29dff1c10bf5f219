"""Recall by emotion: bars are the subsets' recalls, and who is shown follows the verdicts."""

from typing import Any

import numpy as np
import pytest
from helpers.figures import SUBSETS, margin, of, only, run
from helpers.records import make_record
from matplotlib.colors import to_hex
from statsmodels.stats.proportion import proportion_confint

from bench.records.record import Record
from bench.report.figures import Figure
from bench.report.figures.recall_by_emotion import recall_by_emotion

PLAIN, STRONG, WEAK = run(), run("strong", 6.0), run("weak", 0.0)
ALIKE = run("alike", 2.0)


def emotions(*records: Record) -> Figure:
    group = only(*records)
    figure = recall_by_emotion(of(group))
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
    figure = recall_by_emotion(of(group))
    assert figure
    assert {text.get_text() for text in figure.drawing.legends[0].get_texts()} == {"plain", "strong", "weak"}
    assert "5 variants not shown" in figure.caption


def test_a_baseline_named_by_its_run_is_not_also_one_of_the_others():
    named = run(seed=7)
    group = only(PLAIN, named, STRONG)
    figure = recall_by_emotion(of(group, named.run))
    assert figure and [text.get_text() for text in figure.drawing.legends[0].get_texts()] == [named.run, "strong"]


def test_no_more_than_five_are_shown():
    group = only(PLAIN, *(run(f"strong{number}", 6.0) for number in range(6)))
    figure = recall_by_emotion(of(group))
    assert figure and len(figure.drawing.legends[0].get_texts()) == 5


def test_without_emotion_subsets_there_is_no_such_figure():
    assert recall_by_emotion(of(only(make_record()))) is None


def test_without_the_baseline_the_best_is_shown():
    figure = emotions(STRONG, WEAK)
    assert [text.get_text() for text in figure.drawing.legends[0].get_texts()] == ["strong"]
    assert "the baseline is not here; 1 variant not shown" in figure.caption


def test_queries_of_two_emotions_are_said_to_count_twice():
    figure = emotions(run(subsets={"joy": [0, 1], "anger": [1, 2]}))
    assert "counts for each" in figure.caption
