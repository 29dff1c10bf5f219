"""Where a run's settings come from: the command line, then --config FILE, then what a model of Hugging Face says of
itself, then the dataset's card, then defaults.

`--init tiny` brings the settings that its weights were made for, where none of the first four says otherwise.
"""

from collections.abc import Sequence
from pathlib import Path

from cyclopts import App, ArgumentCollection, CycloptsError, Token
from cyclopts.config import Dict

from bench.config import FOR_TINY, RunConfig, TrainConfig, as_json, flat
from bench.errors import UsageError
from bench.model.model_names import hf_source
from bench.utils.files import load_yaml
from bench.utils.names import did_you_mean
from bench.utils.plugins import load_plugin
from bench.utils.text_yaml import TextLoader


def fill_in(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """What the command line leaves open comes from --config FILE, from the model, or from the dataset's card."""
    from bench.data import cards, importers

    if commands[:1] not in (("run",), ("doctor",)):
        return

    def every(name: str) -> list[str]:
        tokens = next((argument.tokens for argument in arguments if name in argument.names), [])
        return [token.value for token in tokens]

    def given(name: str) -> str | None:
        return next(iter(every(name)), None)

    def replace(name: str, value: str) -> None:
        tokens = next(argument.tokens for argument in arguments if name in argument.names)
        tokens[:] = [Token(keyword=name, value=value, source=tokens[0].source)]

    def fill(settings: dict, source: str) -> None:
        _check_names(settings, source)
        nameless = App()  # the real one has commands called as settings are, and would pass over those
        Dict(settings, source=source, use_commands_as_keys=False)(nameless, (), arguments)

    sections = [f"--{name}" for name, default in as_json(RunConfig()).items() if isinstance(default, dict)]
    sizes = next((argument.tokens for argument in arguments if "--model.size" in argument.names), [])
    for argument in arguments:
        if argument.names == ("--model",):  # the section; of its settings one has that name for short
            sizes += [token for token in argument.tokens if not token.keys]
            argument.tokens[:] = [token for token in argument.tokens if token.keys]
        name = argument.names[0]
        if name in sections and any(not token.keys for token in argument.tokens):  # the parser would drop the section
            raise UsageError(f"{name} is a group of settings: write {name}.NAME VALUE.")
    if file := given("--config"):
        fill(read_yaml(Path(file)), file)
    dataset, root = given("--dataset"), given("--root")
    unknown = commands == ("doctor",) and root and not dataset
    if unknown or (dataset or RunConfig.dataset) not in cards.names():  # it may come with a plugin
        for plugin in every("--plugin"):
            load_plugin(Path(plugin))
    if unknown:
        dataset = importers.recognise(Path(str(root)))
        fill({"dataset": dataset}, "--root")
    if dataset and importers.is_folder(dataset):
        name, place = importers.named(dataset, Path(root) if root else None)
        replace("--dataset", name)
        fill({"root": str(place)}, "--dataset")
        dataset, root = name, str(place)
    card = cards.load_card(dataset or RunConfig.dataset, Path(root) if root else None)
    model = given("--model.size") or card.recipe.get("model", {}).get("size", "")
    if (source := hf_source(model)) is not None:
        from bench.model.hugging_face import settings_of_model

        fill(settings_of_model(source), model)
        if model != card.recipe.get("model", {}).get("size"):  # its rate is for a model that starts near nothing
            fill({"train": {"lr": TrainConfig.lr}}, model)
    fill(card.recipe, f"the card of {card.name}")
    if given("--init") == "tiny":
        fill(FOR_TINY, "--init tiny")


def parse(words: Sequence[str]) -> RunConfig:
    """The config that `bench run` with these words would have. UsageError where they are off."""
    try:
        _, bound, _ = _reader.parse_args(["run", *words], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise UsageError(str(error).strip().splitlines()[0]) from None
    config: RunConfig = bound.arguments.get("config", RunConfig())
    return config


_reader = App(config=[fill_in])


@_reader.command(name="run")
def _run(*, config: RunConfig = RunConfig()) -> None:  # noqa: B008, it is frozen
    """Nothing: it is here to be parsed."""


def _check_names(settings: dict, source: str) -> None:
    """UsageError for a name that is no setting of a run: a file must not name plugins, which are code, nor outputs."""
    known = flat(as_json(RunConfig()))
    for name in flat(settings):
        setting = str(name).replace("-", "_")
        if setting not in known and not setting.startswith("hp."):
            raise UsageError(f"{source}: '{name}' is no setting of a run.{did_you_mean(setting, known)}")


def read_yaml(path: Path) -> dict:
    """The settings in a --config file, every value as text."""
    content = load_yaml(path, TextLoader)  # every value as text, as the command line has it
    if not isinstance(content, dict):
        raise UsageError(f"{path} holds no settings. It takes lines such as `variant: additive_text`.")
    for name, default in as_json(RunConfig()).items():
        if isinstance(default, dict) and not isinstance(content.get(name, default), dict):
            raise UsageError(f"{path}: {name} is a group of settings, one a line below it, not {content[name]!r}.")
    return content
