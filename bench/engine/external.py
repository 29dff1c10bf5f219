"""Scores that another program made, judged as a run's are: `bench score` and `bench.score`. No model, no clip, no GPU.

Given are the scores of every query with every video, or features of both. What is not known of the model is left open
in the record: the protocol says `model:external`, and `init:file:` with the digest of what was scored. Rows are taken
as they are: whether equal captions have equal scores is the other program's business.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.config import RunConfig, as_json
from bench.data import importers
from bench.data.annotation import Annotation
from bench.data.cards import load_card
from bench.data.split_ids import ids_of
from bench.engine.evaluate import Scores, rank
from bench.engine.given_arrays import QUERIES, VIDEOS, Given, GivenArray, GivenIds, digest_of_all, named_ids, open_given
from bench.engine.recording import make_external_record
from bench.engine.rescoring import dsl
from bench.engine.run import Run, check_writable
from bench.engine.score_matrix import Positives, ScoreMatrix
from bench.engine.scoring import Evaluation
from bench.engine.stored_scores import feature_scores, given_scores, part_of
from bench.errors import BenchError, UsageError
from bench.model.variant_registry import load_plugin
from bench.records import store
from bench.records.feature_files import Features, save_features, save_similarity
from bench.utils.files import sha256
from bench.utils.names import names_a_file
from bench.utils.run_files import features_path, record_path, similarity_path

UNIT = 1e-5  # how far norms may be from 1: features of unit norm stay as they are, to the bit
COSINE = 1 + 1e-3  # the largest score for which DSL's sharpness is made
LARGEST = 1e38  # of a product of two features in float32
SETTINGS = ("variant", "dataset", "split", "test", "root", "init", "hp", "positives", "seed")  # all that is known


def score(
    similarity: Given | None = None,
    *,
    text: Given | None = None,
    video: Given | None = None,
    dataset: str = RunConfig.dataset,
    test: str = "",
    root: str | Path | None = None,
    name: str = "external",
    query_ids: GivenIds | None = None,
    video_ids: GivenIds | None = None,
    normalize: bool = True,
    train: str = "unknown",
    post: str = "none",
    positives: Positives = "own",
    seed: int = RunConfig.seed,
    results: str | Path = "results",
    plugins: str | Path | Sequence[str | Path] = (),
) -> Run:
    """Judges the scores of any model on a test split, and writes a record like any run's: `bench score` as a function.

    similarity: (N, M) scores of the split's N queries with its M videos, higher is better. Or text: (N, P) and video:
    (M, P) features; their cosine is the score, with normalize=False their dot product. Arrays, or files: .npy, .npz,
    .safetensors, .pt, of which nothing is executed.
    dataset, test, root: as for a run; of the folder `root` only the annotations are needed.
    query_ids, video_ids: which row or column is whose, a file with one id a line or a list; without, the order is the
    split's. A query's id is its video's, or VIDEO#0, VIDEO#1, … where videos have several captions.
    name: the model's. train, post: what its owner says that it was trained on, and what was done to the scores; words.
    seed: of its training; runs that differ in it alone are one model under several seeds.

    UsageError: arguments that are off. BenchError: an array of the wrong shape, NaN, ids that are missing or doubled.
    """
    for path in [plugins] if isinstance(plugins, (str, Path)) else plugins:
        load_plugin(Path(path))
    clock = time.monotonic()
    _check_words(name=name, train=train, post=post)
    folder = Path(results)
    check_writable(folder)
    dataset, place = importers.named(dataset, Path(root) if root else None)
    split = importers.read_test_split(dataset, test, place)
    ids = named_ids(query_ids, video_ids)
    if similarity is not None and text is None and video is None:
        arrays = [open_given(similarity, "similarity", (QUERIES, VIDEOS), ids)]
    elif similarity is None and text is not None and video is not None:
        arrays = [open_given(text, "text", (QUERIES,), ids), open_given(video, "video", (VIDEOS,), ids)]
    else:
        raise UsageError("give scores, --similarity FILE; or features, --text FILE and --video FILE.")

    config = RunConfig(
        variant=name,
        dataset=dataset,
        split=train,
        test=split.split,
        root=place,
        init=f"file:{digest_of_all(arrays, ids)}",
        positives=positives,
        seed=seed,
    )
    settings = {setting: as_json(config)[setting] for setting in SETTINGS}
    identity = {setting: value for setting, value in settings.items() if setting not in ("root", "seed")}
    run = store.run_id(name, seed, {**identity, "post": post, "normalize": normalize, "data": split.digest})
    path = record_path(folder, dataset, train, name, run)
    if path.is_file():
        return Run(store.load_run(path), path, True)

    kept: Tensor | Features
    if len(arrays) == 1:
        matrix, kept = _of_scores(arrays[0], split, positives)
    else:
        matrix, kept = _of_features(arrays[0], arrays[1], split, positives, normalize)
    scores = Scores(matrix, *rank(matrix, split.twins))
    after = {"dsl": dsl(matrix)} if post == "none" and _largest(matrix) <= COSINE else {}
    timings = {"evaluate": time.monotonic() - clock}
    question, artifacts = load_card(dataset, place).question, _keep(kept, path)
    record = make_external_record(run, settings, post, split, question, Evaluation(scores, after), artifacts, timings)
    store.save(record, folder)
    return Run(record, path, False)


def _keep(what: Tensor | Features, path: Path) -> dict[str, str]:
    """Writes what was scored beside the record at `path`, and gives its digest by name."""
    if isinstance(what, Features):
        save_features(path, what)
        return {"features": sha256(features_path(path))}
    save_similarity(path, what)
    return {"similarity": sha256(similarity_path(path))}


def _check_words(**words: str) -> None:
    """They become parts of the record's path and of its protocol."""
    for option, word in words.items():
        if not names_a_file(word):
            raise UsageError(
                f"--{option} {word!r} is no name: use letters, digits and . + - _, a letter or digit first."
            )


