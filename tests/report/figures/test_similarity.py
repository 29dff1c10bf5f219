"""Similarities from features that give the record's ranks, and only from those."""

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
from bench.report.figures import Figure
from bench.report.figures.similarity import distributions, pairs_of

SUBSETS = {"anger": [0, 1], "joy": [2, 5, 0], "neutral": [3]}


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


def drawn(record: Record, results: Path) -> Figure | None:
    return distributions([record], results)


def test_every_pair_is_of_one_kind() -> None:
    record = make_record(8, subsets={"joy": [0, 1, 4], "anger": [2, 4]})  # 0 and 1 are twins, 2 and 3
    kinds = pairs_of(record)
    assert (sum(pairs.astype(int) for pairs in kinds.values()) == 1).all()
    assert [tuple(pair) for pair in np.argwhere(kinds["that clip's twin"])] == [(0, 1), (1, 0), (2, 3), (3, 2)]
    same = {tuple(pair) for pair in np.argwhere(kinds["others of the same emotion"])}
    assert same == {(0, 4), (4, 0), (1, 4), (4, 1), (2, 4), (4, 2)}
    assert len(np.argwhere(kinds["its own clip"])) == 8


def test_curves_are_histograms_of_their_similarities(tmp_path: Path) -> None:
    text, video = unit(6, 0), unit(6, 1)
    scores = text @ video.T
    figure = drawn(kept(tmp_path, text, video, scores), tmp_path)
    assert figure and figure.table
    heights, edges, _ = figure.drawing.axes[0].patches[0].get_data()
    inside = np.histogram(scores.diagonal(), edges)[0]
    assert heights == pytest.approx(inside / inside.max())
    assert figure.table.rows[0] == ["its own clip", f"{scores.diagonal().mean():.2f}"]


def test_the_alternative_text_has_the_means(tmp_path: Path) -> None:
    scores = np.eye(4, dtype=np.float32)
    figure = drawn(kept(tmp_path, scores, scores, scores), tmp_path)
    assert figure and "its own clip 1.00, all others 0.00" in figure.alt


def test_without_features_there_is_no_drawn(tmp_path: Path):
    assert drawn(make_record(), tmp_path) is None


def test_features_of_another_length_have_a_similarity_of_their_own(tmp_path: Path):
    text, video = (np.concatenate([unit(6, seed), unit(6, seed + 2, 9)], axis=1) for seed in (0, 1))
    assert drawn(kept(tmp_path, text, video, text @ video.T), tmp_path) is None


def test_features_that_do_not_give_the_record_s_ranks_are_not_drawn(tmp_path: Path):
    text, video = unit(6, 0), unit(6, 1)
    assert drawn(kept(tmp_path, text, video, -text @ video.T), tmp_path) is None


def test_ties_that_rounding_breaks_do_not_matter(tmp_path: Path):
    text, video = unit(6, 0), unit(6, 1)
    video[1] = video[0]
    scores = text @ video.T
    video[1] += np.float32(1e-7)
    assert drawn(kept(tmp_path, text, video, scores), tmp_path)


def test_a_control_has_no_features_of_its_own(tmp_path: Path):
    assert drawn(make_control(emotions="shuffled"), tmp_path) is None


def test_broken_features_are_one_line(tmp_path: Path):
    text = unit(6, 0)
    record = kept(tmp_path, text, text, text @ text.T)
    next(tmp_path.rglob("features.safetensors")).write_bytes(b"broken")
    with pytest.raises(BenchError, match=r"features\.safetensors cannot be read"):
        drawn(record, tmp_path)
