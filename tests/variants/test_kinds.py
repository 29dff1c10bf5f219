"""Variants of kinds that no shipped one is: with buffers, with tied weights, with features of every frame.

They and the other examples of docs/variants.md keep the contract; they are trained, opened again, and searched with.
"""

import ast
import inspect
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.asking import Capture
from helpers.kinds import DOCUMENT, EXAMPLES, written
from helpers.registries import loaded
from helpers.search import trained
from safetensors.torch import load_file

from bench.analysis.explain import explain
from bench.analysis.probe import probe
from bench.demo.why import explained
from bench.engine.reopen import reopen
from bench.engine.score_matrix import ScoreMatrix
from bench.errors import UsageError
from bench.model import variant_registry
from bench.model.contract import RULES, check, four_captions, four_clips
from bench.model.small_models import make
from bench.model.variant import Variant
from bench.records import store
from bench.report.saved_features import unit_features
from bench.search import models
from bench.search.searcher import Choice, open_folder

KINDS = ("batch_normed", "pooled_by_text", "tied")


@pytest.fixture(scope="module", autouse=True)
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with loaded(*written(tmp_path_factory.mktemp("kinds"))):
        yield


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", [*EXAMPLES, "tied"])
def test_each_kind_and_each_example_keeps_the_rule(name: str, rule: str) -> None:
    check(name, rule)


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_says_how_many_parameters_it_adds(name: str) -> None:
    assert variant_registry.get(name).adds_at_b32 is not None


def test_every_hook_and_every_claim_is_documented() -> None:
    [contract] = [node for node in ast.parse(inspect.getsource(Variant)).body if isinstance(node, ast.ClassDef)]
    claims = [node.target.id for node in contract.body if isinstance(node, ast.AnnAssign)]  # type: ignore[union-attr]
    ours = {
        "__init__",
        "forward",
        "added_parameters",
        "device",
        "needs_tokens",
        "reads_emotion_at_test",
    }  # the engine's, not hooks
    hooks = [node.name for node in contract.body if isinstance(node, ast.FunctionDef) and node.name not in ours]
    assert {"similarity", "phrase"} < set(hooks)
    for name in [*(f"`{hook}(" for hook in hooks), *(f"`{claim} = " for claim in claims)]:
        assert name in DOCUMENT, name


@pytest.fixture(scope="module")
def run_of(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[str, Path]]:
    """The id of a trained run of a kind, and its results folder."""
    return cache(lambda kind: (trained(small, folder := tmp_path_factory.mktemp(kind), kind), folder))


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest, run_of: Callable[[str], tuple[str, Path]]) -> tuple[str, Path]:
    return run_of(request.param)


@pytest.fixture
def pooling(run_of: Callable[[str], tuple[str, Path]]) -> tuple[str, Path]:
    return run_of("pooled_by_text")


def test_a_trained_run_is_opened_again_with_the_features_that_it_left(run: tuple[str, Path]) -> None:
    name, results = run
    opened = reopen(name, results)
    [path] = results.glob(f"*/*/*/{name}/features.safetensors")
    stored = load_file(path)
    captions = [clip.captions[0] for clip in opened.data.test.clips]
    with torch.no_grad():
        text = opened.variant.encode_text(opened.collator(captions).text(captions))
        video = torch.cat([opened.variant.encode_video(opened.clip(place).to(text.device)) for place in range(6)])
    assert torch.allclose(text, stored["text"], atol=1e-5)
    assert torch.allclose(video, stored["video"], atol=1e-5)


def test_a_trained_run_is_searched_with_by_its_own_scores(run: tuple[str, Path], small: Path, tmp_path: Path) -> None:
    name, results = run
    clips = tmp_path / "clips"
    clips.mkdir()
    opened = reopen(name, results)
    for clip in opened.data.test.clips:
        shutil.copy(small / "videos" / f"{clip.video}.mp4", clips)
    query = opened.data.test.clips[0].captions[0]
    for _ in range(2):  # the second time the features come from the index
        searcher = open_folder(clips, results, Choice(model=f"run:{name}"))
        answer = searcher.ask(query, k=6)
        assert len(answer.moments) == 6
        with torch.no_grad():
            text = opened.variant.encode_text(opened.collator([query]).text([query]))
            scores = opened.variant.similarity(text, opened.gallery)[0]
        expected = dict(zip((f"{video}.mp4" for video in opened.videos), scores.tolist(), strict=True))
        for moment in answer.moments:
            assert moment.score == pytest.approx(expected[moment.file], abs=2e-3)  # an index is float16
    window = int(searcher.store.ids[0])
    spoken = explained(searcher, query, window)
    assert spoken.score == pytest.approx(expected[searcher.store.window(window)[0]], abs=2e-3)


def test_a_trained_run_is_explained_and_probed(run: tuple[str, Path]) -> None:
    name, results = run
    opened = reopen(name, results)
    assert len(explain(opened, "a happy man").frames) == 4
    assert probe(name, results).record.probe["counterfactual"]


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    run: tuple[str, Path], small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    name, results = run
    kind = name.partition("-")[0]
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("bench.engine.train._any", lambda noted, accelerator: True)
        trained(small, tmp_path, kind)
    assert trained(small, tmp_path, kind) == name
    assert "going on after step 1 of 2" in capsys.readouterr().err
    one, again = (load_file(next(folder.glob(f"*/*/*/{name}/model.safetensors"))) for folder in (results, tmp_path))
    assert one.keys() == again.keys()
    assert all(torch.equal(value, again[key]) for key, value in one.items())


def test_features_of_every_frame_are_one_row_of_an_index(pooling: tuple[str, Path]) -> None:
    name, results = pooling
    encoder = models.load(f"run:{name}", results)
    [path] = results.glob(f"*/*/*/{name}/features.safetensors")
    video = load_file(path)["video"]
    assert video.shape == (6, 4, 128)
    assert encoder.described.width == 4 * 128
    text = encoder.text("a happy man")
    frames = video.numpy() @ text  # (6, 4)
    weights = np.exp(10 * frames) / np.exp(10 * frames).sum(axis=1, keepdims=True)
    scores = encoder.score(text, video.flatten(1).numpy())
    np.testing.assert_allclose(scores, (weights * frames).sum(axis=1), atol=1e-5)


def test_features_of_every_frame_are_on_no_map(pooling: tuple[str, Path]) -> None:
    name, results = pooling
    assert unit_features(store.load(store.find(name, results)), results) is None


def test_a_backend_of_dot_products_is_refused_in_one_line(pooling: tuple[str, Path], small: Path) -> None:
    name, results = pooling
    pytest.importorskip("faiss", reason="the extra faiss is not installed")
    with pytest.raises(UsageError, match=r"has a score of its own, which is no dot product.*Use --backend numpy"):
        open_folder(small / "videos", results, Choice(model=f"run:{name}"), backend="faiss")


@torch.no_grad()
def test_scores_of_many_frames_come_in_parts_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    variant = make("pooled_by_text")
    text, video = variant.encode_text(four_captions()), variant.encode_video(four_clips())
    whole = ScoreMatrix(variant.similarity, text, video, list("abcd")).true
    monkeypatch.setattr("bench.engine.score_matrix.PAIRED", 1)  # one caption at a time
    np.testing.assert_allclose(ScoreMatrix(variant.similarity, text, video, list("abcd")).true, whole, atol=1e-6)
