"""What commands print of emotion sources: what each needs, what one says of a caption, how far two of them agree."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench.commands.answers import scores
from bench.utils.terminal import printable
from bench.utils.text import counted, wrapped

if TYPE_CHECKING:
    from bench.emotions.sources import EmotionSource, SourceKind
    from bench.metrics.source_agreement import SourceAgreement

SHOWN = 5  # captions of which two sources differ


def described(source: "EmotionSource | SourceKind") -> str:
    """A source: its name, what it says, what it needs and where it comes from."""
    argument = getattr(source, "argument", "")
    lines = [f"{source.name}:{argument}" if argument else source.name, *wrapped(source.summary, 4)]
    lines += wrapped(f"needs {source.needs}", 4) if source.needs else []
    lines += wrapped(f"from {source.origin}" if argument else source.origin, 4) if source.origin else []
    return "\n".join(lines)


def scored(text: str, found: Mapping[str, float], threshold: float, unknown: list[str]) -> str:
    """A caption's scores by a source, which emotions are named by them, and the words that it does not know."""
    named = [emotion for emotion, score in found.items() if score > threshold]
    lines = [text, *scores(found)]
    lines += wrapped(f"named, above {threshold:g}: {', '.join(named) or 'none'}", 4, first="  ") if threshold else []
    lines += wrapped(f"not known: {', '.join(unknown)}", 4, first="  ") if unknown else []
    return "\n".join(map(printable, lines))


def compared(found: "SourceAgreement") -> str:
    """Prevalence and agreement of each emotion as a table, and the captions of which two sources differ most."""
    from bench.compare.numbers import estimate
    from bench.utils.tables import Table, terminal

    (source, version), (against, version_against) = found.source, found.against
    rows: list[list[str] | str] = [
        [
            one.emotion,
            f"{one.prevalence.value:.1f}",
            f"{one.prevalence_against.value:.1f}",
            estimate(one.kappa, 2),
            str(one.differing),
        ]
        for one in found.emotions
    ]
    note = (
        f"{found.captions} captions. a: {source} ({_short(version)}). b: {against} ({_short(version_against)}). "
        "a, b: share of captions that name the emotion, in %. kappa: Cohen's, with its 95 % interval; 1 is full "
        "agreement, 0 what chance gives. differ: captions for which only one names it."
    )
    below = []
    if any(one.kappa.value is None for one in found.emotions):
        below.append("–: fewer than 20 captions, or a source that names it for all or for none.")
    table = terminal(Table(["emotion", "a", "b", "kappa", "differ"], rows, below), "", note).strip("\n")
    count = len(found.differences)
    most = ", most on these" if count > SHOWN else ""
    lines = [f"They differ on {counted(count, 'caption')}{most}:"] if count else []
    for one in found.differences[:SHOWN]:
        lines += wrapped(printable(one.caption), 2)
        lines += wrapped(f"a: {', '.join(one.named) or 'none'}; b: {', '.join(one.named_against) or 'none'}", 6)
    return "\n".join([table, "", *(lines or ["They name the same emotions for every caption."])])


def _short(version: str) -> str:
    """A version with its digests cut."""
    return " ".join(word[:12] for word in version.split())
