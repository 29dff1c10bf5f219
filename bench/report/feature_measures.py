"""What a run's features say of emotion, measured in the space they live in and not in a picture of it.

A t-SNE map shows clusters where there are none and hides some that are there; so these numbers stand on it. On pure
noise they say "nothing": purity at its base rate, AUC near 0.5, p uniform. Where classes are compared, those of fewer
than 20 queries are left out, and None stands for "no claim".

Classes: (N,) a number for each query's class, OUT for none. What is measured is about one class, or the mean over all.
Groups: (N,) numbers of what belongs together: equal captions, and twins, which are clips of one content. A query's own
group never answers for it: it is no neighbour and stands in the same fold, and labels are permuted by whole groups. So
the likeness of content, which is there in any feature, is not taken for one of emotion.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.emotions import EMOTIONS
from bench.emotions.scores import score_captions
from bench.metrics.statistics import MIN_QUERIES
from bench.records.record import Record

OUT = -1
CLASSES = (*EMOTIONS, "neutral")
K = 10  # neighbours
FOLDS = 5
PERMUTATIONS = 199  # so that p can be 0.005
RIDGE = 100.0  # the probe's penalty on its weights: 1/C in scikit-learn's words
_STEPS = 15  # of the probe's fit: its scores are then within 0.01 of where they would end, tested
_LEVEL = 1e-9  # statistics this close count as equal: sums in another order differ by rounding


@dataclass(frozen=True)
class Purity:
    """value: share of the nearest neighbours that are of the same class. base: that of random ones. lift: their ratio.

    p: how often permuted labels give as much.
    """

    value: float
    base: float
    lift: float
    p: float


@dataclass(frozen=True)
class LinearProbe:
    """auc: 0.5 is chance, 1 is perfect. p: how often permuted labels give as much."""

    auc: float
    p: float


def emotions_of(record: Record) -> NDArray[np.bool_]:
    """(N, 8): which emotions each query is about, by the record's subsets of these names; a query may be of several.

    Where the dataset has no such subsets, by the caption's words: any that the NRC lexicon ties to the emotion.
    """
    captions = record.queries["captions"]
    if not record.subsets.keys() >= set(EMOTIONS):
        return score_captions(captions) > 0
    carried = np.zeros((len(captions), len(EMOTIONS)), np.bool_)
    for column, emotion in enumerate(EMOTIONS):
        carried[record.subsets[emotion], column] = True
    return carried


def classes_of(record: Record) -> NDArray[np.int64]:
    """(N,): one class for each query, a place in CLASSES: its emotion, or neutral where it has none.

    Of several emotions the one that most words of the caption name, by the NRC lexicon. Where the most are equally
    many there is no honest choice ("happy" names joy, trust and anticipation; the first would make everything joy):
    such a query is OUT, of these classes and not of the picture.
    """
    carried = emotions_of(record)
    number = carried.sum(axis=1)
    found = np.where(number == 0, len(EMOTIONS), carried.argmax(axis=1))
    several = np.flatnonzero(number > 1)
    if len(several):
        counts = score_captions([record.queries["captions"][row] for row in several]) * carried[several]
        strongest = counts == counts.max(axis=1, keepdims=True)
        found[several] = np.where(strongest.sum(axis=1) == 1, strongest.argmax(axis=1), OUT)
    return found


def groups_of(record: Record) -> NDArray[np.int64]:
    """(N,): a number for each query, the same for those with equal captions and for twins, over any chain of these."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    captions = record.queries["captions"]
    first = {caption: row for row, caption in reversed(list(enumerate(captions)))}
    edges = [*((row, first[caption]) for row, caption in enumerate(captions)), *record.twins.items()]
    rows, columns = np.array(edges).T
    graph = coo_array((np.ones(len(edges)), (rows, columns)), shape=(len(captions), len(captions)))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def unit(features: NDArray) -> NDArray[np.float64]:
    """(N, P) -> (N, P) of unit norm; a row of zeros stays."""
    features = np.asarray(features, np.float64)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(norms > 0, norms, 1)


def centred(features: NDArray) -> NDArray[np.float64]:
    """(N, P) -> (N, P): the unit features less their mean, of unit norm again."""
    features = unit(features)
    return unit(features - features.mean(axis=0))


