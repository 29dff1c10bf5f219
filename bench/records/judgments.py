"""What people judged of queries and videos, from FIRE's files: which other videos suit a query as well.

A file is one JSON object: `annotations`, a list of {"video_id", "query", "label": "relevant" | "irrelevant", "dataset":
"MSRVTT" | "MSVD", …}; `disagreements`, the same without a label, which are left unjudged; and whatever else it holds.
Source: Rodriguez et al., Fighting FIRE with FIRE: Assessing the validity of text-to-video retrieval benchmarks, EACL
2023. The files are CC BY-NC 2.0, from github.com/facebookresearch/mm-retrieval-evaluation; none is part of this
package.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.utils.files import read_text

LABELS = {"relevant": True, "irrelevant": False}


@dataclass(frozen=True)
class Judgments:
    """labels: query, as `spelled` has it -> video -> whether it is relevant. disagreements: pairs without a verdict."""

    labels: dict[str, dict[str, bool]]
    disagreements: int


def spelled(query: str) -> str:
    """Letters and digits of a query in lower case, one space between words: test sets differ in the rest."""
    return " ".join(re.findall(r"[^\W_]+", query)).lower()


def read_judgments(path: Path, dataset: str) -> Judgments:
    """The judgments of one dataset ("msrvtt") in a file. BenchError, one line: it is none, is damaged, or has none."""
    try:
        text = read_text(path)
        content = json.loads(text)
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}. Name a file of FIRE's judgments.") from None
    except (ValueError, RecursionError):
        mend = "Get the file again."
        if path.is_file() and path.read_bytes()[:40].startswith(b"version https://git-lfs"):
            mend = "It is only the pointer of Git LFS: fetch the file itself with `git lfs pull`."
        raise BenchError(f"{path} is no valid JSON. {mend}") from None
    annotations = _items(content, "annotations", path)
    disagreements = _items(content, "disagreements", path) if "disagreements" in content else []
    labels: dict[str, dict[str, bool]] = {}
    for place, one in enumerate(annotations):
        if type(one.get("label")) is not str or one["label"] not in LABELS:
            known = " or ".join(LABELS)
            raise BenchError(f"{path}: annotation {place} has the label {str(one.get('label'))[:40]!r}, not {known}.")
        if _is_of(one, dataset):
            labels.setdefault(spelled(one["query"]), {})
            if labels[spelled(one["query"])].setdefault(one["video_id"], LABELS[one["label"]]) != LABELS[one["label"]]:
                raise BenchError(f"{path}: annotation {place} contradicts an earlier one of its query and video.")
    if not labels:
        found = ", ".join(sorted({one["dataset"] for one in annotations})[:5]) or "nothing"
        raise BenchError(f"{path} judges {found[:60]!r}, not {dataset}. Name the file of that dataset.")
    return Judgments(labels, sum(_is_of(one, dataset) for one in disagreements))


def _items(content: Any, name: str, path: Path) -> list[dict[str, Any]]:
    """A list of the file, each of whose items names a video, a query and a dataset."""
    items = content.get(name) if type(content) is dict else None
    if type(items) is not list:
        raise BenchError(f"{path} has no list of {name}: it is no file of FIRE's judgments.")
    for place, one in enumerate(items):
        if type(one) is not dict or not all(type(one.get(key)) is str for key in ("video_id", "query", "dataset")):
            raise BenchError(f"{path}: item {place} of {name} must have video_id, query and dataset as text.")
    return items


def _is_of(one: dict[str, Any], dataset: str) -> bool:
    return one["dataset"].lower().replace("-", "") == dataset.lower().replace("-", "")
