"""Writes what a source says of many captions into a file of labels, which `file:LABELS.jsonl` reads.

    bench emotions --file captions.txt --source classifier:DIR --out labels.jsonl

So a slow source is asked once, on any machine or in shards (`bench.utils.shards`), and runs read the file. Merging
brings the captions of all shards into their order.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.emotions import EMOTIONS
from bench.emotions.sources import EmotionSource
from bench.errors import BenchError, UsageError, first_line
from bench.utils.files import read_text, replacing
from bench.utils.outputs import check_output
from bench.utils.shards import Shard, all_parts, find_parts, owned, some_of

MARK = b'{"threshold"'  # how such a file begins


@dataclass(frozen=True)
class Labelled:
    """The file that was written, how many different captions it has, and how many of them name an emotion."""

    out: Path
    captions: int
    named: int


def label(
    captions: Sequence[str], source: EmotionSource, out: Path, shard: Shard | None = None, *, force: bool = False
) -> Labelled:
    """Writes a line for each different caption, in their order; for a shard, of its captions alone.

    UsageError: `out` is another file, or the source counts words instead of giving scores from 0 to 1.
    """
    path = shard.part(out) if shard else out
    check_output(path, [MARK], "labels of emotions", force=force)
    texts = list(owned(dict.fromkeys(captions), shard))
    scores = source.scores(texts)
    if scores.size and scores.max() > 1:
        raise UsageError(
            f"{source.name} counts words, but a file of labels holds scores from 0 to 1. Runs read this source without "
            f"a file: --emotion-source {source.name}"
        )
    rows = [{name: score for name, score in zip(EMOTIONS, row, strict=True) if score} for row in scores.tolist()]
    named = int((scores > source.threshold).any(axis=1).sum())
    _write(path, _head(source) if shard else {"threshold": source.threshold}, dict(zip(texts, rows, strict=True)))
    return Labelled(path, len(texts), named)


def merge(captions: Sequence[str], source: EmotionSource, out: Path, *, force: bool = False) -> Labelled:
    """Writes the file from the parts of all shards, and removes these.

    BenchError: parts that are missing, were made by another source or version, or are not of these captions.
    """
    check_output(out, [MARK], "labels of emotions", force=force)
    found: dict[str, dict[str, float]] = {}
    texts = dict.fromkeys(captions)
    for shard, path in all_parts(out).items():
        again = f"Repeat it: --shard {shard}"
        head, part = _read(path, again)
        if head != _head(source):
            raise BenchError(f"{path} was made by {head.get('source')}, not by {_head(source)['source']}. {again}")
        expected = owned(texts, shard).keys()
        if part.keys() != expected:
            odd = [repr(text[:60]) for text in sorted(part.keys() ^ expected)]
            raise BenchError(f"{path} lacks captions of its shard, or has others ({some_of(odd)}). {again}")
        found |= part
    _write(out, {"threshold": source.threshold}, {text: found[text] for text in texts})
    for path in find_parts(out).values():
        path.unlink(missing_ok=True)
    named = sum(any(score > source.threshold for score in row.values()) for row in found.values())
    return Labelled(out, len(found), named)


def _head(source: EmotionSource) -> dict[str, Any]:
    """The first line of a part: the version of a source changes with its model, its label map and its rule."""
    return {"threshold": source.threshold, "source": f"{source.kind} ({source.version or 'unknown version'})"}


def _write(path: Path, head: dict[str, Any], rows: Mapping[str, dict[str, float]]) -> None:
    lines = [head, *({"text": text, "scores": scores} for text, scores in rows.items())]
    with replacing(path) as temporary:
        temporary.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def _read(path: Path, mend: str) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """The first line of a part, and its scores by caption. BenchError with `mend`: it is none."""
    try:
        head, *lines = (json.loads(line) for line in read_text(path).removesuffix("\n").split("\n"))
        return dict(head), {line["text"]: line["scores"] for line in lines}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BenchError(f"{path} cannot be read ({first_line(error)}). {mend}") from None
