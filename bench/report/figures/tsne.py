"""A t-SNE map of the baseline's and the best variant's features, and a table of what a map cannot say.

Captions and clips of one run are embedded together, each modality centred: the gap between the two would fill the
picture. Distances between far points and the sizes of clusters mean nothing in such a map; whether an emotion can be
read from the features is said by `bench.report.feature_measures`, in the features' own space.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.compare.numbers import equals, probability, signed
from bench.emotions import EMOTIONS
from bench.metrics.statistics import MIN_QUERIES
from bench.records.record import Record
from bench.report.feature_measures import (
    CLASSES,
    OUT,
    PERMUTATIONS,
    K,
    LinearProbe,
    Purity,
    centred,
    classes_of,
    emotions_of,
    groups_of,
    knn_purity,
    linear_probe,
    modality_gap,
    silhouette,
    trustworthiness,
)
from bench.report.figures import Context, Figure, figure
from bench.report.map_panels import MODALITIES, OTHERS, Layer, class_layers, emotion_layers, legend, reach, scatter
from bench.report.saved_features import best_mapped, mappable_features
from bench.report.style import TEXT_WIDTH, styled
from bench.utils.tables import Table

MAPPED = ("joy", "trust")  # the emotions with a panel of their own
PERPLEXITY = 30
SEED = 0  # of the maps, folds and permutations


@dataclass(frozen=True)
class Numbers:
    """What one modality's features say of a class, or of all classes; None: too few queries for a claim."""

    purity: Purity | None
    probe: LinearProbe | None
    silhouette: float | None


@dataclass(frozen=True)
class View:
    """One colouring of a map. classes: (N,) as `feature_measures` takes them. target: the class; None: all of them."""

    name: str
    layers: Sequence[Layer]
    classes: NDArray
    target: int | None


class MappedRun:
    """One run's features, each modality centred, and the map of them."""

    def __init__(self, record: Record, name: str, text: NDArray, video: NDArray):
        self.record, self.name, self.groups = record, name, groups_of(record)
        self.raw, self.features = (text, video), (centred(text), centred(video))
        self._numbers: dict[str, tuple[Numbers, ...]] = {}

    @property
    def points(self) -> NDArray[np.float64]:
        """(2 N, P): captions, then clips."""
        return np.concatenate(self.features)

    @cached_property
    def map(self) -> NDArray[np.float32]:
        """(2 N, 2), moved so that it reaches as far to the left as to the right, and up as down."""
        found = embed(self.points, PERPLEXITY, SEED)
        centred_map: NDArray[np.float32] = found - (found.max(axis=0) + found.min(axis=0)) / 2
        return centred_map

    def numbers(self, view: View) -> tuple[Numbers, ...]:
        """Of the captions, and of the clips."""
        if view.name not in self._numbers:
            self._numbers[view.name] = tuple(
                Numbers(
                    knn_purity(features, view.classes, self.groups, target=view.target, seed=SEED),
                    linear_probe(features, view.classes, self.groups, target=view.target, seed=SEED),
                    silhouette(features, view.classes),
                )
                for features in self.features
            )
        return self._numbers[view.name]


@figure("tsne", place=70, beside="features", least=MIN_QUERIES)
def tsne(context: Context) -> Figure | None:
    """The baseline and the best other run that has features: one map each, coloured by all emotions, by joy, by trust.

    Joy and trust have a panel if any query is about them. None where no two runs have features that a map can show.
    """
    other = best_mapped(context)
    return maps(context.base.records[0], other, context.results) if context.base and other else None


