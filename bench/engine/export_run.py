"""A run's features, scores and ids as files for other programs, and a test split as a list of what is to be scored.

queries.csv        query id, video id, caption: a line for each query, in order
query_ids.txt, video_ids.txt
text.*, video.*    features, in the order of the ids: .npy, .npz, .safetensors or .pt
similarity.*       the score of every query with every video, float32, from which the run's ranks follow
run.trec, qrels.trec   the same for TREC's tools
"""

import csv
import io
import shlex
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data import importers
from bench.data.split_ids import ids_of, query_ids
from bench.engine.evaluate import rank
from bench.engine.recording import ranks_as_json
from bench.engine.reopen import find_record
from bench.engine.score_matrix import ScoreMatrix
from bench.engine.stored_scores import score_is_dot_product, stored_scores
from bench.errors import UsageError
from bench.records import store
from bench.records.feature_files import read_features
from bench.records.protocol import parse_signature
from bench.records.record import Record
from bench.utils.array_files import write_arrays
from bench.utils.files import replacing
from bench.utils.outputs import check_output

OUT = Path("export")
TREC = "trec"
TREC_DEPTH = 1000  # videos that a run file names for each query, as TREC has it
QUERIES_CSV = "queries.csv"
_HEADER = ["query", "video", "caption"]
_MARKS = {  # how files begin that may be replaced
    ".npy": [b"\x93NUMPY"],
    ".npz": [b"PK"],
    ".pt": [b"PK"],
    ".safetensors": [b'{"'],
    ".csv": [",".join(_HEADER).encode()],
}


@dataclass(frozen=True)
class Exported:
    """files: by what they hold. notes: what is to be known of them. next: the command that reads them back."""

    files: dict[str, Path]
    notes: list[str]
    next: str


def export_split(dataset: str, test: str, root: Path | None, out: Path | None, force: bool = False) -> Exported:
    """Writes the queries and videos of a test split, in its order. UsageError, BenchError: it is not there."""
    dataset, root = importers.named(dataset, root)
    split = importers.read_test_split(dataset, test, root)
    queries, videos = ids_of(split)
    folder = out or OUT / f"{dataset}-{split.split}"
    owners = [videos[of] for of in split.video_of]
    files = _write_ids(folder, queries, videos, owners, split.queries, force)
    words = ["bench", "score", "--dataset", dataset, "--test", split.split, *(["--root", str(root)] if root else [])]
    return Exported(files, [], shlex.join([*words, "--similarity", "FILE", "--name", "NAME"]))


def export_run(run: str, results: Path, out: Path | None, format: str, force: bool = False) -> Exported:
    """Writes what a run's ranks are made of.

    run: an id under `results`, or a record's path. format: npy, npz, safetensors, pt or trec.
    UsageError: no such run, nothing beside its record, or files of another kind in the way.
    """
    path = find_record(run, results)
    record = store.load_run(path)
    matrix = stored_scores(path, record)
    videos, of = record.queries["videos"], record.video_of or range(len(record.queries["videos"]))
    queries, owners = query_ids(videos, record.video_of), [videos[clip] for clip in of]
    folder = out or OUT / record.run
    features = None if format == TREC else read_features(path, record)
    if format == TREC and (odd := [name for name in (*queries, *videos) if len(name.split()) != 1]):
        raise UsageError(f"ids in TREC's files must not contain blanks, and {odd[0]!r} does. Use another --format.")
    names = ["run.trec", "qrels.trec"] if format == TREC else [f"similarity.{format}"]
    names += [f"{name}.{format}" for name in features._fields] if features else []
    for name in names:
        _check(folder / name, force)
    files = _write_ids(folder, queries, videos, owners, record.queries["captions"], force)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bench-") as scratch:
        scores = _whole(matrix, Path(scratch) / "scores.npy")
        if format == TREC:
            _write(folder / names[0], _trec_run(scores, queries, videos, record.run))
            _write(folder / names[1], _qrels(record, queries, videos, of))
            files |= {"run": folder / names[0], "qrels": folder / names[1]}
        else:
            ids: dict[str, dict[str, list[str]]] = {
                "similarity": {"query_ids": queries, "video_ids": videos},
                "text": {"query_ids": queries},
                "video": {"video_ids": videos},
            }
            arrays: dict[str, NDArray[Any]] = {**(features._asdict() if features else {}), "similarity": scores}
            for name, array in arrays.items():
                files[name] = folder / f"{name}.{format}"
                write_arrays({name: array, **ids[name]}, files[name])
        del scores
    again = _score_again(record, files) if format != TREC else _measure_trec(files)
    return Exported(files, _notes(record, matrix, format, features is not None), again)


