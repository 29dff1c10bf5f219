"""One run from its config to its record: open the data, build the variant, train, score, write."""

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from safetensors.torch import save_file
from tokenizers import Tokenizer

from bench.config import RunConfig, as_json, identity, without_controls
from bench.data import importers
from bench.data.cards import Card, load_card
from bench.data.faces import Faces
from bench.data.loading import FACES, Data, open_data, open_faces
from bench.data.tokenizer import caption_tokenizer, clip_tokenizer
from bench.emotions.sources import SOURCES, source_versions
from bench.engine.environment import environment
from bench.engine.evaluate import Ranks, Scores, best_clips, evaluate
from bench.engine.rescoring import rescore
from bench.engine.scoring import BY_DSL, encode_bank, make_collator, make_samples, points_after_dsl, scorer
from bench.engine.train import Progress, Validation, load_best, make_accelerator, precision, remove_checkpoints, train
from bench.errors import BenchError, UsageError
from bench.metrics.ranking import summarize
from bench.model.checkpoints import FETCH, Loaded, initialize, read_tokenizer, run_weights, save_weights
from bench.model.clip_vip import model_name, towers
from bench.model.registry import get, parse_hyperparameters, source_digest
from bench.model.variant import Variant
from bench.records import store
from bench.records.check import TOP
from bench.records.protocol import protocol_signature
from bench.records.record import Record
from bench.utils.files import replacing, sha256


@dataclass(frozen=True)
class Outcome:
    """A run's record, where it lies, and whether it was there already."""

    record: Record
    path: Path
    was_done: bool


