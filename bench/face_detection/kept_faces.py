"""The table that a scan of faces writes: what it holds already, pieces until it is whole, and the parts of shards."""

import hashlib
import shutil
from collections.abc import Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.data.faces import FACE_COLUMNS, read_table, write_faces
from bench.errors import BenchError, UsageError
from bench.utils.shards import Shard, owned, some_of

if TYPE_CHECKING:  # pyarrow takes 0.1 s to import
    import pyarrow

PIECE = 50  # clips in a file of what is done so far
REPLACE = "Remove it, name another file with --out FILE, or replace it: --force"

Columns = dict[str, list[Any]]


class KeptFaces:
    """What is done so far: the output of an earlier run, and pieces in a hidden folder beside it.

    Each names the settings it was made with and its clips with their sizes. A clip whose file has another size since,
    or that was broken, is looked at again. The output of a shard is its part, made with the settings and the code; it
    looks nowhere where the whole table has looked.
    """

    def __init__(self, out: Path, how: dict[str, Any], source: str, shard: Shard | None = None, code: str = "") -> None:
        self.out = shard.part(out) if shard else out
        self._how, self._source = {**how, "code": code} if shard else how, source
        self._whole = {out: how} if shard else {}
        self._folder = self.out.parent / f".{self.out.stem}.parts"
        self._rows, self._new = no_rows(), no_rows()
        self.clips: dict[str, tuple[int, str]] = {}  # size, and what is wrong or an empty text
        self._fresh: list[str] = []  # clips whose rows are in `_new`

    def load(self, sizes: dict[str, int], begin_again: bool = False) -> bool:
        """Reads what fits; True if that is just what the output holds. begin_again: no output is looked at.

        UsageError: one was made with other settings, or is something else.
        """
        outputs = [] if begin_again else [path for path in (self.out, *self._whole) if _holds_something(path)]
        complete = False
        for path in [*outputs, *sorted(self._folder.glob("*.parquet"))]:
            table, source, settings = _read(path, REPLACE)
            if settings.get("how") != self._whole.get(path, self._how):
                if path in outputs:
                    raise _of_other_settings(path, source)
                continue
            known = _clips(path, settings, REPLACE)
            if path == self.out and known and not known.keys() & sizes.keys():
                raise UsageError(f"{path} holds the faces of {len(known)} other clips ({some_of([*known])}). {REPLACE}")
            fit = {name for name, (size, error) in known.items() if sizes.get(name) == size and not error}
            complete |= path == self.out and len(fit) == len(known)
            self._take(table, known, fit)
        return complete

    def is_whole(self, sizes: dict[str, int]) -> bool:
        """Whether the output is there and of just these clips, broken ones among them. UsageError as in `load`."""
        if not _holds_something(self.out):
            return False
        _, source, settings = _read(self.out, REPLACE)
        if settings.get("how") != self._how:
            raise _of_other_settings(self.out, source)
        return {name: size for name, (size, _) in _clips(self.out, settings, REPLACE).items()} == sizes

    def merge(self, parts: Mapping[Shard, Path], sizes: dict[str, int], code: str) -> None:
        """Takes what all shards found. BenchError: a part was made otherwise, or is not of just its clips."""
        for shard, path in parts.items():
            again = f"Repeat it: --shard {shard} --force"
            table, source, settings = _read(path, again)
            if settings.get("how") != {**self._how, "code": code}:
                raise BenchError(f"{path} holds faces that were found with other settings or code ({source}). {again}")
            known = _clips(path, settings, again)
            if strange := [name for name in known if not shard.owns(name)]:
                raise BenchError(f"{path} holds clips of another shard ({some_of(strange)}). {again}")
            mine = owned(sizes, shard)
            if lacking := [name for name, size in mine.items() if known.get(name, (None, ""))[0] != size]:
                raise BenchError(
                    f"{path} lacks {len(lacking)} clips that are new or changed ({some_of(lacking)}). "
                    f"Repeat it: --shard {shard}"
                )
            self._take(table, known, mine.keys())

    def _take(self, table: "pyarrow.Table", known: Mapping[str, tuple[int, str]], names: Set[str]) -> None:
        """Takes the rows of some clips, unless they are here."""
        columns, new = table.select(FACE_COLUMNS).to_pydict(), names - self.clips.keys()
        keep = [index for index, name in enumerate(columns["video"]) if name in new]
        for name in FACE_COLUMNS:
            self._rows[name] += [columns[name][index] for index in keep]
        self.clips |= {name: known[name] for name in new}

    def add(self, clip: str, size: int, columns: Columns, error: str) -> None:
        """Takes what was found in one clip."""
        self.clips[clip] = (size, error)
        self._fresh.append(clip)
        for name in FACE_COLUMNS:
            self._new[name] += columns[name]
            self._rows[name] += columns[name]
        if len(self._fresh) == PIECE:
            self.flush()

    def flush(self) -> None:
        """Writes down what came since the last time."""
        if self._fresh:
            path = self._folder / f"{hashlib.sha256(' '.join(self._fresh).encode()).hexdigest()[:16]}.parquet"
            clips = {name: self.clips[name] for name in self._fresh}
            write_faces(self._new, path, self._source, {"how": self._how, "clips": clips})
            self._new, self._fresh = no_rows(), []

    def finish(self) -> None:
        """Writes all rows by clip, frame and face, in whatever order they came, and removes the pieces."""
        rows = zip(*(self._rows[name] for name in ("video", "frame", "face")), strict=True)
        places = [(video, frame, -1 if face is None else face) for video, frame, face in rows]
        order = sorted(range(len(places)), key=places.__getitem__)
        columns = {name: [values[index] for index in order] for name, values in self._rows.items()}
        settings = {"how": self._how, "clips": dict(sorted(self.clips.items()))}
        write_faces(columns, self.out, self._source, settings)
        shutil.rmtree(self._folder, ignore_errors=True)


def _read(path: Path, mend: str) -> tuple["pyarrow.Table", str, dict[str, Any]]:
    """A table, its source and its settings. UsageError with `mend`: it is none."""
    try:
        return read_table(path, mend)
    except BenchError as error:
        raise UsageError(str(error)) from None


def _clips(path: Path, settings: dict[str, Any], mend: str) -> dict[str, tuple[int, str]]:
    """The clips of a table that a scan wrote: size, and what is wrong. UsageError with `mend`: it does not say."""
    known = settings.get("clips")
    if not isinstance(known, dict) or not all(map(_is_size_and_error, known.values())):
        raise UsageError(f"{path} does not say which clips its faces are of. {mend}")
    return known


def _of_other_settings(path: Path, source: str) -> UsageError:
    return UsageError(f"{path} holds faces that were found with other settings ({source}). {REPLACE}")


def _is_size_and_error(value: Any) -> bool:
    return isinstance(value, list) and [type(part) for part in value] == [int, str]


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def no_rows() -> Columns:
    return {name: [] for name in FACE_COLUMNS}
