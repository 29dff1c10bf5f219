"""What commands print of their results; tables of runs are in `bench.compare`."""

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bench.utils.terminal import printable

if TYPE_CHECKING:
    from bench.data.cards import Card
    from bench.data.compress import Summary
    from bench.emotions.scores import Explanation
    from bench.face_detection.scan import Summary as FaceSummary
    from bench.model.registry import Entry

WIDTH = 80
NAMED = 20  # clips; of more, only the sums are printed


def variant(entry: "Entry", added: int) -> str:
    """A variant: mechanism, hyperparameters, size, needs."""
    defaults = ", ".join(f"{name}={value}" for name, value in entry.hyperparameters.items())
    lines = [entry.name, *_wrapped(entry.summary)]
    lines += _wrapped(f"hyperparameters: {defaults}") if defaults else []
    needs = ["emotions of the caption"] * bool(entry.text_needs) + ["faces of the clip"] * bool(entry.video_needs)
    lines += _wrapped(
        f"adds {added:,} parameters at b32".replace(",", " ") + (f"; needs {' and '.join(needs)}" if needs else "")
    )
    return "\n".join(lines)


def metric(name: str, meaning: str) -> str:
    """A metric and what it means."""
    return textwrap.fill(meaning, WIDTH, initial_indent=f"{name:<8} ", subsequent_indent=" " * 9)


def dataset(card: "Card") -> str:
    """A dataset: its splits and subsets."""
    lines = [card.name, *_wrapped(card.summary)]
    for name, facts in card.splits.items():
        default = ", default" if name in (card.train, card.test) else ""
        lines.append(f"    {name:<11} {facts['role'] + default:<14} {facts['videos']:>5} videos")
        lines += textwrap.wrap(facts["summary"], WIDTH, initial_indent=" " * 16, subsequent_indent=" " * 16)
    lines += _wrapped(f"subsets: {', '.join(card.subsets)}")
    recipe = ", ".join(f"{name}={value}" for name, value in _flat(card.recipe))
    lines += _wrapped(f"its own defaults: {recipe}") if recipe else []
    return "\n".join(lines)


def compressed(summary: "Summary") -> str:
    """How many copies were made, and what is wrong with the rest."""
    lines = [printable(f"{stem}: {why}") for stem, why in summary.broken.items()]
    counts = f"{summary.done} done, {summary.skipped} done before, {len(summary.broken)} broken"
    return "\n".join([*lines, counts, str(summary.out)])


def faces(summary: "FaceSummary") -> str:
    """Where faces were seen, clip by clip where they are few, and what is wrong with the broken ones."""
    lines = []
    if len(summary.seen) <= NAMED:
        names = {printable(clip): seen for clip, seen in summary.seen.items()}
        width = max(map(len, names), default=0)
        for clip, seen in names.items():
            top = f"  {seen.expression:<8} {seen.score:.2f}" if seen.expression else ""
            lines.append(f"{clip:<{width}}  face in {seen.with_face:>2} of {seen.looked_at:>2}{top}")
    lines += [printable(f"{clip}: {why}") for clip, why in summary.broken.items()]
    looked_at = sum(seen.looked_at for seen in summary.seen.values())
    with_face = sum(seen.with_face for seen in summary.seen.values())
    lines.append(
        f"{len(summary.seen)} clips, {looked_at} frames, {with_face} with a face, {summary.faces} faces, "
        f"{len(summary.broken)} broken"
    )
    lines += textwrap.wrap(summary.source, WIDTH)
    lines += ["done before; remove it to make it again"] if summary.was_done else []
    return "\n".join([*lines, str(summary.out)])


def explanation(result: "Explanation") -> str:
    """A text's emotions and the words that did it."""

    def named(scores: dict[str, int]) -> str:
        return "  ".join(f"{name} {score}" for name, score in scores.items())

    words = [f"    {word}: {', '.join(affects)}" for word, affects in result.words.items()]
    valences = ", ".join(f"{word} {weight:+.1f}" for word, weight in result.valences.items())
    compound = f"VADER {result.compound:+.4f}" + (f" ({valences})" if valences else "")
    pattern = f"pattern: {', '.join(result.matches)}" if result.matches else "pattern: nothing"
    lines = [
        result.text,
        f"  {named(result.scores)}",
        f"  {named(result.polarity)}",
        f"  {'emotional' if result.emotional else 'not emotional'}: {compound}; {pattern}",
        "  NRC words:" if words else "  no NRC word",
        *words,
    ]
    return "\n".join(lines)


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in settings.items():
        yield from _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]


def _wrapped(text: str) -> Iterable[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")
