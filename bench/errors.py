"""The two ways in which a command stops with one clear line instead of a traceback."""


class BenchError(Exception):
    """The work failed. The message says what, where, and the mend; the command exits with 1."""

    exit_code = 1
    of_all = False  # of a run in several processes: whether it is the same whichever of them says it


class UsageError(BenchError):
    """The words were off: an unknown name, a value out of range. The command exits with 2."""

    exit_code = 2


def first_line(error: BaseException) -> str:
    """What an exception of a library says, in one line; its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