def run(config: RunConfig, folder: Path) -> Outcome | None:
    """Trains and scores a variant, or finds that this was done; the record goes under the results `folder`.

    A run that was interrupted goes on from its last checkpoint. In a multi-process run only the main process gets an
    Outcome.
    """
    config, card = complete(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UsageError(f"--results {folder} cannot be written ({error.strerror}). Name a folder of yours.") from None
    accelerator = make_accelerator(config.train)
    outcome = ensure(config, card, folder, accelerator)
    accelerator.end_training()
    return outcome if accelerator.is_main_process else None


def ensure(config: RunConfig, card: Card, folder: Path, accelerator: Accelerator) -> Outcome:
    """The record of a completed config: found, or made. A control of the evaluation first ensures the true run."""
    name = run_name(config)
    path = store.record_path(folder, config.dataset, config.split, config.variant, name)
    accelerator.wait_for_everyone()
    was_done = path.is_file()
    accelerator.wait_for_everyone()  # all have looked before one writes
    if not was_done:
        if config.emotions == "true":
            record = train_and_score(config, card, name, path.with_suffix(""), folder, accelerator)
        else:
            true = ensure(replace(config, emotions="true"), card, folder, accelerator)
            record = score_again(config, card, name, true, folder, accelerator)
        if accelerator.is_main_process:
            assert record is not None
            store.save(record, folder)
            remove_checkpoints(path.with_suffix(""))
    accelerator.wait_for_everyone()
    record = store.load(path)
    if was_done:
        _same_faces(config, record, path)
    return Outcome(record, path, was_done)


def _same_faces(config: RunConfig, record: Record, path: Path) -> None:
    """Stops where the folder's facial expressions are others by now: the id tells apart only files that are named."""
    now = config.root / FACES if config.root and not config.faces.file else None
    if record.faces and now and now.is_file() and sha256(now) != record.faces["sha256"]:
        raise BenchError(
            f"{path} was made with other faces ({record.faces['source']}) than {now} holds. Remove that record, or "
            f"name the file, and there will be two: --faces.file {now}"
        )


def run_name(config: RunConfig) -> str:
    """The id of a completed config's run; it changes with every setting that matters and with the variant's code."""
    content = {**identity(config), "source": source_digest(config.variant)}
    emotions = SOURCES.get(config.emotion_source)
    if "emotion_source" in content:
        content["emotion_source"] = [emotions.name, emotions.version]
    if not get(config.variant).text_needs:
        content.pop("emotion_source", None)
    if not get(config.variant).video_needs:
        content.pop("faces.pooling", None)
    elif config.faces.file and config.faces.file.is_file():
        content["faces.sha256"] = sha256(config.faces.file)
    return store.run_id(config.variant, config.seed, content)


def train_and_score(
    config: RunConfig, card: Card, name: str, work: Path, folder: Path, accelerator: Accelerator
) -> Record | None:
    """The run itself, with its checkpoints, weights and features in `work`. Only the main process gets the record."""
    timings = {}
    clock = time.monotonic()
    with accelerator.main_process_first():  # one process renders or looks; the others find it done
        dataset = importers.ensure(config.dataset, config.root)
        data = open_data(config, card, dataset)
    variant, loaded, tokenizer = make_variant(config, data, folder)
    _say(accelerator, str(loaded))
    faces = open_faces(config, dataset, data) if variant.video_needs else None
    told = "constant" if config.matched_parameters else config.train.emotions
    samples = make_samples(config, data.train, data, faces, told)
    collate = make_collator(config, variant, tokenizer, [data.train, data.validation], told)
    score = scorer(config, variant, tokenizer, data, faces, accelerator)
    validation = None
    if config.train.select == "test":
        validation = Validation("test", lambda: points_after_dsl(score()), BY_DSL)
    elif data.validation:
        held_out = make_samples(config, data.validation, data, faces, told)
        held_out_points = lambda: evaluate(variant, held_out, collate, config, accelerator).points()  # noqa: E731
        validation = Validation("val", held_out_points, "T2V R@1" if config.train.select == "val" else None)
    timings["data"] = time.monotonic() - clock

    origin = {**checksums(data), "init": loaded.source}
    if faces:
        origin["faces"] = faces.sha256
    now = train(variant, config, samples, collate, validation, accelerator, work, origin)
    timings["train"] = now.seconds

    clock = time.monotonic()
    honest: dict[str, Any] = {}
    if config.train.select == "test":  # what the last step would have given, for the optimism to be a number
        honest = {"rule": "last", "step": now.step, "ranks": as_lists(score().ranks)}
    if config.train.select != "last":
        load_best(variant, work)
    scores = score()
    post = rescore(scores, encode_bank(config, variant, tokenizer, data, accelerator))
    timings["evaluate"] = time.monotonic() - clock
    if not accelerator.is_main_process:
        return None
    record = make_record(name, config, data, faces, variant, loaded, accelerator, now, honest, scores, post, timings)
    save_weights(variant, tokenizer, work / "model.safetensors")
    features = {"text": scores.matrix.text.cpu().contiguous(), "video": scores.matrix.video.cpu().contiguous()}
    with replacing(work / "features.safetensors") as temporary:
        save_file(features, temporary)
    return record


def score_again(
    config: RunConfig, card: Card, name: str, true: Outcome, folder: Path, accelerator: Accelerator
) -> Record | None:
    """Scores the weights of the run with true emotions under another control: its record but for what that changes."""
    clock = time.monotonic()
    with accelerator.main_process_first():
        dataset = importers.ensure(config.dataset, config.root)
        data = open_data(config, card, dataset)
    weights = true.path.with_suffix("") / "model.safetensors"
    if not weights.is_file():
        raise BenchError(
            f"{weights} is gone, and the control needs it. "
            f"Remove {true.path}, and its other controls, to train that run again."
        )
    variant, _, tokenizer = make_variant(replace(config, init=f"run:{true.record.run}"), data, folder)
    faces = open_faces(config, dataset, data) if variant.video_needs else None
    now = {**checksums(data), "faces": faces.sha256 if faces else None}
    if now != {**true.record.checksums, "faces": true.record.faces.get("sha256")}:
        raise BenchError(f"the data changed since {true.path} was written. Put it back, or remove that record.")
    variant.to(accelerator.device)
    timings = {"data": time.monotonic() - clock}
    clock = time.monotonic()
    scores = scorer(config, variant, tokenizer, data, faces, accelerator)()
    post = rescore(scores, encode_bank(config, variant, tokenizer, data, accelerator))
    timings["evaluate"] = time.monotonic() - clock
    if not accelerator.is_main_process:
        return None
    return replace(
        true.record,
        run=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        config=as_json(config),
        controls=controls(config),
        lexicons=source_versions(config.emotion_source),
        timings={part: round(seconds, 2) for part, seconds in timings.items()},
        last_step={},
        probe={},
        **made_with(config, accelerator),
        **outcome_of(scores, post, data),
    )


def complete(config: RunConfig) -> tuple[RunConfig, Card]:
    """The config with the card's own splits and all hyperparameters filled in; unknown names are UsageErrors."""
    card = load_card(config.dataset)
    get(config.variant)
    hyperparameters = parse_hyperparameters(config.variant, config.hp)
    if not config.init:
        raise UsageError(f"{config.dataset} needs a start: --init random, or fetch {FETCH}")
    split, test = config.split or card.train, config.test or card.test
    return replace(config, split=split, test=test, hp={k: str(v) for k, v in hyperparameters.items()}), card


def make_variant(config: RunConfig, data: Data, folder: Path) -> tuple[Variant, Loaded, Tokenizer]:
    """The variant with its first weights, drawn with the run's seed where they are new, and its tokenizer."""
    tokenizer = make_tokenizer(config, data, folder)
    set_seed(config.seed)
    variant, loaded = initialize(
        config.variant,
        config.hp,
        init=config.init,
        size=config.model.size,
        frames=config.video.frames,
        vocabulary=tokenizer.get_vocab_size(),
        results=folder,
    )
    if config.matched_parameters and not variant.added_parameters:
        raise UsageError(f"{config.variant} adds no parameters to match: leave out --matched-parameters.")
    text, vision = towers(variant.backbone.config)
    if config.model.tokens > text.max_position_embeddings:
        raise UsageError(
            f"--model.tokens {config.model.tokens}: the text tower has {text.max_position_embeddings} places."
        )
    if tokenizer.get_vocab_size() > text.vocab_size:
        raise UsageError(
            f"the tokenizer has {tokenizer.get_vocab_size()} tokens, the text tower {text.vocab_size}. "
            "Give --model.tokenizer the one that the weights were trained with."
        )
    if config.video.size != vision.image_size:
        raise UsageError(f"--video.size {config.video.size}: the vision tower takes {vision.image_size} pixels.")
    return variant, loaded, tokenizer


def make_tokenizer(config: RunConfig, data: Data, folder: Path) -> Tokenizer:
    """CLIP's, or a former run's own, or one built from the training captions."""
    if config.model.tokenizer != "captions":
        return clip_tokenizer(config.model.tokenizer)
    if config.init.startswith("run:"):
        return read_tokenizer(run_weights(config.init.removeprefix("run:"), folder))
    return caption_tokenizer(caption for clip in data.train.clips for caption in clip.captions)


def checksums(data: Data) -> dict[str, str]:
    """Each split by name with the digest of what was left of it."""
    return {part.split: part.digest for part in (data.train, data.validation, data.test) if part}


def make_record(
    name: str,
    config: RunConfig,
    data: Data,
    faces: Faces | None,
    variant: Variant,
    loaded: Loaded,
    accelerator: Accelerator,
    now: Progress,
    honest: dict[str, Any],
    scores: Scores,
    post: dict[str, Ranks],
    timings: dict[str, float],
) -> Record:
    """Everything a later reader needs to trust, compare or repeat the run."""
    selected = now.step if config.train.select == "last" else now.best["step"]
    return Record(
        run=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        variant=config.variant,
        hyperparameters=parse_hyperparameters(config.variant, config.hp),
        parameters={"total": sum(p.numel() for p in variant.parameters()), "added": variant.added_parameters},
        dataset=config.dataset,
        split=data.train.split,
        test=data.test.split,
        checksums=checksums(data),
        protocol=protocol_signature(
            as_json(config),
            queries=len(data.test.clips),
            videos=len(data.test.clips),
            model=model_name(config.model.size),
            init=loaded.source,
            clips="6fps" if data.videos.compressed else "",
            skipped=data.skipped,
        ),
        config=as_json(config),
        seed=config.seed,
        controls=controls(config),
        faces={"source": faces.source, "sha256": faces.sha256, "pooling": config.faces.pooling} if faces else {},
        **made_with(config, accelerator),
        lexicons=source_versions(config.emotion_source),
        timings={part: round(seconds, 2) for part, seconds in timings.items()},
        curve=now.curve,
        selection={"rule": config.train.select, "step": int(selected)},
        last_step=honest,
        probe={},
        **outcome_of(scores, post, data),
    )


def controls(config: RunConfig) -> dict[str, Any]:
    """What the variant was told of emotion, and the id of the run in which it was told the truth."""
    return {
        "emotions": config.emotions,
        "train_emotions": config.train.emotions,
        "matched_parameters": config.matched_parameters,
        "true_run": run_name(without_controls(config)),
    }


def made_with(config: RunConfig, accelerator: Accelerator) -> dict[str, Any]:
    """Code, libraries and hardware of a record."""
    gpu = accelerator.device.type == "cuda"
    found = environment([torch.cuda.get_device_name()] * accelerator.num_processes if gpu else [])
    found["code"]["variant"] = source_digest(config.variant)
    found["hardware"] |= {"processes": accelerator.num_processes, "precision": precision(accelerator)}
    return found


def outcome_of(scores: Scores, post: dict[str, Ranks], data: Data) -> dict[str, Any]:
    """The queries of a record, their ranks, and what follows from them."""
    ranks = as_lists(scores.ranks)
    subsets = {subset: list(members) for subset, members in data.test.subsets.items()}
    videos, captions = [clip.video for clip in data.test.clips], [clip.captions[0] for clip in data.test.clips]
    return {
        "queries": {"videos": videos, "captions": captions},
        "subsets": subsets,
        "twins": dict(data.test.twins),
        "twin_wins": scores.twin_wins,
        "ranks": ranks,
        "top": best_clips(scores.matrix, TOP).tolist(),
        "post": {name: as_lists(after) for name, after in post.items()},
        "metrics": summarize(ranks, subsets, captions, scores.twin_wins),
    }


def as_lists(ranks: Ranks) -> dict[str, dict[str, list[int]]]:
    """Ranks as plain JSON."""
    return {way: {kind: values.tolist() for kind, values in counts.items()} for way, counts in ranks.items()}


def _say(accelerator: Accelerator, line: str) -> None:
    if accelerator.is_main_process:
        print(line, file=sys.stderr)
