"""What there is to choose from: variants, datasets, emotion sources, face and search backends, metrics, figures."""

from bench.commands import Plugins, answers, load_plugins, show, source_render


@show.command
def variants(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The variants: mechanism, hyperparameters with their defaults, and what each needs."""
    from bench.model import variant_registry

    load_plugins(plugin)
    added = variant_registry.added_at_b32()
    print("\n".join(answers.variant(entry, added[name]) for name, entry in variant_registry.entries().items()))


@show.command
def datasets(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The datasets and their splits."""
    from bench.data import cards

    load_plugins(plugin)
    print("\n".join(answers.dataset(cards.load_card(name)) for name in cards.names()))


@show.command
def models() -> None:
    """What `bench run --model` takes: what each is, what it needs and where it comes from."""
    from bench.model.model_names import MODELS

    print(answers.named(MODELS))


@show.command
def emotion_sources(*, plugin: Plugins = []) -> None:  # noqa: B006
    """What can say which emotions a caption names: `bench run --emotion-source NAME`; needs, and where it is from."""
    from bench.emotions.sources import SOURCES

    load_plugins(plugin)
    print("\n".join(source_render.described(source) for _, source in SOURCES.items()))


@show.command
def face_backends(*, plugin: Plugins = []) -> None:  # noqa: B006
    """What can look for faces, and the settings that each takes: `bench faces --backend NAME`."""
    from bench.face_detection import FACE_BACKENDS, settings_of

    load_plugins(plugin)
    print(answers.backends(dict(FACE_BACKENDS.items()), settings_of))


@show.command
def metrics(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The metrics and what they mean."""
    from bench.metrics.counterfactual import COUNTERFACTUAL_METRICS
    from bench.metrics.emotion import EMOTION_METRICS
    from bench.metrics.ranking import meanings

    load_plugins(plugin)
    print(answers.named({**meanings(), **EMOTION_METRICS, **COUNTERFACTUAL_METRICS}))


@show.command
def figures(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The figures of the report, in the order of its page."""
    from bench.report.figures import in_order

    load_plugins(plugin)
    print(answers.named({kind.name: kind.summary for kind in in_order()}))


@show.command
def search_backends(*, plugin: Plugins = []) -> None:  # noqa: B006
    """What can search an index: `bench search QUERY --backend NAME`."""
    from bench.search.backends import SEARCH_BACKENDS

    load_plugins(plugin)
    print(answers.named({name: (made.__doc__ or "").partition("\n\n")[0] for name, made in SEARCH_BACKENDS.items()}))