def knn_purity(
    features: NDArray, classes: NDArray, groups: NDArray | None = None, *, target: int | None = None, seed: int = 0
) -> Purity | None:
    """How many of a query's 10 nearest neighbours, by cosine, are of its own class.

    purity = mean over the class's queries i of |{j in kNN(i): class(j) = class(i)}| / k; base the same over all that
    could be neighbours; lift = purity / base. target: the class; None: the mean over all classes, each counting the
    same, whatever its size. features: (N, P).  classes, groups: (N,).  p is one-sided, of 199 permutations.
    Source: the purity of Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), section 16.3,
    with a neighbourhood in place of a cluster; p as in Phipson and Smyth (2010).
    """
    kept = _claimable(classes, target)
    if kept is None:
        return None
    classes, groups = classes[kept], _numbered(groups, len(classes))[kept]
    wanted = np.unique(classes) if target is None else np.array([target])
    others = groups[:, None] != groups[None, :]
    k = min(K, int(others.sum(axis=1).min()))
    if k == 0:
        return None
    rows = unit(features[kept])
    similarity = np.where(others, rows @ rows.T, -np.inf)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    alike = (classes[:, None] == classes) & others
    base = _mean_of(alike.sum(axis=1) / others.sum(axis=1), classes, wanted)

    def purity(order: NDArray) -> float:
        own = classes[order]
        return _mean_of((own[nearest] == own[:, None]).mean(axis=1), own, wanted)

    value = purity(np.arange(len(classes)))
    drawn = [purity(order) for order in _permutations(groups, seed)]
    return Purity(value, base, value / base if base else 0.0, _p(value, np.array(drawn)))


def linear_probe(
    features: NDArray, classes: NDArray, groups: NDArray | None = None, *, target: int | None = None, seed: int = 0
) -> LinearProbe | None:
    """How well a linear probe tells a class from the rest on queries it was not fitted on: cross-validated AUC.

    Logistic regression with an L2 penalty (lambda = 100), five folds stratified by class that split no group, features
    standardised by the training part's mean and deviation; AUC within each held-out fold, then the mean over folds and,
    without a `target`, over all classes against their rest. p is one-sided, of 199 refits with permuted labels: within
    each fold groups of one size exchange theirs, so that every permutation has the same folds and class sizes in them.
    features: (N, P).  classes, groups: (N,).
    Source: Alain and Bengio, Understanding intermediate layers using linear classifier probes, arXiv 1610.01644; Ojala
    and Garriga, Permutation tests for studying classifier performance, JMLR 11 (2010); Winkler et al., Multi-level
    block permutation, NeuroImage 123 (2015), for exchanging whole groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    kept = _claimable(classes, target)
    if kept is None:
        return None
    features, groups, classes = features[kept], _numbered(groups, len(classes))[kept], classes[kept]
    if len(np.unique(groups)) < FOLDS:
        return None
    wanted = np.unique(classes) if target is None else np.array([target])
    splits = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(features, classes, groups))
    fold = np.zeros(len(classes), np.int64)
    for number, (_, test) in enumerate(splits):
        fold[test] = number
    orders = [np.arange(len(classes)), *_permutations(groups, seed, fold)]
    labels = (classes[np.array(orders).T][:, :, None] == wanted).reshape(
        len(classes), -1
    )  # (n, permutations * classes)
    areas = []
    for train, test in splits:
        mean, deviation = features[train].mean(axis=0), features[train].std(axis=0)
        rows = (features - mean) / np.where(deviation > 0, deviation, 1)
        weights = _logistic(rows[train], labels[train])
        areas.append(_areas(_with_one(rows[test]) @ weights, labels[test]))
    found = np.nanmean(np.array(areas).reshape(FOLDS, len(orders), len(wanted)), axis=(0, 2))
    return LinearProbe(float(found[0]), _p(found[0], found[1:]))


def silhouette(features: NDArray, classes: NDArray) -> float | None:
    """Mean over queries of (b - a) / max(a, b): a the mean cosine distance to the own class, b to the nearest other.

    In [-1, 1]; about 0 where classes lie in one another. features: (N, P).  classes: (N,).
    Source: Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20 (1987).
    """
    from sklearn.metrics import silhouette_score

    kept = _claimable(classes, None)
    return None if kept is None else float(silhouette_score(features[kept], classes[kept], metric="cosine"))


def trustworthiness(features: NDArray, map: NDArray) -> float:
    """How far the 10 nearest of each point on the map are near it in the features too, by cosine: 1 all, 0.5 by chance.

    1 less the mean, scaled to [0, 1], of how many ranks beyond the tenth a neighbour on the map lies in the features.
    features: (N, P), N > 2.  map: (N, 2).
    Source: Venna and Kaski, Neighborhood preservation in nonlinear projection methods, ICANN 2001.
    """
    from sklearn.manifold import trustworthiness as measure

    return float(measure(features, map, n_neighbors=min(K, (len(map) - 1) // 2), metric="cosine"))


def modality_gap(text: NDArray, video: NDArray) -> float:
    """Distance of the mean unit text feature from the mean unit video feature, 0 to 2. (N, P), (M, P).

    Source: Liang et al., Mind the gap, NeurIPS 2022, arXiv 2203.02053, section 2.
    """
    return float(np.linalg.norm(unit(text).mean(axis=0) - unit(video).mean(axis=0)))


def _claimable(classes: NDArray, target: int | None) -> NDArray[np.int64] | None:
    """The queries whose class has 20 or more; None where that leaves fewer than two classes, or not the target."""
    names, counts = np.unique(classes[classes != OUT], return_counts=True)
    names = names[counts >= MIN_QUERIES]
    if len(names) < 2 or (target is not None and target not in names):
        return None
    return np.flatnonzero(np.isin(classes, names))


def _numbered(groups: NDArray | None, n: int) -> NDArray:
    return np.arange(n) if groups is None else groups


def _mean_of(values: NDArray, classes: NDArray, wanted: NDArray) -> float:
    """The mean over the wanted classes of the mean over their queries."""
    return float(np.mean([values[classes == one].mean() for one in wanted]))


def _permutations(groups: NDArray, seed: int, within: NDArray | None = None) -> list[NDArray[np.int64]]:
    """Orders (n,) in which whole groups of one size (and one part of `within`) have exchanged their places."""
    rng = np.random.default_rng(seed)
    blocks: dict[tuple[int, int], list[NDArray]] = {}
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        blocks.setdefault((len(rows), 0 if within is None else int(within[rows[0]])), []).append(rows)
    places = [np.array(alike) for alike in blocks.values()]  # (groups of one size, size) each
    orders = []
    for _ in range(PERMUTATIONS):
        order = np.empty(len(groups), np.int64)
        for alike in places:
            order[alike] = rng.permutation(alike)
        orders.append(order)
    return orders


def _p(value: float, drawn: NDArray) -> float:
    return float(((drawn >= value - _LEVEL).sum() + 1) / (len(drawn) + 1))


def _with_one(rows: NDArray) -> NDArray[np.float32]:
    """(n, P) -> (n, P + 1): the last column is the intercept's."""
    return np.column_stack([rows, np.ones(len(rows))]).astype(np.float32)


