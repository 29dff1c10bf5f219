"""The figure of sensitivity: a curve for each number of seeds, with the numbers of the table."""

import pytest
from helpers.figures import of, only, run

from bench.compare.sensitivity_table import sensitivities
from bench.report.figures.sensitivity import sensitivity

GROUP = only(
    *(run(variant, strength, seed=seed) for variant, strength in (("plain", 2.0), ("a", 3.0)) for seed in (1, 2))
)


def test_a_curve_for_each_number_of_seeds_and_a_mark_at_80_percent() -> None:
    figure = sensitivity(of(GROUP))
    assert figure
    (axis,) = figure.drawing.axes
    (found,) = sensitivities(GROUP, "plain")
    curves = [line for line in axis.lines if len(line.get_xdata()) > 2]
    assert len(curves) == 3 and all((line.get_ydata()[1:] >= line.get_ydata()[:-1]).all() for line in curves)
    marks = [line for line in axis.lines if len(line.get_xdata()) == 1]
    assert [line.get_xdata()[0] for line in marks] == pytest.approx([found.least(seeds)[0] for seeds in (1, 3, 5)])
    assert {line.get_ydata()[0] for line in marks} == {80}


def test_its_alternative_text_has_the_numbers() -> None:
    figure = sensitivity(of(GROUP))
    (found,) = sensitivities(GROUP, "plain")
    assert figure and f"{found.least(5)[0]:.2f} with 5 seeds (mean rank, times the baseline's)" in figure.alt


def test_every_question_has_a_panel() -> None:
    both = [run(variant, question=("ranks:all", "twins")) for variant in ("plain", "a")]
    figure = sensitivity(of(only(*both)))
    assert figure and [axis.get_xlabel() for axis in figure.drawing.axes] == [
        "True effect: mean rank, times the baseline's",
        "True effect: points of TwinAcc",
    ]


def test_one_variant_has_none() -> None:
    assert sensitivity(of(only(run()))) is None
