"""What there is to choose from: variants, datasets, metrics."""

import textwrap

from bench.commands import Plugins, load_plugins, render, show


@show.command
def variants(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The variants: mechanism, hyperparameters with their defaults, and what each needs."""
    from bench.model import registry

    load_plugins(plugin)
    added = registry.added_at_b32()
    print("\n".join(render.variant(entry, added[name]) for name, entry in registry.entries().items()))


@show.command
def datasets() -> None:
    """The datasets and their splits."""
    from bench.data import cards

    print("\n".join(render.dataset(cards.load_card(name)) for name in cards.names()))


@show.command
def metrics() -> None:
    """The metrics and what they mean."""
    from bench.metrics.counterfactual import COUNTERFACTUAL_METRICS
    from bench.metrics.emotion import EMOTION_METRICS
    from bench.metrics.ranking import METRICS

    known = {**METRICS, **EMOTION_METRICS, **COUNTERFACTUAL_METRICS}
    print("\n".join(render.metric(name, meaning) for name, meaning in known.items()))


@show.command
def figures(*, plugin: Plugins = []) -> None:  # noqa: B006
    """The figures of the report, in the order of its page."""
    from bench.report.figures import in_order

    load_plugins(plugin)
    for kind in in_order():
        print(textwrap.fill(kind.summary, 80, initial_indent=f"{kind.name:<12} ", subsequent_indent=" " * 13))
