"""What was declared is asked, and nothing else: of twins, of subsets, of several questions, and of none in common."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.records import make_record
from scipy.stats import ttest_rel
from statsmodels.stats.multitest import multipletests

from bench.compare import group_records, render
from bench.compare.asked import ask, content_clusters
from bench.compare.groups import Family
from bench.compare.paired import PairedComparison, compare_all
from bench.metrics.ranking import summarize
from bench.metrics.statistics import sign_flip
from bench.records.record import Record

N = 80
TWINS = {query: query ^ 1 for query in range(N)}


def run(variant: str, wins: np.ndarray, seed: int = 1, question: tuple[str, ...] = ("twins",)) -> Record:
    """A record in which query i has twin i ^ 1, and won against it or lost; the ranks are all the same."""
    record = make_record(N, variant=variant, seed=seed, twins=False, subsets={"emotion": list(range(30))})
    ranks = {way: {"greater": [1] * N, "equal": [0] * N} for way in ("t2v", "v2t")}
    won = dict(enumerate(wins.astype(float).tolist()))
    metrics = summarize(ranks, record.subsets, record.queries["captions"], won)
    return replace(record, twins=TWINS, twin_wins=won, question=list(question), ranks=ranks, metrics=metrics, top=[])


def draw(share: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(N) < share


def declared(records: list[Record]) -> list[PairedComparison]:
    (group,) = group_records(records)
    return compare_all(group, "emotion", "plain")[0]


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_twins_are_asked_pair_by_pair() -> None:
    mine, theirs = draw(0.9, 1), draw(0.5, 2)
    (one,) = declared([run("plain", theirs), run("mine", mine)])
    of_pairs = [wins.reshape(-1, 2).sum(axis=1) for wins in (mine, theirs)]
    assert one.p == sign_flip(*of_pairs)
    assert one.size.value == pytest.approx(100 * (mine.mean() - theirs.mean()), abs=1e-4)
    assert (one.question, one.subset, one.n, one.verdict) == ("twins", "twins", N, "better")
    assert one.size.low < one.size.value < one.size.high and one.difference.value == 0  # of R@1


def test_a_lower_share_is_worse() -> None:
    records = [run("plain", draw(0.9, 1)), run("mine", draw(0.3, 2))]
    (one,) = declared(records)
    assert one.verdict == "worse" and one.size.value < 0
    assert "is worse than plain (run of seed 1) on 80 queries that have a twin (TwinAcc " in one_line(render(records))


def test_of_several_seeds_p_is_no_less_than_that_of_t_over_seeds() -> None:
    records = [run("plain", draw(0.5, seed), seed) for seed in (1, 2, 3)]
    records += [run("mine", draw(share, 10 + seed), seed) for seed, share in ((1, 0.3), (2, 0.6), (3, 0.99))]
    (one,) = declared(records)
    assert not one.of_runs and one.p > 0.1  # its seeds do not agree


def test_the_interval_of_runs_that_do_not_differ_has_a_width() -> None:
    (one,) = declared([run("plain", draw(0.5, 1)), run("mine", draw(0.5, 1))])
    assert (one.size.value, one.p, one.detectable) == (0, 1, None) and one.size.high - one.size.low > 5


def test_one_seed_each_is_the_interval_of_the_paired_t_test_or_wider() -> None:
    mine, theirs = draw(0.8, 1), draw(0.5, 2)
    (one,) = declared([run("plain", theirs), run("mine", mine)])
    pairs = [wins.reshape(-1, 2).mean(axis=1) for wins in (mine, theirs)]
    low, high = ttest_rel(*pairs).confidence_interval()
    assert one.size.low <= 100 * low + 1e-9 and one.size.high >= 100 * high - 1e-9
    assert one.size.high - one.size.low < 100 * (high - low) * 1.1


def test_clips_of_one_content_in_three_moods_are_one_cluster() -> None:
    record = replace(run("plain", draw(0.5, 1)), twins={0: 1, 1: 2, 2: 0, 5: 6, 6: 5}, twin_wins={})
    assert content_clusters(record, [0, 1, 2, 5, 6]).tolist() == [0, 0, 0, 1, 1]


def test_several_questions_are_corrected_together() -> None:
    two = ("ranks:all", "ranks:emotion")
    records = [
        make_record(60, variant=variant, strength=strength, question=two)
        for variant, strength in (("plain", 2.0), ("one", 2.2), ("other", 3.0))
    ]
    found = declared(records)
    assert [(one.question, one.n) for one in found] == [("ranks:all", 60)] * 2 + [("ranks:emotion", 20)] * 2
    assert [one.holm for one in found] == pytest.approx(multipletests([one.p for one in found], method="holm")[1])
    text = one_line(render(records))
    assert "T2V log-ranks over all 60 queries" in text and "over the 20 queries of emotion" in text
    assert text.count("Holm over 2 variants and 2 questions") == 2


def test_what_only_some_declare_is_not_asked() -> None:
    plain = make_record(60, question=("ranks:all",))
    other = make_record(60, variant="other", strength=6.0, question=("ranks:emotion", "ranks:all"))
    assert [one.question for one in declared([plain, other])] == ["ranks:all"]


def test_without_a_question_in_common_nothing_is_tested() -> None:
    records = [make_record(60), make_record(60, variant="other", question=("ranks:emotion",))]
    assert declared(records) == []
    text = one_line(render(records))
    assert "Nothing is tested: these runs declare different questions (ranks:all; ranks:emotion)." in text or (
        "Nothing is tested: these runs declare different questions (ranks:emotion; ranks:all)." in text
    )


def test_csv_and_json_name_the_question() -> None:
    records = [run("plain", draw(0.5, 1)), run("mine", draw(0.9, 2))]
    (one,) = declared(records)
    rows = [row for row in csv.DictReader(io.StringIO(render(records, "csv"))) if row["role"] == "declared"]
    assert [row["metric"] for row in rows] == ["Δ R@1", "Δ TwinAcc"]
    assert float(rows[1]["value"]) == one.size.value
    (group,) = json.loads(render(records, "json"))["groups"]
    first = group["comparisons"][0]
    assert (first["question"], first["effect"]["value"]) == ("twins", one.size.value)


def test_what_can_be_detected_is_said_in_the_declared_quantity() -> None:
    flipped = draw(0.5, 1)
    flipped[:6] = ~flipped[:6]
    records = [run("plain", draw(0.5, 1)), run("mine", flipped)]
    (one,) = declared(records)
    said = f"This test set can only detect differences of {one.detectable:.1f} points of TwinAcc or more (80 % power)."
    assert said in one_line(render(records))


def test_families_that_hardly_differ_could_still_differ_by_the_least_that_shows() -> None:
    """A difference d needs d of the queries to differ: by hand, d²n = 2.8² (d - d²) gives 8.9 points of 80 queries."""
    nearly = draw(0.5, 1)
    nearly[0] = ~nearly[0]
    (one,) = declared([run("plain", draw(0.5, 1)), run("mine", nearly)])
    assert one.detectable == pytest.approx(8.9, abs=0.05)


def test_each_seed_has_its_effect() -> None:
    base = Family("plain", (run("plain", draw(0.5, 1)),))
    mine = Family("mine", tuple(run("mine", draw(0.8, seed), seed) for seed in (2, 3)))
    found = ask("twins").by_seed(ask("twins").paired(mine, base))
    assert found.tolist() == pytest.approx([100 * (draw(0.8, seed).mean() - draw(0.5, 1).mean()) for seed in (2, 3)])
