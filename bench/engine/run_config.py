"""A run's config made whole, and what follows from it alone: the run's id and its controls."""

from dataclasses import replace
from typing import Any

from bench.config import RunConfig, identity, without_controls
from bench.data.cards import NO_SPLIT, Card, check_knows_moods, check_split, load_card, training_split
from bench.data.controls import ORACLE
from bench.data.own_folder import check_fresh
from bench.emotions.sources import SourceOptions, check_options, find_source
from bench.errors import UsageError
from bench.model.checkpoints import FETCH
from bench.model.hugging_face import folder_digest
from bench.model.model_names import HF, hf_source
from bench.model.variant_registry import check_fits, get, parse_hyperparameters, source_digest
from bench.records import store
from bench.utils.files import sha256


def complete(config: RunConfig) -> tuple[RunConfig, Card]:
    """The config with the card's own splits and all hyperparameters filled in; unknown names are UsageErrors."""
    card = load_card(config.dataset, config.root)
    get(config.variant)
    check_fits(config.variant, config.model.size)
    options = SourceOptions.of(config)
    find_source(config.emotion_source, options)
    check_options([config.emotion_source], options)
    hyperparameters = parse_hyperparameters(config.variant, config.hp)
    if not config.init:
        raise UsageError(
            f"{config.dataset} needs initial weights: --init random; --model {HF}DIR_OR_NAME, a model of Hugging Face; "
            f"or fetch {FETCH}."
        )
    if card.metadata and config.root:
        check_fresh(card, config.root)
    split = training_split(card, config.split)
    if split == NO_SPLIT and config.train.trains:
        raise UsageError(f"{card.name} has nothing to train on here. Score weights as they are: --train.epochs 0")
    test = check_split(card, config.test or card.test, "test")
    if config.emotions == ORACLE:
        check_knows_moods(card)
    recipe = config.train
    if recipe.batches == "random":
        recipe = replace(recipe, similar=1.0)  # a share of nothing: no other run
    hp = {name: str(value) for name, value in hyperparameters.items()}
    return replace(config, split=split, test=test, hp=hp, train=recipe), card


def run_name(config: RunConfig) -> str:
    """The id of a completed config's run; it changes with every setting that matters and with the variant's code."""
    content = {**identity(config), "source": source_digest(config.variant)}
    if (model := hf_source(config.model.size)) is not None:  # by its content, not by where it lies
        content["model.size"] = HF + folder_digest(model)
        if config.model.tokenizer == model:
            content.pop("model.tokenizer", None)
    if own := load_card(config.dataset, config.root).metadata:  # a table that may be another one by now
        content["splits"] = own["splits"]
    emotions = find_source(config.emotion_source, SourceOptions.of(config))
    if "emotion_source" in content:
        content["emotion_source"] = [emotions.kind, emotions.version]
    if not get(config.variant).text_needs:
        content.pop("emotion_source", None)
    if not get(config.variant).video_needs:
        content.pop("faces.pooling", None)
    elif config.faces.file and config.faces.file.is_file():
        content["faces.sha256"] = sha256(config.faces.file)
    return store.run_id(config.variant, config.seed, content)


def training_control(config: RunConfig) -> str:
    """What the variant is given in place of the true emotions while it trains; "true" if nothing."""
    return "constant" if config.matched_parameters else config.train.emotions


def evaluation_control(config: RunConfig) -> str:
    """The same while it is scored."""
    return "constant" if config.matched_parameters else config.emotions


def controls(config: RunConfig) -> dict[str, Any]:
    """`controls` of a record: which emotions the variant was given, and the id of the run with the true ones."""
    return {
        "emotions": config.emotions,
        "train_emotions": config.train.emotions,
        "matched_parameters": config.matched_parameters,
        "true_run": run_name(without_controls(config)),
    }
