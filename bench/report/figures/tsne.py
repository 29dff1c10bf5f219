"""t-SNE maps of a baseline's and a variant's features, with the numbers that a map cannot give standing on them.

Captions and clips of one run are embedded together: as they are, where the gap between the modalities fills the
picture, and with each modality centred, where it is gone. Baseline and variant stand side by side on the same axes.
Distances between far points and the sizes of clusters mean nothing in such a map; whether an emotion can be read from
the features is said by `bench.report.feature_measures`, in the features' own space.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
    unit,
)
from bench.report.figures import Context, Figure, figure
from bench.report.map_panels import MODALITIES, Layer, beneath, class_layers, emotion_layers, legend, reach, scatter
from bench.report.saved_features import best_mapped, mappable_features
from bench.report.style import TEXT_WIDTH, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

MAPPED = ("joy", "trust")  # the emotions with a map of their own
PERPLEXITY = 30
STRIP = (5, 30, 100)
SEED = 0  # of the maps, folds and permutations
_SPACES = {"raw": "features as they are", "centred": "each modality centred"}
_TRUST = "Trustworthiness: 1 where all neighbours on the map are neighbours in the features, 0.5 by chance."
_COLUMNS = "{:<6} {:>13} {:>5} {:>6} {:>6} {:>6} {:>11}"


@dataclass(frozen=True)
class Numbers:
    """What one modality's features say of a class, or of all classes; None: too few queries for a claim."""

    purity: Purity | None
    probe: LinearProbe | None
    silhouette: float | None


class MappedRun:
    """One run's features, raw and centred, and the maps of them, each embedded once."""

    def __init__(self, record: Record, name: str, text: NDArray, video: NDArray):
        self.record, self.name, self.groups = record, name, groups_of(record)
        self.spaces = {"raw": (unit(text), unit(video)), "centred": (centred(text), centred(video))}
        self._maps: dict[tuple[str, int], NDArray] = {}

    def points(self, space: str) -> NDArray[np.float64]:
        """(2 N, P): captions, then clips."""
        return np.concatenate(self.spaces[space])

    def map(self, space: str, perplexity: int) -> NDArray[np.float32]:
        """(2 N, 2), moved so that it reaches as far to the left as to the right, and up as down."""
        if (space, perplexity) not in self._maps:
            found = embed(self.points(space), perplexity, SEED)
            self._maps[space, perplexity] = found - (found.max(axis=0) + found.min(axis=0)) / 2
        return self._maps[space, perplexity]

    def trust(self, space: str, perplexity: int) -> float:
        """How far neighbours on the map are neighbours among the features."""
        return trustworthiness(self.points(space), self.map(space, perplexity))

    def gap(self, space: str) -> float:
        """Between the modalities."""
        return modality_gap(*self.spaces[space])

    def numbers(self, space: str, classes: NDArray, target: int | None) -> tuple[Numbers, ...]:
        """Of the captions, and of the clips."""
        return tuple(
            Numbers(
                knn_purity(features, classes, self.groups, target=target, seed=SEED),
                linear_probe(features, classes, self.groups, target=target, seed=SEED),
                silhouette(features, classes),
            )
            for features in self.spaces[space]
        )


@figure("tsne", place=70)
def tsne(context: Context) -> list[Figure]:
    """The baseline and the best other run that has features: a map for joy, for trust, for all, and a strip of three.

    Joy and trust have a map if any query is about them; the strip has three perplexities.
    """
    other = best_mapped(context)
    return maps(context.base.records[0], other, context.results) if context.base and other else []


def maps(baseline: Record, variant: Record, results: Path) -> list[Figure]:
    """The maps of two runs that were asked the same queries and have `mappable_features`."""
    from threadpoolctl import threadpool_limits

    names = (baseline.variant, variant.variant) if baseline.variant != variant.variant else (baseline.run, variant.run)
    runs = []
    for record, name in zip((baseline, variant), names, strict=True):
        features = mappable_features(record, results)
        assert features is not None
        runs.append(MappedRun(record, name, *features))
    with threadpool_limits(1):  # other sums would round otherwise, and threads wait for each other where cores are busy
        carried = emotions_of(baseline)
        mapped = [emotion for emotion in MAPPED if carried[:, EMOTIONS.index(emotion)].any()]
        return [*(emotion_map(runs, emotion) for emotion in mapped), emotions_map(runs), perplexity_strip(runs)]


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


