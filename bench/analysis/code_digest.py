"""What a probe is measured by, as eight hex digits: where they differ from a record's, it is measured again.

They follow from what the measuring code imports, file by file, so that no list of files can go stale.
"""

import hashlib
from pathlib import Path

from bench.emotions.lexicons import nrc
from bench.utils.files import sha256
from bench.utils.paths import HERE
from bench.utils.source import code_digest as executed_digest
from bench.utils.source import imports

MEASURING = "bench.analysis.measure"
ENCODING = "analysis/probe.py"  # what it imports makes the features, and those are compared with the run's own
EMOTION_ROOM = "emotions"  # the whole room: its parts are also found by name, where no import shows them


def code_digest(folder: Path = HERE) -> str:
    """Of what the measuring code executes, its word lists, and the NRC lexicon. folder: of the package `bench`.

    Comments, docstrings and layout change nothing. VADER's lexicon is fixed by a digest in the code.
    """
    lists = sorted(folder.joinpath(EMOTION_ROOM).rglob("*.yaml"))
    parts = [executed_digest(measuring_files(folder)), *map(sha256, lists), nrc().digest]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8]


def measuring_files(folder: Path = HERE) -> list[Path]:
    """The files that decide what a probe says: the measuring code with all that it imports of bench."""
    room = (path.relative_to(folder) for path in folder.joinpath(EMOTION_ROOM).rglob("*.py"))
    waiting = [MEASURING, *(".".join(("bench", *path.with_suffix("").parts)) for path in room)]
    found: dict[str, Path] = {}
    while waiting:
        name = waiting.pop().removesuffix(".__init__")
        path = _file(name, folder)
        if path and name not in found:
            found[name] = path
            waiting += [imported for imported in imports(path, name) if imported.startswith("bench.")]
    return [folder / ENCODING, *found.values()]


def _file(module: str, folder: Path) -> Path | None:
    place = folder.joinpath(*module.split(".")[1:])
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