def _whole(matrix: ScoreMatrix, path: Path) -> NDArray[np.float32]:
    """All scores, in a file of which no more is in memory than is looked at."""
    shape = (len(matrix), matrix.clips)
    scores = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    for queries, clips, band in matrix:
        scores[queries, clips] = band
    return scores


def _notes(record: Record, matrix: ScoreMatrix, format: str, features: bool) -> list[str]:
    found = []
    now = ranks_as_json(rank(matrix, {})[0])
    pairs = [zip(*(sides[kind] for sides in (now["t2v"], record.ranks["t2v"])), strict=True) for kind in now["t2v"]]
    moved = sum(any(one != other for one, other in of) for of in zip(*pairs, strict=True))
    if moved:
        found.append(
            f"{moved} of {len(matrix)} queries have another rank than in the record, which was made on another machine "
            "or with another number of threads: nearly equal scores are rounded differently."
        )
    if features and not score_is_dot_product(record):
        found.append(f"{record.variant} has a similarity of its own: its scores do not follow from its features.")
    if format == TREC:
        found.append("TREC's tools break ties by the video's id; bench gives tied videos their mean rank.")
        if matrix.clips > TREC_DEPTH:
            found.append(f"run.trec names the first {TREC_DEPTH} of {matrix.clips} videos for each query.")
    return found


def _score_again(record: Record, files: dict[str, Path]) -> str:
    config = record.config
    words = ["bench", "score", "--dataset", record.dataset, "--test", record.test]
    words += ["--root", str(config["root"])] if config.get("root") else []
    words += ["--similarity", str(files["similarity"]), "--name", record.variant, "--train", record.split]
    words += ["--positives", "equal"] if config.get("positives") == "equal" else []
    post = parse_signature(record.protocol)["post"]
    words += ["--post", post] if post != "none" else []
    return shlex.join([*words, "--seed", str(record.seed)])


def _measure_trec(files: dict[str, Path]) -> str:
    return shlex.join(["ir_measures", str(files["qrels"]), str(files["run"]), "Success@1", "Success@5", "Success@10"])


def _write_ids(
    folder: Path,
    queries: Sequence[str],
    videos: Sequence[str],
    owners: Sequence[str],
    captions: Sequence[str],
    force: bool,
) -> dict[str, Path]:
    """queries.csv and both lists. owners: each query's own video."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([_HEADER, *zip(queries, owners, captions, strict=True)])
    files = {name: folder / f"{name}.txt" for name in ("query_ids", "video_ids")}
    files = {"queries": folder / QUERIES_CSV, **files}
    _check(files["queries"], force)
    _write(files["queries"], [table.getvalue()])
    _write(files["query_ids"], (f"{name}\n" for name in queries))
    _write(files["video_ids"], (f"{name}\n" for name in videos))
    return files


def _check(path: Path, force: bool) -> None:
    check_output(path, _MARKS.get(path.suffix, [b" Q0 ", b" 0 "]), "export of bench", force=force)


def _write(path: Path, parts: Iterable[str]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(parts)


def _trec_run(scores: NDArray, queries: Sequence[str], videos: Sequence[str], tag: str) -> Iterable[str]:
    """A line a query and video, best first: query Q0 video rank score tag. Nine digits tell all float32 apart."""
    for query, row in zip(queries, scores, strict=True):
        best = np.argsort(-row, kind="stable")[:TREC_DEPTH].tolist()
        yield from (
            f"{query} Q0 {videos[video]} {place} {row[video]:.9g} {tag}\n" for place, video in enumerate(best, 1)
        )


def _qrels(record: Record, queries: Sequence[str], videos: Sequence[str], of: Sequence[int]) -> Iterable[str]:
    """A line a query and true video: query 0 video 1."""
    captions = record.queries["captions"]
    true = {query: {clip} for query, clip in enumerate(of)}
    if record.config.get("positives") == "equal":
        by_caption: dict[str, set[int]] = {}
        for caption, clip in zip(captions, of, strict=True):
            by_caption.setdefault(caption, set()).add(clip)
        true = {query: by_caption[caption] for query, caption in enumerate(captions)}
    return (f"{queries[query]} 0 {videos[clip]} 1\n" for query, clips in true.items() for clip in sorted(clips))
