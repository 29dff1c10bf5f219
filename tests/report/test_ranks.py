"""Rank changes by hand; similarity matrices from features that give the record's ranks, and only from those."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.records import counts_by_sorting, make_control, make_record
from safetensors.numpy import save_file

from bench.errors import BenchError
from bench.metrics.ranking import summarize
from bench.records.record import Record
from bench.records.store import record_path
from bench.report.figure import WIDTH
from bench.report.ranks import rank_changes, similarity

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
    figure = rank_changes(one, other)
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
    figure = rank_changes(one, other)
    assert figure and [axes.get_title() for axes in figure.drawing.axes] == [
        "T2V: 2 won, 1 lost, 0 equal",
        "V2T: 0 won, 0 lost, 3 equal",
    ]
    assert "T2V 2 of 3 queries rank better, 1 worse, 0 the same" in figure.alt
    assert "n = 3 queries, seed 42." in figure.caption and "|seed:" not in figure.caption


def test_a_run_against_itself_is_equal_throughout():
    assert heights(ranked([1, 5]), ranked([1, 5])) == {"equal": 2}


def test_runs_of_other_queries_are_not_set_against_each_other():
    assert rank_changes(make_record(8), make_record(9)) is None


def test_long_names_fit_the_page():
    name = "a_variant_with_quite_a_long_name_as_some_people_like_them"
    figure = rank_changes(make_record(200, variant=name), make_record(200, variant=f"{name}_too"))
    assert figure
    figure.drawing.draw_without_rendering()
    assert figure.drawing.get_tightbbox().width <= WIDTH


def unit(n: int, seed: int, width: int = 16) -> np.ndarray:
    features = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def kept(results: Path, text: np.ndarray, video: np.ndarray, scores: np.ndarray, **settings: object) -> Record:
    """A record ranked by `scores`, its features written where a run leaves them."""
    n = len(text)
    record = make_record(n, twins=False, subsets=SUBSETS if n > 5 else {}, **settings)  # type: ignore[arg-type]
    ranks = {"t2v": counts_by_sorting(scores), "v2t": counts_by_sorting(scores.T)}
    metrics = summarize(ranks, record.subsets, record.queries["captions"])
    record = replace(record, ranks=ranks, metrics=metrics)
    place = record_path(results, record.dataset, record.split, record.variant, record.run).with_suffix("")
    place.mkdir(parents=True)
    save_file({"text": text, "video": video}, place / "features.safetensors")
    return record


def test_the_matrix_is_text_by_video_sorted_by_emotion(tmp_path: Path):
    text, video = unit(6, 0), unit(6, 1)
    figure = similarity(kept(tmp_path, text, video, text @ video.T), tmp_path)
    assert figure
    order = [2, 5, 0, 1, 3, 4]  # joy (query 0 with it), anger, neutral, none
    drawn = figure.drawing.axes[0].collections[0].get_array()
    assert np.asarray(drawn) == pytest.approx((text @ video.T)[np.ix_(order, order)])
    labels = [label.get_text() for label in figure.drawing.axes[0].get_yticklabels()]
    assert labels == ["joy (3)", "anger (1)", "neutral (1)", "no emotion (1)"]


def test_the_alternative_text_compares_true_pairs_with_others(tmp_path: Path):
    scores = np.eye(4, dtype=np.float32)
    figure = similarity(kept(tmp_path, scores, scores, scores), tmp_path)
    assert figure and figure.alt.startswith("Mean similarity of true pairs 1.00, of all others 0.00")
    assert "in the order of the split" in figure.caption


def test_without_features_there_is_no_matrix(tmp_path: Path):
    assert similarity(make_record(), tmp_path) is None


def test_features_of_another_length_have_a_similarity_of_their_own(tmp_path: Path):
    text, video = (np.concatenate([unit(6, seed), unit(6, seed + 2, 9)], axis=1) for seed in (0, 1))
    assert similarity(kept(tmp_path, text, video, text @ video.T), tmp_path) is None


def test_features_that_do_not_give_the_record_s_ranks_are_not_drawn(tmp_path: Path):
    text, video = unit(6, 0), unit(6, 1)
    assert similarity(kept(tmp_path, text, video, -text @ video.T), tmp_path) is None


def test_ties_that_rounding_breaks_do_not_matter(tmp_path: Path):
    text, video = unit(6, 0), unit(6, 1)
    video[1] = video[0]
    scores = text @ video.T
    video[1] += np.float32(1e-7)
    assert similarity(kept(tmp_path, text, video, scores), tmp_path)


def test_a_control_has_no_features_of_its_own(tmp_path: Path):
    assert similarity(make_control(emotions="shuffled"), tmp_path) is None


def test_broken_features_are_one_line(tmp_path: Path):
    text = unit(6, 0)
    record = kept(tmp_path, text, text, text @ text.T)
    next(tmp_path.rglob("features.safetensors")).write_bytes(b"broken")
    with pytest.raises(BenchError, match=r"features\.safetensors cannot be read"):
        similarity(record, tmp_path)
