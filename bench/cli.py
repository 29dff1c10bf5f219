"""The command line: parse, call one function, print. Nothing heavy is imported before a command needs it.

Results go to stdout, progress to stderr. Exit 0: done. 1: the work failed. 2: the words were off. 130: Ctrl-C.
"""

import sys

from cyclopts import CycloptsError

from bench.commands import app, listing, preparing, reading, runs, searching  # each registers its commands
from bench.errors import BenchError

__all__ = ["app", "listing", "main", "preparing", "reading", "runs", "searching"]


def main(argv: list[str] | None = None) -> None:
    """The console script. One line on stderr for whatever goes wrong; a traceback only with --debug."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        app(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _fail(str(error).strip().splitlines()[0] + " See --help.", 2, debug)
    except BenchError as error:
        _fail(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        _fail("stopped. The same command goes on from what was kept.", 130, debug)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except OSError as error:  # a full disk, a folder that may not be written
        _fail(": ".join(str(part) for part in (error.filename, error.strerror or error) if part), 1, debug)


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        raise
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)  # over what is left of a progress bar
    print("bench:", *(line.strip() for line in message.splitlines()), file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
