"""Rank changes by hand."""

from dataclasses import replace

from helpers.records import make_record

from bench.metrics.ranking import summarize
from bench.records.record import Record
from bench.report.figures.rank_changes import histogram
from bench.report.style import TEXT_WIDTH

SUBSETS = {"anger": [0, 1], "joy": [2, 5, 0], "neutral": [3]}


def ranked(t2v: list[int], variant: str = "plain") -> Record:
    """A record with these T2V ranks, no ties, and every V2T rank 1."""
    n = len(t2v)
    record = make_record(n, variant=variant, twins=False)
    ranks = {
        "t2v": {"greater": [rank - 1 for rank in t2v], "equal": [0] * n},
        "v2t": {"greater": [0] * n, "equal": [0] * n},
    }
    return replace(record, ranks=ranks, metrics=summarize(ranks, record.subsets, record.queries["captions"]))


def heights(one: Record, other: Record, panel: int = 0) -> dict[str, int]:
    """The bars that are there, by what stands under them."""
    figure = histogram(one, other)
    assert figure
    axes = figure.drawing.axes[panel]
    names = [label.get_text() for label in axes.get_xticklabels()]
    return {name: int(bar.get_height()) for name, bar in zip(names, axes.patches, strict=True) if bar.get_height()}


def test_bars_count_by_what_factor_ranks_changed():
    one, other = ranked([1, 2, 4, 8, 3, 1, 2, 2]), ranked([1, 4, 2, 64, 2, 8, 2, 5], "other")
    assert heights(one, other) == {
        "×2 worse": 2,  # 4 after 2, 3 after 2
        "equal": 2,
        "×2 better": 1,  # 2 after 4
        "×4 better": 1,  # 2 after 5: by 2.5
        "×8 better": 2,
    }


def test_the_other_way_round_is_the_mirror_image():
    one, other = ranked([1, 2, 4, 8]), ranked([1, 4, 2, 64], "other")
    assert heights(other, one) == {"×8 worse": 1, "×2 worse": 1, "equal": 1, "×2 better": 1}


def test_both_directions_are_shown_and_counted():
    one, other = ranked([1, 2, 4]), ranked([2, 1, 8], "other")
    figure = histogram(one, other)
    assert figure and [axes.get_title() for axes in figure.drawing.axes] == [
        "T2V: 2 won, 1 lost, 0 equal",
        "V2T: 0 won, 0 lost, 3 equal",
    ]
    assert "T2V 2 of 3 queries rank better, 1 worse, 0 the same" in figure.alt
    assert "n = 3 queries, seed 42." in figure.caption


def test_a_run_against_itself_is_equal_throughout():
    assert heights(ranked([1, 5]), ranked([1, 5])) == {"equal": 2}


def test_runs_of_other_queries_are_not_set_against_each_other():
    assert histogram(make_record(8), make_record(9)) is None


def test_long_names_fit_the_page():
    name = "a_variant_with_quite_a_long_name_as_some_people_like_them"
    figure = histogram(make_record(200, variant=name), make_record(200, variant=f"{name}_too"))
    assert figure
    figure.drawing.draw_without_rendering()
    assert figure.drawing.get_tightbbox().width <= TEXT_WIDTH
