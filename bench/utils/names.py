"""Names that people type, and names that become a part of a path."""

import difflib
import re
from collections.abc import Iterable


def names_a_file(name: str) -> bool:
    """Whether a name is one part of a path that leads nowhere else: no separator, no dots before, no NUL."""
    return re.fullmatch(r"\w[\w.+-]*", name) is not None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' Did you mean this or that?', or nothing where no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""
