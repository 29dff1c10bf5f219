"""What a run makes of emotion, measured on its weights and features: `bench probe RUN` writes it into the record.

Edited captions are encoded by the run's weights and scored against the features of the test clips, so no clip is
decoded again. An edited caption's emotions come from its own words, as every query's do. Beside that: the emotion
metrics of the whole ranking, the graded subsets, the group score of twins, and a baseline that reads captions alone.
Every value of every query is kept: later comparisons need no model.
"""

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor

from bench.analysis.text_only import Bigrams
from bench.data.annotation import Annotation
from bench.data.faces import Faces, read_faces
from bench.data.loading import FACES, Collator
from bench.data.video_emotions import VideoEmotions, video_emotions
from bench.emotions import EMOTIONS
from bench.emotions.counterfactuals import EDITS, Counterfactual, counterfactual
from bench.emotions.lexicons import nrc
from bench.engine.evaluate import encode_captions, scores_of
from bench.engine.reopen import Reopened, find_record, reopen
from bench.engine.train import make_accelerator
from bench.errors import BenchError
from bench.metrics import counterfactual as metric
from bench.metrics.emotion import measure
from bench.metrics.ranking import wins
from bench.metrics.subsets import graded_subsets, subset_rows
from bench.model.variant import Variant
from bench.records import store
from bench.records.feature_files import read_features
from bench.records.record import Record
from bench.utils.files import sha256
from bench.utils.paths import HERE
from bench.utils.run_files import results_of

MADE_BY = (  # a change in one of them is another measurement
    "analysis/probe.py",
    "metrics/statistics.py",
    "emotions/scores.py",
    "emotions/vader.py",
    "emotions/tokenize.py",
    "emotions/counterfactuals.py",
    "analysis/text_only.py",
    "data/video_emotions.py",
    "metrics/counterfactual.py",
    "metrics/emotion.py",
    "metrics/ranking.py",
    "metrics/subsets.py",
    "emotions/swaps.yaml",
)
_ENDS = ("source", "target")
_SAME = 0.99  # cosine of a caption's feature now and then; bfloat16 on another machine keeps well above


@dataclass(frozen=True)
class Probed:
    """A record with its probe, where it lies, and whether it was there already."""

    record: Record
    path: Path
    was_done: bool


def probe(run: str, folder: Path, root: Path | None = None) -> Probed:
    """Measures a run and writes `probe` into its record; done before if neither code nor lists changed since.

    run: an id under the results `folder`, or a record's path. root: the dataset's folder, where it moved.
    UsageError: no such run, or a control of the evaluation. BenchError: the weights are gone, or the data changed.
    """
    path = find_record(run, folder)
    record = store.load(path)
    code = code_digest()
    if record.probe.get("code") == code and record.probe["emotion"]:  # without witnesses: perhaps there are some by now
        return Probed(record, path, True)
    found = _measure(reopen(str(path), folder, root))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = replace(record, probe={"created": now, "code": code, **found})
    return Probed(record, store.save(record, results_of(path)), False)


def code_digest() -> str:
    """Eight hex digits over what a probe is made by: this code, the word list, the NRC lexicon."""
    return hashlib.sha256("".join([*(sha256(HERE / name) for name in MADE_BY), nrc().digest]).encode()).hexdigest()[:8]


@torch.no_grad()
def _measure(trained: Reopened) -> dict[str, Any]:
    record, data, variant = trained.record, trained.data, trained.variant
    captions = record.queries["captions"]
    asked = [counterfactual(caption) for caption in captions]
    edited = [caption for one in asked if one for caption in one.edited.values() if caption]
    texts = list(dict.fromkeys([*captions, *edited]))
    accelerator = make_accelerator(trained.config.train)
    features, rows = encode_inputs(variant, texts, trained.collator(texts), accelerator)
    _compare(features[[rows[caption] for caption in captions]], trained)
    parts = features.to(variant.device).split(1024)
    every = np.concatenate([scores_of(variant.similarity, part, trained.gallery) for part in parts])

    def scores(captions: Sequence[str]) -> NDArray:
        return every[[rows[caption] for caption in captions]]

    true = scores(captions)
    witness = _witness(data.test, trained.faces or _faces_at(trained.folder))
    shown, source = _shown(data.test, witness)
    per_query, shift = edit_effects(true, asked, scores, shown)
    blind = Bigrams(caption for clip in data.train.clips for caption in clip.captions)
    preferred = blind_flips(blind, captions, asked)
    twins = metric.twin_scores(true, data.test.twins)
    return {
        "counterfactual": {
            **metric.summarize(per_query, captions),
            "shift": metric.mean(shift, captions),
            "emotions": source,
            "per_query": {"words": [" ".join(one.words) if one else None for one in asked], **_turned(per_query)}
            | {"shift": shift},
        },
        "emotion": {**measure(true, captions, witness), "source": witness.source} if witness else {},
        "subsets": {row.pop("subset"): row for row in subset_rows(record.ranks, graded_subsets(captions), captions)},
        "twins": {
            **{name: metric.share(twins[name], chance) for name, chance in metric.CHANCE.items()},
            "per_pair": twins,
        },
        "text_only": {
            "model": str(blind),
            "edits": {edit: metric.share(preferred[edit]) for edit in EDITS},
            "per_query": {"flip": preferred},
        },
    }