def _logistic(rows: NDArray, labels: NDArray) -> NDArray[np.float32]:
    """Weights (P + 1, m) of m ridge-penalised logistic regressions at once, the intercepts last and not penalised.

    rows: (n, P).  labels: (n, m) bool.  Newton's step with the Hessian's upper bound X'X/4 + lambda, which is the same
    for all m and inverted once, and Nesterov's momentum.
    Source: Böhning and Lindsay, Monotonicity of quadratic-approximation algorithms, Annals of the Institute of
    Statistical Mathematics 40 (1988).
    """
    x = _with_one(rows)
    penalty = np.full(x.shape[1], RIDGE)
    penalty[-1] = 1e-6
    step = np.linalg.inv(x.T.astype(np.float64) @ x / 4 + np.diag(penalty)).astype(np.float32)
    ridge = penalty.astype(np.float32)[:, None]
    weights = ahead = np.zeros((x.shape[1], labels.shape[1]), np.float32)
    for number in range(_STEPS):
        wrong = 0.5 + 0.5 * np.tanh(0.5 * (x @ ahead)) - labels  # (n, m)
        before, weights = weights, ahead - step @ (x.T @ wrong + ridge * ahead)
        ahead = weights + np.float32(number / (number + 3)) * (weights - before)
    return weights


def _areas(scores: NDArray, labels: NDArray) -> NDArray[np.float64]:
    """(m,) areas under the ROC curve, ties counting half; NaN where all labels are the same. (n, m), (n, m) bool."""
    from scipy.stats import rankdata

    n = labels.sum(axis=0)
    above = (rankdata(scores, axis=0) * labels).sum(axis=0) - n * (n + 1) / 2
    pairs = n * (len(labels) - n)
    return np.where(pairs > 0, above / np.maximum(pairs, 1), np.nan)