def emotion_map(runs: Sequence[MappedRun], emotion: str) -> Figure:
    """One emotion against the rest, which neutral queries belong to in a colour of their own."""
    record = runs[0].record
    carried = emotions_of(record)
    member = carried[:, EMOTIONS.index(emotion)]
    neutral = carried.sum(axis=1) == 0
    layers = emotion_layers(member, neutral, emotion)
    numbers = {(run.name, space): run.numbers(space, member.astype(int), 1) for run in runs for space in _SPACES}
    drawing = _grid(runs, layers, numbers)
    count = f"{member.sum()} of {len(member)} queries are about {emotion}; {neutral.sum()} are neutral"
    rest = f"{count}, which belong to the rest in the numbers."
    title = f"Is {emotion} a region of the features?"
    return _figure(f"tsne-{emotion}", title, runs, drawing, f"{emotion} against the rest. {rest}", numbers)


def emotions_map(runs: Sequence[MappedRun]) -> Figure:
    """All emotions at once."""
    classes = classes_of(runs[0].record)
    numbers = {(run.name, space): run.numbers(space, classes, None) for run in runs for space in _SPACES}
    drawing = _grid(runs, class_layers(classes), numbers)
    what = f"All emotions at once. {_counted(classes)} The numbers are means over these classes."
    title = "Do emotions lie apart in the features?"
    return _figure("tsne-emotions", title, runs, drawing, what, numbers)


@styled
def perplexity_strip(runs: Sequence[MappedRun]) -> Figure:
    """All emotions at three perplexities, each modality centred: what changes with the perplexity is the map's own."""
    from matplotlib.figure import Figure as Drawing

    classes = classes_of(runs[0].record)
    layers = class_layers(classes)
    drawing = Drawing(figsize=(TEXT_WIDTH, 5.6))
    panels = drawing.subplots(len(runs), len(STRIP), squeeze=False)
    for column, perplexity in enumerate(STRIP):
        limit = max(reach(run.map("centred", perplexity)) for run in runs)
        for axes, run in zip(panels[:, column], runs, strict=True):
            scatter(axes, run.map("centred", perplexity), layers, limit, 0.6)
            beneath(axes, [f"trustworthiness {run.trust('centred', perplexity):.3f}"])
        panels[0, column].set_title(f"perplexity {capped(perplexity, 2 * len(classes)):.0f}")
    for axes, run in zip(panels[:, 0], runs, strict=True):
        axes.set_ylabel(run.name)
    drawing.subplots_adjust(left=0.04, right=0.99, top=0.95, bottom=0.15, wspace=0.06, hspace=0.16)
    legend(drawing, layers, 0.1)
    trusts = ", ".join(
        f"{run.name} at {perplexity}: {run.trust('centred', perplexity):.3f}" for run in runs for perplexity in STRIP
    )
    caption = (
        f"The map of all emotions at perplexities {', '.join(map(str, STRIP))}, each modality centred; baseline and "
        f"variant on the same axes. What comes and goes with the perplexity is the map's, not the features'. "
        f"{_counted(classes)} {_TRUST} {_protocol(runs)}"
    )
    alt = f"Six scatter plots, one for each run and perplexity. Trustworthiness: {trusts}."
    return Figure("tsne-perplexity", "The same map at three perplexities", caption, alt, drawing)


@styled
def _grid(
    runs: Sequence[MappedRun], layers: Sequence[Layer], numbers: dict[tuple[str, str], tuple[Numbers, ...]]
) -> "Drawing":
    """Baseline and variant in columns, raw and centred in rows, all four on the same axes, numbers beneath each."""
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(TEXT_WIDTH, 8.4))
    panels = drawing.subplots(len(_SPACES), len(runs), squeeze=False)
    limit = max(reach(run.map(space, PERPLEXITY)) for run in runs for space in _SPACES)
    for row, (space, label) in zip(panels, _SPACES.items(), strict=True):
        for axes, run in zip(row, runs, strict=True):
            scatter(axes, run.map(space, PERPLEXITY), layers, limit)
            axes.set_title(f"{run.name}, {label}")
            beneath(axes, _lines(run, space, numbers[run.name, space]))
    drawing.subplots_adjust(left=0.01, right=0.99, top=0.97, bottom=0.12, wspace=0.04, hspace=0.27)
    legend(drawing, layers, 0.055)
    return drawing


