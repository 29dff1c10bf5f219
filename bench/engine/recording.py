"""The record of a run: everything that a later reader needs to trust, compare or repeat it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import torch
from accelerate import Accelerator

from bench.config import IDENTITY_DEFAULTS, RunConfig, as_json
from bench.data.annotation import Annotation
from bench.data.questions import answerable
from bench.emotions.sources import SourceOptions, find_source, source_versions
from bench.engine.checkpoint import Progress
from bench.engine.environment import environment
from bench.engine.evaluate import Ranks, best_clips
from bench.engine.opening import Opened
from bench.engine.run_config import controls, run_name
from bench.engine.scoring import Evaluation
from bench.engine.train import precision
from bench.metrics.ranking import summarize
from bench.model.clip_vip import model_name
from bench.model.variant import Variant
from bench.model.variant_registry import parse_hyperparameters, source_digest
from bench.records.protocol import EXTERNAL, external_signature, protocol_signature
from bench.records.query_checks import TOP
from bench.records.record import Record

Timings = dict[str, float]  # seconds


def make_record(
    opened: Opened,
    trained: Progress,
    last_step: dict[str, Any],
    evaluation: Evaluation,
    artifacts: dict[str, str],
    timings: Timings,
    accelerator: Accelerator,
) -> Record:
    """The record of a run that was trained here, of whose weights and features `artifacts` holds the digests.

    last_step: what the last step would have given where weights were selected on the test set; otherwise empty.
    """
    config, data, variant, faces = opened.config, opened.data, opened.variant, opened.faces
    made_with = _made_with(config, accelerator)
    if trained.compiled:  # the rest were not: the compiler failed, or the run was resumed near its end
        made_with["hardware"]["compiled"] = f"{trained.compiled} of {trained.step} steps"
    selected = trained.step if config.train.select == "last" else trained.best["step"]
    checksums = {name: digest for name, digest in opened.checksums.items() if name != "faces"}
    return Record(
        run=run_name(config),
        created=_now(),
        variant=config.variant,
        hyperparameters=parse_hyperparameters(config.variant, config.hp),
        parameters={"total": sum(p.numel() for p in variant.parameters()), "added": variant.added_parameters},
        dataset=config.dataset,
        split=data.train.split,
        test=data.test.split,
        checksums=checksums,
        protocol=_protocol(opened),
        config=as_json(config),
        seed=config.seed,
        controls=controls(config),
        faces={"source": faces.source, "sha256": faces.sha256, "pooling": config.faces.pooling} if faces else {},
        **made_with,
        lexicons=source_versions(config.emotion_source, SourceOptions.of(config)),
        timings=_rounded(timings),
        curve=trained.curve,
        selection={"rule": config.train.select, "step": int(selected)},
        last_step=last_step,
        probe={},
        artifacts=artifacts,
        **_outcome(evaluation, opened.data.test, opened.card.question),
    )


def make_control_record(
    true: Record, opened: Opened, evaluation: Evaluation, timings: Timings, accelerator: Accelerator
) -> Record:
    """The record of a control of the evaluation: that of its true run, but for what the control changes."""
    config = opened.config
    return replace(
        true,
        run=run_name(config),
        created=_now(),
        config=as_json(config),
        controls=controls(config),
        lexicons=source_versions(config.emotion_source, SourceOptions.of(config)),
        timings=_rounded(timings),
        last_step={},
        probe={},
        artifacts={name: digest for name, digest in true.artifacts.items() if name == "weights"},
        **_made_with(config, accelerator),
        **_outcome(evaluation, opened.data.test, opened.card.question),
    )


def make_external_record(
    run: str,
    config: dict[str, Any],
    post: str,
    test: Annotation,
    question: Sequence[str],
    evaluation: Evaluation,
    artifacts: dict[str, str],
    timings: Timings,
) -> Record:
    """The record of scores that another program made: of its model and training nothing is known but what is stated.

    config: the settings that are stated, as JSON. post: what was done to the scores. question: the dataset card's.
    """
    made_with: dict[str, Any] = environment()
    made_with["code"]["variant"] = EXTERNAL
    init, _, digest = config["init"].partition(":")
    return Record(
        run=run,
        created=_now(),
        variant=config["variant"],
        hyperparameters={},
        parameters={"total": 0, "added": 0},
        dataset=config["dataset"],
        split=config["split"],
        test=test.split,
        checksums={test.split: test.digest},
        protocol=external_signature(
            config, queries=len(test.queries), videos=len(test.clips), init=f"{init}:{digest[:8]}", post=post
        ),
        config=config,
        seed=config["seed"],
        controls={"emotions": "true", "train_emotions": "true", "matched_parameters": False, "true_run": run},
        faces={},
        **made_with,
        lexicons={},
        timings=_rounded(timings),
        curve=[],
        selection={"rule": "unknown", "step": 0},
        last_step={},
        probe={},
        artifacts=artifacts,
        **_outcome(evaluation, test, question),
    )


def ranks_as_json(ranks: Ranks) -> dict[str, dict[str, list[int]]]:
    """Ranks as plain JSON: t2v, v2t -> greater, equal."""
    return {
        direction: {kind: values.tolist() for kind, values in counts.items()} for direction, counts in ranks.items()
    }


def _protocol(opened: Opened) -> str:
    config, data = opened.config, opened.data
    return protocol_signature(
        as_json(config),
        queries=len(data.test.queries),
        videos=len(data.test.clips),
        model=model_name(config.model.size),
        init=opened.loaded.source,
        clips=data.videos.copies.removeprefix("videos-"),
        skipped=data.skipped,
        emotions=_emotions(config, opened.variant),
    )


def _emotions(config: RunConfig, variant: Variant) -> str:
    """The emotion source in the signature, where the variant reads it and it is not the published one."""
    if not variant.text_needs or config.emotion_source == IDENTITY_DEFAULTS["emotion_source"]:
        return ""
    return find_source(config.emotion_source, SourceOptions.of(config)).signature


def _made_with(config: RunConfig, accelerator: Accelerator) -> dict[str, Any]:
    """`code`, `libraries` and `hardware` of a record."""
    names = {"cuda": torch.cuda.get_device_name, "mps": lambda: "Apple GPU (mps)"}
    kind = accelerator.device.type
    found = environment([names[kind]()] * accelerator.num_processes if kind in names else [])
    found["code"]["variant"] = source_digest(config.variant)
    found["hardware"] |= {"processes": accelerator.num_processes, "precision": precision(accelerator)}
    return found


def _outcome(evaluation: Evaluation, test: Annotation, question: Sequence[str]) -> dict[str, Any]:
    """The queries of a record, their ranks, and what follows from them. question: what the dataset's card asks."""
    scores = evaluation.scores
    ranks = ranks_as_json(scores.ranks)
    subsets = {subset: list(members) for subset, members in test.subsets.items()}
    videos, captions = [clip.video for clip in test.clips], test.queries
    video_of = test.video_of if len(captions) > len(videos) else None
    return {
        "queries": {"videos": videos, "captions": captions} | ({"video_of": video_of} if video_of else {}),
        "subsets": subsets,
        "twins": dict(test.twins),
        "question": answerable(question, subsets, test.twins),
        "twin_wins": scores.twin_wins,
        "ranks": ranks,
        "top": best_clips(scores.matrix, TOP).tolist(),
        "post": {name: ranks_as_json(after) for name, after in evaluation.post.items()},
        "metrics": summarize(ranks, subsets, captions, scores.twin_wins, video_of),
    }


def _rounded(timings: Timings) -> Timings:
    return {part: round(seconds, 2) for part, seconds in timings.items()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