def edit_effects(
    true: NDArray,
    asked: Sequence[Counterfactual | None],
    scores: Callable[[Sequence[str]], NDArray],
    shown: NDArray[np.bool_],
) -> tuple[dict[str, dict[str, list]], list]:
    """Per edit the "flip" and "delta" of every query, None where it has no such edit; and the shift of every swap.

    true: (N, N) scores of the true captions. scores: captions -> (n, N). shown: (N, 8) emotions of the videos.
    BenchError if a score is no number.
    """
    n = len(asked)
    effects: dict[str, dict[str, list]] = {}
    shift: list = [None] * n
    for edit in EDITS:
        columns: dict[str, list] = {"flip": [None] * n, "delta": [None] * n}
        chosen = [(i, one, text) for i, one in enumerate(asked) if one and (text := one.edited[edit])]
        if chosen:
            rows = [i for i, _, _ in chosen]
            edited = scores([text for _, _, text in chosen])
            try:
                moved = metric.deltas(true[rows], edited, rows)
            except ValueError:
                raise BenchError("the weights are broken: a score of an edited caption is no number.") from None
            flips = wins(true[rows, rows], edited[np.arange(len(rows)), rows])
            for i, flip, delta in zip(rows, flips.tolist(), moved.tolist(), strict=True):
                columns["flip"][i], columns["delta"][i] = flip, round(delta, 6)
            if edit == "swap":
                source, target = ([EMOTIONS.index(getattr(one, end)) for _, one, _ in chosen] for end in _ENDS)
                for i, value in zip(rows, metric.shifts(true[rows], edited, rows, source, target, shown), strict=True):
                    shift[i] = None if np.isnan(value) else round(float(value), 6)
        effects[edit] = columns
    return effects, shift


def blind_flips(
    blind: Bigrams, captions: Sequence[str], asked: Sequence[Counterfactual | None]
) -> dict[str, list[float | None]]:
    """Per edit, for every query: 1 if the text-only model prefers the true caption, 1/2 if neither, 0 if the edited."""
    preferred: dict[str, list[float | None]] = {edit: [None] * len(captions) for edit in EDITS}
    for i, (caption, one) in enumerate(zip(captions, asked, strict=True)):
        for edit, text in one.edited.items() if one else ():
            if text:
                preferred[edit][i] = wins([blind.score(caption)], [blind.score(text)]).item()
    return preferred


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
    stored = read_features(trained.path)
    if stored is None:
        return
    then = torch.from_numpy(stored.text)
    fits = now.shape == then.shape
    if not fits or torch.cosine_similarity(now.flatten(1), then.flatten(1), dim=1).min() < _SAME:
        raise BenchError(
            f"the weights of {trained.record.run} do not give the features beside them: the variant's file or a "
            f"lexicon changed. Remove {trained.path} to train that run again."
        )


def _faces_at(dataset: Path) -> Faces | None:
    return read_faces(dataset / FACES) if (dataset / FACES).is_file() else None


def _witness(test: Annotation, faces: Faces | None) -> VideoEmotions | None:
    try:
        return video_emotions(test, faces)
    except BenchError as error:
        print(f"no emotion metrics: {error}", file=sys.stderr)
        return None


def _shown(test: Annotation, witness: VideoEmotions | None) -> tuple[NDArray[np.bool_], str]:
    """(N, 8): the emotions of each video, and who says so. A dataset with twins knows what it filmed."""
    if test.twins:
        members = [np.isin(np.arange(len(test.clips)), test.subsets.get(emotion, ())) for emotion in EMOTIONS]
        return np.column_stack(members), f"{test.dataset} itself"
    if witness is None:
        return np.zeros((len(test.clips), len(EMOTIONS)), np.bool_), "nobody"
    return witness.present, witness.source


def _turned(effects: dict[str, dict[str, list]]) -> dict[str, dict[str, list]]:
    return {name: {edit: columns[name] for edit, columns in effects.items()} for name in ("flip", "delta")}
