"""Numbers from the features: nothing in noise, what was planted is found; labels by name; groups kept together."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.records import make_record
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import kstest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.emotions import EMOTIONS
from bench.records.record import Record
from bench.report.feature_measures import (
    CLASSES,
    OUT,
    RIDGE,
    _logistic,
    _with_one,
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

TWINS = np.arange(120) // 2


def of_captions(captions: list[str], **settings: dict) -> Record:
    """A record whose labels must come from its captions, or from the subsets given."""
    record = make_record(len(captions), twins=False, subsets=settings.pop("subsets", {}))
    return replace(record, queries={**record.queries, "captions": captions}, **settings)


def noise(seed: int, n: int = 120, width: int = 16) -> tuple[NDArray, NDArray]:
    """Features that know nothing, and a label that a fifth of them carry."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)), (rng.permutation(n) < n // 5).astype(int)


# labels


def test_a_caption_without_emotion_is_neutral_and_not_joy() -> None:
    record = of_captions(["a man on a chair"] * 3)
    assert [CLASSES[number] for number in classes_of(record)] == ["neutral"] * 3
    assert not emotions_of(record).any()


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_query_has_the_emotion_whose_subset_names_it(emotion: str) -> None:
    subsets = {name: [place] for place, name in enumerate(sorted(EMOTIONS))}  # not in the order of EMOTIONS
    record = of_captions(["some words"] * 9, subsets=subsets)
    row = sorted(EMOTIONS).index(emotion)
    assert CLASSES[classes_of(record)[row]] == emotion
    assert emotions_of(record)[row].tolist() == [name == emotion for name in EMOTIONS]
    assert CLASSES[classes_of(record)[8]] == "neutral"


def test_without_subsets_the_words_decide_by_name() -> None:
    # NRC: "afraid" is fear alone, "doctor" trust alone
    record = of_captions(["he is afraid", "a doctor"])
    assert [CLASSES[number] for number in classes_of(record)] == ["fear", "trust"]


def test_emotions_named_equally_often_make_no_class() -> None:
    # NRC: "happy" names joy, trust and anticipation; "doctor" adds a second word of trust
    record = of_captions(["a happy man", "a happy doctor"])
    assert classes_of(record).tolist() == [OUT, EMOTIONS.index("trust")]
    assert emotions_of(record).sum(axis=1).tolist() == [3, 3]


def test_equal_captions_and_twins_are_one_group_over_any_chain() -> None:
    record = of_captions(["a", "b", "a", "c", "d"], twins={2: 3, 3: 2})
    groups = groups_of(record)
    assert groups[0] == groups[2] == groups[3]
    assert len(set(groups.tolist())) == 3


# nothing in noise


@pytest.mark.parametrize("measure", [knn_purity, linear_probe])
@pytest.mark.parametrize("grouped", [False, True])
def test_p_is_uniform_on_noise(measure, grouped: bool) -> None:
    ps = [measure(*noise(seed), TWINS if grouped else None, target=1, seed=seed).p for seed in range(60)]
    assert kstest(ps, "uniform").pvalue > 0.05
    assert sum(p < 0.05 for p in ps) <= 8  # binomial(60, 0.05) is above that in 0.3 % of cases


def test_noise_has_lift_1_area_half_and_no_silhouette() -> None:
    found = [
        (knn_purity(*data, TWINS, target=1), linear_probe(*data, TWINS, target=1), silhouette(*data))
        for data in map(noise, range(40))
    ]
    lifts, areas, silhouettes = np.array([(one.lift, other.auc, last) for one, other, last in found]).T
    assert lifts.mean() == pytest.approx(1, abs=0.06)
    assert areas.mean() == pytest.approx(0.5, abs=0.03)
    assert np.abs(silhouettes).max() < 0.05


def test_noise_says_nothing_of_all_classes_at_once() -> None:
    rng = np.random.default_rng(1)
    classes = rng.permutation(np.repeat(np.arange(4), 30))
    found = []
    for seed in range(20):
        features = np.random.default_rng(seed).normal(size=(120, 16))
        purity, probe = knn_purity(features, classes, TWINS), linear_probe(features, classes, TWINS)
        found.append((purity.lift, probe.auc, purity.p, probe.p))
    lifts, areas, *ps = np.array(found).T
    assert lifts.mean() == pytest.approx(1, abs=0.05)
    assert areas.mean() == pytest.approx(0.5, abs=0.02)
    assert all(kstest(one, "uniform").pvalue > 0.01 for one in ps)


def test_the_likeness_of_content_is_not_taken_for_emotion() -> None:
    rng = np.random.default_rng(0)
    content = np.arange(120) // 6  # six of each, alike in all
    features = rng.normal(size=(20, 16))[content]
    label = (rng.permutation(20) < 7).astype(int)[content]  # and in their label, which no feature tells
    assert knn_purity(features, label, content, target=1).p > 0.05
    assert linear_probe(features, label, content, target=1).p > 0.05
    assert knn_purity(features, label, target=1).p == 0.005  # what doubles would claim
    assert linear_probe(features, label, target=1).p == 0.005


