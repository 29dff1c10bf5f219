"""Training curves: what is drawn is what the records' curves hold."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.figures import of, only
from helpers.records import make_control, make_record

from bench.records.record import Record
from bench.report.figures import Figure
from bench.report.figures.training_curves import training_curves
from bench.report.style import TEXT_WIDTH

LOSS, RATE, SCALE, R1, R5, R10 = range(6)


def trained(losses: list[float], *, every: int = 0, **settings: Any) -> Record:
    """A record whose curve has these losses; with recalls at every so manieth step, R@1 half the step's number."""
    curve: list[dict[str, Any]] = []
    for step, loss in enumerate(losses, 1):
        curve.append({"step": step, "epoch": step / 2, "loss": loss, "lr": 1e-3 / step, "logit_scale": 2.6 + step})
        if every and step % every == 0:
            curve[-1]["val"] = {"T2V R@1": step / 2, "T2V R@5": step, "T2V R@10": 2 * step}
    return replace(make_record(8, **settings), curve=curve)


def draw(*records: Record) -> Figure:
    figure = training_curves(of(only(*records)))
    assert figure
    return figure


def lines(figure: Figure, panel: int) -> list[tuple[list[float], list[float]]]:
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in figure.drawing.axes[panel].lines]


def test_lines_are_the_curves_of_the_record():
    figure = draw(trained([3.0, 2.0, 1.5, 1.0], every=2))
    assert lines(figure, LOSS) == [([1, 2, 3, 4], [3.0, 2.0, 1.5, 1.0])]
    assert lines(figure, RATE) == [([1, 2, 3, 4], [1e-3, 5e-4, 1e-3 / 3, 2.5e-4])]
    assert lines(figure, SCALE) == [([1, 2, 3, 4], [3.6, 4.6, 5.6, 6.6])]
    assert [lines(figure, panel) for panel in (R1, R5, R10)] == [
        [([2, 4], [1.0, 2.0])],
        [([2, 4], [2, 4])],
        [([2, 4], [4, 8])],
    ]


def test_of_several_seeds_the_mean_is_drawn_in_a_band_from_lowest_to_highest():
    figure = draw(*(trained([loss, 1.0], seed=seed) for seed, loss in ((1, 2.0), (2, 3.0), (3, 7.0))))
    assert lines(figure, LOSS) == [([1, 2], [4.0, 1.0])]
    (band,) = figure.drawing.axes[LOSS].collections
    corners = band.get_paths()[0].vertices
    assert {(x, y) for x, y in corners.tolist() if x == 1} == {(1.0, 2.0), (1.0, 7.0)}
    assert "from the lowest seed to the highest" in figure.caption and "seeds 1, 2, 3" in figure.caption


def test_one_seed_has_no_band():
    figure = draw(trained([2.0, 1.0]), trained([2.0, 1.5], variant="film_text"))
    assert not any(len(axes.collections) for axes in figure.drawing.axes)
    assert "there is no band" in figure.caption


def test_seeds_that_stopped_at_other_steps_meet_where_all_of_them_were():
    figure = draw(trained([4.0, 2.0], seed=1), trained([2.0, 1.0, 0.5], seed=2))
    assert lines(figure, LOSS) == [([1, 2], [3.0, 1.5])]


def test_variants_with_other_numbers_of_steps_keep_their_own():
    figure = draw(trained([4.0, 2.0]), trained([2.0, 1.0, 0.5], variant="film_text"))
    assert sorted(len(x) for x, _ in lines(figure, LOSS)) == [2, 3]


def test_a_long_curve_s_loss_is_a_mean_over_neighbouring_steps():
    losses = [0.0] * 48
    losses[9] = 3.0
    ((_, drawn),) = lines(draw(trained(losses)), LOSS)
    assert drawn[8:11] == pytest.approx([1.0, 1.0, 1.0]) and sum(np.abs(drawn) > 1e-9) == 3


def test_no_point_of_a_recall_lies_on_the_edge():
    figure = draw(trained([2.0, 1.0], every=2))
    assert figure.drawing.axes[R1].get_ylim() == pytest.approx((0, 1.08))


def test_without_validation_there_are_three_panels():
    assert len(draw(trained([2.0, 1.0])).drawing.axes) == 3


def test_runs_without_training_have_no_curves():
    assert training_curves(of(only(trained([])))) is None


def test_a_run_without_training_is_left_out():
    figure = draw(trained([2.0, 1.0]), trained([], variant="zero"))
    assert len(lines(figure, LOSS)) == 1 and "n = 1 run," in figure.caption


def test_controls_are_left_out():
    figure = draw(make_record(), make_control(emotions="shuffled"))
    assert len(lines(figure, LOSS)) == 1 and "under a control are left out" in figure.caption


def test_thirteen_variants_with_long_names_are_told_apart_within_the_page():
    hyperparameters = {"where_the_emotion_is_added": "before_the_text_tower", "init_std": 0.02, "heads": 8}
    names = [f"variant_{number}" for number in range(12)]
    records = [trained([2.0, 1.0], variant=name, hyperparameters=hyperparameters) for name in names]
    figure = draw(trained([2.0, 1.0]), *records)
    (legend,) = figure.drawing.legends
    lines = legend.get_lines()
    assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == 13
    assert len({line.get_marker() for line in lines}) == 13  # in print without colour
    assert [text.get_text().replace("\n", " ") for text in legend.get_texts()] == [
        family.name for family in only(trained([2.0, 1.0]), *records).families
    ]
    figure.drawing.draw_without_rendering()
    assert figure.drawing.get_tightbbox().width <= TEXT_WIDTH


def test_the_alternative_text_says_where_losses_and_recalls_end():
    alt = draw(trained([3.0, 2.0, 1.5, 1.0], every=2)).alt
    assert "plain: loss 3.00 to 1.00 in 4 steps, validation R@1 2.0 % at the end" in alt


def test_the_caption_names_the_protocol():
    group = only(trained([2.0, 1.0]))
    figure = training_curves(of(group))
    assert figure and figure.caption.endswith(f"n = 1 run, seed 42. Protocol: {group.protocol}")
