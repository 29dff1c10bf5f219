"""What a run makes of emotion, measured on its weights and features: `bench probe RUN` writes it into the record.

Edited captions are encoded by the run's weights and scored against the features of the test clips, so no clip is
decoded again. An edited caption's emotions come from its own words, as every query's do. Beside that: the emotion
metrics of the whole ranking, the graded subsets, the group score of twins, and a baseline that reads captions alone.
Every value of every query is kept: later comparisons need no model. Of an external model, of which scores alone are
known, there are no edited captions; the rest is the same.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from bench.analysis.code_digest import code_digest
from bench.analysis.measure import edited_captions, measure, subsets_source
from bench.data import importers
from bench.data.annotation import Annotation
from bench.data.faces import Faces, read_faces
from bench.data.loading import FACES_FILE, Collator
from bench.data.video_emotions import VideoEmotions, video_emotions
from bench.emotions.sources import EmotionSource, SourceOptions, find_source
from bench.engine.evaluate import encode_captions
from bench.engine.reopen import Reopened, config_of, find_record, reopen
from bench.engine.score_matrix import scores_of
from bench.engine.stored_scores import stored_scores
from bench.engine.train import make_accelerator
from bench.errors import BenchError, UsageError
from bench.model.variant import Variant
from bench.records import store
from bench.records.feature_files import read_features
from bench.records.probe import PUBLISHED_RULE, Probe
from bench.records.record import Record
from bench.utils.device import AUTO
from bench.utils.run_files import results_of

_SAME = 0.99  # cosine of a caption's feature now and then; bfloat16 on another machine keeps well above


@dataclass(frozen=True)
class ProbedRun:
    """A record with its probe, where it lies, and whether it was there already."""

    record: Record
    path: Path
    was_done: bool


def probe(run: str, folder: Path, root: Path | None = None, subsets_by: str = "", device: str = AUTO) -> ProbedRun:
    """Measures a run and writes `probe` into its record; done before if neither code nor lists changed since.

    run: an id under the results `folder`, or a record's path. root: the dataset's folder, where it moved. subsets_by:
    an emotion source that names more graded subsets, beside the published ones. device: where to compute, as in
    `bench.engine.reopen`.
    UsageError: no such run, a control of the evaluation, or a test set with several captions a video. BenchError: the
    weights are gone, or the data changed.
    """
    path = find_record(run, folder)
    record = store.load_run(path)
    if record.video_of:
        raise UsageError(
            f"a probe asks one caption a video, and {record.test} has several. Probe a run on another --test."
        )
    code = code_digest()
    options = SourceOptions() if record.external else SourceOptions.of(config_of(record))
    options = replace(options, device=device)
    source = find_source(subsets_by, options) if subsets_by else None
    named = record.probe.get("sources", {}).get("subsets_by", PUBLISHED_RULE)
    before = not source or named == subsets_source(source)
    if record.probe.get("code") == code and before and record.probe["emotion"]:  # else: perhaps there are witnesses now
        return ProbedRun(record, path, True)
    if record.external:
        measured = _measure_given(record, path, root, code, source)
    else:
        measured = _measure(reopen(str(path), folder, root, device), code, source)
    record = replace(record, probe=measured.as_json())
    return ProbedRun(record, store.save(record, results_of(path)), False)


@torch.no_grad()
def _measure(trained: Reopened, code: str, subsets_by: EmotionSource | None) -> Probe:
    record, data, variant = trained.record, trained.data, trained.variant
    captions = record.queries["captions"]
    texts = list(dict.fromkeys([*captions, *edited_captions(captions)]))
    accelerator = make_accelerator(trained.config.train, trained.config.device)
    features, rows = encode_inputs(variant, texts, trained.collator(texts), accelerator)
    _compare(features[[rows[caption] for caption in captions]], trained)
    parts = features.to(variant.device).split(1024)
    every = np.concatenate([scores_of(variant.similarity, part, trained.gallery) for part in parts])
    return measure(
        captions,
        lambda asked: every[[rows[caption] for caption in asked]],
        record.ranks,
        data.test,
        _witness(data.test, trained.faces or _faces_at(trained.folder)),
        [caption for clip in data.train.clips for caption in clip.captions],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code=code,
        given_by=_given_by(trained),
        subsets_by=subsets_by,
    )


def _measure_given(record: Record, path: Path, root: Path | None, code: str, subsets_by: EmotionSource | None) -> Probe:
    """What the scores of an external model tell: there is nobody to ask for those of edited captions."""
    where = root or (Path(record.config["root"]) if record.config.get("root") else None)
    test = importers.read_test_split(record.dataset, record.test, where)
    if record.checksums != {test.split: test.digest}:
        raise BenchError(f"the data changed since {path} was written. Put it back, or remove that record.")
    matrix = stored_scores(path, record)
    every = np.empty((len(matrix), matrix.clips), np.float32)
    for queries, clips, band in matrix:
        every[queries, clips] = band
    return measure(
        record.queries["captions"],
        lambda asked: every,
        record.ranks,
        test,
        _witness(test, _faces_at(importers.ensure(record.dataset, where))),
        [],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code=code,
        edited=False,
        subsets_by=subsets_by,
    )


def encode_inputs(
    variant: Variant, captions: Sequence[str], collate: Collator, accelerator: Accelerator
) -> tuple[Tensor, dict[str, int]]:
    """(U, …) features, and the row of each caption.

    What is the same to the model has one row: two unknown words may not differ by rounding.
    """
    unique: dict[tuple, str] = {}
    keys = {}
    for caption in captions:
        batch = collate.text([caption])
        emotions = () if batch.emotions is None else tuple(batch.emotions[0].tolist())
        keys[caption] = (*batch.input_ids[0].tolist(), None, *emotions)
        unique.setdefault(keys[caption], caption)
    place = {key: row for row, key in enumerate(unique)}
    features = encode_captions(variant, list(unique.values()), collate, accelerator).cpu()
    return features, {caption: place[key] for caption, key in keys.items()}


def _compare(now: Tensor, trained: Reopened) -> None:
    """Stops where the weights no longer give the text features that lie beside them."""
    stored = read_features(trained.path, trained.record)
    if stored is None:
        return
    then = torch.from_numpy(stored.text)
    fits = now.shape == then.shape
    if not fits or torch.cosine_similarity(now.flatten(1), then.flatten(1), dim=1).min() < _SAME:
        raise BenchError(
            f"the weights of {trained.record.run} do not give the features beside them: the variant's file or a "
            f"lexicon changed. Remove {trained.path} to train that run again."
        )


def _given_by(trained: Reopened) -> str:
    if not trained.variant.text_needs:
        return ""
    return find_source(trained.config.emotion_source, SourceOptions.of(trained.config)).label


def _faces_at(dataset: Path) -> Faces | None:
    return read_faces(dataset / FACES_FILE) if (dataset / FACES_FILE).is_file() else None


def _witness(test: Annotation, faces: Faces | None) -> VideoEmotions | None:
    try:
        return video_emotions(test, faces)
    except BenchError as error:
        print(f"no emotion metrics: {error}", file=sys.stderr)
        return None
