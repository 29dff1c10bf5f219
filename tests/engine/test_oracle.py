"""The ceiling: what is told the true mood ranks no clip of another mood before its own, and is no result."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.asking import Capture, failure, output
from helpers.registries import forgotten

from bench.cli import main
from bench.data.annotation import load_annotation, save_annotation
from bench.data.cards import Card, add, load_card
from bench.engine.evaluate import ScoreMatrix, best_clips, rank
from bench.engine.oracle import OracleScores, true_moods
from bench.errors import BenchError
from bench.records.store import load

N = 70  # more than a band
MOODS = np.random.default_rng(3).integers(4, size=N)
TEXT, VIDEO = (torch.nn.functional.normalize(torch.randn(N, 8, generator=torch.manual_seed(i)), dim=1) for i in (1, 2))


def similarity(text: torch.Tensor, video: torch.Tensor) -> torch.Tensor:
    return text @ video.T


def told(captions: list[str], video: torch.Tensor = VIDEO, scale: float = 1.0) -> OracleScores:
    return OracleScores(lambda a, b: scale * similarity(a, b), TEXT, video, captions, moods=MOODS)


def whole(matrix: ScoreMatrix) -> np.ndarray:
    scores = np.empty((N, N), np.float32)
    for queries, clips, part in matrix:
        scores[queries, clips] = part
    return scores


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_pairs_of_unequal_mood_score_below_all_others_in_the_order_they_had(scale: float) -> None:
    captions = [str(place) for place in range(N)]
    matrix = told(captions, scale=scale)
    plain = whole(ScoreMatrix(lambda a, b: scale * similarity(a, b), TEXT, VIDEO, captions))
    scores, equal = whole(matrix), MOODS[:, None] == MOODS
    assert np.array_equal(scores[equal], plain[equal]) and scores[~equal].max() < scores[equal].min()
    assert (np.diff(scores[~equal][np.argsort(plain[~equal])]) >= 0).all()


def test_its_ranks_are_those_among_the_clips_of_the_same_mood() -> None:
    ranks, _ = rank(told([str(place) for place in range(N)]), {})
    scores = (TEXT @ VIDEO.T).numpy()
    for query in range(N):
        rivals = [clip for clip in range(N) if MOODS[clip] == MOODS[query]]
        assert ranks["t2v"]["greater"][query] == sum(scores[query, clip] > scores[query, query] for clip in rivals)
        assert ranks["v2t"]["greater"][query] == sum(scores[clip, query] > scores[query, query] for clip in rivals)


def test_twins_of_unequal_mood_are_always_told_apart() -> None:
    twins = {query: int(np.flatnonzero(MOODS[query] != MOODS)[query % 20]) for query in range(N)}
    _, wins = rank(told([str(place) for place in range(N)]), twins)
    assert set(wins.values()) == {1.0}


def test_a_caption_that_two_clips_of_unequal_mood_share_is_told_whose_it_is() -> None:
    other = int(np.flatnonzero(MOODS[0] != MOODS)[0])
    captions = [str(place) for place in range(N)]
    captions[other] = captions[0]
    matrix = told(captions)
    assert best_clips(matrix, 1)[0, 0] != other and whole(matrix)[0, other] < -1


CARD = {"summary": "", "licence": "", "source": "", "train": "a", "test": "b", "splits": {}}


def test_every_query_has_one_true_mood() -> None:
    card = Card(name="x", title="X", moods=["joy", "fear"], **CARD)  # type: ignore[arg-type]
    assert true_moods(card, {"joy": [0, 2], "fear": [1]}, 3).tolist() == [0, 1, 0]
    for subsets in ({"joy": [0, 2]}, {"joy": [0, 1, 2], "fear": [1]}):
        with pytest.raises(
            BenchError, match=r"1 queries of x are in none or several of joy, fear \(the first is query 1"
        ):
            true_moods(card, subsets, 3)


def test_moodclips_says_the_mood_of_every_test_clip() -> None:
    from bench.data.importers.moodclips.shots import plan

    card, test = load_card("moodclips"), plan(0, 16, 8, 40).annotations[2]
    moods = true_moods(card, test.subsets, len(test.clips))
    assert all(moods[one] != moods[other] for one, other in test.twins.items())


@pytest.fixture
def moody(small: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder `small` as a dataset that knows its moods."""
    folder = tmp_path / "moody"
    shutil.copytree(small, folder)
    for split in ("9k", "1k-A"):
        annotation = load_annotation(small, split, "msrvtt")
        subsets = {"joy": (0, 2, 4), "fear": (1, 3, 5)} if split == "1k-A" else {}
        (folder / "annotations" / f"{split}.json").unlink()
        save_annotation(replace(annotation, dataset="moody", subsets=subsets), folder)
    card = folder / "card.yaml"
    card.write_text("""{name: moody, title: M, summary: s, licence: l, source: s, train: 9k, test: 1k-A,
      splits: {9k: {role: train, videos: 12, captions: 36, summary: s}, 1k-A: {role: test, videos: 6, captions: 6,
      summary: s}}, subsets: {joy: j, fear: f}, moods: [joy, fear], question: [twins]}""")
    with forgotten():
        add("moody", card)
        yield folder


def test_a_run_has_its_ceiling_beside_it_branded(
    command: Callable[..., list[str]], moody: Path, tmp_path: Path, capsys: Capture
) -> None:
    main(command(dataset="moody", root=moody, variant="plain", train__steps=1, emotions="oracle"))
    assert "A control: oracle, told the true mood" in " ".join(capsys.readouterr().out.split())
    found = {load(path).controls["emotions"]: load(path) for path in (tmp_path / "results").glob("*/*/*/*.json")}
    ceiling, true = found["oracle"], found["true"]
    assert ceiling.metrics["all"]["t2v"]["TwinAcc"]["value"] == 100 and ceiling.post == {} and true.post
    assert set(true.question) == {"twins"} == set(ceiling.question)
    assert all(same >= told for same, told in zip(*(r.ranks["t2v"]["greater"] for r in (true, ceiling)), strict=True))
    text = output(["compare", "--full", "--results", str(tmp_path / "results")], capsys)
    assert "Oracle: the scores are told the true mood" in " ".join(text.split())
    assert text.count("oracle, told") == 1  # among the controls, and in no other table


def test_a_dataset_without_truth_says_so_in_one_line(command: Callable[..., list[str]], capsys: Capture) -> None:
    code, said = failure(command(emotions="oracle"), capsys)
    assert (code, said) == (
        2,
        "bench: msrvtt does not know the true moods of its clips: leave out --emotions oracle.\n",
    )
