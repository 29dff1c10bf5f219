"""What there is to choose from: variants, datasets, emotion sources, face and search backends, metrics, figures."""

from bench.commands import (
    RESULTS,
    Exclude,
    Flag,
    Only,
    Plugins,
    Results,
    answers,
    lists,
    load_plugins,
    next_steps,
    source_render,
)
from bench.commands.help_pages import examples


@lists.command(help_epilogue=examples("bench list variants --plugin mine.py"))
def variants(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The variants: mechanism, hyperparameters with their defaults, and what each needs."""
    from bench.model import variant_registry

    load_plugins(plugin)
    added = variant_registry.added_at_b32()
    print("\n".join(answers.variant(entry, added[name]) for name, entry in variant_registry.entries().items()))
    next_steps("bench run --variant NAME", "bench check-variant NAME")


@lists.command(help_epilogue=examples("bench list datasets"))
def datasets(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The datasets and their splits."""
    from bench.data import cards

    load_plugins(plugin)
    print("\n".join(answers.dataset(cards.load_card(name)) for name in cards.names()))
    next_steps("bench data prepare NAME", "bench run --dataset NAME")


@lists.command(help_epilogue=examples("bench list models"))
def models() -> None:
    """The models that `bench run --model` takes: what each is, what it needs and where it comes from."""
    from bench.model.model_names import MODELS

    print(answers.named(MODELS))
    next_steps("bench run --model MODEL")


@lists.command(help_epilogue=examples("bench list emotion-sources"))
def emotion_sources(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The sources of a caption's emotions (`bench run --emotion-source NAME`): what each needs, and its origin."""
    from bench.emotions.sources import SOURCES

    load_plugins(plugin)
    print("\n".join(source_render.described(source) for _, source in SOURCES.items()))
    next_steps("bench run --emotion-source NAME", "bench emotions TEXT --source NAME")


@lists.command(help_epilogue=examples("bench list face-backends"))
def face_backends(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The face detectors (`bench faces --backend NAME`), and the settings of each."""
    from bench.face_detection import FACE_BACKENDS, settings_of

    load_plugins(plugin)
    print(answers.backends(dict(FACE_BACKENDS.items()), settings_of))
    next_steps("bench faces --backend NAME --videos DIR")


@lists.command(help_epilogue=examples("bench list metrics"))
def metrics(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The metrics and what they mean."""
    from bench.metrics.counterfactual import COUNTERFACTUAL_METRICS
    from bench.metrics.emotion import EMOTION_METRICS
    from bench.metrics.ranking import meanings

    load_plugins(plugin)
    print(answers.named({**meanings(), **EMOTION_METRICS, **COUNTERFACTUAL_METRICS}))
    next_steps("bench compare", "bench probe RUN")


@lists.command(help_epilogue=examples("bench list figures"))
def figures(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The figures of the report, in the order of its page."""
    from bench.report.figures import in_order

    load_plugins(plugin)
    print(answers.named({kind.name: kind.summary for kind in in_order()}))
    next_steps("bench report")


@lists.command(help_epilogue=examples("bench list search-backends"))
def search_backends(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The backends that search an index: `bench search QUERY --backend NAME`."""
    from bench.search.backends import SEARCH_BACKENDS

    load_plugins(plugin)
    print(answers.named({name: (made.__doc__ or "").partition("\n\n")[0] for name, made in SEARCH_BACKENDS.items()}))
    next_steps("bench search TEXT --videos DIR --backend NAME")


@lists.command(help_epilogue=examples("bench list runs", "bench list runs --only film_text --full"))
def runs(
    *,
    full: Flag = False,
    only: Only = [],  # noqa: B006
    exclude: Exclude = [],  # noqa: B006
    dataset: str | None = None,
    plugin: Plugins = [],  # noqa: B006
    results: Results = RESULTS,
) -> None:
    """The runs that were made, one a line, the newest first.

    Parameters
    ----------
    full
        All of them, not the newest twenty.
    dataset
        Only runs on this dataset.
    """
    from bench.compare.one_run import listed
    from bench.compare.selection import select
    from bench.records.store import load_records

    load_plugins(plugin)
    print(listed(select(load_records(results), dataset=dataset or "", only=only, exclude=exclude), full))
    next_steps("bench show RUN", "bench compare", results=results)
