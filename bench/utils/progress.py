"""Progress on stderr: a bar with rate and time left on a terminal, a plain line now and then otherwise."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from bench.utils.processes import is_main_process
from bench.utils.terminal import printable

T = TypeVar("T")

LINE_EVERY = 10.0  # seconds between plain lines, for logs that people scroll through


def progress(
    iterable: Iterable[T], *, total: int, what: str, unit: str, done: int = 0, note: Callable[[], str] | None = None
) -> Iterator[T]:
    """Passes `iterable` on and shows how far it is, from `done` of `total`; leaves nothing behind on a terminal.

    note: what else to show, asked after each item (the loss, say).
    """
    if not is_main_process():
        yield from iterable
        return
    if sys.stderr.isatty():
        from tqdm import tqdm

        bar = tqdm(iterable, total=total, initial=done, desc=what, unit=f" {unit}", leave=False, dynamic_ncols=True)
        for item in bar:
            yield item
            if note:
                bar.set_postfix_str(printable(note()), refresh=False)
        return
    start = last = time.monotonic()
    for count, item in enumerate(iterable, done + 1):
        yield item
        now = time.monotonic()
        if now - last >= LINE_EVERY and count < total:
            rate = (count - done) / (now - start)
            extra = f", {printable(note())}" if note else ""
            left = (total - count) / rate
            many = f"{unit}es" if unit.endswith("ch") else f"{unit}s"
            print(f"{what}: {count}/{total} {many}, {rate:.1f}/s, {left:.0f} s left{extra}", file=sys.stderr)
            last = now
