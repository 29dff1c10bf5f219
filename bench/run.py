"""One run from its config to its record: open the data, build the variant, train, score, write."""

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from safetensors.torch import save_file
from tokenizers import Tokenizer

from . import results
from .clip_vip import model_name, towers
from .config import RunConfig, as_json, identity
from .data import importers
from .data.cards import Card, load_card
from .data.loading import Collator, Data, Samples, joined, open_data
from .emotions import lexicon_versions
from .environment import environment
from .errors import UsageError
from .evaluate import Scores, evaluate, twin_wins
from .files import replacing
from .registry import get, parse_hyperparameters, source_digest
from .results import Record
from .stats import summarize
from .tokenizer import caption_tokenizer, clip_tokenizer
from .train import Progress, load_best, make_accelerator, precision, remove_checkpoints, train
from .variant import Variant
from .weights import FETCH, Loaded, initialize, read_tokenizer, run_weights, save_weights


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
    name = run_name(config)
    path = results.record_path(folder, config.dataset, config.split, config.variant, name)
    accelerator = make_accelerator(config.train)
    outcome = Outcome(results.load(path), path, was_done=True) if path.is_file() else None
    if outcome is None:
        record = train_and_score(config, card, name, path.with_suffix(""), folder, accelerator)
        if record:
            outcome = Outcome(record, results.save(record, folder), was_done=False)
            remove_checkpoints(path.with_suffix(""))
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return outcome if accelerator.is_main_process else None


def run_name(config: RunConfig) -> str:
    """The id of a completed config's run; it changes with every setting that matters and with the variant's file."""
    content = {**identity(config), "source": source_digest(config.variant)}
    return results.run_id(config.variant, config.seed, content)


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
    samples = Samples(data.train, data.videos, config)
    validation = Samples(data.validation, data.videos, config) if data.validation else None
    collate = make_collator(config, variant, tokenizer, data)
    timings["data"] = time.monotonic() - clock

    origin = {**checksums(data), "init": loaded.source}
    now = train(variant, config, samples, validation, collate, accelerator, work, origin)
    if config.train.select == "val":
        load_best(variant, work)
    timings["train"] = now.seconds

    clock = time.monotonic()
    scores = evaluate(variant, Samples(data.test, data.videos, config), collate, config, accelerator)
    timings["evaluate"] = time.monotonic() - clock
    if not accelerator.is_main_process:
        return None
    record = make_record(name, config, data, variant, loaded, accelerator, now, scores, timings)
    save_weights(variant, tokenizer, work / "model.safetensors")
    with replacing(work / "features.safetensors") as temporary:
        save_file({"text": scores.text.contiguous(), "video": scores.video.contiguous()}, temporary)
    return record


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


def make_collator(config: RunConfig, variant: Variant, tokenizer: Tokenizer, data: Data) -> Collator:
    """Knows every caption that may come, so that emotions are scored once and only if the variant asks."""
    parts = [part for part in (data.train, data.validation, data.test) if part]
    texts = [caption for part in parts for clip in part.clips for caption in clip.captions]
    if config.captions == "joined":
        texts += [joined(clip) for clip in data.train.clips]
    return Collator(tokenizer, config.model.tokens, variant.text_needs, list(dict.fromkeys(texts)))


def checksums(data: Data) -> dict[str, str]:
    """Each split by name with the digest of what was left of it."""
    return {part.split: part.digest for part in (data.train, data.validation, data.test) if part}


def make_record(
    name: str,
    config: RunConfig,
    data: Data,
    variant: Variant,
    loaded: Loaded,
    accelerator: Accelerator,
    now: Progress,
    scores: Scores,
    timings: dict[str, float],
) -> Record:
    """Everything a later reader needs to trust, compare or repeat the run."""
    ranks = {way: {kind: values.tolist() for kind, values in counts.items()} for way, counts in scores.ranks.items()}
    subsets = {subset: list(members) for subset, members in data.test.subsets.items()}
    wins = twin_wins(scores.similarity, data.test.twins)
    selected = now.best["step"] if config.train.select == "val" else now.step
    gpu = accelerator.device.type == "cuda"
    made_with = environment([torch.cuda.get_device_name()] * accelerator.num_processes if gpu else [])
    made_with["code"]["variant"] = source_digest(config.variant)
    made_with["hardware"] |= {"processes": accelerator.num_processes, "precision": precision(accelerator)}
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
        protocol=results.protocol_signature(
            dataset=config.dataset,
            test=data.test.split,
            train=data.train.split,
            queries=len(data.test.clips),
            videos=len(data.test.clips),
            frames=config.video.frames,
            resolution=config.video.size,
            model=model_name(config.model.size),
            init=loaded.source,
            captions=config.captions,
            checkpoint=config.train.select,
            seed=config.seed,
            holdout=config.train.holdout,
            clips="6fps" if data.videos.compressed else "",
            skipped=data.skipped,
        ),
        config=as_json(config),
        seed=config.seed,
        **made_with,
        lexicons=lexicon_versions(),
        timings={part: round(seconds, 2) for part, seconds in timings.items()},
        curve=now.curve,
        selection={"rule": config.train.select, "step": int(selected)},
        queries={
            "videos": [clip.video for clip in data.test.clips],
            "captions": [clip.captions[0] for clip in data.test.clips],
        },
        subsets=subsets,
        twins=dict(data.test.twins),
        twin_wins=wins,
        ranks=ranks,
        metrics=summarize(ranks, subsets, wins),
    )


def _say(accelerator: Accelerator, line: str) -> None:
    if accelerator.is_main_process:
        print(line, file=sys.stderr)