def _lines(run: MappedRun, space: str, numbers: Sequence[Numbers]) -> list[str]:
    """The numbers as a small table."""
    lines = [_COLUMNS.format("", "purity (base)", "lift", "p", "AUC", "p", "silhouette")]
    for modality, one in zip(MODALITIES, numbers, strict=True):
        if one.purity is None or one.probe is None or one.silhouette is None:
            lines.append(f"{modality:<6} fewer than {MIN_QUERIES}: no claim")
            continue
        pure, probe = one.purity, one.probe
        cells = [f"{pure.value:.2f} ({pure.base:.2f})", f"{pure.lift:.2f}", probability(pure.p)]
        cells += [f"{probe.auc:.2f}", probability(probe.p), signed(one.silhouette, 2)]
        lines.append(_COLUMNS.format(modality, *cells))
    trust, gap = run.trust(space, PERPLEXITY), run.gap(space)
    return [*lines, f"map    trustworthiness {trust:.3f}; modality gap {gap:.2f}"]


def _counted(classes: NDArray) -> str:
    """How many queries each class has, and what was left out."""
    counts = [f"{name} {(classes == number).sum()}" for number, name in enumerate(CLASSES)]
    tied = int((classes == OUT).sum())
    more = f" In {tied} several emotions are named equally often: drawn, in no class." if tied else ""
    return f"Queries: {', '.join(counts)}; classes below {MIN_QUERIES} are in no number.{more}"


def _protocol(runs: Sequence[MappedRun]) -> str:
    """n, seeds and protocol, as every caption ends."""
    n = len(runs[0].record.queries["captions"])
    seeds = " and ".join(f"{run.name} (seed {run.record.seed})" for run in runs)
    protocols = dict.fromkeys(run.record.protocol for run in runs)
    return f"{n} captions and {n} clips, {seeds}; map seed {SEED}. {' and '.join(protocols)}"


def _figure(
    stem: str,
    title: str,
    runs: Sequence[MappedRun],
    drawing: "Drawing",
    what: str,
    numbers: dict[tuple[str, str], tuple[Numbers, ...]],
) -> Figure:
    perplexity = capped(PERPLEXITY, len(runs[0].points("raw")))
    caption = (
        f"t-SNE of captions and clips: {what} Cosine, PCA start, perplexity {perplexity:.0f}; all panels on the same "
        "axes. Centred: each modality's mean removed, unit norm again. Beneath: numbers from the features, not from "
        f"the map; equal captions and twins never answer for each other. Purity: the share of the {K} nearest that are "
        "of the same class, in brackets that of random neighbours, lift their ratio. AUC: a linear probe on held-out "
        f"folds, 0.5 by chance. p: {PERMUTATIONS} permutations, one-sided, not corrected for the number of tests. "
        f"Silhouette: 0 or below where classes lie in one another. {_TRUST} Modality gap: distance of the two means, "
        f"0 to 2. {_protocol(runs)}"
    )
    said = [
        f"{name}, {_SPACES[space]}, {modality}: {_said(one)}"
        for (name, space), pair in numbers.items()
        for modality, one in zip(MODALITIES, pair, strict=True)
    ]
    alt = f"Four scatter plots, baseline and variant, raw and centred. {'; '.join(said)}."
    return Figure(stem, title, caption, alt, drawing)


def _said(one: Numbers) -> str:
    if one.purity is None or one.probe is None:
        return "no claim"
    return (
        f"purity {one.purity.value:.2f}, {one.purity.lift:.2f} times its base (p {equals(one.purity.p)}), "
        f"AUC {one.probe.auc:.2f} (p {equals(one.probe.p)})"
    )
