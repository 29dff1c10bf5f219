"""Training curves: what is drawn is what the records' curves hold, a small panel for each variant."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.figures import of, only
from helpers.records import make_control, make_record
from matplotlib.colors import to_hex

from bench.records.record import Record
from bench.report.figures import Figure
from bench.report.figures.training_curves import training_curves
from bench.report.style import BASELINE_COLOUR, TEXT_WIDTH

LOSSES = [3.0, 2.0, 1.5, 1.0]


def trained(losses: list[float], *, every: int = 0, **settings: Any) -> Record:
    """A record whose curve has these losses; with recalls at every so manieth step, R@1 half the step's number."""
    curve: list[dict[str, Any]] = []
    for step, loss in enumerate(losses, 1):
        curve.append({"step": step, "epoch": step / 2, "loss": loss, "lr": 1e-3 / step, "logit_scale": 2.6 + step})
        if every and step % every == 0:
            curve[-1]["val"] = {"T2V R@1": step / 2, "T2V R@5": step, "T2V R@10": 2 * step}
    return replace(make_record(8, **settings), curve=curve)


def draw(*records: Record) -> Figure:
    (figure,) = training_curves(of(only(*records)))
    return figure


def lines(figure: Figure, panel: int = 0) -> list[tuple[list[float], list[float]]]:
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in figure.drawing.axes[panel].lines]


def test_a_panel_has_the_variant_s_curve_and_the_baseline_s_in_grey():
    figure = draw(trained(LOSSES), trained([4.0, 2.0, 1.0, 0.5], variant="film_text"))
    (axes,) = figure.drawing.axes
    assert axes.get_title() == "film_text"
    assert lines(figure) == [([1, 2, 3, 4], LOSSES), ([1, 2, 3, 4], [4.0, 2.0, 1.0, 0.5])]
    assert to_hex(axes.lines[0].get_color()) == BASELINE_COLOUR != to_hex(axes.lines[1].get_color())


def test_thirteen_variants_have_twelve_panels_on_equal_axes():
    records = [trained(LOSSES, variant=f"variant_{number}_with_a_long_name") for number in range(12)]
    figure = draw(trained(LOSSES), *records)
    axes = figure.drawing.axes
    assert len(axes) == 12 and len({(one.get_xlim(), one.get_ylim()) for one in axes}) == 1
    assert all(len(one.lines) == 2 for one in axes)
    figure.drawing.draw_without_rendering()
    assert figure.drawing.get_tightbbox().width <= TEXT_WIDTH


def test_validation_has_a_figure_of_its_own():
    _, validation = training_curves(of(only(trained([3.0] * 6, every=2), trained([2.0] * 6, every=2, variant="b"))))
    assert validation.name == "validation" and lines(validation)[1] == ([2, 4, 6], [1.0, 2.0, 3.0])
    assert "b: 1.00 to 3.00 in 6 steps" in validation.alt


def test_a_baseline_alone_has_one_panel():
    assert lines(draw(trained(LOSSES))) == [([1, 2, 3, 4], LOSSES)]


def test_of_several_seeds_the_mean_is_drawn_in_a_band_from_lowest_to_highest():
    figure = draw(*(trained([loss, 1.0, 1.0], seed=seed) for seed, loss in ((1, 2.0), (2, 3.0), (3, 7.0))))
    assert lines(figure) == [([1, 2, 3], [4.0, 1.0, 1.0])]
    (band,) = figure.drawing.axes[0].collections
    corners = band.get_paths()[0].vertices
    assert {(x, y) for x, y in corners.tolist() if x == 1} == {(1.0, 2.0), (1.0, 7.0)}
    assert "from the lowest seed to the highest" in figure.caption and "n = 3 runs, seeds 1, 2, 3." in figure.caption


def test_one_seed_has_no_band():
    figure = draw(trained(LOSSES), trained(LOSSES, variant="film_text"))
    assert not any(len(axes.collections) for axes in figure.drawing.axes) and "Bands" not in figure.caption


def test_seeds_that_stopped_at_other_steps_meet_where_all_of_them_were():
    figure = draw(trained([4.0, 2.0, 2.0], seed=1), trained([2.0, 1.0, 0.5, 0.2], seed=2))
    assert lines(figure) == [([1, 2, 3], [3.0, 1.5, 1.25])]


def test_a_long_curve_s_loss_is_a_mean_over_neighbouring_steps():
    losses = [0.0] * 48
    losses[9] = 3.0
    ((_, drawn),) = lines(draw(trained(losses)))
    assert drawn[8:11] == pytest.approx([1.0, 1.0, 1.0]) and sum(np.abs(drawn) > 1e-9) == 3


@pytest.mark.parametrize("losses", [[], [2.0], [2.0, 1.0]])
def test_fewer_than_three_steps_are_no_curve(losses: list[float]):
    assert training_curves(of(only(trained(losses)))) == []
    assert len(lines(draw(trained(LOSSES), trained(losses, variant="short")))) == 1


def test_controls_are_left_out():
    control = replace(make_control(8, emotions="shuffled"), curve=trained(LOSSES).curve)
    assert "n = 1 run," in draw(trained(LOSSES), control).caption
