"""What was learned of video files: how many frames each has and how long it is, kept in the cache folder.

    $BENCH_HOME/videos.json    {"sha256": of what follows, "clips": {mark of a file: [frames, seconds]}}

A file's mark changes with its place, size and date. The memory is never needed: where it is damaged, or cannot be
written, all is learned again.
"""

import hashlib
import json
import math
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench.data.timeline import Span
from bench.errors import BenchError
from bench.utils import paths
from bench.utils.files import replacing
from bench.utils.lock import locked
from bench.utils.messages import say_once

PATIENCE = 60.0  # seconds to wait for others that write it; each takes a fraction of one

Memory = dict[str, tuple[int, float]]  # mark -> frames, seconds


def read_memory() -> Memory:
    """What was learned before; nothing, with a word, where that file is damaged."""
    path = _path()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        clips = content["clips"]
        if content["sha256"] != _digest(clips) or not all(map(_is_sound, clips.values())):
            raise ValueError
    except OSError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        say_once(f"{path} is damaged, or of an older version: every video is checked again.")
        return {}
    return {mark: (frames, seconds) for mark, (frames, seconds) in clips.items()}


def remember(learned: Memory) -> None:
    """Adds what was learned to what others keep there at the same time, or says that it cannot."""
    path = _path()
    try:
        with locked(path.with_suffix(".lock"), "keeping what is known of videos", wait=PATIENCE):
            memory = read_memory() | learned
            with replacing(path) as temporary:
                temporary.write_text(json.dumps({"sha256": _digest(memory), "clips": memory}), encoding="utf-8")
    except (OSError, BenchError) as error:
        why = error.strerror if isinstance(error, OSError) else "another process holds its lock"
        say_once(f"{path} cannot be written ({why}): every run will check every video again.")


def mark(path: Path, span: Span | None = None) -> str:
    """What a file, or a part of one, is known by."""
    facts = path.lstat()
    place = _real(path.parent) / path.name
    if stat.S_ISLNK(facts.st_mode):
        place, facts = path.resolve(), path.stat()
    part = "" if span is None else f"|{span[0]}-{span[1]}"
    return f"{place}|{facts.st_size}|{facts.st_mtime_ns}{part}"


@lru_cache(maxsize=1024)
def _real(folder: Path) -> Path:
    """Without links: for each of many files in it the system would be asked of every folder above."""
    return folder.resolve()


def _path() -> Path:
    return paths.home() / "videos.json"


def _is_sound(entry: Any) -> bool:
    if type(entry) is not list or len(entry) != 2:
        return False
    frames, seconds = entry
    return type(frames) is int and frames > 0 and type(seconds) in (int, float) and 0 <= seconds < math.inf


def _digest(clips: Any) -> str:
    return hashlib.sha256(json.dumps(clips, sort_keys=True).encode()).hexdigest()