def _of_scores(given: GivenArray, split: Annotation, positives: Positives) -> tuple[ScoreMatrix, Tensor]:
    """The matrix, and all of it in the split's order."""
    queries, videos = ids_of(split)
    where, shape = f"{split.dataset}/{split.split}", (len(queries), len(videos))
    if given.array.shape != shape:
        fault = f"{given.name} is {given.size}; {where} has {shape[0]} queries (rows) and {shape[1]} videos (columns)."
        raise BenchError(f"{fault} Transpose it." if given.array.shape == shape[::-1] else fault)
    rows, columns = given.order(QUERIES, queries, where), given.order(VIDEOS, videos, where)
    given.check_numbers((rows, queries), (columns, videos))
    as_it_is = given.array.dtype == torch.float32 and not given.ids
    ordered = given.array if as_it_is else part_of(given.array, rows, columns).float()
    return given_scores(ordered, split.queries, _several(split), positives), ordered


def _of_features(
    text: GivenArray, video: GivenArray, split: Annotation, positives: Positives, normalize: bool
) -> tuple[ScoreMatrix, Features]:
    """The matrix of the cosines, or of the dot products, and the features that it is made of in the split's order."""
    queries, videos = ids_of(split)
    where, found = f"{split.dataset}/{split.split}", []
    for given, axis, ids in ((text, QUERIES, queries), (video, VIDEOS, videos)):
        if given.array.ndim != 2 or len(given.array) != len(ids):
            raise BenchError(f"{given.name} is {given.size}; {where} has {len(ids)} {axis}, and each takes a row.")
        order = given.order(axis, ids, where)
        given.check_numbers((order, ids))
        rows = given.array[order].float()
        found.append(_unit(rows, given.name, ids) if normalize else rows)
    one, other = found
    if one.shape[1] != other.shape[1]:
        raise BenchError(
            f"{text.name} has features of {one.shape[1]} numbers, {video.name} of {other.shape[1]}: both need the same."
        )
    if float(one.double().norm(dim=1).max() * other.double().norm(dim=1).max()) > LARGEST:
        raise BenchError(f"products of {text.name} and {video.name} are beyond float32. Scale the features down.")
    features = Features(one.numpy(), other.numpy())
    return feature_scores(features, split.queries, _several(split), positives), features


def _several(split: Annotation) -> list[int] | None:
    """The video of each query, where videos have several captions."""
    return split.video_of if len(split.queries) > len(split.clips) else None


def _unit(features: Tensor, name: str, ids: Sequence[str]) -> Tensor:
    """Rows of unit norm; as they are where all of them have it. BenchError: a row of zeros, which has no direction."""
    norms = features.norm(dim=1, keepdim=True)
    if (zero := torch.nonzero(norms[:, 0] == 0)).numel():
        raise BenchError(f"{name}: the features of {ids[int(zero[0])]} are all zero, so that they have no cosine.")
    return features if bool(((norms - 1).abs() < UNIT).all()) else features / norms


def _largest(matrix: ScoreMatrix) -> float:
    return max(float(np.abs(scores).max()) for _, _, scores in matrix)
