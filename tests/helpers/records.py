"""Records for tests: ranks from a random similarity matrix, by sorting, as slow and as independent as can be."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.config import ModelConfig, RunConfig, VideoConfig, as_json
from bench.data.questions import USUAL
from bench.metrics.ranking import summarize
from bench.records.protocol import protocol_signature
from bench.records.record import Record
from bench.records.store import run_id


def counts_by_sorting(similarity: np.ndarray) -> dict[str, list[int]]:
    """Per row, how many scores lie above the diagonal's and how many equal it, found in the sorted row."""
    greater, equal = [], []
    for query, row in enumerate(similarity.tolist()):
        ordered = sorted(row)
        above = bisect_right(ordered, row[query])
        greater.append(len(ordered) - above)
        equal.append(above - bisect_left(ordered, row[query]) - 1)
    return {"greater": greater, "equal": equal}


def make_record(
    n: int = 24,
    *,
    variant: str = "plain",
    seed: int = 42,
    strength: float = 1.0,
    split: str = "train",
    test: str = "test",
    dataset: str = "moodclips",
    frames: int = 8,
    init: str = "random",
    twins: bool = True,
    subsets: dict[str, list[int]] | None = None,
    hyperparameters: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    controls: dict[str, Any] | None = None,
    faces: dict[str, str] | None = None,
    post: dict[str, Any] | None = None,
    change: float = 0.0,
    question: Sequence[str] = (USUAL,),
) -> Record:
    """A sound record of n queries; `strength` is how far the true scores stand out; some scores tie.

    config: settings beside those that the other arguments give, nested as in a record.
    change: how far the scores move from those of the record that is alike in all else.
    """
    rng = np.random.default_rng([seed, *variant.encode()])
    similarity = rng.normal(size=(n, n)) + strength * np.eye(n)
    similarity = np.round(similarity + change * rng.normal(size=(n, n)), 1)
    ranks = {"t2v": counts_by_sorting(similarity), "v2t": counts_by_sorting(similarity.T)}
    pairs = {i: i ^ 1 for i in range(n // 4 * 2)} if twins else {}
    gaps = {i: similarity[i, i] - similarity[i, j] for i, j in pairs.items()}
    wins = {i: float((np.sign(gap) + 1) / 2) for i, gap in gaps.items()}
    captions = [f'a "café" [ {i} ]' for i in range(n)]
    subsets = subsets if subsets is not None else {"emotion": list(range(0, n, 3)), "disgust": []}
    settings = whole_config(
        config or {"train": {"lr": 1e-4}},
        variant=variant,
        dataset=dataset,
        split=split,
        test=test,
        init=init,
        seed=seed,
        hp={name: str(value) for name, value in (hyperparameters or {}).items()},
        model=ModelConfig(size="tiny"),
        video=VideoConfig(frames=frames, size=64),
    )
    true = {"emotions": "true", "train_emotions": "true", "matched_parameters": False}
    true["true_run"] = run_id(variant, seed, settings)
    signature = protocol_signature(settings, queries=n, videos=n, model="tiny", init=init)
    return Record(
        run=run_id(variant, seed, settings),
        created="2026-01-02T03:04:05+00:00",
        variant=variant,
        hyperparameters=hyperparameters or {},
        parameters={"total": 1000, "added": 8},
        dataset=dataset,
        split=split,
        test=test,
        checksums={"train": "0" * 64, "test": "1" * 64},
        protocol=signature,
        config=settings,
        seed=seed,
        controls={**true, **(controls or {})},
        faces=faces or {},
        code={"version": "0.1.0", "commit": None, "dirty": None, "variant": "1a2b3c4d"},
        libraries={"numpy": "2.4.6"},
        lexicons={"nrc": "NRCLex 4.1.0"},
        hardware={"cpu": "some", "cores": 2},
        timings={"data": 1.5, "train": 20.0, "evaluate": 0.5},
        curve=[{"step": 1, "epoch": 0.5, "loss": 8.3, "lr": 1e-4, "logit_scale": 4.6, "val": {"T2V R@1": 4.2}}],
        selection={"rule": "last", "step": 1},
        queries={"videos": [f"clip{i:04}" for i in range(n)], "captions": captions},
        subsets=subsets,
        twins=pairs,
        question=list(question),
        twin_wins=wins,
        ranks=ranks,
        top=np.argsort(-similarity, axis=1, kind="stable")[:, :10].tolist(),
        post=post or {},
        last_step={},
        probe={},
        artifacts={},
        metrics=summarize(ranks, subsets, captions, wins),
    )


def whole_config(changes: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A whole config as a record holds it: defaults, then `settings`, then `changes`."""
    config = as_json(RunConfig(**settings))
    for name, value in changes.items():
        nested = isinstance(value, dict) and name != "hp"
        config[name] = {**config[name], **value} if nested else value
    return config


def make_control(
    n: int = 24,
    *,
    emotions: str = "true",
    train_emotions: str = "true",
    matched_parameters: bool = False,
    change: float = 0.3,
    **settings: Any,
) -> Record:
    """A control of `make_record(n, **settings)`, whose scores it changes."""
    true = make_record(n, **settings)
    config = {**true.config, "emotions": emotions, "matched_parameters": matched_parameters}
    config["train"] = {**true.config["train"], "emotions": train_emotions}
    under = {"emotions": emotions, "train_emotions": train_emotions, "matched_parameters": matched_parameters}
    return make_record(n, **{**settings, "config": config, "controls": {**under, "true_run": true.run}}, change=change)


def make_several(videos: int = 24, each: int = 3, *, strength: float = 1.0, **settings: Any) -> Record:
    """A sound record of a test set whose videos have `each` captions: ranks from a random matrix, counted slowly."""
    record = make_record(videos, twins=False, **settings)
    n = videos * each
    video_of = np.repeat(np.arange(videos), each)
    rng = np.random.default_rng([record.seed, *record.variant.encode()])
    scores = rng.normal(size=(n, videos)) + rng.normal(size=videos)  # some videos suit every caption
    scores[np.arange(n), video_of] += strength + rng.normal(size=videos)[video_of]  # some suit their own
    scores = np.round(scores, 1)
    true = scores[np.arange(n), video_of]
    ranks = {
        "t2v": {
            "greater": [int((row > own).sum()) for row, own in zip(scores, true, strict=True)],
            "equal": [int((row == own).sum()) - 1 for row, own in zip(scores, true, strict=True)],
        },
        "v2t": {
            "greater": [int((scores[:, v] > own).sum()) for v, own in zip(video_of, true, strict=True)],
            "equal": [int((scores[:, v] == own).sum()) - 1 for v, own in zip(video_of, true, strict=True)],
        },
    }
    captions = [f"caption {i % each} of {i // each}" for i in range(n)]
    subsets = {"emotion": list(range(0, n, 4)), "disgust": []}
    of = video_of.tolist()
    return replace(
        record,
        protocol=record.protocol.replace(f"|{videos}x{videos}|", f"|{n}x{videos}|positives:own|"),
        queries={"videos": record.queries["videos"], "captions": captions, "video_of": of},
        subsets=subsets,
        ranks=ranks,
        top=np.argsort(-scores, axis=1, kind="stable")[:, :10].tolist(),
        metrics=summarize(ranks, subsets, captions, video_of=of),
    )


def better_at_a_cost() -> tuple[Record, Record, Record]:
    """plain, b and c: b scores each own clip above its twin and loses the recall that plain and c have."""
    plain, other, third = (
        make_record(60, variant=name, strength=strength, question=("twins",))
        for name, strength in (("plain", 6.0), ("b", 0.0), ("c", 6.0))
    )
    pairs = {query: query ^ 1 for query in range(60)}
    wins = dict.fromkeys(range(60), 1.0)
    half = {**wins, **dict.fromkeys(range(0, 60, 2), 0.0)}
    plain, third = (replace(one, twins=pairs, twin_wins=half) for one in (plain, third))
    return plain, replace(other, twins=pairs, twin_wins=wins), third
