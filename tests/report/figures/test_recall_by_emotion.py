"""Recall by emotion: bars are the subsets' recalls, and who is shown follows the verdicts."""

import numpy as np
import pytest
from helpers.figures import SUBSETS, of, only, run
from helpers.records import make_record
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


def drawn(figure: Figure) -> list[list[tuple[float, float, float]]]:
    """Of each variant value, low and high of every emotion."""
    found = []
    for container in figure.drawing.axes[0].containers:
        line, _, (bars,) = container.lines
        ends = [segment[:, 1] for segment in bars.get_segments()]
        found.append([(y, low, high) for y, (low, high) in zip(line.get_ydata(), ends, strict=True)])
    return found


def test_marks_are_the_subsets_recalls_with_wilson_s_interval():
    figure = emotions(PLAIN)
    shown = ("joy", "anger")  # in the order of EMOTIONS
    assert [tick.get_text() for tick in figure.drawing.axes[0].get_xticklabels()] == ["joy\nn = 30", "anger\nn = 20"]
    for name, mark in zip(shown, drawn(figure)[0], strict=True):
        n, share = len(SUBSETS[name]), PLAIN.metrics[name]["t2v"]["R@1"]["value"] / 100
        expected = [100 * bound for bound in proportion_confint(share * n, n, method="wilson")]
        assert mark == pytest.approx((100 * share, *expected), abs=1e-3)


def test_of_several_seeds_the_mean_is_drawn():
    seeds = [run(seed=seed) for seed in (1, 2)]
    values = [record.metrics["joy"]["t2v"]["R@1"]["value"] for record in seeds]
    figure = emotions(*seeds)
    assert drawn(figure)[0][0][0] == pytest.approx(np.mean(values), abs=1e-3)
    assert "without their spread" in figure.caption


def test_an_emotion_of_few_queries_is_left_out_and_named():
    assert "Left out: fear (fewer than 20 queries)." in emotions(PLAIN).caption


def test_baseline_best_and_those_with_a_verdict_are_shown():
    others = [run(f"alike{number}", 2.0) for number in range(5)]
    group = only(PLAIN, STRONG, WEAK, *others)
    figure = recall_by_emotion(of(group))
    assert figure
    assert {text.get_text() for text in figure.drawing.legends[0].get_texts()} == {"plain", "strong", "weak"}
    assert "4 at most; 5 variants not." in figure.caption


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
    assert "1 variant not." in figure.caption


def test_queries_of_two_emotions_are_said_to_count_twice():
    figure = emotions(run(subsets={"joy": list(range(20)), "anger": list(range(19, 40))}))
    assert "counts for each" in figure.caption
