"""Scores of true and edited captions -> what a run makes of emotion, as a `Probe`. No model is needed here.

An edited caption is compared with the true one by its score with the query's own video, and by where that video ranks;
a baseline that reads captions alone shows how much of that the words give away. `bench.metrics.counterfactual` and
`bench.metrics.emotion` have the formulas.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.analysis.text_only import Bigrams
from bench.data.annotation import Annotation
from bench.data.video_emotions import VideoEmotions
from bench.emotions import EMOTIONS
from bench.emotions.counterfactuals import EDITS, Counterfactual, counterfactual
from bench.emotions.sources import EmotionSource
from bench.errors import BenchError
from bench.metrics import counterfactual as metric
from bench.metrics.emotion import measure as measure_emotion
from bench.metrics.ranking import wins
from bench.metrics.subsets import graded_subsets, subset_rows
from bench.records.probe import PUBLISHED_RULE, SCORES, Column, Edit, Measured, Probe, SubsetRecall

_ENDS = ("source", "target")


def edited_captions(captions: Sequence[str]) -> list[str]:
    """All captions that a probe of these asks beside them."""
    asked = [counterfactual(caption) for caption in captions]
    return [caption for one in asked if one for caption in one.edited.values() if caption]


def measure(
    captions: Sequence[str],
    scores: Callable[[Sequence[str]], NDArray],
    ranks: Mapping[str, Mapping[str, Sequence[int]]],
    test: Annotation,
    witness: VideoEmotions | None,
    training_captions: Sequence[str],
    created: str,
    code: str,
    edited: bool = True,
    given_by: str = "",
    subsets_by: EmotionSource | None = None,
) -> Probe:
    """Everything that a probe holds.

    captions: of the N queries. scores: captions -> (n, N) scores with the test's clips. ranks: the record's. witness:
    the emotions of the test's clips, None where nobody says. created, code, given_by: as `Probe` has them. edited:
    whether there are scores of edited captions; otherwise no query has an edit. subsets_by: the source of more graded
    subsets than the published ones.
    BenchError if a score is no number.
    """
    asked = [counterfactual(caption) if edited else None for caption in captions]
    true = scores(captions)
    shown, shown_by = _shown(test, witness)
    effects, shifts = edit_effects(true, asked, scores, shown)
    blind = Bigrams(training_captions)
    preferred = blind_flips(blind, captions, asked)
    summary = metric.summarize(effects, captions)
    emotion: dict[str, Any] = measure_emotion(true, list(captions), witness) if witness else {}
    per_query = emotion.pop("per_query", {})
    twins = metric.twin_scores(true, test.twins)
    subsets = {row.pop("subset"): row for row in subset_rows(ranks, graded_subsets(captions, subsets_by), captions)}
    return Probe(
        created=created,
        code=code,
        edits={
            edit: Edit(
                flip=Measured.from_json(summary["edits"][edit]["FlipAcc"]),
                moved=Measured.from_json(summary["edits"][edit]["Δ log-rank"]),
                text_only=Measured.from_json(metric.share(preferred[edit])),
                flips=effects[edit]["flip"],
                moves=effects[edit]["delta"],
                text_only_flips=preferred[edit],
            )
            for edit in EDITS
        },
        words=[" ".join(one.words) if one else None for one in asked],
        selectivity={control: Measured.from_json(entry) for control, entry in summary["selectivity"].items()},
        shift=Measured.from_json(metric.mean(shifts, captions)),
        shifts=shifts,
        shown_by=shown_by,
        emotion={name: Measured.from_json(entry) for name, entry in emotion.items()},
        emotion_by=witness.source if witness else "",
        emotion_per_query=per_query,
        subsets={name: SubsetRecall.from_json(row) for name, row in subsets.items()},
        twins={name: Measured.from_json(metric.share(twins[name], metric.CHANCE[name])) for name in SCORES},
        pairs=twins["pairs"],
        twins_per_pair={name: twins[name] for name in SCORES},
        text_only=str(blind),
        given_by=given_by,
        subsets_by=subsets_source(subsets_by),
    )


def subsets_source(source: EmotionSource | None) -> str:
    """What names the graded subsets: the published rule, and beside it a source if one is asked."""
    return f"{PUBLISHED_RULE}; {source.label}" if source else PUBLISHED_RULE


def edit_effects(
    true: NDArray,
    asked: Sequence[Counterfactual | None],
    scores: Callable[[Sequence[str]], NDArray],
    shown: NDArray[np.bool_],
) -> tuple[dict[str, dict[str, Column]], Column]:
    """Per edit the "flip" and "delta" of every query, None where it has no such edit; and the shift of every swap.

    true: (N, N) scores of the true captions. scores: captions -> (n, N). shown: (N, 8) emotions of the videos.
    BenchError if a score is no number.
    """
    n = len(asked)
    effects: dict[str, dict[str, Column]] = {}
    shifts: Column = [None] * n
    for edit in EDITS:
        columns = effects[edit] = {"flip": [None] * n, "delta": [None] * n}
        chosen = [(i, one, text) for i, one in enumerate(asked) if one and (text := one.edited[edit])]
        if not chosen:
            continue
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
                shifts[i] = None if np.isnan(value) else round(float(value), 6)
    return effects, shifts


def blind_flips(blind: Bigrams, captions: Sequence[str], asked: Sequence[Counterfactual | None]) -> dict[str, Column]:
    """Per edit, for every query: 1 if the text-only model prefers the true caption, 1/2 if neither, 0 if the edited."""
    preferred: dict[str, Column] = {edit: [None] * len(captions) for edit in EDITS}
    for i, (caption, one) in enumerate(zip(captions, asked, strict=True)):
        for edit, text in one.edited.items() if one else ():
            if text:
                preferred[edit][i] = wins([blind.score(caption)], [blind.score(text)]).item()
    return preferred


def _shown(test: Annotation, witness: VideoEmotions | None) -> tuple[NDArray[np.bool_], str]:
    """(N, 8): the emotions of each video, and who says so. A dataset with twins knows what it filmed."""
    if test.twins:
        members = [np.isin(np.arange(len(test.clips)), test.subsets.get(emotion, ())) for emotion in EMOTIONS]
        return np.column_stack(members), f"{test.dataset} itself"
    if witness is None:
        return np.zeros((len(test.clips), len(EMOTIONS)), np.bool_), "nobody"
    return witness.present, witness.source
