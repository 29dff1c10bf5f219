"""What commands print of their results; tables of runs are in `bench.compare`."""

import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bench.utils.terminal import not_read, printable
from bench.utils.text import WIDTH, counted, wrapped

if TYPE_CHECKING:
    from bench.data.cards import Card
    from bench.data.compress import Summary
    from bench.emotions.scores import CaptionEmotions
    from bench.face_detection.scan import FaceScan
    from bench.model.variant_registry import VariantEntry

NAMED = 20  # clips; of more, only the sums are printed


def variant(entry: "VariantEntry", added: int) -> str:
    """A variant: mechanism, hyperparameters, size, needs."""
    defaults = ", ".join(f"{name}={value}" for name, value in entry.hyperparameters.items())
    lines = [entry.name, *wrapped(entry.summary, 4)]
    lines += wrapped(f"hyperparameters: {defaults}", 4) if defaults else []
    needs = ["emotions of the caption"] * bool(entry.text_needs) + ["faces of the clip"] * bool(entry.video_needs)
    lines += wrapped(
        f"adds {added:,} parameters at b32".replace(",", " ") + (f"; needs {' and '.join(needs)}" if needs else ""), 4
    )
    return "\n".join(lines)


def named(meanings: Mapping[str, str]) -> str:
    """Names and what they mean, in two columns."""
    return "\n".join(_entry(name, meaning, _column(meanings)) for name, meaning in meanings.items())


def _entry(name: str, meaning: str, column: int) -> str:
    """A name and, from a column on, what it means."""
    return textwrap.fill(meaning, WIDTH, initial_indent=f"{name:<{column}}", subsequent_indent=" " * column)


def _column(names: Iterable[str]) -> int:
    return max(map(len, names), default=0) + 2


def backends(kinds: Mapping[str, type], settings: Callable[[str], dict[str, Any]]) -> str:
    """Face backends: what each does and its settings."""
    column = _column(kinds)
    return "\n".join(_backend(name, kind, settings(name), column) for name, kind in kinds.items())


def _backend(name: str, kind: type, settings: dict[str, Any], column: int) -> str:
    summary = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
    flags = [
        f"--{flag}" if value in (None, inspect.Parameter.empty) else f"--{flag} {value}"
        for flag, value in settings.items()
    ]
    return "\n".join([_entry(name, summary, column), *wrapped(f"settings: {', '.join(flags) or 'none'}", column)])


def dataset(card: "Card") -> str:
    """A dataset: what it needs and where that is from, its splits and subsets."""
    lines = [card.name, *wrapped(card.summary, 4)]
    lines += wrapped(f"needs: {card.needs}", 4) if card.needs else []
    lines += wrapped(f"from: {card.source}", 4)
    for name, facts in card.splits.items():
        default = ", default" if name in (card.train, card.test) else ""
        lines.append(f"    {name:<11} {facts['role'] + default:<14} {counted(facts['videos'], 'video', 6)}")
        lines += wrapped(facts["summary"], 16)
    lines += wrapped(f"subsets: {', '.join(card.subsets)}", 4) if card.subsets else []
    recipe = ", ".join(f"{name}={value}" for name, value in _flat(card.recipe))
    lines += wrapped(f"its own defaults: {recipe}", 4) if recipe else []
    return "\n".join(lines)


def compressed(summary: "Summary") -> str:
    """How many copies were made, and what is wrong with the rest."""
    lines = [printable(f"{stem}: {why}") for stem, why in summary.broken.items()]
    lines += not_read([str(path) for path in summary.left_out])
    counts = f"{summary.done} done, {summary.skipped} done before, {len(summary.broken)} broken"
    if summary.old:
        lines.append(f"{summary.old} has copies of an older version, which are no longer read. Remove them.")
    return "\n".join([*lines, counts, str(summary.out)])


def faces(summary: "FaceScan") -> str:
    """Where faces were seen, clip by clip where they are few, and what is wrong with the broken ones."""
    lines = []
    if len(summary.seen) <= NAMED:
        names = {printable(clip): seen for clip, seen in summary.seen.items()}
        width = max(map(len, names), default=0)
        for clip, seen in names.items():
            top = f"  {seen.expression:<8} {seen.score:.2f}" if seen.expression else ""
            lines.append(f"{clip:<{width}}  face in {seen.with_face:>2} of {seen.looked_at:>2}{top}")
    lines += [printable(f"{clip}: {why}") for clip, why in summary.broken.items()]
    lines += not_read([str(path) for path in summary.left_out])
    looked_at = sum(seen.looked_at for seen in summary.seen.values())
    with_face = sum(seen.with_face for seen in summary.seen.values())
    lines.append(
        f"{len(summary.seen)} clips, {looked_at} frames, {with_face} with a face, {summary.faces} faces, "
        f"{len(summary.broken)} broken"
    )
    lines += wrapped(summary.source)
    lines += ["done before; remove it to make it again"] if summary.was_done else []
    return "\n".join([*lines, str(summary.out)])


def explanation(result: "CaptionEmotions") -> str:
    """A text's emotions and the words that did it."""

    words = [f"    {word}: {', '.join(affects)}" for word, affects in result.words.items()]
    valences = ", ".join(f"{word} {weight:+.1f}" for word, weight in result.valences.items())
    compound = f"VADER {result.compound:+.4f}" + (f" ({valences})" if valences else "")
    pattern = f"pattern: {', '.join(result.matches)}" if result.matches else "pattern: nothing"
    lines = [
        result.text,
        *scores(result.scores),
        *scores(result.polarity),
        f"  {'emotional' if result.emotional else 'not emotional'}: {compound}; {pattern}",
        "  NRC words:" if words else "  no NRC word",
        *words,
    ]
    if result.unknown:
        lines += wrapped(f"not in the NRC lexicon: {', '.join(map(printable, result.unknown))}", 4, first="  ")
    return "\n".join(map(printable, lines))


def scores(counts: Mapping[str, float]) -> list[str]:
    """Emotions with their scores; a line ends between two of them only."""
    pairs = (f"{name}\N{NO-BREAK SPACE}{score:.4g}" for name, score in counts.items())
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in wrapped("  ".join(pairs), 2)]


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in settings.items():
        yield from _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
