"""What `bench index` and `bench search` print."""

from bench.search.building import UpdateSummary
from bench.search.searcher import CALM, Answer, Moment
from bench.utils.terminal import left_out, not_read, printable
from bench.utils.text import wrapped


def changes(summary: UpdateSummary) -> list[str]:
    """What is wrong with files and folders, and what was left out."""
    lines = [why if path in why else f"{path}: {why}" for path, why in summary.broken.items()]
    lines += [f"{path}/ cannot be read: {why}" for path, why in summary.unreadable.items()]
    return [*map(printable, lines), *left_out(summary.hidden, "hidden"), *not_read(summary.unread)]


def work(summary: UpdateSummary) -> str:
    """How many clips were read, and where the time went."""
    counts = [
        f"{summary.new} new",
        f"{summary.changed} changed",
        f"{summary.gone} gone",
        f"{summary.kept} unchanged",
        f"{len(summary.broken)} broken",
    ]
    lines = wrapped(f"clips: {', '.join(counts)}; {summary.indexed} windows")
    if summary.windows:
        rest = max(0.0, summary.total - summary.model - summary.waited)
        beside = f"decoding {summary.decoding:.1f} s"
        beside += f" and faces {summary.faces:.1f} s" if summary.faces else ""
        lines += wrapped(
            f"{summary.windows} windows in {summary.total:.1f} s: model {summary.model:.1f} s, "
            f"waiting for frames {summary.waited:.1f} s, rest {rest:.1f} s; in other processes: {beside}"
        )
    return "\n".join(lines)


def answer(found: Answer) -> str:
    """The query's emotions, the model, and the moments."""
    named = ", ".join(f"{name} {count}" for name, count in found.emotions.items() if count) or "none"
    lines = [f"emotions of the query: {named}", *wrapped(found.about)]
    width = max((len(_span(moment)) for moment in found.moments), default=0)
    lines += [
        f"{rank:>3}  {moment.score:6.3f}  {_span(moment):>{width}}  {printable(moment.file)}{_top(moment)}"
        for rank, moment in enumerate(found.moments, 1)
    ]
    return "\n".join(lines if found.moments else [*lines, "nothing found"])


def _span(moment: Moment) -> str:
    return f"{clock(moment.start)}–{clock(moment.end)}"


def clock(seconds: float) -> str:
    """A place in a video, as players show it: 1:02:03.4."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{shown}" if hours else f"{minutes}:{shown}"


def _top(moment: Moment) -> str:
    if not moment.faces:
        return ""
    name = max(moment.faces, key=lambda one: moment.faces[one] if moment.faces else 0)
    return f"  (faces: {name} {moment.faces[name]:.2f})" if name != CALM else f"  (faces: {CALM})"
