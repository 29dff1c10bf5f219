"""The command line: parse, call one function, print. Nothing heavy is imported before a command needs it.

Results go to stdout, progress to stderr. Exit 0: done. 1: the work failed. 2: the arguments were wrong. 130: Ctrl-C or
SIGTERM.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cyclopts import CycloptsError, UnknownOptionError, UnusedCliTokensError

from bench.commands import (
    app,
    checking,
    exchange,
    leaderboards,
    listing,
    preparing,
    reports,
    runs,
    searching,
    sharding,
    shell,
)  # each registers its commands
from bench.errors import BenchError
from bench.utils import distributed
from bench.utils.terminal import clear_line, prepare, printable

__all__ = [
    "app",
    "checking",
    "exchange",
    "leaderboards",
    "listing",
    "main",
    "preparing",
    "reports",
    "runs",
    "searching",
    "sharding",
    "shell",
]


def main(argv: list[str] | None = None) -> None:
    """The console script. One line on stderr for whatever goes wrong; a traceback only with --debug, wherever it is."""
    prepare()
    with _stopped_by_sigterm():
        _answer(argv)


def _answer(argv: list[str] | None) -> None:
    arguments, debug = _without_debug(sys.argv[1:] if argv is None else argv)
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _fail(_off(error), 2, debug)
    except BenchError as error:
        _fail(str(error), error.exit_code, debug, of_all=error.of_all)
    except KeyboardInterrupt:
        what = "stopped" if distributed.world() == 1 else "stopped: the job was ended, or one of its processes was"
        _fail(f"{what}. Repeat the command to resume.", 130, debug, of_all=True)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except OSError as error:  # a full disk, a folder that may not be written
        _fail(": ".join(str(part) for part in (error.filename, error.strerror or error) if part), 1, debug)


def _off(error: CycloptsError) -> str:
    """What is off about the arguments, in one line."""
    if isinstance(error, UnusedCliTokensError):
        words = ", ".join(f"'{word}'" for word in error.unused_tokens or ())
        return f"{words}: neither an option nor the value of one. See --help."
    if isinstance(error, UnknownOptionError) and (meant := _meant(error)):
        return f"Unknown option: {error.token.keyword or error.token.value}. Did you mean {meant}? See --help."
    return str(error).strip().split("\n")[0] + " See --help."


def _meant(error: UnknownOptionError) -> str:
    """The option that ends as the unknown one does: --train.lr for --lr, --hp.init_std for --init_std."""
    typed = (error.token.keyword or error.token.value).lstrip("-").partition("=")[0].replace("_", "-")
    names = [name for argument in error.argument_collection for name in argument.names]
    if ending := [name for name in names if name.rpartition(".")[2] == typed and "." in name]:
        return " or ".join(ending)
    if "--hp" in names:
        from bench.model.variant_registry import entries

        known = {name for entry in entries().values() for name in entry.hyperparameters}
        return next((f"--hp.{name}" for name in sorted(known) if name.replace("_", "-") == typed), "")
    return ""


@contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Within, a scheduler's signal to end is as Ctrl-C: one line, and what a command tidies up is tidied up."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """The arguments without --debug, and whether it was among them; behind `--` everything is text."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [word for word in arguments[:end] if word != "--debug"]
    return options + arguments[end:], len(options) < end


def _fail(message: str, code: int, debug: bool, of_all: bool = False) -> None:
    """Says one line and exits. of_all: of several processes that torchrun started, it holds for all."""
    if distributed.world() > 1:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun ends the others when the first one ends
        if not debug and not distributed.may_speak():
            raise SystemExit(code)
        if distributed.rank() and not of_all:
            message = f"{distributed.here()}: {message}"
    if debug:
        raise
    clear_line(sys.stderr)
    print("bench:", *(printable(line.strip()) for line in message.split("\n")), file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