@styled
def maps(baseline: Record, variant: Record, results: Path) -> Figure:
    """The maps of two runs that were asked the same queries and have `mappable_features`, and their numbers."""
    from matplotlib.figure import Figure as Drawing
    from threadpoolctl import threadpool_limits

    names = (baseline.variant, variant.variant) if baseline.variant != variant.variant else (baseline.run, variant.run)
    runs = []
    for record, name in zip((baseline, variant), names, strict=True):
        features = mappable_features(record, results)
        assert features is not None
        runs.append(MappedRun(record, name, *features))
    carried, classes = emotions_of(baseline), classes_of(baseline)
    everything = class_layers(classes)
    views = [View("all emotions", everything, classes, None)]
    for emotion in MAPPED:
        member = carried[:, EMOTIONS.index(emotion)]
        if member.any():
            layers = emotion_layers(member, carried.sum(axis=1) == 0, emotion)
            views.append(View(emotion, layers, member.astype(np.int64), 1))
    with threadpool_limits(1):  # other sums would round otherwise, and threads wait for each other where cores are busy
        limit = max(reach(run.map) for run in runs)
        rows = [row for run in runs for row in _rows(run, views)]
    drawing = Drawing(figsize=(TEXT_WIDTH, 5.5))
    panels = drawing.subplots(len(runs), len(views), squeeze=False)
    for row, run in zip(panels, runs, strict=True):
        for axes, view in zip(row, views, strict=True):
            scatter(axes, run.map, view.layers, limit, 0.7)
            axes.set_title(f"{run.name}: {view.name}", fontsize=8)
    drawing.subplots_adjust(left=0.01, right=0.99, top=0.95, bottom=0.16, wspace=0.04, hspace=0.12)
    others = [layer for view in views[1:2] for layer in view.layers if layer.label == OTHERS]
    legend(drawing, [*everything, *others], 0.13)
    n = len(baseline.queries["captions"])
    seeds = " and ".join(f"{run.name} (seed {run.record.seed})" for run in runs)
    caption = (
        f"t-SNE of captions and clips by cosine, each modality centred, perplexity {capped(PERPLEXITY, 2 * n):.0f}; "
        f"all panels on the same axes. Distances on a map mean little: read the table. n = {n} captions and clips, "
        f"{seeds}."
    )
    said = "; ".join(
        f"{run.name}, {view.name}, {modality}: {_said(one)}"
        for run in runs
        for view in views
        for modality, one in zip(MODALITIES, run.numbers(view), strict=True)
    )
    alt = f"{len(runs) * len(views)} scatter plots, the baseline above, the variant below. {said}."
    header = ["run", "features of", "purity (base)", "lift", "p", "AUC", "p", "silhouette"]
    maps_said = "; ".join(
        f"{run.name}: trustworthiness of the map {trustworthiness(run.points, run.map):.3f}, modality gap "
        f"{modality_gap(*run.raw):.2f}"
        for run in runs
    )
    table = Table(header, rows, [f"{maps_said}.", _note(classes)])
    return Figure("tsne", "Are emotions separated in the features?", caption, alt, drawing, table)


def _rows(run: MappedRun, views: Sequence[View]) -> list[list[str] | str]:
    """The numbers of a run: a row for every view and modality."""
    rows: list[list[str] | str] = []
    for view in views:
        for modality, one in zip(MODALITIES, run.numbers(view), strict=True):
            if one.purity is None or one.probe is None or one.silhouette is None:
                cells = [f"fewer than {MIN_QUERIES} queries", *["–"] * 5]
            else:
                pure, probe = one.purity, one.probe
                cells = [f"{pure.value:.2f} ({pure.base:.2f})", f"{pure.lift:.2f}", probability(pure.p)]
                cells += [f"{probe.auc:.2f}", probability(probe.p), signed(one.silhouette, 2)]
            rows.append([run.name, f"{view.name}, {modality}", *cells])
    return rows


def _note(classes: NDArray) -> str:
    """What the numbers are, and how many queries each class has."""
    counts = ", ".join(f"{name} {(classes == number).sum()}" for number, name in enumerate(CLASSES))
    tied = int((classes == OUT).sum())
    more = f"; {tied} name several equally often and are in no class" if tied else ""
    return (
        "Measured in the centred features, where equal captions and twins are not neighbours of each other. Purity: "
        f"share of the {K} nearest that are of the same class, beside that of random neighbours; lift: their ratio. "
        f"AUC: a linear probe on held-out folds, 0.5 by chance. p: {PERMUTATIONS} permutations, one-sided, not "
        "corrected. Silhouette: 0 or below where classes overlap. Trustworthiness: 1 where all neighbours on the map "
        f"are neighbours in the features. Queries: {counts}{more}."
    )


def _said(one: Numbers) -> str:
    if one.purity is None or one.probe is None:
        return "no claim"
    return (
        f"purity {one.purity.value:.2f}, {one.purity.lift:.2f} times its base (p {equals(one.purity.p)}), "
        f"AUC {one.probe.auc:.2f} (p {equals(one.probe.p)})"
    )


def embed(features: NDArray, perplexity: float, seed: int) -> NDArray[np.float32]:
    """A t-SNE map by cosine from a PCA start: (n, P) -> (n, 2), the same bytes for the same features. n, P >= 2.

    perplexity: at most (n - 1)/3, for three times as many neighbours are looked at.
    One thread: on several, sums are added in another order, and on busy cores the threads wait for each other (30 s
    instead of 3 were seen).
    Source: van der Maaten and Hinton, Visualizing data using t-SNE, JMLR 9 (2008); Kobak and Berens, The art of using
    t-SNE for single-cell transcriptomics, Nature Communications 10 (2019), for the start.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = capped(perplexity, len(features))
    model = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=seed, n_jobs=1)
    with threadpool_limits(1):
        return model.fit_transform(np.asarray(features, np.float32))


def capped(perplexity: float, n: int) -> float:
    """The perplexity that n points allow."""
    return min(perplexity, (n - 1) / 3)