# the planted is found


def test_a_planted_emotion_is_found() -> None:
    features, label = noise(3)
    features = features + 1.5 * label[:, None]
    purity, probe = knn_purity(features, label, TWINS, target=1), linear_probe(features, label, TWINS, target=1)
    assert purity.lift > 2 and purity.p == 0.005
    assert probe.auc > 0.9 and probe.p == 0.005
    assert silhouette(features, label) > 0.1


def test_planted_classes_are_found_all_at_once() -> None:
    rng = np.random.default_rng(0)
    classes = rng.permutation(np.repeat(np.arange(4), 30))
    features = rng.normal(size=(120, 16)) + 2 * rng.normal(size=(4, 16))[classes]
    purity, probe = knn_purity(features, classes, TWINS), linear_probe(features, classes, TWINS)
    assert purity.lift > 3 and purity.p == 0.005
    assert probe.auc > 0.95 and probe.p == 0.005
    assert silhouette(features, classes) > 0.3


# against the slow and the independent


def test_purity_is_what_counting_neighbours_one_by_one_gives() -> None:
    features, label = noise(5)
    distances = cdist(features, features, "cosine")
    shares, bases = [], []
    for row in np.flatnonzero(label):
        others = [other for other in range(120) if TWINS[other] != TWINS[row]]
        nearest = sorted(others, key=lambda other: distances[row, other])[:10]
        shares.append(sum(label[other] for other in nearest) / 10)
        bases.append(sum(label[other] for other in others) / len(others))
    found = knn_purity(features, label, TWINS, target=1)
    assert found.value == pytest.approx(np.mean(shares))
    assert found.base == pytest.approx(np.mean(bases))
    assert found.lift == pytest.approx(np.mean(shares) / np.mean(bases))


def test_the_probe_is_scikit_learns_logistic_regression() -> None:
    features, label = noise(6)
    features = features + 0.5 * label[:, None]
    areas = []
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(features, label, TWINS):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / RIDGE, tol=1e-8)).fit(
            features[train], label[train]
        )
        areas.append(roc_auc_score(label[test], model.decision_function(features[test])))
    assert linear_probe(features, label, TWINS, target=1).auc == pytest.approx(np.mean(areas), abs=0.005)


def test_the_probes_fit_has_converged() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(192, 128))  # as many as moodclips' test split has for training, and as wide
    labels = rng.random((192, 5)) < 0.1
    ours = _with_one(features) @ _logistic(features, labels)
    theirs = [
        LogisticRegression(C=1 / RIDGE, tol=1e-8).fit(features, column).decision_function(features)
        for column in labels.T
    ]
    np.testing.assert_allclose(ours, np.array(theirs).T, atol=0.01)


def test_the_gap_of_two_modalities_is_the_distance_of_their_mean_directions() -> None:
    # by hand: means (1, 0) and (0, 1), whatever the lengths
    assert modality_gap(np.array([[2.0, 0], [5, 0]]), np.array([[0, 3.0]])) == pytest.approx(2**0.5)


def test_centring_each_modality_closes_the_gap() -> None:
    rng = np.random.default_rng(0)
    text, video = rng.normal(size=(2, 200, 32)) + 3 * rng.normal(size=(2, 1, 32))
    assert modality_gap(text, video) > 1
    assert modality_gap(centred(text), centred(video)) < 0.1


def test_a_map_is_trusted_as_far_as_it_keeps_neighbours() -> None:
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, 6.28, 200)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    assert trustworthiness(circle, circle) == pytest.approx(1)
    assert trustworthiness(circle, rng.normal(size=(200, 2))) == pytest.approx(0.5, abs=0.05)


# few queries


@pytest.mark.parametrize("members", [0, 19, 101])
def test_of_fewer_than_20_of_a_class_no_claim_is_made(members: int) -> None:
    features, _ = noise(0)
    label = (np.arange(120) < members).astype(int)
    assert knn_purity(features, label, target=1) is None
    assert linear_probe(features, label, target=1) is None
    assert silhouette(features, label) is None


def test_small_classes_and_queries_without_one_are_left_out() -> None:
    features, _ = noise(0)
    classes = np.repeat([0, 1, 2, OUT], [40, 40, 10, 30])
    kept = classes < 2
    kept[classes == OUT] = False
    for measure in (knn_purity, linear_probe, silhouette):
        assert measure(features, classes) == measure(features[kept], classes[kept])


def test_where_all_belong_to_one_group_there_is_nothing_to_say() -> None:
    features, label = noise(0)
    together = np.zeros(120, int)
    assert knn_purity(features, label, together, target=1) is None
    assert linear_probe(features, label, together, target=1) is None


def test_the_same_seed_gives_the_same_numbers() -> None:
    features, label = noise(0)
    assert knn_purity(features, label, target=1, seed=4) == knn_purity(features, label, target=1, seed=4)
    assert linear_probe(features, label, target=1, seed=4) == linear_probe(features, label, target=1, seed=4)
